# SPDX-License-Identifier: Apache-2.0
"""Counter bank: many wide event counters in one small memory."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["CounterBank"]

_WIDTH = 32


class CounterBank(wiring.Component):
    """``count`` counters of 32 bits that count the cycles in which their bit of ``events`` is high.

    All may count in every cycle. The bank visits one counter a cycle, in turn: what it counted
    since its last visit, at most ``count``, joins its total in the memory. So each counter can be
    read every ``count`` cycles: ``value`` is counter ``index`` exactly, the events of this very
    cycle not included. After ``clear``, whose own cycle is not counted, all are 0.
    """

    events: Signal  # In, count
    clear: Signal  # In, 1
    index: Signal  # Out, range(count); the counter whose turn it is
    value: Signal  # Out, 32, its value, wrapping

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(
            {
                "events": In(count),
                "clear": In(1),
                "index": Out(range(count)),
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

        # The totals are cleared on the next visit of each: for one round the memory counts as 0.
        blank = Signal(range(self.count + 1))
        with m.If(self.clear):
            m.d.sync += blank.eq(self.count)
        with m.Elif(blank != 0):
            m.d.sync += blank.eq(blank - 1)

        m.d.sync += self.index.eq(Mux(self.index == self.count - 1, 0, self.index + 1))
        m.d.comb += [
            read.addr.eq(self.index),
            self.value.eq(Mux(blank == 0, read.data, 0) + recent[self.index]),
            write.addr.eq(self.index),
            write.data.eq(self.value),
            write.en.eq(1),
        ]
        for i in range(self.count):
            before = Mux(self.index == i, 0, recent[i])
            m.d.sync += recent[i].eq(Mux(self.clear, 0, before + self.events[i]))

        return m
