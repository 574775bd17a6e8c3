# SPDX-License-Identifier: Apache-2.0
"""The pipeline stage of streams."""

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant
from ..watch import Watch

__all__ = ["PROOFS"]

_MODULE = "matwright.bus.stage"
_WIDTH = 8


def _stage(b: Bench) -> None:
    dut = b.place("dut", b.source(_MODULE).Stage(_WIDTH))
    i, o = dut.i, dut.o
    takes, gives = i.valid & i.ready, o.valid & o.ready
    waited = b.before(o.valid & ~o.ready)
    b.show("holds", ~waited | (o.valid & (o.p == b.before(o.p))))

    item = Watch(b, "item", put=takes, item=i.p, take=gives, shape=_WIDTH, most=1)
    b.show("fill", item.count == o.valid)
    b.implies("kept", item.inside, o.p == item.value)
    b.implies("order", item.due, o.p == item.value)

    b.answers("latency", b.before(takes) & ~o.valid, 0)
    b.answers("full_speed", o.ready & ~i.ready, 0)
    b.reach("streams", takes & item.due)


PROOFS = (
    Proof(
        name="stage",
        block="bus/stage.py: Stage",
        scale="items of 8 bits",
        spec=_stage,
        properties=(
            Property(
                "holds",
                "An item on offer stays, unchanged, until it is taken.",
                Plant(_MODULE, "with m.If(self.i.ready):", "with m.If(1):"),
            ),
            Property(
                "order",
                "Items leave whole, in order, none lost, none twice.",
                Plant(_MODULE, "item.eq(self.i.p)", "item.eq(self.i.p & 0xFE)"),
            ),
            Property(
                "full_speed",
                "An item is taken in every cycle in which one is taken from it, and is on offer in the next.",
                Plant(_MODULE, "self.i.ready.eq(~full | self.o.ready)", "self.i.ready.eq(~full)"),
            ),
        ),
    ),
)
