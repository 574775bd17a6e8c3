# SPDX-License-Identifier: Apache-2.0
"""The multipliers of a large array have places, each its own, and neighbours are neighbours."""

import json
import re
from collections import Counter
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from standin_tools import cell

from matwright_fpga.design import Design
from matwright_fpga.devices import find_device
from matwright_fpga.floorplan import MULTIPLIER, Blocks, block, floorplan
from matwright_fpga.placement import place_and_route
from matwright_fpga.synthesis import synthesize
from matwright_fpga.tools import find_tool, run

SEED = 41

STRIP = 8
"""Columns of a strip."""

ECP5 = find_device("ecp5", "85k")[1].blocks
assert ECP5 is not None
SMALL = Blocks(rows=(3, 9), columns=(2, 11, 20), multipliers=(0, 1, 4, 5))

Cells = dict[str, dict[str, Any]]


def multiplier(path: str, enable: int | str = "1") -> dict[str, Any]:
    made = cell(MULTIPLIER, CLK0=2, CE0="1", CE1=enable, P0=7)
    made["attributes"]["hdlname"] = path
    return made


def array(rows: int, cols: int, enable: int | str = "1") -> Cells:
    """An array's multipliers, in an order by :data:`SEED`, and an adder."""
    made = {"row_0.psum_CCU2C_S0": cell("CCU2C", A0=7, S0=8)}
    elements = list(product(range(rows), range(cols)))
    Random(SEED).shuffle(elements)
    for row, col in elements:
        name = name_of(row, col)
        made[name] = multiplier(name.replace(".", " "), enable)
    return made


def name_of(row: int, col: int) -> str:
    strip, element = divmod(col, STRIP)
    return f"strip_{strip}.row_{row}.pe_{element}.multiplier"


def position(place: str) -> tuple[int, int, int]:
    """Y of the row of blocks, X of the block, and which of its multipliers."""
    found = re.fullmatch(r"X(\d+)/Y(\d+)/MULT18_([0145])", place)
    assert found, place
    x, y, inside = map(int, found.groups())
    return y, x - inside, inside


@pytest.mark.parametrize(("rows", "cols"), [(12, 12), (13, 12), (9, 12), (13, 8), (1, 1)])
def test_each_multiplier_has_a_place_of_its_own(rows: int, cols: int) -> None:
    places = floorplan(array(rows, cols), ECP5)
    assert set(places) == {name_of(row, col) for row in range(rows) for col in range(cols)}
    assert len(set(places.values())) == rows * cols
    for place in places.values():
        y, x, inside = position(place)
        assert (y in ECP5.rows, x in ECP5.columns, inside in ECP5.multipliers) == (True,) * 3


def test_partial_sums_go_to_the_block_beside_and_activations_stay_near() -> None:
    places = floorplan(array(12, 12), ECP5)
    at = {key: position(places[name_of(*key)]) for key in product(range(12), range(12))}
    for row, col in product(range(11), range(12)):
        (y, x, inside), (south_y, south_x, south_inside) = at[row, col], at[row + 1, col]
        assert (south_y, south_inside) == (y, inside)
        # Blocks are 9 apart, but in the middle.
        assert south_x - x == (11 if row == 6 else 9)
    for row, col in product(range(12), range(11)):
        (y, x, _), (east_y, east_x, _) = at[row, col], at[row, col + 1]
        assert east_x == x
        assert east_y - y == (24 if col % 4 == 3 else 0)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (array(3, 8), ""),
        (array(4, 8), "more rows than blocks"),
        (array(3, 9), "more columns than multipliers below each other"),
        (array(3, 8, enable=5), "enables of their own"),
        ({"m": multiplier("post multiplier")}, "another multiplier"),
        ({"m": multiplier("strip_0 row_0 pair_0 multiplier")}, "pairs"),
        ({"m": cell("CCU2C", A0=7, S0=8)}, "no multiplier"),
    ],
)
def test_what_is_no_such_array_is_left_to_the_placer(cells: Cells, why: str) -> None:
    assert bool(floorplan(cells, SMALL)) == (not why)


