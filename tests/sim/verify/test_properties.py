# SPDX-License-Identifier: Apache-2.0
"""The check of properties: what it says of proofs that hold, break, or reach too little."""

import dataclasses

import pytest
from amaranth import Signal

from matwright.presets import preset
from matwright_sim.formal import prove
from matwright_sim.formal.bench import Bench
from matwright_sim.formal.property import Proof, Property
from matwright_sim.formal.source import Plant
from matwright_sim.verify import properties
from matwright_sim.verify.check import NotRun, Task

_MODULE = "matwright.bus.stage"
_HOLDS = Plant(_MODULE, "with m.If(self.i.ready):", "with m.If(1):")
_HARMLESS = Plant(_MODULE, "LATENCY = 1", "LATENCY = 2")


def _spec(b: Bench, *, wrong: bool = False, unreachable: bool = False) -> None:
    o = b.place("dut", b.source(_MODULE).Stage(4)).o
    waited = b.before(o.valid & ~o.ready)
    b.implies("holds", waited, o.valid & (o.p == b.before(o.p)))
    b.show("other", ~o.valid if wrong else 1)
    b.reach("waits", waited & ~waited if unreachable else waited)


def _proof(plant: Plant = _HOLDS, **options) -> Proof:
    items = (Property("holds", "It holds.", plant), Property("other", "Another.", plant))
    return Proof(
        "stage", "Stage", "", lambda b: _spec(b, **options), items[:1] if not options else items
    )


@pytest.fixture
def run(monkeypatch, tmp_path):
    steps: list[tuple[int, int]] = []

    def run(*proofs: Proof, full: bool = False):
        monkeypatch.setattr(properties, "all_proofs", lambda: proofs)
        config = preset("tiny")
        advance = lambda done, total: steps.append((done, total))  # noqa: E731
        return properties.CHECK.run(Task(config, tmp_path, full=full, advance=advance))

    run.steps = steps
    return run


def _figures(outcome) -> dict[str, int]:
    return {figure.name: figure.value for figure in outcome.figures}


def test_what_holds_passes_and_says_so(run):
    outcome = run(_proof())
    assert outcome.passed
    assert _figures(outcome) == {
        "properties proven for all time": 1,
        "properties proven for some cycles": 0,
        "properties neither proven nor refuted": 0,
        "properties refuted": 0,
        "interesting cases reached": 1,
    }
    (sheet,) = outcome.sheets
    assert sheet.rows[0][0] == "stage.holds"
    assert sheet.rows[0][4] == "proven, induction of 1 step"
    assert run.steps[-1] == (2, 2)


def test_what_breaks_is_a_failure_that_can_be_replayed(run, tmp_path):
    outcome = run(_proof(wrong=True))
    assert not outcome.passed
    (failure,) = outcome.failures
    assert failure.what == "proof stage of Stage: other broken in cycle 2"
    assert failure.case == {"proof": "stage"}
    rows = {row[0]: row[4] for row in outcome.sheets[0].rows}
    assert rows == {"stage.holds": "unknown", "stage.other": "refuted in cycle 2"}
    wave = tmp_path / "wave.vcd"
    again = properties.CHECK.replay(Task(preset("tiny"), tmp_path), failure.case, wave)
    assert again.failures == outcome.failures
    assert "$enddefinitions" in wave.read_text()


def test_the_waveform_is_of_the_claim_that_breaks(run, tmp_path):
    """Also where each claim is asked about alone, and the broken one is not the first."""
    proof = dataclasses.replace(_proof(wrong=True), apart=True)
    (failure,) = run(proof).failures
    assert failure.what == "proof stage of Stage: other broken in cycle 2"
    wave = tmp_path / "wave.vcd"
    properties.CHECK.replay(Task(preset("tiny"), tmp_path), failure.case, wave)
    assert "claim_other" in wave.read_text() and "claim_holds" not in wave.read_text()
    assert properties.CHECK.waves == (".vcd",)


def test_without_time_there_is_an_answer_and_no_waveform(run, tmp_path, monkeypatch):
    """Neither ends in a traceback."""
    (failure,) = run(_proof(wrong=True)).failures
    task, wave = Task(preset("tiny"), tmp_path), tmp_path / "wave.vcd"

    def late(*given):
        raise prove.TooLongError

    with monkeypatch.context() as patched:
        patched.setattr(prove, "_ask", late)
        again = properties.CHECK.replay(task, failure.case, wave)
        assert [one.what for one in again.failures] == [failure.what]  # the answer is kept
        assert again.notes == ["Yosys has not made the waveform within 600 s"]
        patched.setattr(prove, "_answers", late)
        (unknown,) = properties.CHECK.replay(task, failure.case, wave).failures
    assert unknown.what == "proof stage of Stage finds no end" and not wave.exists()


def test_a_case_that_is_not_reached_is_a_failure(run):
    outcome = run(_proof(unreachable=True))
    (failure,) = outcome.failures
    assert failure.what == "proof stage of Stage cannot reach waits: it shows too little"
    assert not outcome.passed


def test_what_takes_too_many_steps_is_a_failure(run):
    def unknown(b: Bench) -> None:
        count = Signal(4)
        with b.m.If(count == 3):
            b.m.d.sync += count.eq(0)
        with b.m.Else():
            b.m.d.sync += count.eq(count + 1)
        b.show("holds", count != 12)
        b.reach("start", 1)

    items = (Property("holds", "It holds.", _HOLDS),)
    outcome = run(Proof("count", "a counter", "", unknown, items, steps=2))
    (failure,) = outcome.failures
    assert failure.what == "proof count of a counter finds no end"
    assert _figures(outcome)["properties neither proven nor refuted"] == 1
    assert not outcome.passed


def test_a_full_run_looks_for_the_planted_bugs(run):
    outcome = run(_proof(), full=True)
    assert outcome.passed
    assert _figures(outcome)["planted bugs found"] == 1
    assert run.steps[-1] == (4, 4)
    missed = run(_proof(_HARMLESS), full=True)
    assert not missed.passed
    assert missed.failures[0].what == ("the bug planted to break property stage.holds is not found")


def test_slow_proofs_are_for_full_runs_and_none_at_all_is_not_a_pass(run):
    slow = Proof("stage", "Stage", "", _spec, _proof().properties, quick=False)
    with pytest.raises(NotRun, match="^no property is about this configuration$"):
        run(slow)
    assert run(slow, full=True).passed


def test_a_case_of_an_unknown_proof_cannot_be_replayed(tmp_path):
    with pytest.raises(NotRun, match="^there is no proof called 'none'$"):
        properties.CHECK.replay(Task(preset("tiny"), tmp_path), {"proof": "none"}, None)
