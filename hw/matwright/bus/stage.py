# SPDX-License-Identifier: Apache-2.0
"""A pipeline stage of a stream."""

from typing import Any

from amaranth import Module, Shape, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Stage"]


class Stage(wiring.Component):
    """Gives what it takes :attr:`LATENCY` cycles later; takes and gives an item in every cycle."""

    LATENCY = 1
    """Cycles from taking an item to offering it."""

    i: Any  # In, stream of shape
    o: Any  # Out, stream of shape

    def __init__(self, shape: ShapeLike) -> None:
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        full = Signal()
        item = Signal(Shape.cast(self.shape).width)
        m.d.comb += [
            self.i.ready.eq(~full | self.o.ready),
            self.o.valid.eq(full),
            self.o.p.eq(item),
        ]
        with m.If(self.i.ready):
            m.d.sync += [full.eq(self.i.valid), item.eq(self.i.p)]
        return m
