# SPDX-License-Identifier: Apache-2.0
"""The queue behind a pipeline that never waits."""

from amaranth import Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant
from ..watch import Watch

__all__ = ["PROOFS"]

_MODULE = "matwright.post.element_queue"
_WIDTH = 8


def _queue(b: Bench) -> None:
    dut = b.place("dut", b.source(_MODULE).ElementQueue(_WIDTH))
    depth, o = dut.DEPTH, dut.o
    takes = o.valid & o.ready
    # What is announced comes later, at any time.
    coming = Signal(range(depth + 2))
    b.m.d.sync += coming.eq(coming + dut.comes - dut.i_valid)
    b.assume(~dut.comes | dut.room)
    b.assume(~dut.i_valid | (coming != 0))

    item = Watch(
        b, "item", put=dut.i_valid, item=dut.i_payload, take=takes, shape=_WIDTH, most=depth
    )
    inside = coming + item.count
    b.implies("no_overflow", dut.i_valid, b.inner(dut, "items.w_rdy"))
    b.show("no_underflow", ~takes | (item.count != 0))
    b.implies("order", item.due, o.p == item.value)
    b.show("room", dut.room == (inside < depth))
    b.show("idle", dut.idle == (inside == 0))
    waited = b.before(o.valid & ~o.ready)
    b.show("holds", ~waited | (o.valid & (o.p == b.before(o.p))))
    b.answers("latency", (item.count != 0) & ~o.valid, 1)

    # Lemmas: what is counted inside, and where the words are.
    level, shown = b.inner(dut, "items.inner_level"), b.inner(dut, "items.r_rdy")
    b.show("places", b.inner(dut, "places") + inside == depth)
    b.show("range", inside <= depth)
    b.show("level", level + shown == item.count)
    memory = b.inner(dut, "items.storage")
    put, get = memory.write_ports[0].addr, memory.read_ports[0].addr
    look = memory.read_port(domain="comb")
    filled = Signal.like(get)
    b.m.d.comb += [look.addr.eq(get + item.ahead - shown), filled.eq(put - get)]
    b.show("addresses", filled == level[: len(filled)])
    b.implies("words", item.inside & (item.ahead >= shown), look.data == item.value)
    b.implies("shown", item.inside & shown & (item.ahead == 0), o.p == item.value)

    b.reach("several", (item.count == 3) & (coming == 1))
    b.reach("emptied", dut.idle & b.before(item.due))


PROOFS = (
    Proof(
        name="element_queue",
        block="post/element_queue.py: ElementQueue",
        scale="16 places, items of 8 bits",
        spec=_queue,
        properties=(
            Property(
                "no_overflow",
                "What was announced while there was room has a place when it comes, however late.",
                Plant(_MODULE, "depth=self.DEPTH + 1", "depth=3"),
            ),
            Property(
                "no_underflow",
                "Nothing is on offer that did not come.",
                Plant(_MODULE, "self.o.valid.eq(items.r_rdy)", "self.o.valid.eq(1)"),
            ),
            Property(
                "order",
                "Items leave whole, in order, none lost, none twice.",
                Plant(_MODULE, "items.r_en.eq(self.o.ready)", "items.r_en.eq(1)"),
            ),
            Property(
                "room",
                "There is room exactly while fewer than all places are announced or taken.",
                Plant(_MODULE, "+ 1), init=self.DEPTH)", "+ 1), init=2)"),
            ),
            Property(
                "idle",
                "It is idle exactly while nothing is announced or inside.",
                Plant(_MODULE, "(places == self.DEPTH - 1) & taken", "(places == self.DEPTH - 1)"),
            ),
            Property(
                "holds",
                "An item on offer stays, unchanged, until it is taken.",
                Plant(_MODULE, "self.o.p.eq(items.r_data)", "self.o.p.eq(items.r_data ^ places)"),
            ),
            Property(
                "latency",
                "An item is on offer at most two cycles after it came into an empty queue.",
                Plant(_MODULE, "items.w_en.eq(self.i_valid)", "items.w_en.eq(self.comes)"),
            ),
        ),
    ),
)
