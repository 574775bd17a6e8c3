# SPDX-License-Identifier: Apache-2.0
"""Wires and registers of a netlist are called what the Verilog calls them."""

import re
from typing import Any

from standin_tools import BOTH, cell, module, netlist, wire

from matwright_fpga.netlist import Netlist, Signal, place, trace

VERILOG = """\
module \\matwright_x.engine.tiles (clk);
  always @(posedge clk)
    if (rst) \\count$4  <= 3'h4;
    else \\count$4  <= \\$3 ;
  always @(posedge clk)
    \\$7  <= a;
endmodule
"""


def test_a_wire_is_called_by_where_it_is_driven() -> None:
    before = module(
        {
            "port$12$0": wire([7]),
            "step": wire([5, 6, 7], "step"),
            "a.step": wire([5, 6, 7], "a step", mark=BOTH),
            "a.b.step$3": wire([5, 6], "a b step$3", mark=BOTH),
            "c.d.index$9": wire([5, 6], "c d index$9"),
            "c.d.index": wire([5, 6], "c d index"),
            "c.index_LUT4_Z": wire([5, 6], "c index_LUT4_Z", mark=""),
        },
        {},
    )
    # Mapping has left one name, that of an input, and has numbered the wires anew.
    after = module({"a.step": wire([50, 60, 70], mark=""), "x_LUT4_Z": wire([80], mark="")}, {})
    data = {"modules": {"top": after}}
    made = Netlist(data, trace(before, after, ""))
    assert made.signal("a.step[0]") == Signal(("c", "d"), "index")
    assert made.signal("a.step[1]") == Signal(("c", "d"), "index")
    assert made.signal("a.step[2]") == Signal((), "step")
    assert made.signal("a.step[3]") is None
    assert made.signal("x_LUT4_Z") is None
    assert made.signal("$nextpnr_CCU2C_2$CIN") is None


def test_constants_have_no_name() -> None:
    made = netlist({"zero": wire(["0"]), "one": wire(["1", 4])}, {})
    assert made.signal("zero") is None
    assert made.signal("one[0]") is None
    assert made.signal("one[1]") == Signal((), "one")


def test_a_register_is_called_by_its_output() -> None:
    made = netlist(
        {"a.count": wire([5, 6], "a count"), "$x": wire([9], mark="")},
        {
            "a.count_TRELLIS_FF_Q_1": cell("TRELLIS_FF", DI=8, Q=6),
            "a.x_LUT4_Z": cell("LUT4", A=5, Z=8),
            "a.y_LUT4_Z": cell("LUT4", A=5, Z=9),
        },
    )
    count = Signal(("a",), "count")
    assert made.register("a.count_TRELLIS_FF_Q_1") == count
    # On the iCE40, by the LUT before it.
    assert made.register("a.x_LUT4_Z_LC") == count
    assert made.register("a.y_LUT4_Z_LC") is None
    assert made.register("$PACKER_VCC") is None


def test_a_register_mapped_as_its_inverse_is_called_by_its_line() -> None:
    made = netlist(
        {"count_INV": wire([5], mark="")},
        {
            "named": cell("SB_DFFSR", "design.v:3.3-4.20|/share/ff_map.v:19.5-19.9", D=4, Q=5),
            "anonymous": cell("SB_DFF", "design.v:6.5-6.15", D=4, Q=6),
            "elsewhere": cell("SB_DFF", "/share/ff_map.v:19.5-19.9", D=4, Q=7),
        },
        VERILOG,
    )
    assert made.register("named_DFFLC") is None
    assert made.assigned("named_DFFLC") == ("matwright_x.engine.tiles", "count")
    assert made.assigned("anonymous_DFFLC") is None
    assert made.assigned("elsewhere_DFFLC") is None


