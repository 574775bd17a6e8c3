# SPDX-License-Identifier: Apache-2.0
"""The SRAM: Amaranth's memory, and the module of the emitted Verilog."""

from random import Random

import pytest

from matwright.config import Build
from matwright.emit import convert
from matwright.memory.sram import Sram, address_width, read_latency
from matwright_sim.agents.trace import element_of, simulate
from matwright_sim.benches.memory_cases import SramCase
from matwright_sim.runner import run_bench

SHAPES = [(8, 16), (5, 3), (64, 2), (1, 1), (13, 100)]


@pytest.mark.parametrize(("registers", "waits"), [(0, True), (1, True), (1, False)])
@pytest.mark.parametrize(("width", "depth"), SHAPES)
def test_words_are_exact(width: int, depth: int, registers: int, waits: bool) -> None:
    print("seed 51")
    case = SramCase(Random(51), width, depth, registers, waits=waits)
    record = simulate(Sram(width, depth, registers, waits), case.inputs, ["r_data"])
    assert case.known < case.CYCLES // 2
    case.check(record["r_data"])


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
    run_bench(
        verilog=convert(Sram(width, depth, registers), "sram_top"),
        toplevel="sram_top",
        bench="matwright_sim.benches.memory_sram",
        simulator=simulator,
        parameters={"WIDTH": str(width), "DEPTH": str(depth), "REGISTERS": str(registers)},
        seed=52,
    )


@pytest.mark.parametrize("registers", [0, 1])
def test_latency_and_hold(registers: int) -> None:
    inputs = {
        "w_en": [1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        "w_addr": [2, 3, 2, 0, 0, 0, 0, 0, 0, 0],
        "w_data": [21, 31, 99, 0, 0, 0, 0, 0, 0, 0],
        "r_en": [0, 0, 1, 0, 0, 1, 0, 0, 0, 0],
        "r_addr": [0, 0, 2, 3, 3, 3, 2, 2, 0, 0],
    }
    if registers:
        inputs["r_moves"] = [0, 1, 0, 1, 1, 1, 0, 0, 1, 0]
    record = simulate(Sram(8, 4, registers), inputs, ["r_data"])
    seen = [element_of(bits, 8, 0, signed=False) for bits in record["r_data"]]
    wanted = [[0, 0, 0, 21, 21, 21, 31, 31, 31, 31], [0, 0, 0, 0, 21, 21, 21, 21, 21, 31]]
    assert seen == wanted[registers]
    assert read_latency(Build(sram_registers=registers)) == 1 + registers


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_word_that_is_read_while_it_is_written_is_wrong(simulator: str) -> None:
    """So that a use of it shows: neither the old word nor the new one."""
    run_bench(
        verilog=convert(Sram(8, 4), "sram_top"),
        toplevel="sram_top",
        bench="matwright_sim.benches.memory_collision",
        simulator=simulator,
        parameters={},
        seed=53,
    )


@pytest.mark.parametrize(
    ("depth", "width"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (256, 8), (257, 9)]
)
def test_address_width(depth: int, width: int) -> None:
    assert address_width(depth) == width
