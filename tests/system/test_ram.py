# SPDX-License-Identifier: Apache-2.0
"""The single-port RAM: Amaranth's memory, and the module of the emitted Verilog."""

import gc
import re
import warnings
from pathlib import Path
from random import Random

import pytest
from amaranth.hdl import UnusedElaboratable

from matwright.emit import convert
from matwright.system.ram import SinglePortRam
from matwright_sim.agents.trace import element_of, simulate
from matwright_sim.benches.system_cases import RamCase
from matwright_sim.runner import run_bench

SHAPES = [(8, 16), (32, 1024), (64, 5), (16, 1), (512, 100)]


@pytest.mark.parametrize(("width", "depth"), SHAPES)
def test_words_are_exact(width: int, depth: int) -> None:
    case = RamCase(Random(71), width, depth, blank=False)
    record = simulate(SinglePortRam(width, depth), case.inputs, ["r_data"])
    case.check(record["r_data"])


@pytest.mark.parametrize(
    ("simulator", "width", "depth"),
    [*(("icarus", *shape) for shape in SHAPES), ("verilator", 32, 1024)],
)
def test_verilog_module(simulator: str, width: int, depth: int, tmp_path: Path) -> None:
    run_bench(
        verilog=convert(SinglePortRam(width, depth), "ram_top"),
        toplevel="ram_top",
        bench="matwright_sim.benches.system_ram",
        simulator=simulator,
        parameters={"WIDTH": str(width), "DEPTH": str(depth)},
        seed=72,
        build_root=tmp_path,
    )


def test_large_memories_have_short_text() -> None:
    sizes = {len(convert(SinglePortRam(64, depth), "ram_top")) for depth in (1 << 15, 1 << 16)}
    assert max(sizes) < 5000
    assert len(re.findall(r"^module ", convert(SinglePortRam(8, 2), "ram_top"), re.MULTILINE)) == 2


def test_latency_and_hold() -> None:
    inputs = {
        "en": [1, 1, 1, 0, 1, 0, 0, 1, 1, 0],
        "w_mask": [3, 2, 0, 3, 0, 0, 3, 0, 3, 3],
        "addr": [2, 3, 2, 2, 3, 2, 3, 2, 3, 3],
        "w_data": [0x1234, 0x5678, 0, 0x9999, 0, 0, 0x9999, 0, 0, 0],
    }
    record = simulate(SinglePortRam(16, 4), inputs, ["r_data"])
    assert SinglePortRam.LATENCY == 2
    seen = [element_of(bits, 16, 0, signed=False) for bits in record["r_data"]]
    # Reads of cycles 2, 4 and 7 are here after the next cycle with `en`, and stay.
    assert seen[5:8] == [0x1234] * 3 and seen[8] == 0x5600 and seen[9] == 0x1234


@pytest.mark.parametrize(
    ("width", "depth", "message"),
    [
        (12, 4, "width must be a positive multiple of 8, not 12"),
        (0, 4, "width must be a positive multiple of 8, not 0"),
        (-8, 4, "width must be a positive multiple of 8, not -8"),
        (8, 0, "depth must be at least 1, not 0"),
    ],
)
def test_refusals(width: int, depth: int, message: str) -> None:
    with warnings.catch_warnings():
        # Amaranth would warn of the component that was begun and never used.
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(ValueError, match=f"^{message}$") as caught:
            SinglePortRam(width, depth)
        del caught
        gc.collect()
