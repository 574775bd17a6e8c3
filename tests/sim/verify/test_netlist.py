# SPDX-License-Identifier: Apache-2.0
"""The check of netlists: clean hardware passes, and each fault of structure is found."""

import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from matwright.config import Limits
from matwright.presets import PRESETS
from matwright_sim.models.dp16kd import DP16KD
from matwright_sim.models.yosys_cells import ecp5_cells
from matwright_sim.netlists import MappedNetlist, netlist
from matwright_sim.toolchain import ICARUS_FLAGS, ToolError, find_icarus
from matwright_sim.verify import netlist as check
from matwright_sim.verify import tools
from matwright_sim.verify.check import Task
from matwright_sim.verify.structure import faults, look
from matwright_sim.verilog import cached_verilog

TINY = PRESETS["tiny"]

TOP = """\
module top (clk, rst, a, b, q);
  input clk, rst, a, b;
  output q;
  wire other = clk & a;
  wire loop = b;
  reg q;
  always @(posedge clk) if (rst) q <= 0; else q <= loop;
  {more}
endmodule
"""

MEMORY = (
    "reg [3:0] m [0:7]; reg [3:0] r; always @(posedge other) if (b) m[{a, b, a}] <= {a, b, rst, b};"
    " always @(posedge clk) r <= m[{b, b, a}];"
)


def test_the_structure_of_an_accelerator(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    task = Task(TINY, tmp_path, advance=lambda done, total: told.append((done, total)))
    outcome = check.CHECK.run(task)
    assert outcome.passed, outcome.failures
    figures = {figure.name: figure.value for figure in outcome.figures}
    assert int(figures["flip-flops"]) > int(figures["of them with a reset"]) > 1000
    assert told[0] == (0, 1) and told[-1] == (1, 1)


def _no_icarus() -> str:
    raise ToolError("iverilog is not on PATH; install it with `apt-get install iverilog`")


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of each netlist, the Verilog."""
    top = {"netnames": {"clk": {"bits": [2]}}, "cells": {}}
    made = MappedNetlist(cached_verilog(TINY), top, Counter(SB_DFF=3, SB_LUT4=5))
    monkeypatch.setattr(check, "netlist", lambda config, kind, verilog: made)


def test_a_configuration_with_small_limits(tmp_path: Path) -> None:
    """A program within them runs, on the Verilog."""
    config = replace(TINY, limits=Limits(max_m=3, max_n=3, max_k=5))
    check.check_program(config, cached_verilog(config), "model", 0.3, 1)


@pytest.mark.usefixtures("plain")
def test_without_icarus_structure_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also that of netlists, and nobody says that they were simulated."""
    monkeypatch.setitem(tools.TOOLS, "icarus", _no_icarus)
    monkeypatch.setattr(check, "check_program", None)
    assert "icarus" not in check.CHECK.needs
    outcome = check.CHECK.run(Task(TINY, tmp_path, full=True))
    assert outcome.passed and not any("program" in figure.name for figure in outcome.figures)
    assert outcome.notes == [
        "No netlist was simulated: iverilog is not on PATH; install it with `apt-get install iverilog`."
    ]
    (sheet,) = outcome.sheets
    assert [row[0] for row in sheet.rows] == ["Verilog, flat", "gates", "ice40", "ecp5"]
    assert {row[3] for row in sheet.rows} == {"structure"}


@pytest.mark.usefixtures("plain")
def test_a_waveform(tmp_path: Path) -> None:
    """It is all that a replay leaves beside a user's files."""
    assert check.CHECK.replay is not None
    own = tmp_path / "matwright_tiny" / "notes.txt"
    own.parent.mkdir()
    own.write_text("keep")
    trace, case = tmp_path / "wave.fst", {"kind": "gates", "seed": 1}
    trace.touch()
    outcome = check.CHECK.replay(Task(TINY, tmp_path), case, trace)
    assert outcome.passed, outcome.failures
    assert trace.stat().st_size > 1000 and own.read_text() == "keep"
    assert sorted(tmp_path.iterdir()) == sorted([trace, own.parent])


def test_nothing_is_said_of_a_clean_module() -> None:
    found = look(TOP.format(more=""), "top")
    assert found.faults == []
    assert (found.flip_flops, found.reset) == (1, 1)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("reg r; always @(posedge other) r <= b;", "on another clock"),
        ("reg r; always @(negedge clk) r <= b;", "on the falling edge"),
        ("reg r; always @(posedge clk, posedge rst) if (rst) r <= 0; else r <= b;", "asynchronous"),
        ("reg r; always @* if (a) r = b;", "latch"),
        (
            "wire c, d; assign c = ~(d & a); assign d = ~(c & b); assign loop = d;",
            "conflicting drivers",
        ),
        ("wire c, d; assign c = ~(d & a); assign d = ~(c & b); wire e = c;", "logic loop"),
        ("wire c; reg r; always @(posedge clk) r <= c;", "no driver"),
        (MEMORY, "on another clock"),
    ],
)
def test_each_fault_is_found(more: str, what: str) -> None:
    text = TOP.format(more=f"(* keep *) {more}" if more.startswith("reg") else more)
    if "r <=" in more or "r = b" in more:
        text = text.replace("output q;", "output q; output [3:0] seen;").replace(
            ", q)", ", q, seen)"
        )
        text = text.replace("endmodule", "  assign seen = r;\nendmodule")
    assert what in " ".join(look(text, "top").faults)


