# SPDX-License-Identifier: Apache-2.0
"""The place where a job waits for its engine."""

from functools import partial

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant
from ..watch import Watch

__all__ = ["PROOFS"]

_MODULE = "matwright.schedule.slot"
_WIDTH = 8


def _slot(b: Bench, cut: bool) -> None:
    dut = b.place("dut", b.source(_MODULE).Slot(_WIDTH, cut))
    i, o = dut.i, dut.o
    takes, gives = i.valid & i.ready, o.valid & o.ready

    waited = b.before(o.valid & ~o.ready)
    b.show("holds", ~waited | (o.valid & (o.p == b.before(o.p))))
    job = Watch(b, "job", put=takes, item=i.p, take=gives, shape=_WIDTH, most=1)
    b.show("fill", job.count == o.valid)
    b.implies("kept", job.inside, o.p == job.value)
    b.implies("order", job.due, o.p == job.value)
    b.answers("latency", b.before(takes) & ~o.valid, 0)
    if cut:
        b.show("register", ~b.before(1) | (i.ready == ~o.valid))
        b.answers("refills", ~i.ready & b.before(gives), 0)
    else:
        b.answers("refills", ~i.ready & o.ready, 0)
    b.reach("next", job.due & b.before(b.before(takes)))


def _proof(name: str, cut: bool, fills: Plant, refills: Plant, when: str) -> Proof:
    return Proof(
        name=name,
        block=f"schedule/slot.py: Slot{', cut' if cut else ''}",
        scale="jobs of 8 bits",
        spec=partial(_slot, cut=cut),
        properties=(
            Property(
                "holds",
                "A job on offer stays, unchanged, until its engine takes it.",
                Plant(
                    _MODULE, "with m.If(self.i.ready):", "with m.If(self.i.ready | self.i.valid):"
                ),
            ),
            Property("order", "Jobs leave whole, in order, none lost, none twice.", fills),
            Property(
                "refills", f"It takes the next job {when} the one it holds is taken.", refills
            ),
        ),
    )


PROOFS = (
    _proof(
        "slot",
        False,
        Plant(
            _MODULE,
            "full.eq(self.i.valid), kept.eq(self.i.p)",
            "full.eq(self.i.valid), kept.eq(self.i.p | full)",
        ),
        Plant(_MODULE, "else ~full | self.o.ready", "else ~full"),
        "in the cycle in which",
    ),
    _proof(
        "slot_cut",
        True,
        Plant(_MODULE, "~full if self.cut", "~full | self.o.valid if self.cut"),
        Plant(_MODULE, "m.d.sync += full.eq(0)", "m.d.sync += full.eq(self.i.valid)"),
        "in the cycle after",
    ),
)
