# SPDX-License-Identifier: Apache-2.0
"""Behavioural model of the ECP5's block RAM, DP16KD and PDPW16KD, for simulators; no tool ships one.

Source: Lattice, "ECP5 and ECP5-5G Memory Usage Guide", FPGA-TN-02204. Port A writes and port B reads,
both with one clock, which is all that is used of it: ports are of one width, and neither resets. Of
words of 18 and 36 bits the lowest bits of the address enable bytes of 9; at a PDPW16KD pins of their
own do. A word of 36 bits takes the data pins of both ports. What is read in the cycle in which it is
written is the old word where the mode says so; else nobody may use it, and it is wrong. ``OUTREG`` adds
a register. Where the block is asked for something else, the simulation prints a line that begins with
``ERROR:``.
"""

__all__ = ["DP16KD"]

_ADDRESS = range(14)
_DATA = range(18)
_INITIAL = [f"INITVAL_{i:02X}" for i in range(64)]
_SETTINGS = {
    "REGMODE_A": "NOREG",
    "REGMODE_B": "NOREG",
    "WRITEMODE_A": "NORMAL",
    "WRITEMODE_B": "NORMAL",
    "RESETMODE": "SYNC",
    "ASYNC_RESET_RELEASE": "SYNC",
    "CSDECODE_A": "0b000",
    "CSDECODE_B": "0b000",
    "CLKAMUX": "CLKA",
    "CLKBMUX": "CLKB",
    "GSR": "ENABLED",
}
_LINE = "\n  "


def _pins(name: str, numbers: range) -> str:
    return ", ".join(f"{name}{i}" for i in reversed(numbers))


