# SPDX-License-Identifier: Apache-2.0
"""A place where a job waits for its engine."""

from amaranth import Module, Shape, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Slot"]


class Slot(wiring.Component):
    """A stream register that holds one job, :attr:`LATENCY` cycles after it was taken.

    It takes the next in the cycle in which the one it holds is taken, or, if it is ``cut``, in the cycle
    after: then ``i.ready`` is a register.
    """

    LATENCY = 1
    """Cycles from taking a job to offering it."""

    i: stream.Interface  # In, stream of shape
    o: stream.Interface  # Out, stream of shape

    def __init__(self, shape: ShapeLike, cut: bool = False) -> None:
        self.shape = shape
        self.cut = cut
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept = Signal(Shape.cast(self.shape).width)
        full = Signal()
        m.d.comb += [
            self.i.ready.eq(~full if self.cut else ~full | self.o.ready),
            self.o.valid.eq(full),
            self.o.p.eq(kept),
        ]
        with m.If(self.i.ready):
            m.d.sync += [full.eq(self.i.valid), kept.eq(self.i.p)]
        with m.Elif(self.o.ready):
            m.d.sync += full.eq(0)
        return m
