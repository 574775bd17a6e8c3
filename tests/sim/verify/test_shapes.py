# SPDX-License-Identifier: Apache-2.0
"""The check of every shape: which shapes it takes, and what it finds on hardware with a bug."""

import dataclasses
import json
import re

import numpy as np
import pytest

from matwright.config import Limits
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Flag
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import build_program
from matwright_sim.compiled import CompiledAccelerator, RegisterError
from matwright_sim.fuzz.bench import Bench
from matwright_sim.fuzz.case import World
from matwright_sim.fuzz.patience import Patience
from matwright_sim.verify import shapes
from matwright_sim.verify.check import NotRun, Task
from matwright_sim.verify.shapes import CHECK, Batch, all_shapes, batches, sample

SMALL = PRESETS["small"]


def test_all_shapes() -> None:
    found = all_shapes(SMALL)
    assert len(found) == len(set(found)) == 64_000
    assert all(1 <= size <= 40 for shape in found for size in shape)
    limited = dataclasses.replace(SMALL, limits=Limits(max_m=1000, max_n=3, max_k=17))
    assert len(all_shapes(limited)) == 40 * 3 * 17


@pytest.mark.parametrize("name", ["tiny", "small", "wide", "server"])
def test_a_sample_has_what_is_special(name: str) -> None:
    """Different shapes, a quarter of them of sides, their neighbours and ones alone; the same each time."""
    config = PRESETS[name]
    found = sample(config, np.random.default_rng(1), 1500)
    assert found == sample(config, np.random.default_rng(1), 1500)
    assert len(found) == len(set(found)) == 1500
    near = {1, 40} | {side + off for side in (config.rows, config.cols) for off in (-1, 0, 1)}
    near = {size for size in near if 1 <= size <= 40}
    assert sum(all(size in near for size in shape) for shape in found) >= min(20, len(near) ** 3)
    for axis in range(3):
        assert {shape[axis] for shape in found} == set(range(1, 41))
        assert sum(shape[axis] == 1 for shape in found) > 40
        assert (
            sum(shape[axis] in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37) for shape in found)
            > 200
        )


def test_every_shape_is_in_a_batch_once() -> None:
    """In programs that find room in memory, whatever the gaps."""
    for name in ("small", "server"):
        config = PRESETS[name]
        wanted = sample(config, np.random.default_rng(2), 200)
        made = batches(config, 1, 1, wanted)
        assert [s for batch in made for program in batch.programs for s in program] == wanted
        assert len({batch.key for batch in made}) == len(made)
        for batch in made:
            for program in batch.programs:
                build_program(config, np.random.default_rng(3), program, memory_bytes=1 << 18)


def test_a_chain_passes_results_on() -> None:
    """Each GEMM waits for the one before and reads its result, which NumPy does too."""
    rng = np.random.default_rng(4)
    layers = [(7, 20, 9), (7, 33, 20), (7, 5, 33)]
    image = build_program(SMALL, rng, layers, memory_bytes=1 << 17, flags=0, chain=True)
    for one, next_one in zip(image.descriptors, image.descriptors[1:], strict=False):
        assert next_one.a_addr == one.d_addr and next_one.a_stride == one.d_stride
        assert next_one.flags & Flag.FENCE


def test_a_quick_campaign(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "_SECONDS", 1.0)
    monkeypatch.setattr(shapes, "_LARGE_SECONDS", {False: 0.1})
    monkeypatch.setattr(shapes, "_CHAINS", {False: 2})
    outcome = CHECK.run(sound)
    found = {figure.name: figure.value for figure in outcome.figures}
    assert outcome.passed and not outcome.notes
    assert int(found["shapes of 1 to 40"]) >= 20 and int(found["GEMMs in chains"]) >= 4
    assert found["programs that differ from NumPy"] == 0


def test_a_bug_is_found_and_seen_again(planted: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "_SECONDS", 0.5)
    monkeypatch.setattr(shapes, "_LARGE_SECONDS", {False: 0.0})
    monkeypatch.setattr(shapes, "_CHAINS", {False: 1})
    outcome = CHECK.run(planted)
    assert not outcome.passed
    failure = outcome.failures[0]
    assert "differ from NumPy, the first in d of the GEMM" in failure.what
    assert failure.case is not None and CHECK.replay is not None
    read = json.loads(json.dumps(failure.case))
    assert CHECK.replay(planted, read, None).failures[0].what == failure.what
    assert CHECK.replay(Task(planted.config, planted.folder), read, None).passed


