# SPDX-License-Identifier: Apache-2.0
"""The check of every shape: which shapes it takes, and what it finds on hardware with a bug."""

import dataclasses
import json

import numpy as np
import pytest

from matwright.config import Limits
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Flag
from matwright_sim.agents.programs import build_program
from matwright_sim.verify import shapes
from matwright_sim.verify.check import NotRun, Task
from matwright_sim.verify.shapes import CHECK, all_shapes, batches, sample

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
