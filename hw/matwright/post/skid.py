# SPDX-License-Identifier: Apache-2.0
"""A skid buffer: cuts the ready path of a stream."""

from typing import Any

from amaranth import Module, Mux, Shape, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SkidBuffer"]


class SkidBuffer(wiring.Component):
    """Passes items on at once and keeps one that is not taken, so that ``i.ready`` is a register.

    Takes and gives one item per cycle; :attr:`LATENCY` cycles; room for one item.
    """

    LATENCY = 0
    """Cycles from an item on offer at ``i`` to the same at ``o``."""

    i: Any  # In, stream of shape
    o: Any  # Out, stream of shape
    idle: Signal  # Out, 1, no item is kept

    def __init__(self, shape: ShapeLike) -> None:
        self.shape = shape
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()

        source = Signal(Shape.cast(self.shape).width)
        kept = Signal(Shape.cast(self.shape).width)
        full = Signal()
        m.d.comb += [
            source.eq(self.i.p),
            self.i.ready.eq(~full),
            self.o.valid.eq(self.i.valid | full),
            self.o.p.eq(Mux(full, kept, source)),
            self.idle.eq(~full),
        ]
        with m.If(~full):
            m.d.sync += kept.eq(source)
        m.d.sync += full.eq(self.o.valid & ~self.o.ready)

        return m