def test_cells_that_nextpnr_renames_are_known() -> None:
    made = netlist(
        {"a.b.p": wire([5], "a b p"), "c.q": wire([6], "c q")},
        {
            "a.b.p_CCU2C_S0": cell("CCU2C", CIN=3, COUT=4),
            "a.b.memory.0.0": cell("DP16KD", ADA=3, DOA0=6),
            "c.x_MULT18X18_Z": cell("MULT18X18", A=6, Z=5),
        },
    )
    assert made.kind("a.b.p_CCU2C_S0$CCU2_COMB1") == "carry chain"
    assert made.kind("a.b.p_CCU2C_S0$ccu2_comb[1]$") == "carry chain"
    assert made.kind("c.x_MULT18X18_Z/MULT9_CORE_x0_z2") == "multiplier"
    assert made.kind("$nextpnr_CCU2C_2$CCU2_COMB0") == ""
    # A memory is where its name says, a multiplier where its product is.
    assert made.module("a.b.memory.0.0") == ("a", "b")
    assert made.module("c.x_MULT18X18_Z/MULT9_CORE_x0_z2") == ("a", "b")
    assert made.module("nowhere") == ()


def test_ports_are_cut_and_carries_freed() -> None:
    made = netlist(
        {},
        {
            "low": cell("VLO", Z=9),
            "first": cell("CCU2", CIN=9, COUT=10),
            "second": cell("CCU2", CIN=10, COUT=11),
            "other": cell("CCU2C", CIN="0", COUT=12),
        },
    )
    made.cut_ports()
    made.free_carries()
    top = made.data["modules"]["top"]
    assert top["ports"] == {}
    kept = {name: sorted(record["connections"]) for name, record in top["cells"].items()}
    assert kept["first"] == ["COUT"]
    assert kept["second"] == kept["other"] == ["CIN", "COUT"]
    assert made.count() == {"VLO": 1, "CCU2": 2, "CCU2C": 1}


def test_places_in_words() -> None:
    assert place("", ("engine", "weights", "bank_0", "cells")) == "engine.weights.bank_0"
    assert place("engine.array", ("row_0",)) == "engine.array.row_0"
    assert place("engine.array", ()) == "engine.array"
    assert place("", ()) == "the top module"


def test_constants_come_from_a_lut_of_the_group() -> None:
    def multiplier(**ports: int | str) -> dict[str, Any]:
        return cell("MULT18X18D", **ports, P0=7)

    made = netlist(
        {"p": wire([7, 12]), "one": wire(["1"])},
        {
            "a": multiplier(CE0="1", CE1=5, RST0="0", A0="0"),
            "b": multiplier(CE0="1", CE1="1", RST0="x"),
            "c": multiplier(CE0="1", RST0="0"),
            "d": multiplier(CE0="1", RST0="0"),
        },
    )
    made.tie_nearby({"a": "X4/Y10", "b": "X4/Y10", "c": "X13/Y10"}, re.compile(r"(CE|RST)\d"))
    ties = {name: made.cells[name] for name in set(made.cells) - set("abcd")}
    # A group has what it needs: no reset is tied low beside "b", but beside "a".
    assert sorted(ties) == ["X13/Y10.tie_0", "X13/Y10.tie_1", "X4/Y10.tie_0", "X4/Y10.tie_1"]
    driven = {name: tie["connections"]["Z"][0] for name, tie in ties.items()}
    assert len(set(driven.values())) == 4
    assert min(driven.values()) > 12
    for name, tie in ties.items():
        assert tie["type"] == "LUT4"
        assert tie["parameters"]["INIT"] == name[-1] * 16
        assert tie["port_directions"]["Z"] == "output"
    one, zero = driven["X4/Y10.tie_1"], driven["X4/Y10.tie_0"]
    inputs = {name: dict(made.cells[name]["connections"]) for name in "abcd"}
    assert inputs["a"] == {"CE0": [one], "CE1": [5], "RST0": [zero], "A0": ["0"], "P0": [7]}
    assert inputs["b"] == {"CE0": [one], "CE1": [one], "RST0": ["x"], "P0": [7]}
    other = {"CE0": [driven["X13/Y10.tie_1"]], "RST0": [driven["X13/Y10.tie_0"]], "P0": [7]}
    assert inputs["c"] == other
    assert inputs["d"] == {"CE0": ["1"], "RST0": ["0"], "P0": [7]}


def test_without_groups_nothing_is_tied() -> None:
    made = netlist({"p": wire([7])}, {"a": cell("MULT18X18D", CE0="1", P0=7)})
    made.tie_nearby({}, re.compile(r"CE\d"))
    assert list(made.cells) == ["a"]
    assert made.cells["a"]["connections"]["CE0"] == ["1"]
