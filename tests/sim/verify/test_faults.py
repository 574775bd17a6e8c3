# SPDX-License-Identifier: Apache-2.0
"""The check of faults: all of its parts run, a wrong answer is told and seen again."""

import dataclasses
import json

import pytest

from matwright_sim.agents.host import Host
from matwright_sim.compiled import CompiledAccelerator, RegisterError
from matwright_sim.fuzz import bus
from matwright_sim.verify import faults
from matwright_sim.verify.check import NotRun, Outcome, Task
from matwright_sim.verify.faults import CHECK, KINDS


def figures(outcome: Outcome) -> dict[str, object]:
    return {figure.name: figure.value for figure in outcome.figures}


def test_sound_hardware(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_SECONDS", {False: (1.5, 0.3, 0.3, 0.3)})
    outcome = CHECK.run(sound)
    assert outcome.passed, outcome.failures
    found = figures(outcome)
    assert found["accesses outside of the windows"] == found["hangs"] == found["wrong answers"] == 0
    assert int(str(found["faults of the bus"])) >= len(KINDS) // 2
    assert int(str(found["hostile descriptors"])) >= 10
    assert [row[0] for row in outcome.sheets[0].rows] == [*KINDS]
    assert "flipped bits on chip: not run, sram_protection is none" in outcome.notes


def test_flips_where_words_have_check_bits(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the machine that the campaign of its own runs on."""
    import sram_flips

    monkeypatch.setattr(faults, "_SECONDS", {False: (0.1, 0.1, 0.1, 0.3)})
    monkeypatch.setattr(faults, "KINDS", ("read_slverr",))
    outcome = CHECK.run(dataclasses.replace(sound, config=sram_flips.protected("secded")))
    found = figures(outcome)
    assert outcome.passed and "of them reported" in found
    assert (
        found["single flips"] == found["of them corrected"] and int(str(found["single flips"])) >= 5
    )


def test_flips_in_a_machine_that_hangs(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """They end after a few programs, and say so without a seed of their own."""
    import sram_flips

    config = sram_flips.protected("secded")
    flips = faults.Flips(config, 5)
    monkeypatch.setattr(CompiledAccelerator, "run", lambda self, most: False)
    wrong = flips.run(50, 50).wrong
    assert 3 <= len(wrong) <= 5 and wrong[0] == "program 1: no interrupt"


def test_a_wrong_answer_is_told_and_seen_again(
    sound: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it is the expectation that is wrong; planted bugs of the hardware have tests of their own."""
    monkeypatch.setattr(faults, "_SECONDS", {False: (0.5, 0.1, 0.1, 0.1)})
    monkeypatch.setattr(bus, "LATENCY", bus.LATENCY - 1)
    outcome = CHECK.run(sound)
    assert not outcome.passed
    failure = outcome.failures[0]
    assert "the interrupt comes" in failure.what
    assert failure.case is not None and CHECK.replay is not None
    read = json.loads(json.dumps(failure.case))
    wave = sound.folder / "wave.vcd"
    assert CHECK.replay(sound, read, wave).failures[0].what == failure.what
    assert wave.stat().st_size > 1000
    monkeypatch.undo()
    assert CHECK.replay(sound, read, None).passed


def test_what_no_machine_should_say(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reset that does not end and a register that does not answer are failures of every part, with a
    case; a few are enough."""
    bench = faults.Bench(sound.config, sound.verilog)

    def stuck(self: Host) -> None:
        raise AssertionError("reset must end")

    monkeypatch.setattr(Host, "_wait_reset", stuck)
    for kind, name in (("hostile", "hostile descriptors"), ("tenants", "two tenants")):
        made = faults._work(bench, faults._Piece(kind, (3, 100, 0), 60))
        (failure,) = made.failures
        assert failure.what == f"{name}: the host cannot go on: reset must end"
        assert failure.case == {"part": kind, "key": [3, 100, 0], "count": 60}

    def mute(self: CompiledAccelerator, offset: int) -> int:
        raise RegisterError("a register read must be answered OKAY, not SLVERR at 0x10")

    monkeypatch.setattr(CompiledAccelerator, "read_register", mute)
    monkeypatch.setattr(faults, "_SECONDS", {False: (0.3, 0.1, 0.1, 0.1)})
    outcome = CHECK.run(sound)
    assert len(outcome.failures) == 3 and outcome.notes[-1].startswith("it ended after 3 failures")
    assert all("not SLVERR at 0x10" in failure.what for failure in outcome.failures)


def test_faults_of_parts_name_no_seed_of_their_own(
    sound: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case has the key they follow from; a code that there is not is told as a number."""
    monkeypatch.setattr(Host, "error", lambda self: (238, 0, 0))
    made = faults._work(
        faults.Bench(sound.config, sound.verilog), faults._Piece("hostile", (3, 100, 0), 20)
    )
    (failure,) = made.failures
    assert failure.what.startswith("hostile descriptors: the program from descriptor ")
    assert "the unknown code 238, STATUS " in failure.what and "seed" not in failure.what


def test_nothing_is_checked_without_checks(sound: Task) -> None:
    build = dataclasses.replace(sound.config.build, unsafe_unchecked=True)
    config = dataclasses.replace(sound.config, build=build)
    with pytest.raises(NotRun, match="no checks of descriptors and of the bus"):
        CHECK.run(dataclasses.replace(sound, config=config))
