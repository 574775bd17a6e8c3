# SPDX-License-Identifier: Apache-2.0
"""One row of the systolic array: segments side by side."""

from functools import partial

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..platform.place import place
from .segment import ArraySegment

__all__ = ["ArrayRow"]


class ArrayRow(wiring.Component):
    """A row of the array: what an :class:`.ArraySegment` of ``config.cols`` columns would be.

    Cut into segments of :attr:`.ArraySegment.WIDTH` columns, and one of those that are left.
    """

    a: Signal  # In, signed(a_width)
    switch_in: Signal  # In
    load: Signal  # In
    w_in: Signal  # In, cols * b_width
    psum_in: Signal  # In, cols * psum_in_width, if that is not 0
    w_out: Signal  # Out, cols * b_width
    psum_out: Signal  # Out, cols * psum_out_width

    def __init__(self, config: AcceleratorConfig, psum_in_width: int, psum_out_width: int) -> None:
        self.config = config
        self.psum_in_width = psum_in_width
        self.psum_out_width = psum_out_width
        weights = config.cols * config.precision.b_width
        members = {
            "a": In(signed(config.precision.a_width)),
            "switch_in": In(1),
            "load": In(1),
            "w_in": In(weights),
            "psum_in": In(config.cols * psum_in_width),
            "w_out": Out(weights),
            "psum_out": Out(config.cols * psum_out_width),
        }
        if not psum_in_width:
            del members["psum_in"]
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision = self.config, self.config.precision
        above, below = self.psum_in_width, self.psum_out_width

        a, switch, load = self.a, self.switch_in, self.load
        weights: list[Signal] = []
        psums: list[Signal] = []
        for i, first in enumerate(range(0, config.cols, ArraySegment.WIDTH)):
            cols = min(ArraySegment.WIDTH, config.cols - first)
            a_out = Signal(signed(precision.a_width), name=f"a_{i}")
            switch_out = Signal(name=f"switch_{i}")
            load_out = Signal(name=f"load_{i}")
            w_out = Signal(cols * precision.b_width, name=f"w_{i}")
            psum_out = Signal(cols * below, name=f"psum_{i}")
            inputs = {
                "a": a,
                "switch_in": switch,
                "load": load,
                "w_in": self.w_in[first * precision.b_width :][: cols * precision.b_width],
            }
            if above:
                inputs["psum_in"] = self.psum_in[first * above :][: cols * above]
            place(
                m,
                platform,
                name=f"segment_{i}",
                module=f"segment_{cols}_{above}_{below}",
                make=partial(ArraySegment, precision, config.build, above, below, cols),
                inputs=inputs,
                outputs={
                    "a_out": a_out,
                    "switch_out": switch_out,
                    "load_out": load_out,
                    "w_out": w_out,
                    "psum_out": psum_out,
                },
            )
            a, switch, load = a_out, switch_out, load_out
            weights.append(w_out)
            psums.append(psum_out)
        m.d.comb += [self.w_out.eq(Cat(weights)), self.psum_out.eq(Cat(psums))]

        return m
