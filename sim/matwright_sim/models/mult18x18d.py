# SPDX-License-Identifier: Apache-2.0
"""Behavioural model of the ECP5's MULT18X18D, for simulators; no tool ships one.

Source: Lattice, "ECP5 and ECP5-5G sysDSP Usage Guide", FPGA-TN-02205: two operands of 18 bits, each
signed or not by a pin of its own, each with an input register; a register inside the multiplier and
one at its output; each register with one of four clocks, clock enables and resets, chosen by
parameters; resets synchronous or asynchronous. The shift chains, the third operand and the pre-adder
are left out: a parameter or pin that would need them is refused when the simulation starts.
"""

__all__ = ["MULT18X18D"]

_WIDTH = 18

_REGISTERS = ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")


def _bits(letter: str, width: int) -> str:
    return ", ".join(f"{letter}{i}" for i in reversed(range(width)))


def _parameters() -> str:
    lines = [
        f'  parameter REG_{name}_{what} = "{default}";'
        for name in ("INPUTA", "INPUTB", "INPUTC", "PIPELINE", "OUTPUT")
        for what, default in (("CLK", "NONE"), ("CE", "CE0"), ("RST", "RST0"))
    ]
    others = {
        "CLK0_DIV": "ENABLED",
        "CLK1_DIV": "ENABLED",
        "CLK2_DIV": "ENABLED",
        "CLK3_DIV": "ENABLED",
        "HIGHSPEED_CLK": "NONE",
        "GSR": "ENABLED",
        "CAS_MATCH_REG": "FALSE",
        "SOURCEB_MODE": "B_SHIFT",
        "MULT_BYPASS": "DISABLED",
        "RESETMODE": "SYNC",
    }
    return "\n".join(lines + [f'  parameter {name} = "{value}";' for name, value in others.items()])


def _choice(kind: str, parameter: str) -> str:
    """The pin that a parameter names, as a constant expression over the four."""
    text = f"{kind}0"
    for i in (1, 2, 3):
        text = f'({parameter} == "{kind}{i}") ? {kind}{i} : {text}'
    return text


def _register(name: str, width: int) -> str:
    """A register that is there if its clock is not NONE: ``name_d`` in, ``name_q`` out."""
    low = name.lower()
    return f"""
  wire {low}_clk = {_choice("CLK", f"REG_{name}_CLK")};
  wire {low}_ce = {_choice("CE", f"REG_{name}_CE")};
  wire {low}_rst = {_choice("RST", f"REG_{name}_RST")};
  wire {low}_async = {low}_rst & (RESETMODE == "ASYNC");
  reg [{width - 1}:0] {low}_r = 0;
  always @(posedge {low}_clk or posedge {low}_async)
    if ({low}_async) {low}_r <= 0;
    else if ({low}_rst) {low}_r <= 0;
    else if ({low}_ce) {low}_r <= {low}_d;
  wire [{width - 1}:0] {low}_q = (REG_{name}_CLK == "NONE") ? {low}_d : {low}_r;"""


def _verilog() -> str:
    inputs = [f"{letter}{i}" for letter in "ABC" for i in range(_WIDTH)]
    inputs += [f"SRI{letter}{i}" for letter in "AB" for i in range(_WIDTH)]
    inputs += ["SIGNEDA", "SIGNEDB", "SOURCEA", "SOURCEB"]
    inputs += [f"{kind}{i}" for kind in ("CLK", "CE", "RST") for i in range(4)]
    outputs = [f"P{i}" for i in range(2 * _WIDTH)] + ["SIGNEDP"]
    ports = ", ".join(inputs + outputs)
    names = {
        name: _register(name, 2 * _WIDTH if name[0] in "PO" else _WIDTH + 1) for name in _REGISTERS
    }
    return f"""\
/* verilator lint_off DECLFILENAME */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */
/* verilator lint_off WIDTH */
module MULT18X18D ({ports});
{_parameters()}
  input {", ".join(inputs)};
  output {", ".join(outputs)};

  initial begin
    if (REG_INPUTC_CLK != "NONE" || CAS_MATCH_REG != "FALSE" || MULT_BYPASS != "DISABLED"
        || HIGHSPEED_CLK != "NONE") begin
      $display("MULT18X18D: a parameter asks for what this model does not have");
      $finish;
    end
  end
  always @(posedge SOURCEA or posedge SOURCEB) begin
    $display("MULT18X18D: SOURCEA and SOURCEB must be low, the model has no shift chain");
    $finish;
  end

  // The sign of an operand is registered with it.
  wire [{_WIDTH}:0] inputa_d = {{SIGNEDA, {_bits("A", _WIDTH)}}};
  wire [{_WIDTH}:0] inputb_d = {{SIGNEDB, {_bits("B", _WIDTH)}}};
{names["INPUTA"]}
{names["INPUTB"]}

  wire signed [{_WIDTH}:0] a = {{inputa_q[{_WIDTH}] & inputa_q[{_WIDTH - 1}], inputa_q[{_WIDTH - 1}:0]}};
  wire signed [{_WIDTH}:0] b = {{inputb_q[{_WIDTH}] & inputb_q[{_WIDTH - 1}], inputb_q[{_WIDTH - 1}:0]}};
  wire signed [{2 * _WIDTH + 1}:0] product = a * b;
  wire [{2 * _WIDTH - 1}:0] pipeline_d = product[{2 * _WIDTH - 1}:0];
{names["PIPELINE"]}
  wire [{2 * _WIDTH - 1}:0] output_d = pipeline_q;
{names["OUTPUT"]}

  assign {{{_bits("P", 2 * _WIDTH)}}} = output_q;
  assign SIGNEDP = SIGNEDA | SIGNEDB;
endmodule
"""


MULT18X18D = _verilog()
"""Verilog of the module."""