DP16KD = f"""\
module DP16KD (
  input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2, CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
  input {_pins("ADA", _ADDRESS)}, {_pins("ADB", _ADDRESS)},
  input {_pins("DIA", _DATA)}, {_pins("DIB", _DATA)},
  output {_pins("DOA", _DATA)}, {_pins("DOB", _DATA)}
);
  parameter DATA_WIDTH_A = 18;
  parameter DATA_WIDTH_B = 18;
  {_LINE.join(f'parameter {name} = "{value}";' for name, value in _SETTINGS.items())}
  {_LINE.join(f"parameter [319:0] {name} = 320'bx;" for name in _INITIAL)}
  localparam SHIFT = DATA_WIDTH_A == 36 ? 5 : DATA_WIDTH_A == 18 ? 4 : DATA_WIDTH_A == 9 ? 3
                   : DATA_WIDTH_A == 4 ? 2 : DATA_WIDTH_A == 2 ? 1 : 0;
  reg [35:0] memory [0:(1 << 14 - SHIFT) - 1];
  reg [35:0] latch;
  reg [35:0] register;
  wire [13:0] w_pins = {{{_pins("ADA", _ADDRESS)}}};
  wire [13:0] r_pins = {{{_pins("ADB", _ADDRESS)}}};
  wire [13:0] w_addr = w_pins >> SHIFT;
  wire [13:0] r_addr = r_pins >> SHIFT;
  wire [35:0] data = {{{_pins("DIB", _DATA)}, {_pins("DIA", _DATA)}}};
  wire [3:0] bytes = DATA_WIDTH_A == 36 ? w_pins[3:0] : DATA_WIDTH_A == 18 ? w_pins[1:0] : 4'b1111;
  wire [35:0] mask = {{{{9{{bytes[3]}}}}, {{9{{bytes[2]}}}}, {{9{{bytes[1]}}}}, {{9{{bytes[0]}}}}}};
  wire [35:0] word = REGMODE_B == "OUTREG" ? register : latch;
  assign {{{_pins("DOA", _DATA)}}} = DATA_WIDTH_A == 36 ? word[17:0] : 18'bx;
  assign {{{_pins("DOB", _DATA)}}} = DATA_WIDTH_A == 36 ? word[35:18] : word[17:0];
  wire writes = CEA && WEA && !CSA0 && !CSA1 && !CSA2 && |bytes;
  wire reads = CEB && !WEB && !CSB0 && !CSB1 && !CSB2;
  // Bits of the address that stand for nothing.
  wire [4:0] w_rest = DATA_WIDTH_A == 36 ? w_pins[4] : DATA_WIDTH_A == 18 ? w_pins[3:2]
                    : w_pins % (1 << SHIFT);
  always @(posedge CLKB) begin
    if (OCEB) register <= latch;
    if (writes) memory[w_addr] <= (memory[w_addr] & ~mask) | (data & mask);
    if (reads)
      latch <= writes && w_addr == r_addr && WRITEMODE_B != "READBEFOREWRITE" ? ~memory[r_addr]
             : memory[r_addr];
    if (CLKA && writes && w_rest != 0 || reads && r_pins % (1 << SHIFT) != 0)
      $display("\\nERROR: %m is accessed within a word");
    if (CLKA !== 1'b1 || RSTA || RSTB || CEB && WEB) $display("\\nERROR: %m is misused");
  end

  // Words of 18 bits, each in the place of 20.
  wire [20479:0] first = {{{", ".join(reversed(_INITIAL))}}};
  integer i;
  initial begin
    if (DATA_WIDTH_A != DATA_WIDTH_B || REGMODE_A != "NOREG"
        || CLKAMUX != "CLKA" || CLKBMUX != "CLKB") $display("\\nERROR: %m is misused");
    #0;
    for (i = 0; i < 1 << 14 - SHIFT; i = i + 1)
      if (DATA_WIDTH_A == 36) memory[i] = {{first[40*i + 20 +: 18], first[40*i +: 18]}};
      else if (DATA_WIDTH_A == 18) memory[i] = first[20*i +: 18];
      else if (DATA_WIDTH_A == 9) memory[i] = first[20*(i/2) + 9*(i%2) +: 9];
      else if (^first === 1'bx || first == 0) memory[i] = first;
      else $display("\\nERROR: %m has contents in a width that this model does not know");
  end
endmodule

module PDPW16KD (
  input CLKW, CEW, CSW0, CSW1, CSW2, CLKR, CER, OCER, CSR0, CSR1, CSR2, RST, BE0, BE1, BE2, BE3,
  input {_pins("ADW", range(9))}, {_pins("ADR", _ADDRESS)}, {_pins("DI", range(36))},
  output {_pins("DO", range(36))}
);
  parameter DATA_WIDTH_W = 36;
  parameter DATA_WIDTH_R = 36;
  parameter REGMODE = "NOREG";
  parameter RESETMODE = "SYNC";
  parameter ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_W = "0b000";
  parameter CSDECODE_R = "0b000";
  parameter GSR = "ENABLED";
  reg [35:0] memory [0:511];
  reg [35:0] latch;
  reg [35:0] register;
  wire [8:0] w_addr = {{{_pins("ADW", range(9))}}};
  wire [13:0] r_addr = {{{_pins("ADR", _ADDRESS)}}};
  assign {{{_pins("DO", range(36))}}} = REGMODE == "OUTREG" ? register : latch;
  wire writes = CEW && !CSW0 && !CSW1 && !CSW2;
  wire reads = CER && !CSR0 && !CSR1 && !CSR2;
  always @(posedge CLKR) begin
    if (OCER) register <= latch;
    if (writes) memory[w_addr] <= {{{_pins("DI", range(36))}}};
    if (reads) latch <= writes && w_addr == r_addr[13:5] ? ~memory[w_addr] : memory[r_addr[13:5]];
    if (CLKW && writes && !(BE0 && BE1 && BE2 && BE3) || reads && r_addr[4:0] != 0)
      $display("\\nERROR: %m is accessed within a word");
    if (DATA_WIDTH_W != 36 || DATA_WIDTH_R != 36 || RST) $display("\\nERROR: %m is misused");
  end
endmodule
"""
"""Verilog of the two modules."""
