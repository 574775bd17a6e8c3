# SPDX-License-Identifier: Apache-2.0
"""The SRAM with one port: Amaranth's memory, the module of the emitted Verilog, and SPRAM."""

from random import Random

import pytest

from matwright.emit import convert
from matwright.memory.single_port import SinglePortSram
from matwright_sim.agents.trace import simulate
from matwright_sim.benches.memory_cases import SramCase
from matwright_sim.models import with_models
from matwright_sim.runner import run_bench

SHAPES = [(8, 16), (5, 3), (64, 2), (1, 1), (13, 100)]
BLOCKS = {(16, 16): 1, (5, 3): 1, (1, 1): 1, (16, 1 << 14): 1, (9, 40_000): 3}
"""Shapes in SPRAM, and how many blocks they take."""


@pytest.mark.parametrize("registers", [0, 1])
@pytest.mark.parametrize(("width", "depth"), SHAPES)
def test_words_are_exact(width: int, depth: int, registers: int) -> None:
    print("seed 54")
    case = SramCase(Random(54), width, depth, registers, single=True)
    record = simulate(SinglePortSram(width, depth, registers), case.inputs, ["r_data"])
    case.check(record["r_data"])


def run(text: str, simulator: str, bench: str, *, width: int, depth: int, registers: int) -> None:
    run_bench(
        verilog=with_models(text),
        toplevel="sram_top",
        bench=f"matwright_sim.benches.memory_{bench}",
        simulator=simulator,
        parameters={
            "WIDTH": str(width),
            "DEPTH": str(depth),
            "REGISTERS": str(registers),
            "PORTS": "1",
        },
        seed=55,
    )


@pytest.mark.parametrize(
    ("simulator", "width", "depth", "registers"),
    [
        *(("icarus", *shape, 0) for shape in SHAPES),
        ("icarus", 13, 100, 1),
        ("verilator", 5, 3, 0),
        ("verilator", 5, 3, 1),
    ],
)
def test_verilog_module(simulator: str, width: int, depth: int, registers: int) -> None:
    text = convert(SinglePortSram(width, depth, registers), "sram_top")
    run(text, simulator, "sram", width=width, depth=depth, registers=registers)


@pytest.mark.parametrize(
    ("simulator", "width", "depth", "registers"),
    [
        *(("icarus", *shape, 0) for shape in BLOCKS),
        ("icarus", 9, 40_000, 1),
        ("verilator", 9, 40_000, 0),
    ],
)
def test_spram(simulator: str, width: int, depth: int, registers: int) -> None:
    text = convert(SinglePortSram(width, depth, registers), "sram_top", family="ice40")
    assert text.count("SB_SPRAM256KA") == BLOCKS[width, depth]
    run(text, simulator, "sram", width=width, depth=depth, registers=registers)


def test_words_too_wide_for_a_block_are_not_in_spram() -> None:
    text = convert(SinglePortSram(17, 64), "sram_top", family="ice40")
    assert "SB_SPRAM256KA" not in text
    assert "module sram_top_single_port_sram " in text


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_what_is_read_while_a_word_is_written_is_wrong(simulator: str) -> None:
    """So that a use of it shows, whichever word it is."""
    text = convert(SinglePortSram(8, 4), "sram_top")
    run(text, simulator, "collision", width=8, depth=4, registers=0)
