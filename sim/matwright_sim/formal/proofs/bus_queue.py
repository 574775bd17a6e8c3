# SPDX-License-Identifier: Apache-2.0
"""What is remembered of bursts: the tally, and the queue that says which becomes the oldest."""

from amaranth import Mux, Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant
from ..watch import Watch

__all__ = ["PROOFS"]

_MODULE = "matwright.bus.queue"
_WIDTH = 4


def _tally(b: Bench) -> None:
    most = b.config.bus.outstanding
    dut = b.place("dut", b.source(_MODULE).Tally(most))
    b.assume(~dut.put | dut.room)
    b.assume(~dut.take | dut.some)
    count = Signal(range(most + 2))
    b.m.d.sync += count.eq(count + dut.put - dut.take)

    b.show("some", dut.some == (count >= 1))
    b.show("several", dut.several == (count >= 2))
    b.show("room", dut.room == (count < most))
    b.show("range", count <= most)
    if most > 2:
        b.show("same", b.inner(dut, "count") == count)
    b.reach("full", count == most)
    b.reach("emptied", (count == 0) & b.before(dut.take))


def _queue(b: Bench) -> None:
    depth = b.config.bus.outstanding
    dut = b.place("dut", b.source(_MODULE).BurstQueue(_WIDTH, depth))
    m = b.m
    b.assume(~dut.push | dut.room)
    b.assume(~dut.pop | dut.some)
    # The owner keeps the newest and the oldest.
    newest, oldest = Signal(_WIDTH), Signal(_WIDTH)
    m.d.comb += dut.newest.eq(newest)
    with m.If(dut.push):
        m.d.sync += newest.eq(dut.entry)
    with m.If(dut.moves):
        m.d.sync += oldest.eq(dut.following)

    entry = Watch(b, "entry", put=dut.push, item=dut.entry, take=dut.pop, shape=_WIDTH, most=depth)
    count, ahead = entry.count, entry.ahead
    b.show("some", dut.some == (count >= 1))
    b.show("several", dut.several == (count >= 2))
    b.show("room", dut.room == (count < depth))
    b.show("range", count <= depth)
    b.implies("order", entry.due, oldest == entry.value)
    b.implies("oldest", entry.inside & (ahead == 0), oldest == entry.value)
    b.implies("newest", entry.inside & (ahead + 1 == count), newest == entry.value)
    if depth > 2:
        b.show("tally", b.inner(dut, "tally.count") == count)
        # The memory: written to `put`, the one after the oldest is at `get`.
        memory = b.inner(dut, "memory")
        get, put = memory.read_ports[0].addr, memory.write_ports[0].addr
        look = memory.read_port(domain="comb")
        waiting = Signal.like(get)
        m.d.comb += [look.addr.eq(get + ahead - 1), waiting.eq(put - get)]
        b.show("addresses", waiting == Mux(count == 0, 0, count - 1))
        b.implies("words", entry.inside & (ahead != 0), look.data == entry.value)
    b.reach("full", count == depth)
    b.reach("drained", entry.due & (count == 1) & (b.before(count) == 2))


PROOFS = (
    Proof(
        name="tally",
        block="bus/queue.py: Tally",
        scale="bus.outstanding of the configuration",
        spec=_tally,
        properties=(
            Property(
                "some",
                "It says that there is one exactly while fewer were taken than were put.",
                Plant(_MODULE, "self.some.eq(self.several)", "self.some.eq(0)"),
            ),
            Property(
                "room",
                "It has room exactly while fewer than the promised number are outstanding.",
                Plant(_MODULE, "count == self.most - 1", "count == self.most"),
            ),
        ),
        depth=70,
    ),
    Proof(
        name="burst_queue",
        block="bus/queue.py: BurstQueue",
        scale="bus.outstanding of the configuration, entries of 4 bits",
        spec=_queue,
        properties=(
            Property(
                "order",
                "The oldest is the one that was pushed first, whole, however many wait.",
                Plant(
                    _MODULE,
                    "Mux(tally.several, second, self.entry)",
                    "Mux(tally.some, second, self.entry)",
                ),
            ),
        ),
        depth=70,
    ),
)
