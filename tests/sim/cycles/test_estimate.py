# SPDX-License-Identifier: Apache-2.0
"""Many GEMMs on many designs against the model that follows one: equal to the cycle."""

from dataclasses import replace

import numpy as np
import pytest

from matwright.config import Limits
from matwright.presets import PRESETS
from matwright_sim.agents.configurations import random_config
from matwright_sim.cycles import REFUSED, Memory, Recording, estimate, exact, native, tilings
from matwright_sim.cycles.estimate import _fields
from matwright_sim.cycles.gemm import gemm_program
from matwright_sw import OperandError, OutOfMemory
from matwright_sw.tiling import Tiling, legal

SHAPES = 6
"""GEMMs on each design."""


def size(rng: np.random.Generator) -> int:
    """Sizes at which something changes, and all others."""
    if rng.random() < 0.3:
        return int(1 << rng.integers(0, 9)) + int(rng.integers(-1, 2) * (rng.random() < 0.5)) or 1
    return int(rng.integers(1, 150))


@pytest.mark.parametrize("stored", [{"raw": True}, {"table": True}, {"table": False}])
def test_equal_to_exact(stored: dict[str, bool]) -> None:
    """Random designs, shapes and memories."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    for _ in range(10):
        config = random_config(rng, "random")
        shapes = [(size(rng), size(rng), size(rng)) for _ in range(SHAPES)]
        memory = Memory(
            read_latency=int(rng.choice([1, 3, 40, 150])),
            write_latency=int(rng.choice([1, 40, 150])),
        )
        found = estimate([config], shapes, memory, **stored)[0]
        cuts = tilings([config], shapes, memory, **stored)[0]
        for (m, n, k), cycles, cut in zip(shapes, found, cuts, strict=True):
            try:
                program = gemm_program(config, m, n, k, **stored, memory=memory)
            except OutOfMemory:
                assert cycles == REFUSED
                continue
            assert Tiling(*map(int, cut)) == program.tiling, (config, m, n, k)
            run = exact(config, [program.descriptor], memory, program.address)
            assert cycles == run.cycles, (config, m, n, k, memory)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_on_larger_gemms(name: str) -> None:
    """Enough blocks, chunks and steps that most of them are skipped."""
    config = PRESETS[name]
    shapes = [(1, 700, 900), (90, 120, 700), (70, 330, 64)]
    found = estimate([config], shapes)[0]
    for (m, n, k), cycles in zip(shapes, found, strict=True):
        try:
            program = gemm_program(config, m, n, k)
        except (OperandError, OutOfMemory):
            assert cycles == REFUSED
            continue
        assert cycles == exact(config, [program.descriptor], None, program.address).cycles


def test_512_cubed_on_edge() -> None:
    """What the hardware takes, within 3 % of what its array takes at least."""
    (cycles,) = estimate([PRESETS["edge"]], [(512, 512, 512)])[0]
    assert cycles == 525_827
    assert cycles <= 1.03 * 512**3 / PRESETS["edge"].peak_macs


def test_a_given_tiling() -> None:
    """Cycles of the tiling that is asked for, on all designs."""
    config = PRESETS["small"]
    for tiling in (Tiling(5, 1, 1), Tiling(16, 3, 2)):
        program = gemm_program(config, 50, 60, 70, tiling=tiling)
        run = exact(config, [program.descriptor], None, program.address)
        assert estimate([config], [(50, 60, 70)], tiling=tiling)[0, 0] == run.cycles


def test_any_tiling_or_none() -> None:
    """Refused just where the driver refuses it."""
    rng = np.random.default_rng(11)
    seen = set()
    for _ in range(300):
        config, n = random_config(rng, "random"), int(rng.integers(1, 300))
        tiling = Tiling(int(rng.integers(0, 100)), int(rng.integers(0, 6)), int(rng.integers(0, 6)))
        found = estimate([config], [(40, n, 9)], tiling=tiling)[0, 0]
        assert (found != REFUSED) == legal(config, tiling, n), (config, n, tiling)
        seen.add(found == REFUSED)
    assert seen == {True, False}
    assert estimate([PRESETS["small"]], [(1, 1, 1)], tiling=Tiling(1, -1, 99))[0, 0] == REFUSED


def test_designs_do_not_mix() -> None:
    """Every design as if alone, in any order and number of threads."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    configs = [random_config(rng, "random") for _ in range(40)]
    shapes = [(size(rng), size(rng), size(rng)) for _ in range(20)]
    alone = np.concatenate([estimate([config], shapes) for config in configs])
    assert np.array_equal(estimate(configs, shapes), alone)
    assert np.array_equal(estimate(configs, shapes, threads=2), alone)
    order = rng.permutation(len(shapes))
    again = estimate(configs, [shapes[i] for i in order])
    assert np.array_equal(again, alone[:, order])


def test_refused() -> None:
    """Beyond the limits, and beyond the addresses."""
    small = replace(PRESETS["small"], limits=Limits(max_m=10, max_n=20, max_k=30))
    found = estimate([small], [(10, 20, 30), (11, 1, 1), (1, 21, 1), (1, 1, 31)])
    assert (found > 0).tolist() == [[True, False, False, False]]
    near = replace(PRESETS["small"], bus=replace(PRESETS["small"].bus, addr_width=16))
    assert estimate([near], [(250, 250, 250)])[0, 0] == REFUSED


def test_nothing_to_estimate() -> None:
    """No designs, no shapes."""
    assert estimate([], [(1, 2, 3)]).shape == (0, 1)
    assert estimate([PRESETS["tiny"]], []).shape == (1, 0)


def test_fields() -> None:
    """As many as the library reads."""
    assert len(_fields(PRESETS["tiny"])) == native.load().design_fields()


@pytest.mark.parametrize(
    ("shapes", "memory", "message"),
    [
        ([(1, 0, 1)], None, "sizes of a GEMM must be at least 1, not 0"),
        ([(1, 1, 1)], Memory(recording=Recording()), "must have a memory of fixed latency"),
    ],
)
def test_refusals(shapes: list[tuple[int, int, int]], memory: Memory | None, message: str) -> None:
    """One sentence each."""
    with pytest.raises(ValueError, match=message):
        estimate([PRESETS["tiny"]], shapes, memory)
