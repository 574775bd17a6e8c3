# SPDX-License-Identifier: Apache-2.0
"""The skid buffer of post-processing."""

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant
from ..watch import Watch

__all__ = ["PROOFS"]

_MODULE = "matwright.post.skid"
_WIDTH = 8


def _skid(b: Bench) -> None:
    dut = b.place("dut", b.source(_MODULE).SkidBuffer(_WIDTH))
    i, o = dut.i, dut.o
    takes, gives = i.valid & i.ready, o.valid & o.ready

    waited = b.before(o.valid & ~o.ready)
    b.show("holds", ~waited | (o.valid & (o.p == b.before(o.p))))

    item = Watch(b, "item", put=takes, item=i.p, take=gives, shape=_WIDTH, most=1)
    b.show("fill", dut.idle == (item.count == 0))
    b.implies("order", item.due, o.p == item.value)
    b.implies("kept", item.inside, b.inner(dut, "kept") == item.value)

    b.show("passes", ~i.valid | o.valid)
    b.answers("refills", ~i.ready & b.before(o.ready), 0)
    b.reach("kept", item.due & b.before(~o.ready & i.valid))
    b.reach("streams", item.due & b.before(gives))


PROOFS = (
    Proof(
        name="skid_buffer",
        block="post/skid.py: SkidBuffer",
        scale="items of 8 bits",
        spec=_skid,
        properties=(
            Property(
                "holds",
                "An item on offer stays, unchanged, until it is taken.",
                Plant(_MODULE, "full.eq(self.o.valid & ~", "full.eq(self.i.valid & ~"),
            ),
            Property(
                "order",
                "Items leave whole, in order, none lost, none twice.",
                Plant(_MODULE, "with m.If(~full):", "with m.If(1):"),
            ),
            Property(
                "fill",
                "It is idle exactly while it keeps no item, and keeps at most one.",
                Plant(_MODULE, "self.i.ready.eq(~full)", "self.i.ready.eq(~full | self.o.ready)"),
            ),
            Property(
                "passes",
                "What comes is on offer in the same cycle.",
                Plant(_MODULE, "self.i.valid | full", "full"),
            ),
            Property(
                "refills",
                "It takes an item in the cycle after its reader took one.",
                Plant(_MODULE, "full.eq(self.o.valid & ~self.o.ready)", "full.eq(self.o.valid)"),
            ),
        ),
    ),
)
