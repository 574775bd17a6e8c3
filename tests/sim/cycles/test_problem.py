# SPDX-License-Identifier: Apache-2.0
"""A GEMM on changed machines: the words for a change, what cannot be built, and what is cut down."""

from dataclasses import replace

import pytest

from matwright.presets import PRESETS
from matwright_sim.cycles import Memory, exact
from matwright_sim.cycles.gemm import gemm_program
from matwright_sim.cycles.problem import Problem, Values

EDGE = PRESETS["edge"]


def problem(*sizes: int, memory: Memory | None = None) -> Problem:
    memory = Memory() if memory is None else memory
    return Problem.of(EDGE, gemm_program(EDGE, *sizes, memory=memory), memory)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"load_rows": 2}, "load_rows 2 instead of 1"),
        (
            {"load_rows": 2, "bus.outstanding": 32},
            "load_rows 2 instead of 1 and bus.outstanding 32 instead of 16",
        ),
        (
            {"bus.data_width": 128, "bus.max_burst": 16},
            "bus.data_width 128 instead of 64 (bus.max_burst 16)",
        ),
        ({"bus.max_burst": 64}, "bus.max_burst 64 instead of 32"),
        ({"latency": 20}, "memory latency 20 instead of 40"),
        ({"sram.weight_tiles": 128}, "sram.weight_tiles 128 instead of 64"),
        (
            {"sram.activation_rows": 1, "sram.weight_tiles": 1, "sram.accumulator_rows": 1},
            "activation_rows, weight_tiles and accumulator_rows of sram twice as large",
        ),
        (
            {"programs": 2, "build.descriptors": 1},
            "several such GEMMs in one program and build.descriptors 1 instead of 4",
        ),
    ],
)
def test_words(values: Values, words: str) -> None:
    assert problem(9, 9, 9).told(values) == words


@pytest.mark.parametrize(
    "values",
    [{"load_rows": 32}, {"bus.data_width": 1024}, {"rows": 512}, {"rows": 17, "load_rows": 2}],
)
def test_what_cannot_be_built(values: Values) -> None:
    assert problem(9, 9, 9).run(values) is None


def test_a_change_is_that_machine_and_that_memory() -> None:
    memory = Memory(read_latency=40, write_latency=10)
    changed = problem(40, 50, 60, memory=memory).run({"bus.outstanding": 2, "latency": 20})
    config = replace(EDGE, bus=replace(EDGE.bus, outstanding=2))
    memory = Memory(read_latency=20, write_latency=5)
    program = gemm_program(config, 40, 50, 60, memory=memory)
    run = exact(config, [program.descriptor], memory, program.address)
    assert changed is not None and changed.counters == run.counters


@pytest.mark.parametrize(
    "sizes",
    [
        (320, 512, 2048),
        (2000, 500, 300),
        (64, 8192, 1024),
        (1, 8192, 2048),
        (64, 64, 100_000),
        (4096, 1, 4096),
    ],
)
def test_a_part_is_whole_blocks(sizes: tuple[int, int, int]) -> None:
    """At least four of them on each side that is cut, and of K last."""
    program = gemm_program(EDGE, *sizes)
    d = program.descriptor
    cut = problem(*sizes)
    assert not cut.whole
    block = d.tile_rows, EDGE.cols << d.n_panels_log2, EDGE.rows << d.k_panels_log2
    for side in range(3):
        if cut.sizes[side] < sizes[side]:
            assert cut.sizes[side] % block[side] == 0
            assert cut.sizes[side] >= 4 * block[side]
    if cut.sizes[2] < sizes[2]:
        assert all(cut.sizes[side] <= 4 * block[side] for side in (0, 1))


def test_all_of_what_is_small() -> None:
    assert problem(512, 512, 512).whole
