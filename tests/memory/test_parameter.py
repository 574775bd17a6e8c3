# SPDX-License-Identifier: Apache-2.0
"""The parameter memory in Icarus Verilog and in Verilator."""

from collections.abc import Callable

import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Sram
from matwright.memory.parameter import ParameterMemory


def config(
    rows: int, cols: int, lanes: int, bits: int, panels: int, *, registers: int = 0
) -> AcceleratorConfig:
    return AcceleratorConfig(
        rows=rows,
        cols=cols,
        sram=Sram(column_panels=panels),
        bus=Bus(data_width=bits),
        build=Build(post_lanes=lanes, sram_registers=registers),
    )


CONFIGS = {
    "beat_is_half_an_entry": config(4, 4, 1, 32, 4),
    "beat_is_entry": config(8, 5, 1, 64, 2),
    "four_entries_a_beat": config(8, 6, 1, 256, 4),
    "beat_is_group": config(8, 8, 4, 256, 4),
    "eight_beats_a_group": config(8, 4, 4, 32, 2),
    "one_group": config(4, 3, 4, 32, 1),
    "registers": config(8, 8, 4, 256, 4, registers=1),
    "registers_four_entries_a_beat": config(8, 6, 1, 256, 4, registers=1),
    "registers_eight_beats_a_group": config(8, 4, 4, 32, 2, registers=1),
}
CASES = [
    *(("icarus", name) for name in CONFIGS),
    ("verilator", "four_entries_a_beat"),
    ("verilator", "eight_beats_a_group"),
]


Protect = Callable[[AcceleratorConfig, str], AcceleratorConfig]


@pytest.mark.parametrize(("simulator", "name"), CASES)
def test_parameter_memory(simulator: str, name: str, run_memory: Callable[..., None]) -> None:
    run_memory(
        ParameterMemory(CONFIGS[name]),
        CONFIGS[name],
        "parameter",
        simulator,
        collisions=False,
        seed=43,
    )


@pytest.mark.parametrize(
    ("name", "protection"),
    [
        ("four_entries_a_beat", "parity"),
        ("eight_beats_a_group", "secded"),
        ("registers_four_entries_a_beat", "secded"),
    ],
)
def test_check_bits(
    name: str, protection: str, protect: Protect, run_memory: Callable[..., None]
) -> None:
    shape = protect(CONFIGS[name], protection)
    run_memory(ParameterMemory(shape), shape, "parameter", "icarus", collisions=False, seed=47)