def test_an_array_inside_a_system_has_the_same_places_and_others_have_none() -> None:
    alone = array(12, 12)
    inside: Cells = {"post.lane_0.multiplier": multiplier("post lane_0 multiplier", enable=5)}
    for name, made in alone.items():
        if made["type"] == MULTIPLIER:
            inside[f"engine.array.{name}"] = multiplier(f"engine array {name.replace('.', ' ')}")
    assert floorplan(inside, ECP5) == {
        f"engine.array.{name}": place for name, place in floorplan(alone, ECP5).items()
    }


def test_four_multipliers_are_in_a_block() -> None:
    places = floorplan(array(13, 12), ECP5)
    blocks = Counter(block(place) for place in places.values())
    assert set(blocks.values()) == {4}
    assert len(blocks) == len(ECP5.rows) * len(ECP5.columns)
    assert block("X9/Y34/MULT18_5") == block("X4/Y34/MULT18_0") == "X4/Y34"


@pytest.mark.parametrize(("device", "arguments"), [("85k", []), ("um5g-85k", ["--speed", "8"])])
def test_all_places_are_there_on_the_device(
    device: str, arguments: list[str], tmp_path: Path
) -> None:
    """As many as the device has multipliers, and nextpnr takes each."""
    _, found, grade = find_device("ecp5", device)
    assert found.blocks is not None
    cells = array(13, 12)
    del cells["row_0.psum_CCU2C_S0"]
    for name, place in floorplan(cells, found.blocks).items():
        cells[name]["attributes"]["BEL"] = place
        cells[name]["connections"] = {"CLK0": [2]}
        cells[name]["port_directions"] = {"CLK0": "input"}
    assert len(cells) == found.capacity["dsp"]
    top = {
        "attributes": {"top": "1"},
        "ports": {"clk": {"direction": "input", "bits": [2]}},
        "cells": cells,
        "netnames": {},
    }
    (tmp_path / "netlist.json").write_text(json.dumps({"modules": {"top": top}}))
    run(
        find_tool("nextpnr-ecp5"),
        [
            *found.placer_arguments(grade),
            *["--out-of-context", "--json", "netlist.json", "--no-route"],
        ],
        tmp_path,
        "log",
    )
    assert "Placed 156 cells based on constraints" in (tmp_path / "log").read_text()


ARRAY = """\
module pe (input clk, input a, output p);
  MULT18X18D #(.REG_OUTPUT_CLK("CLK0")) multiplier (
    .CLK0(clk), .CE0(1'b1), .RST0(1'b0), .A0(a), .B0(a), .P0(p));
endmodule
module segment (input clk, input a, output p, output q);
  pe pe_0 (.clk(clk), .a(a), .p(p));
  pe pe_1 (.clk(clk), .a(a), .p(q));
endmodule
module strip (input clk, input a, output reg p);
  wire b, c, d, e;
  segment row_0 (.clk(clk), .a(a), .p(b), .q(c));
  segment row_1 (.clk(clk), .a(b), .p(d), .q(e));
  always @(posedge clk) p <= c ^ d ^ e;
endmodule
module matwright_toy_array (input clk, input a, output p);
  strip strip_0 (.clk(clk), .a(a), .p(p));
endmodule
module matwright_toy (input clk, input a, output p);
  matwright_toy_array array (.clk(clk), .a(a), .p(p));
endmodule
"""


@pytest.mark.parametrize(
    ("part", "device", "placed", "luts"),
    [("array", "85k", 4, 0), ("", "85k", 4, 4), ("array", "45k", 0, 0), ("", "45k", 0, 0)],
)
def test_an_array_is_placed_so(part: str, device: str, placed: int, luts: int) -> None:
    """With constants of its own for each of two blocks, where it is inside of something."""
    family, found, grade = find_device("ecp5", device)
    made = synthesize(Design(ARRAY, "matwright_toy", part), family, found, find_tool("yosys"))
    result = place_and_route(
        made,
        family,
        found,
        find_tool(family.placer),
        what="toy",
        speed=grade,
        frequency=200,
        seed=1,
        part=part,
    )
    log = (result.folder / "placement.log").read_text()
    assert f"Placed {placed} cells based on constraints" in log
    assert result.used["MULT18X18D"] == 4
    told = re.search(r"logic LUTs: +(\d+)/", log)
    assert told
    assert int(told[1]) == made.cells["LUT4"] + luts
