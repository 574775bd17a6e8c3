# SPDX-License-Identifier: Apache-2.0
"""One row of the systolic array: ``cols`` processing elements side by side."""

from functools import partial

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..platform.place import place
from .pe import ProcessingElement

__all__ = ["ArrayRow"]


class ArrayRow(wiring.Component):
    """A row of the array. Activations, switch and load travel east one column per cycle.

    Per-column values are packed in one vector, column 0 lowest. Column c sees ``a``, ``switch_in`` and
    ``load`` c cycles after column 0, so ``w_in`` and ``psum_in`` of column c are expected c cycles
    after those of column 0, and ``w_out`` and ``psum_out`` leave in the same skew.
    """

    a: Signal  # In, signed(a_width)
    switch_in: Signal  # In
    load: Signal  # In
    w_in: Signal  # In, cols * b_width
    psum_in: Signal  # In, cols * psum_in_width
    w_out: Signal  # Out, cols * b_width
    psum_out: Signal  # Out, cols * psum_out_width

    def __init__(self, config: AcceleratorConfig, psum_in_width: int, psum_out_width: int) -> None:
        self.config = config
        self.psum_in_width = psum_in_width
        self.psum_out_width = psum_out_width
        weights = config.cols * config.precision.b_width
        super().__init__(
            {
                "a": In(signed(config.precision.a_width)),
                "switch_in": In(1),
                "load": In(1),
                "w_in": In(weights),
                "psum_in": In(config.cols * psum_in_width),
                "w_out": Out(weights),
                "psum_out": Out(config.cols * psum_out_width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision = self.config, self.config.precision
        widths = (self.psum_in_width, self.psum_out_width)

        a, switch, load = self.a, self.switch_in, self.load
        weights: list[Signal] = []
        psums: list[Signal] = []
        for c in range(config.cols):
            a_out = Signal(signed(precision.a_width), name=f"a_{c}")
            switch_out = Signal(name=f"switch_{c}")
            load_out = Signal(name=f"load_{c}")
            w_out = Signal(signed(precision.b_width), name=f"w_{c}")
            psum_out = Signal(signed(self.psum_out_width), name=f"psum_{c}")
            place(
                m,
                platform,
                name=f"pe_{c}",
                module=f"pe_{self.psum_in_width}_{self.psum_out_width}",
                make=partial(ProcessingElement, precision, config.build, *widths),
                inputs={
                    "a_in": a,
                    "switch_in": switch,
                    "load_in": load,
                    "w_in": self.w_in.word_select(c, precision.b_width),
                    "psum_in": self.psum_in.word_select(c, self.psum_in_width),
                },
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
