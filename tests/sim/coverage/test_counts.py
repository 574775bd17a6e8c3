# SPDX-License-Identifier: Apache-2.0
"""What has run is read back as it was: files written by hand, and those of a machine."""

from pathlib import Path

import numpy as np
import standin

from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.coverage.counts import Bit, instances, read

VERILOG = r"""
module top(clk, a);
  reg \$auto$verilog_backend.cc:1:dump_module$1  = 0;
  input clk;
  input a;
  \top.part  part (
    .clk(clk)
  );
  ram #(
    .WIDTH(32'd4)
  ) cells (
    .clk(clk)
  );
endmodule
module \top.part (clk);
  ram #(
    .WIDTH(32'd8)
  ) \cells.0 (
    .clk(clk)
  );
endmodule
module ram (clk);
endmodule
"""


def point(line: int, page: str, comment: str, count: int) -> str:
    fields = {"f": "x.v", "l": line, "n": 3, "t": "t", "page": page, "o": comment}
    return "C '" + "".join(f"\1{name}\2{value}" for name, value in fields.items()) + f"' {count}\n"


def test_instances() -> None:
    assert instances(VERILOG) == {
        "top": "top",
        "top.part": "top.part",
        "top.cells": "ram",
        "top.part.cells.0": "ram",
    }


def test_points_of_runs_and_instances_are_joined(tmp_path: Path) -> None:
    files = []
    for number, (count, rose) in enumerate([(0, "1"), (2, "4")]):
        counts, moves = tmp_path / f"{number}.dat", tmp_path / f"{number}.moves"
        counts.write_text(
            "# SystemC::Coverage-3\n"
            + point(5, "v_branch/top", "if", count)
            + point(5, "v_branch/ram__W4", "else", 0)
            + point(3, "v_line/top", "block", 7)  # of a dummy register
            + point(6, "v_toggle/top", "a", 1)
        )
        moves.write_text(
            f"top\ta\t3\t{rose}\t1\t0\n"
            "top\tclk\t1\t1\t1\t0\n"
            "TOP\ta\t1\t0\t0\t0\n"
            "top.cells\td\t4\t3\tf\t2\n"
            "top.part.cells.0\td\t8\t0f0\tff0f\t0\n"
        )
        files.append((counts, moves))
    found = read(VERILOG, files)
    assert {(line.module, line.kind, line.comment): n for line, n in found.lines.items()} == {
        ("top", "branch", "if"): 2,
        ("ram", "branch", "else"): 0,
    }
    assert found.widths == {("top", "a"): 3, ("ram", "d"): 8}
    assert (found.rose["top", "a"], found.fell["top", "a"]) == (5, 1)
    assert (found.rose["ram", "d"], found.fell["ram", "d"]) == (0xF3, 0x0F)
    assert found.modules() == ["ram", "top"]
    tally = found.tally(None, "toggle")
    assert (tally.points, tally.reached) == (22, 3 + 10)
    assert (found.tally("ram", "branch").percent, found.tally("top", "line").percent) == (0, 100)
    still = set(found.still())
    assert {s for s in still if s[0].module == "top"} == {
        (Bit("top", "a", 1), True, True),
        (Bit("top", "a", 2), False, True),
    }


def test_bits_of_a_machine(tmp_path: Path) -> None:
    """Exactly the bits of a register that were written have moved; wide signals bit by bit."""
    config = standin.config(128, addr_width=32)
    verilog = standin.verilog(config.bus)
    rng = np.random.default_rng(1)
    with CompiledAccelerator(config, verilog, memory_bytes=1 << 16, coverage=True) as machine:
        machine.memory[:] = 0
        lane = int(rng.integers(16))
        machine.memory[lane:64:16] = 0xA5
        machine.write_register(standin.address("IRQ_ENABLE"), 3)
        machine.write_register(standin.address("PROGRAM_COUNT"), 1)
        machine.write_register(standin.address("CONTROL"), 1)
        assert machine.run(1000)
        counts, moves = tmp_path / "counts", tmp_path / "moves"
        machine.write_coverage(counts, moves)
    found = read(verilog, [(counts, moves)])
    (module,) = (name for name in found.modules() if (name, "m_axi_rdata") in found.widths)
    assert found.widths[module, "m_axi_rdata"] == 128
    assert found.rose[module, "m_axi_rdata"] == 0xA5 << 8 * lane
    assert found.rose[module, "s_axil_wdata"] == 3
    assert found.tally(None, "line").points and any(found.lines.values())
