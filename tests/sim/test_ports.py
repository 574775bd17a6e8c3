# SPDX-License-Identifier: Apache-2.0
"""Ports are read from Verilog in the style of Yosys and in the style of people."""

from matwright_sim.ports import modules

YOSYS = r"""
(* top =  1  *)
module top(clk, a, q);
  reg \$auto$1  = 0;
  wire [7:0] \$2 ;
  input [7:0] a;
  wire [7:0] a;
  input clk;
  wire clk;
  output [15:0] q;
  reg [15:0] q = 16'h0000;
endmodule

(* hierarchy *)
module \top.part (x);
  input x;
endmodule
"""

PEOPLE = """
// module comment(input no);
module  hand #(parameter W = 8) (
  input wire clk, input signed [7:0] a, b, // input c
  output reg [1023:0] q /* , output r */
);
endmodule
module none;
endmodule
"""


def test_yosys() -> None:
    assert modules(YOSYS) == {"top": {"a": 8, "clk": 1, "q": 16}}


def test_people() -> None:
    assert modules(PEOPLE) == {"hand": {"clk": 1, "a": 8, "b": 8, "q": 1024}, "none": {}}


def test_nothing() -> None:
    assert modules("") == {}
