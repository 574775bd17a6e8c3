# SPDX-License-Identifier: Apache-2.0
"""The weight ring in Icarus Verilog and in Verilator."""

from collections.abc import Callable

import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.memory.weight import WeightRing


def config(
    rows: int,
    cols: int,
    load_rows: int,
    bits: int,
    tiles: int,
    b_width: int = 8,
    *,
    registers: int = 0,
) -> AcceleratorConfig:
    return AcceleratorConfig(
        rows=rows,
        cols=cols,
        load_rows=load_rows,
        precision=Precision(b_width=b_width),
        sram=Sram(weight_tiles=tiles, column_panels=min(tiles, 16)),
        bus=Bus(data_width=bits),
        limits=Limits(max_k=1000),
        build=Build(post_lanes=1, sram_registers=registers),
    )


CONFIGS = {
    "beat_is_step": config(5, 3, 1, 32, 4),
    "beat_is_step_of_two_lanes": config(6, 3, 2, 64, 2, 5),
    "beat_is_two_steps": config(6, 3, 1, 64, 4),
    "beat_is_tile": config(8, 4, 1, 256, 8),
    "four_beats_a_step": config(8, 4, 4, 32, 2),
    "four_beats_a_step_of_two_bytes": config(3, 8, 1, 32, 2, 12),
    "beat_is_half_a_tile_of_lanes": config(8, 4, 2, 128, 4),
    "one_step": config(4, 4, 4, 64, 4),
    "one_column": config(8, 1, 2, 64, 8),
    "ten_columns": config(4, 10, 2, 64, 4),
    "registers": config(4, 10, 2, 64, 4, registers=1),
    "registers_two_steps": config(6, 3, 1, 64, 4, registers=1),
}
CASES = [*(("icarus", name) for name in CONFIGS), ("verilator", "beat_is_two_steps")]


Protect = Callable[[AcceleratorConfig, str], AcceleratorConfig]


@pytest.mark.parametrize(("simulator", "name"), CASES)
def test_weight_ring(simulator: str, name: str, run_memory: Callable[..., None]) -> None:
    # Every bank reads in every cycle, also while nobody asks.
    run_memory(
        WeightRing(CONFIGS[name]), CONFIGS[name], "weight", simulator, collisions=True, seed=42
    )


@pytest.mark.parametrize(
    ("name", "protection"),
    [
        ("beat_is_two_steps", "parity"),
        ("four_beats_a_step", "secded"),
        ("registers_two_steps", "secded"),
    ],
)
def test_check_bits(
    name: str, protection: str, protect: Protect, run_memory: Callable[..., None]
) -> None:
    shape = protect(CONFIGS[name], protection)
    run_memory(WeightRing(shape), shape, "weight", "icarus", collisions=True, seed=48)


@pytest.mark.parametrize(
    ("name", "steps", "beats"),
    [
        ("beat_is_step", 1, 1),
        ("beat_is_step_of_two_lanes", 1, 1),
        ("beat_is_two_steps", 2, 1),
        ("beat_is_tile", 8, 1),
        ("four_beats_a_step", 1, 4),
        ("four_beats_a_step_of_two_bytes", 1, 4),
        ("beat_is_half_a_tile_of_lanes", 2, 1),
        ("one_step", 1, 2),
        ("one_column", 4, 1),
    ],
)
def test_shape_is_what_the_name_says(name: str, steps: int, beats: int) -> None:
    assert CONFIGS[name].steps_per_weight_word == steps
    assert CONFIGS[name].beats_per_weight_word == beats
