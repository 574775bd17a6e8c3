# SPDX-License-Identifier: Apache-2.0
"""A queue behind a pipeline that never waits, with the places of what is still on its way counted."""

from typing import Any

from amaranth import Module, Shape, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

__all__ = ["ElementQueue"]


class ElementQueue(wiring.Component):
    """Takes items without being asked, gives them as a stream.

    Whoever sends announces an item with ``comes``, in a cycle in which ``room`` is high, any number of
    cycles before it is ``i_valid``: an item that is announced has a place. So what is between, memories
    and arithmetic, has no back-pressure. An item is on offer :attr:`LATENCY` cycles after it came.
    """

    DEPTH = 16
    """Items announced and not yet taken: as many as the cycles from an announcement to ``room`` again,
    in the longest pipeline there is, or items could not follow each other."""
    LATENCY = 2
    """Cycles from an item coming to the same on offer, in an empty queue."""

    comes: Signal  # In, 1
    room: Signal  # Out, 1, a register
    i_valid: Signal  # In, 1
    i_payload: Any  # In, shape
    o: Any  # Out, stream of shape
    idle: Signal  # Out, 1, nothing is announced that was not taken

    def __init__(self, shape: ShapeLike) -> None:
        self.shape = shape
        super().__init__(
            {
                "comes": In(1),
                "room": Out(1),
                "i_valid": In(1),
                "i_payload": In(shape),
                "o": Out(stream.Signature(shape)),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # One place is the register at its output; the others are then a power of two.
        m.submodules.items = items = SyncFIFOBuffered(
            width=Shape.cast(self.shape).width, depth=self.DEPTH + 1
        )
        room, idle = Signal(init=1), Signal(init=1)
        taken = Signal()
        places = Signal(range(self.DEPTH + 1), init=self.DEPTH)
        m.d.comb += [
            items.w_en.eq(self.i_valid),
            items.w_data.eq(self.i_payload),
            items.r_en.eq(self.o.ready),
            self.o.valid.eq(items.r_rdy),
            self.room.eq(room),
            self.idle.eq(idle),
            self.o.p.eq(items.r_data),
            taken.eq(items.r_rdy & self.o.ready),
        ]
        with m.If(self.comes & ~taken):
            m.d.sync += places.eq(places - 1)
        with m.If(~self.comes & taken):
            m.d.sync += places.eq(places + 1)
        m.d.sync += [
            room.eq(taken | (places[1:] != 0) | (places[0] & ~self.comes)),
            idle.eq(~self.comes & ((places == self.DEPTH) | ((places == self.DEPTH - 1) & taken))),
        ]
        return m
