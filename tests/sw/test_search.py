# SPDX-License-Identifier: Apache-2.0
"""The tilings that the driver chooses: at least as fast as the rule's, and told."""

from collections.abc import Iterator

import numpy as np
import pytest
from golden_transport import GoldenTransport

from matwright.presets import PRESETS
from matwright_sim.cycles import Memory, estimate, exact, native
from matwright_sim.cycles.gemm import gemm_program
from matwright_sim.toolchain import ToolError
from matwright_sw import Driver, search, tiling
from matwright_sw.tiling import Tiling


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Choices are kept; other tests should not see those of a machine without a compiler."""
    search.choose.cache_clear()
    yield
    search.choose.cache_clear()


@pytest.mark.parametrize("name", ["small", "edge", "wide"])
def test_never_slower_than_the_rule(name: str) -> None:
    """But for the part in 4096 that loading less may cost; and faster for some."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    config, rng = PRESETS[name], np.random.default_rng(seed)
    shapes = [tuple(map(int, rng.integers(1, 200, 3))) for _ in range(40)]
    for latency in (2, 40, 200):
        memory = Memory(read_latency=latency, write_latency=latency)
        ruled = estimate([config], shapes, memory, tiling="rule")[0]
        searched = estimate([config], shapes, memory)[0]
        assert (searched <= ruled + ruled // 4096).all()
        assert (searched < ruled).any()


def test_chosen_by_the_model_for_the_memory() -> None:
    """The cycles of what is chosen, by the other model; another memory, another choice."""
    config, shape = PRESETS["small"], (60, 60, 60)
    choices = {}
    for latency in (1, 400):
        memory = Memory(read_latency=latency, write_latency=latency)
        choice = search.choose(config, *shape, read_latency=latency, write_latency=latency)
        assert choice.by == "model"
        choices[latency] = choice.tiling
        best = []
        for cut in (choice.tiling, tiling.choose(config, *shape)):
            program = gemm_program(config, *shape, table=False, tiling=cut)
            best.append(exact(config, [program.descriptor], memory, program.address).cycles)
        assert best[0] <= best[1]
    assert choices[1] != choices[400]


def test_the_rule_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another tiling, never another result."""

    def missing() -> None:
        raise ToolError("g++ is not there")

    monkeypatch.setattr(native, "load", missing)
    config = PRESETS["small"]
    choice = search.choose(config, 33, 44, 55)
    assert choice == (tiling.choose(config, 33, 44, 55), "rule")
    driver = Driver(config, GoldenTransport(config))
    rng = np.random.default_rng(1)
    a, b = rng.integers(-128, 128, (33, 55)), rng.integers(-128, 128, (55, 44))
    assert np.array_equal(driver.gemm(a, b), a @ b)


def test_a_program_tells_its_tilings() -> None:
    """Of each GEMM in order, those of the caller too."""
    config = PRESETS["small"]
    driver = Driver(config, GoldenTransport(config), read_latency=7, write_latency=9)
    a, b = driver.upload_a(np.ones((20, 30), int)), driver.upload_b(np.ones((30, 40), int))
    program = driver.program()
    program.gemm(a, b, raw=True)
    program.gemm(a, b, raw=True, tiling=Tiling(4, 1, 1))
    first, second = program.tilings
    assert first == search.choose(config, 20, 40, 30, raw=True, read_latency=7, write_latency=9)
    assert second == (Tiling(4, 1, 1), "caller")
    cuts = [(d.tile_rows, d.n_panels_log2, d.k_panels_log2) for d in program.descriptors]
    assert [Tiling(*cut) for cut in cuts] == [first.tiling, second.tiling]


def test_a_tiling_for_one_call() -> None:
    """Handed through to the program."""
    config = PRESETS["small"]
    driver = Driver(config, GoldenTransport(config))
    a, b = np.ones((9, 9), int), np.ones((9, 9), int)
    assert (driver.gemm(a, b, tiling=Tiling(2, 0, 1)) == 9).all()
