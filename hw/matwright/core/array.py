# SPDX-License-Identifier: Apache-2.0
"""The systolic array: weight-stationary, the next weight tile loaded while the current one works."""

from functools import partial

from amaranth import Cat, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..platform.place import place
from .segment import ArraySegment
from .strip import ArrayStrip

__all__ = ["SystolicArray"]


class SystolicArray(wiring.Component):
    """``rows`` x ``cols`` processing elements that never stall.

    Everything enters skewed: row r of ``a`` lags row 0 by r cycles; lane l, column c of ``w`` lags
    lane 0, column 0 by ``l * load_cycles + c`` cycles. The memories produce these skews by delayed
    addresses, so the array has no skew registers.

    *Weights.* The rows are cut into ``load_rows`` bands of ``load_cycles`` rows, and lane l feeds
    band l. ``load`` is high for the ``load_cycles`` cycles in which lane 0, column 0 shifts in, the
    bottom row of the band first, and ``load_last`` in the last of them. Shifting is gated per
    row: a row shifts only for words that go to it or further down, one cycle later than the row
    above, so that the load follows the switch of the tile before at distance zero.

    *Switch.* ``switch_in`` comes with the first row of activations that is to meet the weights loaded
    last, at the earliest in the cycle after ``load_last``, and the next ``load`` may start in that
    same cycle: a new tile every ``max(rows of activations, load_cycles)`` cycles.

    ``psum`` of column c is the full sum of the activations that entered row 0 :attr:`latency` + c
    cycles before.
    """

    a: data.View  # In, ArrayLayout(signed(a_width), rows)
    switch_in: Signal  # In
    load: Signal  # In
    load_last: Signal  # In
    w: data.View  # In, ArrayLayout(cols * b_width, load_rows)
    psum: data.View  # Out, ArrayLayout(signed(psum_width), cols)
    clear: (
        Signal  # In, forget loads and switches in the strips; goes with a reset of this component
    )

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        precision = config.precision
        super().__init__(
            {
                "a": In(data.ArrayLayout(signed(precision.a_width), config.rows)),
                "switch_in": In(1),
                "load": In(1),
                "load_last": In(1),
                "w": In(data.ArrayLayout(config.cols * precision.b_width, config.load_rows)),
                "psum": Out(data.ArrayLayout(signed(self.psum_width(config)), config.cols)),
                "clear": In(1),
            }
        )

    @staticmethod
    def psum_width(config: AcceleratorConfig) -> int:
        """Width of the sum that leaves a column, in bits."""
        return ArrayStrip.psum_width(config, config.rows)

    @staticmethod
    def cycles(config: AcceleratorConfig) -> int:
        """Cycles from activations at row 0 to ``psum`` of column 0."""
        return config.rows + 1 + config.build.product_registers

    @property
    def latency(self) -> int:
        """Cycles from activations at row 0 to ``psum`` of column 0."""
        return self.cycles(self.config)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision = self.config, self.config.precision
        rows, band = config.rows, config.load_cycles

        a: Value = self.a.as_value()
        switch: Value = _delays(m, self.switch_in, rows, "switch_row")
        load: Value = Cat(
            _shifts(m, lane_load, lane_last, band, f"load_lane{lane}")
            for lane, (lane_load, lane_last) in enumerate(
                zip(
                    _lanes(m, self.load, config, "load"),
                    _lanes(m, self.load_last, config, "last"),
                    strict=True,
                )
            )
        )

        w = [self.w[lane] for lane in range(config.load_rows)]
        psums = []
        width = ArraySegment.WIDTH
        for i, first in enumerate(range(0, config.cols, width)):
            cols = min(width, config.cols - first)
            outputs = {
                "a_out": Signal(rows * precision.a_width, name=f"a_{i}"),
                "switch_out": Signal(rows, name=f"switch_{i}"),
                "load_out": Signal(rows, name=f"load_{i}"),
                "psum": Signal(cols * self.psum_width(config), name=f"psum_{i}"),
            }
            b_width = precision.b_width
            place(
                m,
                platform,
                name=f"strip_{i}",
                module=f"strip_{cols}",
                make=partial(ArrayStrip, config, cols),
                inputs={
                    "a": a,
                    "switch_in": switch,
                    "load": load,
                    "w": Cat(lane[first * b_width :][: cols * b_width] for lane in w),
                },
                outputs=outputs,
                clear=self.clear,
            )
            a, switch, load = (outputs[name] for name in ("a_out", "switch_out", "load_out"))
            psums.append(outputs["psum"])
        m.d.comb += self.psum.as_value().eq(Cat(psums))

        return m


def _delays(m: Module, signal: Value, count: int, name: str) -> Value:
    """Bit i is ``signal`` i cycles later, for ``count`` bits."""
    if count == 1:
        return signal
    later = Signal(count - 1, name=name)
    m.d.sync += later.eq(Cat(signal, later))
    return Cat(signal, later)


def _lanes(m: Module, signal: Value, config: AcceleratorConfig, name: str) -> list[Value]:
    """What ``signal`` is for each lane, ``load_cycles`` cycles later than for the lane before."""
    band = config.load_cycles
    delays = _delays(m, signal, (config.load_rows - 1) * band + 1, f"{name}_lanes")
    return [delays[lane * band] for lane in range(config.load_rows)]


def _shifts(m: Module, load: Value, last: Value, band: int, name: str) -> Value:
    """Bit r is the load of row r of a band: one cycle later than above, and not what ends above."""
    if band == 1:
        return load
    below = Signal(band - 1, name=name)
    m.d.sync += below.eq(Cat(load, below) & (~last).replicate(band - 1))
    return Cat(load, below)
