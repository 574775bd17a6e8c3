# SPDX-License-Identifier: Apache-2.0
"""The activation scratchpad in Icarus Verilog and in Verilator."""

from collections.abc import Callable

import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.memory.activation import ActivationScratchpad


def config(
    rows: int, cols: int, bits: int, activation_rows: int, a_width: int = 8, b_width: int = 8
) -> AcceleratorConfig:
    return AcceleratorConfig(
        rows=rows,
        cols=cols,
        precision=Precision(a_width=a_width, b_width=b_width),
        sram=Sram(activation_rows=activation_rows),
        bus=Bus(data_width=bits),
        limits=Limits(max_k=1000),
        build=Build(post_lanes=1),
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
}
CASES = [*(("icarus", name) for name in CONFIGS), ("verilator", "two_beats_a_panel")]


Protect = Callable[[AcceleratorConfig, str], AcceleratorConfig]


@pytest.mark.parametrize(("simulator", "name"), CASES)
def test_activation_scratchpad(simulator: str, name: str, run_memory: Callable[..., None]) -> None:
    # Every lane reads in every cycle, also while nobody asks.
    run_memory(
        ActivationScratchpad(CONFIGS[name]),
        CONFIGS[name],
        "activation",
        simulator,
        collisions=True,
        seed=41,
    )


@pytest.mark.parametrize(
    ("name", "protection"), [("two_beats_a_panel", "parity"), ("beat_is_four_odd_panels", "secded")]
)
def test_check_bits(
    name: str, protection: str, protect: Protect, run_memory: Callable[..., None]
) -> None:
    shape = protect(CONFIGS[name], protection)
    run_memory(ActivationScratchpad(shape), shape, "activation", "icarus", collisions=True, seed=46)


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
