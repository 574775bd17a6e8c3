# SPDX-License-Identifier: Apache-2.0
"""The systolic array: weight-stationary, the next weight tile loaded while the current one works."""

from functools import partial

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..platform.place import place
from .row import ArrayRow

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
    clear: Signal  # In, forget loads and switches in the rows; goes with a reset of this component

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
        return min(config.precision.psum_width(config.rows), config.precision.acc_width)

    @property
    def latency(self) -> int:
        """Cycles from activations at row 0 to ``psum`` of column 0."""
        return self.config.rows + 1 + self.config.build.product_registers

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision = self.config, self.config.precision
        band = config.load_cycles

        switch = self.switch_in
        lane_load, lane_last = self.load, self.load_last
        load, last = lane_load, lane_last
        w_in = self.w[0]
        psum = None  # above the first row is nothing
        for r in range(config.rows):
            if r and r % band == 0:
                lane_load = _delay(m, lane_load, band, f"load_lane{r // band}")
                lane_last = _delay(m, lane_last, band, f"last_lane{r // band}")
                load, last, w_in = lane_load, lane_last, self.w[r // band]
            elif r:
                gated = Signal(name=f"load_row{r}")
                m.d.sync += gated.eq(load & ~last)
                load = gated
            if r:
                switch = _delay(m, switch, 1, f"switch_row{r}")

            above = min(precision.psum_width(r), precision.acc_width) if r else 0
            below = min(precision.psum_width(r + 1), precision.acc_width)
            w_out = Signal(config.cols * precision.b_width, name=f"w_{r}")
            psum_out = Signal(config.cols * below, name=f"psum_{r}")
            inputs = {"a": self.a[r], "switch_in": switch, "load": load, "w_in": w_in}
            if psum is not None:
                inputs["psum_in"] = psum
            place(
                m,
                platform,
                name=f"row_{r}",
                module=f"row_{above}_{below}",
                make=partial(ArrayRow, config, above, below),
                inputs=inputs,
                outputs={"w_out": w_out, "psum_out": psum_out},
                clear=self.clear,
            )
            w_in, psum = w_out, psum_out
        m.d.comb += self.psum.as_value().eq(psum)

        return m


def _delay(m: Module, signal: Signal, cycles: int, name: str) -> Signal:
    for i in range(cycles):
        later = Signal(name=f"{name}_{i}" if cycles > 1 else name)
        m.d.sync += later.eq(signal)
        signal = later
    return signal
