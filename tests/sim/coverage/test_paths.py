# SPDX-License-Identifier: Apache-2.0
"""The condition of a branch holds all that stands around it."""

import pytest

from matwright_sim.coverage.counts import Line
from matwright_sim.coverage.paths import path

VERILOG = r"""
module top(a);
  assign q = \$1 [2] ? b : c;
  always @* begin
    if (\$auto$verilog_backend.cc:1:dump_module$1 ) begin end
    x = 1'h0;
    (* full_case = 32'd1 *)
    casez (state)
      3'h1:
          if (one) begin
            x = 1'h1;
          end else if (\$76 ) begin
            x = 1'h0;
          end
      3'b?10, 3'h0:
        begin
          if (two[3]) begin
          end else begin
            if (three) begin
            end
          end
        end
      default:
          if (four) begin
          end
    endcase
    if (five) begin
    end
  end
endmodule
""".splitlines()


@pytest.mark.parametrize(
    ("text", "comment", "wanted"),
    [
        ("assign q", "cond_then", r"(\$1 [2])"),
        ("assign q", "cond_else", r"!(\$1 [2])"),
        ("if (one)", "if", "(((state & 3'h7) == 3'h1)) && (one)"),
        ("else if", "if", r"(((state & 3'h7) == 3'h1)) && !(one) && (\$76 )"),
        ("else if", "else", r"(((state & 3'h7) == 3'h1)) && !(one) && !(\$76 )"),
        (
            "if (three)",
            "if",
            "(((state & 3'h3) == 3'h2) || ((state & 3'h7) == 3'h0)) && !(two[3]) && (three)",
        ),
        ("if (four)", "else", "!(four)"),
        ("if (five)", "if", "(five)"),
        ("x = 1'h0;", "block", None),
    ],
)
def test_path(text: str, comment: str, wanted: str | None) -> None:
    number = next(n for n, line in enumerate(VERILOG, 1) if text in line)
    assert path(VERILOG, Line("top", "branch", number, 1, comment)) == wanted
