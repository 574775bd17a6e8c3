# SPDX-License-Identifier: Apache-2.0
"""The bank of counters: what is read of each is what it has counted."""

from amaranth import Mux, Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.bus.counters"
_COUNT = 3
_WIDTH = 32


def _spec(b: Bench) -> None:
    dut = b.place("dut", b.source(_MODULE).CounterBank(_COUNT))
    m = b.m
    # One counter is followed, any one, from the first clear on.
    which = b.fixed(2, "which")
    b.assume(which < _COUNT)
    counts, total = Signal(), Signal(_WIDTH)
    event = dut.events.bit_select(which, 1)
    m.d.sync += [
        counts.eq(counts | dut.clear),
        total.eq(Mux(dut.clear, 0, total + event)),
    ]
    one, two = Signal(_WIDTH), Signal(_WIDTH)  # as it was one and two cycles ago
    m.d.sync += [one.eq(Mux(dut.clear, 0, total)), two.eq(Mux(dut.clear, 0, one))]
    shown = counts & (dut.index == which)
    b.implies("counts", shown, dut.value == two)
    b.show("turns", dut.next_index == b.before(b.inner(dut, "turn")))
    b.show("index", dut.index == b.before(dut.next_index))
    unseen = b.high_for(dut.index != which, _COUNT + 3, "unseen")
    b.show("comes_round", unseen <= _COUNT + 1)

    # Lemmas: the total is in the memory, or counts as 0, and what came since is beside it.
    turn, blank = b.inner(dut, "turn"), b.inner(dut, "blank")
    one_hot, running = b.inner(dut, "turns"), b.inner(dut, "counts")
    b.show("turn", (turn < _COUNT) & (one_hot == 1 << turn))
    b.show("blank", (blank <= _COUNT) & (~counts | (running == (blank == 0))))
    started, twice = b.before(1), b.before(b.before(1))
    follows = Mux(turn == 0, _COUNT - 1, turn - 1)
    b.implies("follows", started, dut.next_index == follows)
    b.implies("follows_twice", twice, dut.index == Mux(follows == 0, _COUNT - 1, follows - 1))
    b.implies("first", ~started, (turn == 0) & (dut.next_index == 0) & (dut.index == 0))
    b.implies("second", ~twice, (dut.index == 0) & (dut.next_index == 0))
    wait = Mux(dut.index <= which, which - dut.index, _COUNT + which - dut.index)
    b.show("soon", unseen <= Mux(twice, _COUNT + 2 - wait, 1 + started))
    memory = b.inner(dut, "totals")
    look = memory.read_port(domain="comb")
    m.d.comb += look.addr.eq(which)
    recent = b.inner(dut, "$signal").word_select(which, 2)
    until = Signal(2)  # cycles until its turn
    m.d.comb += until.eq(Mux(turn <= which, which - turn, _COUNT + which - turn))
    kept = Mux(blank > until, 0, look.data)
    summed = b.inner(dut, "total") + b.inner(dut, "since")
    here = dut.next_index == which
    b.implies("kept", counts & ~(here & started), (kept + recent)[:_WIDTH] == total)
    b.implies("adds", counts & here & started, summed[:_WIDTH] == one)
    b.implies("beside", counts & here & started, (one + recent)[:_WIDTH] == total)
    b.implies("few", counts, recent + until <= _COUNT)
    b.reach("counted", shown & (dut.value == 4))
    again = Signal()
    m.d.sync += again.eq(again | (dut.clear & (total == 2)))
    b.reach("again", shown & again & (dut.value == 1))


PROOFS = (
    Proof(
        name="counter_bank",
        block="bus/counters.py: CounterBank",
        scale="3 counters",
        quick=False,
        spec=_spec,
        properties=(
            Property(
                "counts",
                "Each counter reads as many cycles as its event was high since the last clear.",
                Plant(
                    _MODULE,
                    "recent[i].eq(Mux(turns[i], 0, recent[i]) + self.events[i])",
                    "recent[i].eq(Mux(turns[i], 0, recent[i] + self.events[i]))",
                ),
            ),
            Property(
                "comes_round",
                "Each counter can be read again within as many cycles as there are counters, and two.",
                Plant(_MODULE, "Mux(turns[-1], 0, turn + 1)", "Mux(turns[-1], 1, turn + 1)"),
            ),
        ),
        depth=14,
        steps=2,
    ),
)
