# SPDX-License-Identifier: Apache-2.0
"""The check of netlists: clean hardware passes, and each fault of structure is found."""

import subprocess
from pathlib import Path

import pytest

from matwright.presets import PRESETS
from matwright_sim.models.dp16kd import DP16KD
from matwright_sim.models.yosys_cells import ecp5_cells
from matwright_sim.netlists import netlist
from matwright_sim.toolchain import ICARUS_FLAGS, find_icarus
from matwright_sim.verify import netlist as check
from matwright_sim.verify.check import Task
from matwright_sim.verify.structure import faults, look

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
