# SPDX-License-Identifier: Apache-2.0
"""A strip of the systolic array: all rows of a few neighbouring columns."""

from functools import partial

from amaranth import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..platform.place import place
from .segment import ArraySegment

__all__ = ["ArrayStrip"]


class ArrayStrip(wiring.Component):
    """``cols`` columns of the array: a segment of each row, one below the other.

    All strips of an array are equal, so that it is written once. Per-row values are packed with row 0
    lowest, per-column values with column 0 lowest. What enters in the west is for column 0, and leaves in
    the east for the next strip; row r is that of :class:`.SystolicArray`, and so are ``w`` and ``psum``,
    ``load_rows`` times ``cols`` weights with lane 0 lowest.
    """

    a: Signal  # In, rows * a_width
    switch_in: Signal  # In, rows
    load: Signal  # In, rows
    w: Signal  # In, load_rows * cols * b_width
    a_out: Signal  # Out, rows * a_width
    switch_out: Signal  # Out, rows
    load_out: Signal  # Out, rows
    psum: Signal  # Out, cols * psum_width

    def __init__(self, config: AcceleratorConfig, cols: int = ArraySegment.WIDTH) -> None:
        self.config = config
        self.cols = cols
        rows, precision = config.rows, config.precision
        super().__init__(
            {
                "a": In(rows * precision.a_width),
                "switch_in": In(rows),
                "load": In(rows),
                "w": In(config.load_rows * cols * precision.b_width),
                "a_out": Out(rows * precision.a_width),
                "switch_out": Out(rows),
                "load_out": Out(rows),
                "psum": Out(cols * self.psum_width(config, rows)),
            }
        )

    @staticmethod
    def psum_width(config: AcceleratorConfig, rows: int) -> int:
        """Width of the sum that leaves the first ``rows`` rows of a column, in bits; 0 for none."""
        if rows == 0:
            return 0
        return min(config.precision.psum_width(rows), config.precision.acc_width)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision, cols = self.config, self.config.precision, self.cols
        weights = cols * precision.b_width
        few = hasattr(platform, "few_enables") and platform.few_enables(config)

        east: list[tuple[Signal, Signal, Signal]] = []
        w_in: Value
        psum = Signal(0)
        for r in range(config.rows):
            lane, row_of_band = divmod(r, config.load_cycles)
            if row_of_band == 0:
                w_in = self.w[lane * weights :][:weights]
            above, below = (self.psum_width(config, rows) for rows in (r, r + 1))
            a_out = Signal(signed(precision.a_width), name=f"a_{r}")
            switch_out = Signal(name=f"switch_{r}")
            load_out = Signal(name=f"load_{r}")
            w_out = Signal(weights, name=f"w_{r}")
            psum_out = Signal(cols * below, name=f"psum_{r}")
            inputs = {
                "a": self.a.word_select(r, precision.a_width),
                "switch_in": self.switch_in[r],
                "load": self.load[r],
                "w_in": w_in,
            }
            if above:
                inputs["psum_in"] = psum
            place(
                m,
                platform,
                name=f"row_{r}",
                module=f"segment_{cols}_{above}_{below}",
                make=partial(
                    ArraySegment,
                    precision,
                    config.build,
                    above,
                    below,
                    cols,
                    few_enables=few,
                ),
                inputs=inputs,
                outputs={
                    "a_out": a_out,
                    "switch_out": switch_out,
                    "load_out": load_out,
                    "w_out": w_out,
                    "psum_out": psum_out,
                },
            )
            w_in, psum = w_out, psum_out
            east.append((a_out, switch_out, load_out))
        for port, values in zip(
            (self.a_out, self.switch_out, self.load_out), zip(*east, strict=True), strict=True
        ):
            m.d.comb += port.eq(Cat(values))
        m.d.comb += self.psum.eq(psum)

        return m