def test_a_cell_that_is_not_known() -> None:
    """Nobody knows what is in a black box."""
    box = "(* blackbox *) module box (a, y); input a; output y; endmodule\n"
    text = TOP.format(more="box inside (.a(a), .y(seen));")
    text = text.replace("output q;", "output q; output seen;").replace(", q)", ", q, seen)")
    what = "There are 1 cells of type box, which is neither logic, flip-flop nor memory."
    assert what in look(box + text, "top").faults


def test_a_kind_that_there_is_not() -> None:
    with pytest.raises(
        ValueError, match="the kind of a netlist must be one of gates, ice40, ecp5, not 'x'"
    ):
        netlist(TINY, "x", "")


def test_cells_of_the_ecp5_and_of_gates() -> None:
    def module(**cell: object) -> dict[str, object]:
        return {"netnames": {"clk": {"bits": [2]}}, "cells": {"r": cell}}

    pins = {"CLK": [2], "C": [2], "LSR": [3], "Q": [4]}
    for kind, settings, what in (
        ("TRELLIS_FF", {"SRMODE": "LSR_OVER_CE", "CLKMUX": "CLK"}, ""),
        ("TRELLIS_FF", {"SRMODE": "ASYNC", "CLKMUX": "CLK"}, "asynchronous"),
        ("TRELLIS_FF", {"SRMODE": "LSR_OVER_CE", "CLKMUX": "INV"}, "falling"),
        ("$_DFFE_PN_", {}, ""),
        ("$_SDFFCE_PN0P_", {}, ""),
        ("$_DFF_N_", {}, "falling"),
        ("$_DFF_PP0_", {}, "asynchronous"),
        ("$_DFFE_PP0P_", {}, "asynchronous"),
        ("$_ALDFF_PP_", {}, "asynchronous"),
        ("$_DLATCH_P_", {}, "latches"),
        ("$adff", {}, "asynchronous"),
    ):
        found = " ".join(faults(module(type=kind, connections=pins, parameters=settings)))
        assert (what in found) if what else not found, f"{kind} {settings}: {found}"


def test_the_models_of_the_ecp5_are_verilog_2005(tmp_path: Path) -> None:
    file = tmp_path / "cells.v"
    file.write_text(ecp5_cells() + DP16KD)
    command = [str(find_icarus().iverilog), *ICARUS_FLAGS, "-tnull", str(file)]
    subprocess.run(command, check=True, timeout=60)