def test_what_needs_programs_before_it_is_seen_again(
    sound: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in the case, and run first; what fails alone has none before it."""
    bench = Bench(sound.config, sound.verilog)
    batch = Batch((7, 1, 0), tuple(((2, 3, 4), (1, 2, size)) for size in range(1, 9)))
    wait = Patience.wait
    bad = [1]

    def worn(self: Patience, machine: CompiledAccelerator) -> bool:
        """Breaks memory at the end of the program with which the machine has read so many bursts."""
        ended = wait(self, machine)
        if machine.statistics()["read_bursts"] >= bad[0]:
            machine.memory[0] ^= 1
        return ended

    monkeypatch.setattr(Patience, "wait", worn)
    assert CHECK.replay is not None
    lengths = []
    for bad[0] in (1, 60):
        (failure,) = shapes._batch(bench, batch).failures
        case = json.loads(json.dumps(failure.case))
        lengths.append((case["first"], len(case["programs"])))
        assert failure.what.endswith("the first at 0x0, where no result belongs")
        assert [one.what for one in CHECK.replay(sound, case, None).failures] == [failure.what]
    (first, count), (start, many) = lengths
    assert (first, count, start) == (0, 1, 0) and 1 < many <= 8


def test_what_fails_alone_needs_no_programs_before_it(
    sound: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Batch((7, 1, 0), (((2, 3, 4),), ((1, 2, 3),), ((2, 2, 2),)))

    def program(host: Host, world: World, key: list[int], wanted: object, chain: bool) -> str:
        return f"program {key[3]} is wrong" if key[3] == 2 else ""

    monkeypatch.setattr(shapes, "_program", program)
    (failure,) = shapes._batch(Bench(sound.config, sound.verilog), batch).failures
    assert failure.what == "program 2 is wrong" and failure.case is not None
    assert (failure.case["first"], failure.case["programs"]) == (2, [[[2, 2, 2]]])


def test_a_machine_that_hangs(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given some times what the cycle model says; a few failures are enough, what has run is told."""
    monkeypatch.setattr(shapes, "_LARGE_SECONDS", {False: 0.0})
    monkeypatch.setattr(shapes, "_BATCH", 0.1)
    waited: list[int] = []
    monkeypatch.setattr(CompiledAccelerator, "run", lambda self, most: waited.append(most))
    outcome = CHECK.run(sound)
    found = {figure.name: figure.value for figure in outcome.figures}
    assert len(outcome.failures) == 3 == found["programs"]
    pattern = (
        r"a program of \d+ GEMMs has not ended after ([\d,]+) cycles, and takes ([\d,]+) without"
    )
    for failure in outcome.failures:
        told = re.match(pattern, failure.what)
        assert told, failure.what
        limit, takes = (int(number.replace(",", "")) for number in told.groups())
        assert 3 * takes < limit < 40 * takes + 20_000
        # The doorbell waits for nothing; then twice, and both together are the limit.
        assert sum(waited[:3]) == limit
        del waited[:3]
    shapes_of = [shape for one in outcome.failures for shape in (one.case or {})["programs"][0]]
    assert found["shapes of 1 to 40"] == len(shapes_of)
    assert outcome.notes[0].startswith("it ended after 3 failures, with ")


def test_what_no_machine_should_say(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """A register that does not answer, an error that there is not: failures with a case."""
    case = {"key": [1, 1, 0], "first": 0, "programs": [[[2, 3, 4]]], "chain": False}
    case |= {"world": {"memory_bytes": 1 << 16}}

    def mute(self: Host, name: str) -> int:
        raise RegisterError("a register read must be answered OKAY, not SLVERR at 0x10")

    assert CHECK.replay is not None
    with monkeypatch.context() as patched:
        patched.setattr(Host, "read", mute)
        (failure,) = CHECK.replay(sound, case, None).failures
    assert failure.what == (
        "the host cannot go on: a register read must be answered OKAY, not SLVERR at 0x10"
    )
    assert failure.case == case
    monkeypatch.setattr(Host, "read", lambda self, name: 4)
    monkeypatch.setattr(Host, "error", lambda self: (238, 0, 0))
    (failure,) = CHECK.replay(sound, case, None).failures
    assert failure.what == "the GEMM 2 x 3 x 4 (M x N x K) ends with the error the unknown code 238"


def test_limits_are_told(sound: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dataclasses.replace(sound.config, limits=Limits(max_m=40, max_n=40, max_k=20))
    monkeypatch.setattr(shapes, "_run", lambda task, work: [])
    outcome = CHECK.run(dataclasses.replace(sound, config=config))
    assert outcome.notes == ["32,000 of 64,000 shapes are beyond the limits or the address space"]


def test_no_room(sound: Task) -> None:
    config = dataclasses.replace(
        PRESETS["server"],
        rows=256,
        cols=256,
        bus=dataclasses.replace(PRESETS["server"].bus, addr_width=16),
        limits=sound.config.limits,
    )
    with pytest.raises(NotRun, match="no room for the operands of a GEMM of 1 x 1 x 1"):
        CHECK.run(dataclasses.replace(sound, config=config))
