# SPDX-License-Identifier: Apache-2.0
"""Counter bank: many wide event counters in one small memory."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["CounterBank"]

_WIDTH = 32


class CounterBank(wiring.Component):
    """``count`` >= 2 counters of 32 bits that count the cycles in which their bit of ``events`` is high.

    All may count in every cycle. The bank visits one counter a cycle, in turn: what it counted
    since its last visit, at most ``count``, joins its total in the memory. So each counter can be
    read every ``count`` cycles: ``value`` is counter ``index`` as it was :attr:`LATENCY` cycles ago, the
    events of that cycle not included. After ``clear``, whose own cycle is not counted, and after a reset
    all are 0.
    """

    LATENCY = 2
    """Cycles from the visit of a counter to its ``value``."""

    events: Signal  # In, count
    clear: Signal  # In, 1
    index: Signal  # Out, range(count)
    next_index: Signal  # Out, range(count), ``index`` of the next cycle
    value: Signal  # Out, 32, wrapping

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(
            {
                "events": In(count),
                "clear": In(1),
                "index": Out(range(count)),
                "next_index": Out(range(count)),
                "value": Out(_WIDTH),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        totals: Memory = Memory(shape=_WIDTH, depth=self.count, init=[])
        m.submodules.totals = totals
        read, write = totals.read_port(domain="comb"), totals.write_port()
        layout = data.ArrayLayout(range(self.count + 1), self.count)
        recent = data.View(layout, Signal(layout.size))

        # The totals are cleared on the next visit of each: for one round the memory counts as 0. That is
        # so after a reset too, which does not reach the memory.
        blank = Signal(range(self.count + 1), init=self.count)
        counts = Signal()  # `blank` is 0
        with m.If(self.clear):
            m.d.sync += [blank.eq(self.count), counts.eq(0)]
        with m.Elif(~counts):
            m.d.sync += [blank.eq(blank - 1), counts.eq(blank <= 1)]

        # The visit, the sum, which is written back before the next visit, and its way out.
        turn = Signal.like(self.index)
        turns = Signal(self.count, init=1)  # the same, one bit for each
        total = Signal(_WIDTH)
        since = Signal(range(self.count + 1))
        sum_ = Signal(_WIDTH)
        m.d.comb += [
            read.addr.eq(turn),
            sum_.eq(total + since),
            write.addr.eq(self.next_index),
            write.data.eq(sum_),
            write.en.eq(1),
        ]
        m.d.sync += [
            turn.eq(Mux(turns[-1], 0, turn + 1)),
            turns.eq(turns.rotate_left(1)),
            self.next_index.eq(turn),
            total.eq(Mux(counts, read.data, 0)),
            since.eq(recent[turn]),
            self.index.eq(self.next_index),
            self.value.eq(sum_),
        ]
        for i in range(self.count):
            m.d.sync += recent[i].eq(Mux(turns[i], 0, recent[i]) + self.events[i])
        with m.If(self.clear):
            m.d.sync += [since.eq(0), total.eq(0), self.value.eq(0)]
            m.d.sync += [recent[i].eq(0) for i in range(self.count)]
        return m
