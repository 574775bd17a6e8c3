# SPDX-License-Identifier: Apache-2.0
"""RAM of DP16KD against the portable one, with a model of the block's port A."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from amaranth.back import verilog

from matwright.platform.ecp5_ram import dp16kd
from matwright.system.ram import SinglePortRam
from matwright_sim.runner import run_bench

PLATFORM = SimpleNamespace(get_single_port_ram=dp16kd)

_A = range(14)
_D = range(8)

# From Lattice's description, FPGA-TN-02204: an access with CEA, of which nothing is known if it is a write
# (mode NORMAL keeps the output), then the output register with OCEA. Words of 1, 2, 4 or 8 of 9 bits.
BLOCK = f"""
module DP16KD (
  input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2, CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
  input {", ".join(f"ADA{i}" for i in _A)},
  input {", ".join(f"DIA{i}" for i in _D)},
  output {", ".join(f"DOA{i}" for i in _D)}
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
  localparam BITS = DATA_WIDTH_A == 9 ? 8 : DATA_WIDTH_A;
  reg memory [0:16383];
  reg [7:0] latch;
  reg [7:0] register;
  wire [13:0] address = {{{", ".join(f"ADA{i}" for i in reversed(_A))}}};
  wire [7:0] data = {{{", ".join(f"DIA{i}" for i in reversed(_D))}}};
  assign {{{", ".join(f"DOA{i}" for i in reversed(_D))}}} = REGMODE_A == "OUTREG" ? register : latch;
  integer i;
  always @(posedge CLKA) begin
    if (OCEA) register <= latch;
    if (CEA && !CSA0 && !CSA1 && !CSA2) begin
      latch <= 8'bx;
      for (i = 0; i < BITS; i = i + 1)
        if (WEA) memory[address + i] <= data[i];
        else latch[i] <= memory[address + i];
      if (address % BITS != 0) $display("\\nERROR: %m is accessed within a word");
    end
  end
endmodule
"""


def text(width: int, depth: int) -> str:
    ram = SinglePortRam(width, depth)
    return verilog.convert(ram, name="ram_top", platform=PLATFORM, emit_src=False)


@pytest.mark.parametrize(
    ("width", "depth", "blocks"),
    [
        (32, 1 << 11, 4),
        (32, 100, 4),
        (16, 3 << 10, 4),
        (64, 1 << 12, 16),
        (16, 1 << 13, 8),
        (8, 1 << 14, 8),
        (16, 1 << 15, 32),
        (8, 3 << 13, 12),
        (8, 5 << 11, 5),
    ],
)
def test_words_are_exact(width: int, depth: int, blocks: int, tmp_path: Path) -> None:
    verilog_text = text(width, depth)
    assert len(re.findall(r"^ +DP16KD ", verilog_text, re.MULTILINE)) == blocks
    run_bench(
        verilog=verilog_text + BLOCK,
        toplevel="ram_top",
        bench="matwright_sim.benches.system_ram",
        parameters={"WIDTH": str(width), "DEPTH": str(depth), "BLANK": "1"},
        seed=82,
        build_root=tmp_path,
    )
