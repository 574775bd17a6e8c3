# SPDX-License-Identifier: Apache-2.0
"""The prover itself, on small circuits whose truth is known."""

import pytest
from amaranth import Signal

from matwright.presets import preset
from matwright_sim.formal.bench import Bench, SpecError
from matwright_sim.formal.property import Proof
from matwright_sim.formal.prove import Outcome, Result, prove


def _result(spec, **options) -> Result:
    proof = Proof("test", "a test", "", spec, (), **options)
    return prove(proof, preset("tiny"))


def _counter(b: Bench, top: int, claimed: int) -> Signal:
    count = Signal(4)
    with b.m.If(count == top):
        b.m.d.sync += count.eq(0)
    with b.m.Else():
        b.m.d.sync += count.eq(count + 1)
    b.show("below", count <= claimed)
    b.reach("top", count == top)
    return count


def test_what_is_true_is_proven_for_all_time():
    result = _result(lambda b: _counter(b, 9, 9), depth=12)
    assert result.finding.outcome is Outcome.PROVEN
    assert result.holds
    assert dict(result.goals)["top"].steps == 10


def test_what_is_false_is_refuted_in_the_cycle_in_which_it_breaks_with_its_name_and_the_run():
    result = _result(lambda b: _counter(b, 9, 8), depth=12, steps=20)
    assert result.finding.outcome is Outcome.REFUTED
    assert result.finding.steps == 10
    assert result.finding.broken == ("below",)
    names, *cycles = result.finding.trace
    assert [row[names.index("claim_below")] for row in cycles] == ["1"] * 9 + ["0"]
    assert not result.holds


def test_what_needs_more_steps_of_induction_is_unknown_not_proven():
    # 9 is never left upward, but from 13 on, which is never reached, 15 is near.
    def spec(b: Bench) -> None:
        count = _counter(b, 9, 15)
        b.show("far", count != 15)

    assert _result(spec, steps=2, depth=12).finding.outcome is Outcome.UNKNOWN
    assert not _result(spec, steps=2, depth=12).holds
    assert _result(spec, steps=8, depth=12).finding.outcome is Outcome.PROVEN


def test_a_bounded_proof_says_so_and_sees_no_further():
    seen = _result(lambda b: _counter(b, 9, 8), bound=10, depth=12)
    unseen = _result(lambda b: _counter(b, 9, 8), bound=9, depth=12)
    assert seen.finding.outcome is Outcome.REFUTED
    assert unseen.finding.outcome is Outcome.BOUNDED
    assert unseen.finding.steps == 9


def test_a_goal_that_is_not_reached_fails_the_proof():
    def spec(b: Bench) -> None:
        count = _counter(b, 9, 9)
        b.assume(count < 5)

    result = _result(spec, depth=12)
    assert result.finding.outcome is Outcome.PROVEN
    assert result.missed == ("top",)
    assert not result.holds


def test_fixed_values_hold_still_and_free_ones_do_not():
    def still(b: Bench) -> None:
        fixed = b.fixed(4, "any")
        started = b.before(1)
        b.show("still", ~started | (fixed == b.before(fixed)))
        b.reach("value", fixed == 11)
        b.reach("other", fixed == 5)

    def moves(b: Bench) -> None:
        value = b.free(4, "any")
        b.show("still", ~b.before(1) | (value == b.before(value)))
        b.reach("value", value == 11)

    assert _result(still).holds
    assert _result(moves).finding.outcome is Outcome.REFUTED


def test_a_reset_may_come_in_any_cycle():
    def spec(b: Bench) -> None:
        kept, lost = Signal(4, reset_less=True), Signal(4)
        b.m.d.sync += [kept.eq(kept + 1), lost.eq(lost + 1)]
        b.show("together", kept == lost)
        b.reach("late", kept == 3)

    assert _result(spec).finding.broken == ("together",)


def test_a_response_is_claimed_to_the_cycle():
    def spec(b: Bench, most: int) -> None:
        count = Signal(3)
        asked = b.free(1, "asked")
        b.assume(~b.before(asked & (count != 4)) | asked)
        b.m.d.sync += count.eq(0)
        with b.m.If(asked & (count != 4)):
            b.m.d.sync += count.eq(count + 1)
        b.show("range", count <= 4)
        b.answers("soon", asked & (count != 4), most)
        b.reach("answer", count == 4)

    assert _result(lambda b: spec(b, 4), steps=8).holds
    assert _result(lambda b: spec(b, 3), steps=8).finding.broken == ("soon",)


def test_a_claim_or_goal_is_named_once():
    bench = Bench(None, preset("tiny"))
    bench.show("twice", 1)
    with pytest.raises(SpecError, match="^twice is claimed twice$"):
        bench.show("twice", 1)
    bench.reach("goal", 1)
    with pytest.raises(SpecError, match="^goal is a goal twice$"):
        bench.reach("goal", 1)
