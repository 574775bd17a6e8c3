# SPDX-License-Identifier: Apache-2.0
"""SRAM of DP16KD against the portable one, with a model of the block: port A writes, port B reads."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from amaranth.back import verilog

from matwright.emit import convert
from matwright.memory.single_port import SinglePortSram
from matwright.memory.sram import Sram
from matwright.platform.ecp5_sram import SHALLOW, registered_sram
from matwright_sim.runner import run_bench

PLATFORM = SimpleNamespace(get_sram=registered_sram)

_A = range(14)
_D = range(18)


def _pins(name: str, numbers: range) -> str:
    return ", ".join(f"{name}{i}" for i in reversed(numbers))


# From Lattice's description, FPGA-TN-02204: the lowest bits of the address of a word of 18 bits enable
# its bytes, and pins of their own do for one of 36. What is read while it is written is unknown.
BLOCK = f"""
module DP16KD (
  input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2, CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
  input {_pins("ADA", _A)}, {_pins("ADB", _A)}, {_pins("DIA", _D)}, {_pins("DIB", _D)},
  output {_pins("DOA", _D)}, {_pins("DOB", _D)}
);
  parameter DATA_WIDTH_A = 18;
  parameter DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG";
  parameter REGMODE_B = "NOREG";
  parameter WRITEMODE_A = "NORMAL";
  parameter WRITEMODE_B = "NORMAL";
  parameter RESETMODE = "SYNC";
  parameter ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000";
  parameter CSDECODE_B = "0b000";
  parameter GSR = "ENABLED";
  localparam SHIFT = DATA_WIDTH_A == 18 ? 4 : DATA_WIDTH_A == 9 ? 3
                   : DATA_WIDTH_A == 4 ? 2 : DATA_WIDTH_A == 2 ? 1 : 0;
  reg [17:0] memory [0:16383];
  reg [17:0] latch;
  reg [17:0] register;
  wire [13:0] w_addr = {{{_pins("ADA", _A)}}};
  wire [13:0] r_addr = {{{_pins("ADB", _A)}}};
  wire [17:0] data = {{{_pins("DIA", _D)}}};
  assign {{{_pins("DOA", _D)}}} = 18'bx;
  assign {{{_pins("DOB", _D)}}} = REGMODE_B == "OUTREG" ? register : latch;
  wire whole = DATA_WIDTH_A == 18 ? w_addr[3:0] == 3 : w_addr % (1 << SHIFT) == 0;
  wire writes = CEA && WEA && !CSA0 && !CSA1 && !CSA2;
  wire reads = CEB && !WEB && !CSB0 && !CSB1 && !CSB2;
  always @(posedge CLKB) begin
    if (OCEB) register <= latch;
    if (writes) memory[w_addr >> SHIFT] <= data;
    if (reads)
      latch <= writes && w_addr >> SHIFT == r_addr >> SHIFT ? 18'bx : memory[r_addr >> SHIFT];
    if (CLKA && writes && !whole || reads && r_addr % (1 << SHIFT) != 0)
      $display("\\nERROR: %m is accessed within a word");
    if (DATA_WIDTH_A != DATA_WIDTH_B || RSTA || RSTB) $display("\\nERROR: %m is misused");
  end
endmodule

module PDPW16KD (
  input CLKW, CEW, CSW0, CSW1, CSW2, CLKR, CER, OCER, CSR0, CSR1, CSR2, RST, BE0, BE1, BE2, BE3,
  input {_pins("ADW", range(9))}, {_pins("ADR", _A)}, {_pins("DI", range(36))},
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
  wire [13:0] r_addr = {{{_pins("ADR", _A)}}};
  assign {{{_pins("DO", range(36))}}} = REGMODE == "OUTREG" ? register : latch;
  wire writes = CEW && !CSW0 && !CSW1 && !CSW2;
  wire reads = CER && !CSR0 && !CSR1 && !CSR2;
  always @(posedge CLKR) begin
    if (OCER) register <= latch;
    if (writes) memory[w_addr] <= {{{_pins("DI", range(36))}}};
    if (reads) latch <= writes && w_addr == r_addr[13:5] ? 36'bx : memory[r_addr[13:5]];
    if (CLKW && writes && !(BE0 && BE1 && BE2 && BE3) || reads && r_addr[4:0] != 0)
      $display("\\nERROR: %m is accessed within a word");
    if (DATA_WIDTH_W != 36 || DATA_WIDTH_R != 36 || RST) $display("\\nERROR: %m is misused");
  end
endmodule
"""


@pytest.mark.parametrize(
    ("width", "depth", "waits", "blocks"),
    [
        (32, 512, True, 2),
        (8, 2048, True, 1),
        (8, 512, True, 1),
        (32, 1024, True, 2),
        (64, 40, True, 4),
        (39, 512, True, 3),
        (36, 1536, True, 4),
        (3, 5000, True, 2),
        (2, 8192, True, 1),
        (1, 16384, True, 1),
        (9, 5000, True, 3),
        (9, 3000, True, 2),
        (32, 512, False, 1),
        (32, 1024, False, 2),
        (64, 40, False, 2),
        (39, 512, False, 2),
        (36, 1536, False, 3),
        (8, 2048, False, 1),
    ],
)
def test_words_are_exact(width: int, depth: int, waits: bool, blocks: int, tmp_path: Path) -> None:
    sram = Sram(width, depth, 1, waits)
    text = verilog.convert(sram, name="sram_top", platform=PLATFORM, emit_src=False)
    assert len(re.findall(r"^ +(?:DP16KD|PDPW16KD) #", text, re.MULTILINE)) == blocks
    run_bench(
        verilog=text + BLOCK,
        toplevel="sram_top",
        bench="matwright_sim.benches.memory_sram",
        parameters={
            "WIDTH": str(width),
            "DEPTH": str(depth),
            "REGISTERS": "1",
            "WAITS": str(int(waits)),
        },
        seed=54,
        build_root=tmp_path,
    )


@pytest.mark.parametrize(
    ("depth", "registers", "blocks"), [(SHALLOW + 1, 1, 1), (SHALLOW, 1, 0), (SHALLOW + 1, 0, 0)]
)
@pytest.mark.parametrize("kind", [Sram, SinglePortSram])
def test_where_blocks_are_placed(kind: type[Sram], depth: int, registers: int, blocks: int) -> None:
    text = convert(kind(8, depth, registers), "sram_top", family="ecp5")
    assert text.count("DP16KD #") == blocks
