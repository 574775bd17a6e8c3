# SPDX-License-Identifier: Apache-2.0
"""A place where a job waits for its engine."""

from amaranth import Module, Shape, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Slot"]


class Slot(wiring.Component):
    """A stream register that holds one job; :attr:`LATENCY` cycles, a job every second cycle."""

    LATENCY = 1
    """Cycles from taking a job to offering it."""

    i: stream.Interface  # In, stream of shape
    o: stream.Interface  # Out, stream of shape

    def __init__(self, shape: ShapeLike) -> None:
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept = Signal(Shape.cast(self.shape).width)
        full = Signal()
        m.d.comb += [self.i.ready.eq(~full), self.o.valid.eq(full), self.o.p.eq(kept)]
        with m.If(full):
            m.d.sync += full.eq(~self.o.ready)
        with m.Elif(self.i.valid):
            m.d.sync += [full.eq(1), kept.eq(self.i.p)]
        return m
