# SPDX-License-Identifier: Apache-2.0
"""The check of random programs: what it finds on sound hardware and on hardware with a bug."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from matwright.bus.register_map import REGISTERS
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.presets import PRESETS
from matwright_sim.agents.programs import plan_program
from matwright_sim.compiled import CompiledAccelerator, RegisterError
from matwright_sim.fuzz import bench
from matwright_sim.fuzz.case import Case, Program, World
from matwright_sim.verify import programs
from matwright_sim.verify.check import NotRun, Outcome, Task
from matwright_sim.verify.programs import CHECK


def figures(outcome: Outcome) -> dict[str, object]:
    return {figure.name: figure.value for figure in outcome.figures}


def test_sound_hardware(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing differs, of programs of every kind; the same seed finds the same."""
    monkeypatch.setattr(programs, "amount", lambda config, full: 120)
    seen: list[tuple[int, int]] = []
    outcome = CHECK.run(dataclasses.replace(sound, advance=lambda *at: seen.append(at)))
    assert outcome.passed and outcome.failures == []
    found = figures(outcome)
    assert (found["programs"], found["programs that differ"]) == (120, 0)
    for name in ("run by the driver", "stopped by an error", "cycles compared"):
        assert int(str(found[name])) > 10, name
    assert found["cycles and counters compared"] == 0, "tiny has no counters"
    assert seen[0] == (0, 120) and seen[-1] == (120, 120)
    monkeypatch.setattr(programs, "amount", lambda config, full: 25)
    assert CHECK.run(sound) == CHECK.run(sound)


def test_a_bug_is_found_made_small_and_seen_again(
    planted: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "amount", lambda config, full: 100)
    outcome = CHECK.run(planted)
    assert not outcome.passed
    failure = outcome.failures[0]
    assert failure.seed == 3 and "bytes of memory are wrong" in failure.what
    assert failure.case is not None and CHECK.replay is not None
    read = json.loads(json.dumps(failure.case))
    small = Case.of(read)
    (program,) = small.programs
    (code,) = read["programs"][0]["code"]
    assert (small.world.read_latency, small.world.stall, program.driver) == (1, 0, False)
    # Four words of activations are the fewest in which the bug shows.
    assert code["m"] * -(-code["k"] // 4) <= 6 and code["n"] == 1, code
    assert len(program.windows) == 1

    again = CHECK.replay(planted, read, None)
    assert [other.what for other in again.failures] == [failure.what.partition(": ")[2]]
    wave = planted.folder / "wave.vcd"
    cured = CHECK.replay(Task(planted.config, planted.folder), read, wave)
    assert cured.passed and figures(cured)["programs"] == 1
    assert "$enddefinitions" in wave.read_text(encoding="utf-8")


def test_without_hypothesis_a_case_stays_as_it_is(
    planted: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "amount", lambda config, full: 25)
    monkeypatch.setitem(__import__("sys").modules, "hypothesis", None)
    outcome = CHECK.run(planted)
    (note,) = (note for note in outcome.notes if "Hypothesis" in note)
    assert note == (
        "the case is not made smaller without Hypothesis 6.135 or later; install it with "
        "`pip install -U hypothesis`"
    )
    assert outcome.failures[0].case is not None
    Case.of(outcome.failures[0].case)


def good(config: AcceleratorConfig, *, driver: bool) -> dict[str, object]:
    """The case of a program that ends well."""
    plan = plan_program(config, np.random.default_rng(5), [(3, 4, 5), (2, 6, 3)], memory_bytes=8192)
    code = tuple(descriptor.pack() for descriptor in plan.descriptors)
    windows = (Window(0, 8191),)
    program = Program(plan.address, len(code), code, 9, windows, driver)
    return Case(World(8192, 7, 3), (program,)).data()


@pytest.mark.parametrize("driver", [False, True])
def test_cycles_are_compared_without_counters(
    driver: bool, sound: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of programs of the driver too, and only what is compared is counted."""
    assert CHECK.replay is not None and not sound.config.build.counters
    case = good(sound.config, driver=driver)
    outcome = CHECK.replay(sound, case, None)
    found = figures(outcome)
    assert outcome.passed and found["run by the driver"] == driver
    assert (found["cycles compared"], found["cycles and counters compared"]) == (1, 0)
    monkeypatch.setattr(bench, "INTERRUPT_LATENCY", bench.INTERRUPT_LATENCY + 1)
    (failure,) = CHECK.replay(sound, case, None).failures
    assert re.fullmatch("counters are not those of the model: CYCLES is .*, not .*", failure.what)


def test_what_writes_over_itself_is_counted_apart(sound: Task) -> None:
    case = good(sound.config, driver=False)
    (program,) = case["programs"]  # type: ignore[misc]
    program["code"][0]["d_addr"] = program["address"]
    found = figures(CHECK.replay(sound, case, None))  # type: ignore[misc]
    assert found["not foreseen, as they write over themselves"] == 1
    assert found["cycles compared"] == 0


@pytest.mark.parametrize("driver", [False, True])
def test_what_no_machine_should_say(
    driver: bool, sound: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that there is not, a reset that does not end, a register that does not answer."""
    case, real = good(sound.config, driver=driver), CompiledAccelerator.read_register
    offsets = {register.name: register.offset for register in REGISTERS}
    forced: dict[int, int] = {offsets["STATUS"]: 4, offsets["ERROR_CODE"]: 238}

    def read(self: CompiledAccelerator, offset: int) -> int:
        return forced.get(offset, real(self, offset))

    assert CHECK.replay is not None
    monkeypatch.setattr(CompiledAccelerator, "read_register", read)
    (failure,) = CHECK.replay(sound, case, None).failures
    assert "the unknown code 238 of descriptor 0 at 0x0, but a good end is due" in failure.what
    forced[offsets["STATUS"]] = 12
    with monkeypatch.context() as hanging:
        hanging.setattr(CompiledAccelerator, "run", lambda self, most: False)
        (failure,) = CHECK.replay(sound, case, None).failures
    assert "reset must end" in failure.what and failure.case is not None

    def mute(self: CompiledAccelerator, offset: int) -> int:
        raise RegisterError("a register read must be answered OKAY, not SLVERR at 0x10")

    monkeypatch.setattr(CompiledAccelerator, "read_register", mute)
    (failure,) = CHECK.replay(sound, case, None).failures
    assert "must be answered OKAY, not SLVERR at 0x10" in failure.what


def test_no_room(tmp_path: Path) -> None:
    small = PRESETS["tiny"]
    config = dataclasses.replace(
        PRESETS["server"],
        rows=256,
        cols=256,
        bus=dataclasses.replace(PRESETS["server"].bus, addr_width=16),
        limits=small.limits,
    )
    with pytest.raises(NotRun, match="the address space of 65536 bytes has no room for programs"):
        CHECK.run(Task(config, tmp_path))


def test_amounts_follow_from_the_configuration() -> None:
    quick = {name: programs.amount(PRESETS[name], False) for name in ("tiny", "small", "server")}
    assert quick["small"] > quick["server"] > 20
    assert programs.amount(PRESETS["tiny"], True) > 10 * quick["tiny"]
