# SPDX-License-Identifier: Apache-2.0
"""What cannot be reached is explained, and what can is a miss."""

from matwright.presets import PRESETS
from matwright_sim.coverage.constants import find_constants, prove
from matwright_sim.coverage.counts import Bit, Coverage, Line
from matwright_sim.coverage.reasons import CONSTANT, explain

VERILOG = r"""
module top(clk, a, q);
  input clk;
  input [3:0] a;
  output [3:0] q;
  wire [3:0] \$1 ;
  wire [3:0] low;
  wire [3:0] over;
  reg [3:0] still = 4'h0;
  reg on = 1'h1;
  assign \$1  = { 2'h0, a[1:0] };
  assign over = still + 1'h1;
  assign low = a < 4'h4 ? a : 4'h0;
  assign q = \$1  ^ over ^ low;
  always @(posedge clk)
    still <= over;
  always @(posedge clk) begin
    if (on) begin
      on <= 1'h1;
    end
  end
  always @(posedge clk) begin
    if (\$1 [1]) begin
    end
  end
endmodule
"""
IF = VERILOG.splitlines().index("    if (on) begin") + 1
OTHER = VERILOG.splitlines().index(r"    if (\$1 [1]) begin") + 1


def test_constants() -> None:
    still = [Bit("top", "$1", i) for i in range(4)] + [Bit("top", "on", 0)]
    still += [Bit("top", "still", 3), Bit("top", "over", 3)]
    proven, tied = find_constants(VERILOG, still, [Bit("top", "still", i) for i in range(4)])
    assert [proven.value(bit) for bit in still] == [None, None, "0", "0", "1", None, None]
    assert tied.value(Bit("top", "over", 3)) == "0"
    assert tied.value(Bit("top", "over", 0)) == "1"


def test_what_depends_on_nothing_given() -> None:
    bits = {Bit("top", "low", i): 0 for i in range(4)} | {Bit("top", "on", 0): 1}
    assert prove(VERILOG, bits) == {
        Bit("top", "low", 2),
        Bit("top", "low", 3),
        Bit("top", "on", 0),
    }


def test_explained_and_missed() -> None:
    """Bits that were seen to move one way are never explained away by a premise."""
    coverage = Coverage()
    signals = {"$1": 0b0011, "low": 0b0001, "still": 0b0111, "over": 0b0111, "on": 0}
    for name, moved in signals.items():
        key = ("top", name)
        coverage.widths[key] = 1 if name == "on" else 4
        coverage.rose[key] = coverage.fell[key] = moved
        coverage.high[key] = int(name == "on")
    coverage.lines = {
        Line("top", "branch", IF, 5, "else"): 0,
        Line("top", "branch", OTHER, 5, "if"): 0,
        Line("top", "branch", OTHER, 5, "else"): 3,
    }
    explained = explain(PRESETS["tiny"], VERILOG, coverage)
    reasons = {bit: (points, reason) for bit, points, reason in explained.bits}
    assert reasons[Bit("top", "$1", 3)] == (2, CONSTANT)
    assert reasons[Bit("top", "on", 0)] == (2, CONSTANT)
    assert "whatever" in reasons[Bit("top", "low", 3)][1]
    missed = {bit for bit, _, _ in explained.missed_bits}
    assert missed == {Bit("top", "low", 1), Bit("top", "still", 3), Bit("top", "over", 3)}
    assert [line.line for line, _ in explained.lines] == [IF]
    assert [line.line for line in explained.missed_lines] == [OTHER]
