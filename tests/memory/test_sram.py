# SPDX-License-Identifier: Apache-2.0
"""The SRAM: Amaranth's memory, and the module of the emitted Verilog."""

from random import Random

import pytest

from matwright.emit import convert
from matwright.memory.sram import Sram, address_width
from matwright_sim.agents.trace import element_of, simulate
from matwright_sim.benches.memory_cases import SramCase
from matwright_sim.runner import run_bench

SHAPES = [(8, 16), (5, 3), (64, 2), (1, 1), (13, 100)]


@pytest.mark.parametrize(("width", "depth"), SHAPES)
def test_words_are_exact(width: int, depth: int) -> None:
    case = SramCase(Random(51), width, depth)
    record = simulate(Sram(width, depth), case.inputs, ["r_data"])
    seen = [element_of(bits, width, 0, signed=False) for bits in record["r_data"][case.known :]]
    assert case.known < case.CYCLES // 2
    assert seen == case.r_data[case.known :]


@pytest.mark.parametrize(
    ("simulator", "width", "depth"),
    [*(("icarus", *shape) for shape in SHAPES), ("verilator", 5, 3)],
)
def test_verilog_module(simulator: str, width: int, depth: int) -> None:
    run_bench(
        verilog=convert(Sram(width, depth), "sram_top"),
        toplevel="sram_top",
        bench="matwright_sim.benches.memory_sram",
        simulator=simulator,
        parameters={"WIDTH": str(width), "DEPTH": str(depth)},
        seed=52,
    )


def test_latency_and_hold() -> None:
    inputs = {
        "w_en": [1, 1, 0, 0, 0, 0, 0, 0],
        "w_addr": [2, 3, 2, 0, 0, 0, 0, 0],
        "w_data": [21, 31, 99, 0, 0, 0, 0, 0],
        "r_en": [0, 0, 1, 0, 0, 1, 0, 0],
        "r_addr": [0, 0, 2, 3, 3, 3, 2, 2],
    }
    record = simulate(Sram(8, 4), inputs, ["r_data"])
    assert Sram.LATENCY == 1
    seen = [element_of(bits, 8, 0, signed=False) for bits in record["r_data"]]
    assert seen == [0, 0, 0, 21, 21, 21, 31, 31]


@pytest.mark.parametrize(
    ("depth", "width"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (256, 8), (257, 9)]
)
def test_address_width(depth: int, width: int) -> None:
    assert address_width(depth) == width
