# SPDX-License-Identifier: Apache-2.0
"""SRAM of DP16KD against the portable one, with a model of the block: port A writes, port B reads."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from amaranth.back import verilog

from matwright.emit import convert
from matwright.memory.single_port import SinglePortSram
from matwright.memory.sram import Sram
from matwright.platform.ecp5_sram import SHALLOW, registered_sram
from matwright_sim.models.dp16kd import DP16KD
from matwright_sim.runner import run_bench

PLATFORM = SimpleNamespace(get_sram=registered_sram)


@pytest.mark.parametrize(
    ("width", "depth", "waits", "blocks"),
    [
        (32, 512, True, 2),
        (8, 2048, True, 1),
        (8, 512, True, 1),
        (32, 1024, True, 2),
        (64, 40, True, 4),
        (39, 512, True, 3),
        (36, 1536, True, 4),
        (3, 5000, True, 2),
        (2, 8192, True, 1),
        (1, 16384, True, 1),
        (9, 5000, True, 3),
        (9, 3000, True, 2),
        (32, 512, False, 1),
        (32, 1024, False, 2),
        (64, 40, False, 2),
        (39, 512, False, 2),
        (36, 1536, False, 3),
        (8, 2048, False, 1),
    ],
)
def test_words_are_exact(width: int, depth: int, waits: bool, blocks: int, tmp_path: Path) -> None:
    sram = Sram(width, depth, 1, waits)
    text = verilog.convert(sram, name="sram_top", platform=PLATFORM, emit_src=False)
    assert len(re.findall(r"^ +(?:DP16KD|PDPW16KD) #", text, re.MULTILINE)) == blocks
    run_bench(
        verilog=text + DP16KD,
        toplevel="sram_top",
        bench="matwright_sim.benches.memory_sram",
        parameters={
            "WIDTH": str(width),
            "DEPTH": str(depth),
            "REGISTERS": "1",
            "WAITS": str(int(waits)),
        },
        seed=54,
        build_root=tmp_path,
    )


@pytest.mark.parametrize(
    ("depth", "registers", "blocks"), [(SHALLOW + 1, 1, 1), (SHALLOW, 1, 0), (SHALLOW + 1, 0, 0)]
)
@pytest.mark.parametrize("kind", [Sram, SinglePortSram])
def test_where_blocks_are_placed(kind: type[Sram], depth: int, registers: int, blocks: int) -> None:
    text = convert(kind(8, depth, registers), "sram_top", family="ecp5")
    assert text.count("DP16KD #") == blocks
