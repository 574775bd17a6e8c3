# SPDX-License-Identifier: Apache-2.0
"""What is remembered of bursts, from the oldest to the newest."""

from typing import Any

from amaranth import Module, Mux, Shape, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["BurstQueue", "Tally"]


class Tally(wiring.Component):
    """Counts what was put and not yet taken, up to ``most``; what it says are registers.

    Nothing is put while there is no ``room``, nothing taken unless there is ``some``. Both may happen in
    one cycle.
    """

    put: Signal  # In, 1
    take: Signal  # In, 1
    some: Signal  # Out, 1, at least one
    several: Signal  # Out, 1, at least two
    room: Signal  # Out, 1, fewer than ``most``

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(
            {"put": In(1), "take": In(1), "some": Out(1), "several": Out(1), "room": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        up, down = self.put & ~self.take, self.take & ~self.put
        with m.If(up):
            m.d.sync += self.some.eq(1)
        with m.Elif(down):
            m.d.sync += self.some.eq(self.several)
        if self.most <= 2:
            if self.most == 2:
                m.d.sync += self.several.eq(Mux(up, self.some, self.several & ~down))
            m.d.comb += self.room.eq(~(self.several if self.most == 2 else self.some))
            return m

        # What is compared is known a cycle ahead: the count moves by one.
        count = Signal(range(self.most + 1))
        full = Signal()
        m.d.comb += self.room.eq(~full)
        with m.If(up):
            m.d.sync += [
                count.eq(count + 1),
                self.several.eq(self.some),
                full.eq(count == self.most - 1),
            ]
        with m.Elif(down):
            m.d.sync += [count.eq(count - 1), self.several.eq(count > 2), full.eq(0)]
        return m


class BurstQueue(wiring.Component):
    """Says which burst becomes the oldest, for an owner that keeps what it needs of the oldest.

    ``push`` puts ``entry``, the newest burst, ``pop`` removes the oldest. While ``moves`` is high, the
    burst whose entry is ``following`` becomes the oldest in the next cycle. ``some``, ``several`` and
    ``room`` as in :class:`Tally`.

    Bus engines keep the newest burst anyway, in the registers of the address channel. ``newest`` is
    the entry that was pushed last: so two bursts are remembered without a place of their own.
    """

    push: Signal  # In, 1
    pop: Signal  # In, 1
    entry: Any  # In, shape
    newest: Any  # In, shape
    following: Any  # Out, shape
    moves: Signal  # Out, 1
    some: Signal  # Out, 1
    several: Signal  # Out, 1
    room: Signal  # Out, 1

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        self.shape = shape
        self.depth = depth
        super().__init__(
            {
                "push": In(1),
                "pop": In(1),
                "entry": In(shape),
                "newest": In(shape),
                "following": Out(shape),
                "moves": Out(1),
                "some": Out(1),
                "several": Out(1),
                "room": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.tally = tally = Tally(self.depth)
        m.d.comb += [
            tally.put.eq(self.push),
            tally.take.eq(self.pop),
            self.some.eq(tally.some),
            self.several.eq(tally.several),
            self.room.eq(tally.room),
            self.moves.eq(Mux(tally.some, self.pop & (tally.several | self.push), self.push)),
        ]
        second = Signal(Shape.cast(self.shape).width)
        m.d.comb += second.eq(self.newest)
        if self.depth > 2:
            # Every entry is written, though the one that becomes the oldest at once is not read.
            memory: Memory = Memory(shape=len(second), depth=self.depth, init=[])
            m.submodules.memory = memory
            read, write = memory.read_port(domain="comb"), memory.write_port()
            m.d.comb += [
                write.en.eq(self.push),
                write.data.eq(self.entry),
                second.eq(read.data),
            ]
            m.d.sync += [
                write.addr.eq(write.addr + self.push),
                read.addr.eq(read.addr + self.moves),
            ]
        m.d.comb += self.following.eq(Mux(tally.several, second, self.entry))
        return m
