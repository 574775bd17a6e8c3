# SPDX-License-Identifier: Apache-2.0
"""The activation scratchpad in Icarus Verilog and in Verilator."""

from collections.abc import Callable

import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.memory.activation import ActivationScratchpad


def config(
    rows: int,
    cols: int,
    bits: int,
    activation_rows: int,
    a_width: int = 8,
    b_width: int = 8,
    *,
    registers: int = 0,
    ports: int = 2,
) -> AcceleratorConfig:
    return AcceleratorConfig(
        rows=rows,
        cols=cols,
        precision=Precision(a_width=a_width, b_width=b_width),
        sram=Sram(activation_rows=activation_rows),
        bus=Bus(data_width=bits),
        limits=Limits(max_k=1000),
        build=Build(post_lanes=1, sram_registers=registers, activation_ports=ports),
    )


CONFIGS = {
    "beat_is_panel": config(4, 4, 32, 16),
    "two_beats_a_panel": config(5, 3, 32, 8),
    "four_beats_a_panel": config(6, 3, 32, 16, 12, 5),
    "beat_is_two_panels": config(4, 4, 64, 32),
    "beat_is_eight_panels": config(4, 8, 256, 64),
    "beat_is_four_odd_panels": config(3, 32, 128, 32, 5, 5),
    "one_word": config(4, 8, 256, 16),
    "one_row": config(1, 8, 64, 32, 12, 5),
    "twelve_rows": config(12, 8, 64, 32),
    "registers": config(10, 8, 64, 32, registers=1),
    "registers_eight_panels": config(4, 8, 256, 64, registers=1),
    "registers_one_row": config(1, 8, 64, 32, 12, 5, registers=1),
}
SINGLE = {
    "single_beat_is_panel": config(4, 4, 32, 16, ports=1),
    "single_two_beats_a_panel": config(5, 3, 32, 8, ports=1),
    "single_four_beats_a_panel": config(6, 3, 32, 16, 12, 5, ports=1),
    "single_beat_is_two_panels": config(4, 4, 64, 32, ports=1),
    "single_beat_is_eight_panels": config(4, 8, 256, 64, ports=1),
    "single_narrow": config(11, 8, 64, 32, 4, 4, ports=1),
    "single_narrow_two_panels": config(3, 8, 64, 16, 3, 4, ports=1),
    "single_one_word": config(4, 8, 256, 16, ports=1),
    "single_one_row": config(1, 8, 64, 32, 12, 5, ports=1),
    "single_registers": config(13, 8, 64, 32, registers=1, ports=1),
    "single_narrow_registers": config(6, 8, 32, 16, 2, 5, registers=1, ports=1),
}
"""Lanes that share a memory: none, two, three and four of them, in parts of eight and of fewer."""
CONFIGS |= SINGLE
CASES = [
    *(("icarus", name, "generic") for name in CONFIGS),
    *(("icarus", name, "ice40") for name in SINGLE),
    ("verilator", "two_beats_a_panel", "generic"),
    ("verilator", "single_two_beats_a_panel", "generic"),
    ("verilator", "single_beat_is_panel", "ice40"),
]


Protect = Callable[[AcceleratorConfig, str], AcceleratorConfig]


@pytest.mark.parametrize(("simulator", "name", "family"), CASES)
def test_activation_scratchpad(
    simulator: str, name: str, family: str, run_memory: Callable[..., None]
) -> None:
    # With two ports every lane reads in every cycle, also while nobody asks.
    run_memory(
        ActivationScratchpad(CONFIGS[name]),
        CONFIGS[name],
        "activation",
        simulator,
        collisions=True,
        seed=41,
        family=family,
    )


@pytest.mark.parametrize(
    ("name", "protection", "family"),
    [
        ("two_beats_a_panel", "parity", "generic"),
        ("beat_is_four_odd_panels", "secded", "generic"),
        ("registers_eight_panels", "secded", "generic"),
        ("single_two_beats_a_panel", "parity", "generic"),
        ("single_two_beats_a_panel", "secded", "ice40"),
        ("single_beat_is_eight_panels", "secded", "generic"),
        ("single_narrow", "secded", "generic"),
        ("single_narrow_registers", "parity", "ice40"),
    ],
)
def test_check_bits(
    name: str, protection: str, family: str, protect: Protect, run_memory: Callable[..., None]
) -> None:
    shape = protect(CONFIGS[name], protection)
    run_memory(
        ActivationScratchpad(shape),
        shape,
        "activation",
        "icarus",
        collisions=True,
        seed=46,
        family=family,
    )


@pytest.mark.parametrize(
    ("name", "panels", "beats", "words"),
    [
        ("beat_is_panel", 1, 1, 8),
        ("two_beats_a_panel", 1, 2, 4),
        ("four_beats_a_panel", 1, 4, 8),
        ("beat_is_two_panels", 2, 1, 8),
        ("beat_is_eight_panels", 8, 1, 4),
        ("beat_is_four_odd_panels", 4, 1, 4),
        ("one_word", 8, 1, 1),
        ("one_row", 4, 1, 4),
    ],
)
def test_shape_is_what_the_name_says(name: str, panels: int, beats: int, words: int) -> None:
    shape = CONFIGS[name]
    assert shape.panels_per_activation_word == panels
    assert shape.beats_per_activation_word == beats
    assert shape.activation_words == words
