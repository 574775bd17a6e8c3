# SPDX-License-Identifier: Apache-2.0
"""A part is found by module or by instance; what it holds is counted; a wrong one is told."""

import pytest

from matwright_fpga.design import Design
from matwright_fpga.errors import PartError

VERILOG = """\
module matwright_x(clk);
  input clk;
  \\matwright_x.engine  engine (
    .clk(clk)
  );
  \\matwright_x.registers  registers (
    .clk(clk)
  );
endmodule

module \\matwright_x.engine (clk);
  reg [3:0] if_ = 4'h0;
  matwright_x_row row_0 (
    .clk(clk)
  );
  matwright_x_row \\row[1] (
    .clk(clk)
  );
  SB_MAC16 #(
    .A_REG(1'b0),
    .TOP(2'd2)
  ) lone (
    .CLK(clk)
  );
endmodule

module \\matwright_x.registers (clk);
  input clk;
endmodule

module matwright_x_row(clk);
  matwright_x_pe pe_0 (
    .clk(clk)
  );
  matwright_x_pe pe_1 (
    .clk(clk)
  );
endmodule

module matwright_x_pe(clk);
  MULT18X18D #(
    .GSR("DISABLED")
  ) \\multiplier$2  (
    .CLK0(clk)
  );
endmodule
"""


def design(part: str = "") -> Design:
    return Design(VERILOG, "matwright_x", part)


@pytest.mark.parametrize(
    ("part", "top"),
    [
        ("", "matwright_x"),
        ("engine", "matwright_x.engine"),
        ("registers", "matwright_x.registers"),
        ("row", "matwright_x_row"),
        ("engine.row_0", "matwright_x_row"),
        ("engine.row_0.pe_1", "matwright_x_pe"),
    ],
)
def test_top(part: str, top: str) -> None:
    assert design(part).top == top


def test_an_unknown_part_is_refused_with_near_ones() -> None:
    with pytest.raises(PartError) as refused:
        _ = design("register").top
    assert str(refused.value) == (
        "the part must be a module of matwright_x, such as engine.array, not 'register'; "
        "near are registers, engine"
    )
    with pytest.raises(PartError, match="not 'engine.lone'"):
        _ = design("engine.lone").top  # a cell, not a module


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ("", {"MULT18X18D": 4, "SB_MAC16": 1}),
        ("row", {"MULT18X18D": 2}),
        ("registers", {}),
    ],
)
def test_primitives_are_counted_through_the_hierarchy(part: str, count: dict[str, int]) -> None:
    assert design(part).primitives() == count
