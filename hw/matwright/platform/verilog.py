# SPDX-License-Identifier: Apache-2.0
"""The platform that Verilog is emitted with: parts converted once, SRAM as its own module."""

from collections.abc import Callable, Mapping

from amaranth import ClockSignal, Instance, Module, Signal, Value, ValueLike
from amaranth.lib import wiring

from ..memory.single_port import SinglePortSram
from ..memory.sram import Sram, address_width
from ..system.ram import SinglePortRam

__all__ = [
    "SINGLE_PORT_RAM_VERILOG",
    "SINGLE_PORT_SRAM_VERILOG",
    "SRAM_VERILOG",
    "VerilogPlatform",
]

SRAM_VERILOG = """\
// One write port, one read port. What is read in the cycle in which it is written is not used: in
// simulation it is wrong, so that a use of it shows.
module {name} (clk, w_en, w_addr, w_data, r_en, r_addr, r_data);
  parameter WIDTH = 8;
  parameter DEPTH = 2;
  parameter ADDR_WIDTH = 1;
  input clk;
  input w_en;
  input [ADDR_WIDTH-1:0] w_addr;
  input [WIDTH-1:0] w_data;
  input r_en;
  input [ADDR_WIDTH-1:0] r_addr;
  output reg [WIDTH-1:0] r_data;

  (* no_rw_check *) reg [WIDTH-1:0] memory [0:DEPTH-1];

  always @(posedge clk) begin
    if (w_en) memory[w_addr] <= w_data;
    if (r_en) r_data <= memory[r_addr];
`ifndef SYNTHESIS
    if (r_en && w_en && r_addr == w_addr) r_data <= ~memory[r_addr];
`endif
  end

`ifndef SYNTHESIS
  integer i;
  initial begin
    r_data = 0;
    for (i = 0; i < DEPTH; i = i + 1) memory[i] = 0;
  end
`endif
endmodule
"""

SINGLE_PORT_SRAM_VERILOG = """\
// One port: a word is written, or else one is read. The enables are never both high: in simulation,
// what is read then is wrong, so that a use of it shows.
module {name} (clk, w_en, w_addr, w_data, r_en, r_addr, r_data);
  parameter WIDTH = 8;
  parameter DEPTH = 2;
  parameter ADDR_WIDTH = 1;
  input clk;
  input w_en;
  input [ADDR_WIDTH-1:0] w_addr;
  input [WIDTH-1:0] w_data;
  input r_en;
  input [ADDR_WIDTH-1:0] r_addr;
  output reg [WIDTH-1:0] r_data;

  (* no_rw_check *) reg [WIDTH-1:0] memory [0:DEPTH-1];
  wire [ADDR_WIDTH-1:0] addr;
  assign addr = w_en ? w_addr : r_addr;

  always @(posedge clk) begin
    if (w_en) memory[addr] <= w_data;
    else if (r_en) r_data <= memory[addr];
`ifndef SYNTHESIS
    if (r_en && w_en) r_data <= ~memory[r_addr];
`endif
  end

`ifndef SYNTHESIS
  integer i;
  initial begin
    r_data = 0;
    for (i = 0; i < DEPTH; i = i + 1) memory[i] = 0;
  end
`endif
endmodule
"""

SINGLE_PORT_RAM_VERILOG = """\
// One access in a cycle: bytes are written, or else what is read is used.
module {name} (clk, en, w_mask, addr, w_data, r_data);
  parameter WIDTH = 8;
  parameter DEPTH = 2;
  parameter ADDR_WIDTH = 1;
  input clk;
  input en;
  input [WIDTH/8-1:0] w_mask;
  input [ADDR_WIDTH-1:0] addr;
  input [WIDTH-1:0] w_data;
  output reg [WIDTH-1:0] r_data;

  (* no_rw_check *) reg [WIDTH-1:0] memory [0:DEPTH-1];
  reg [WIDTH-1:0] read;

  integer i;
  always @(posedge clk) begin
    if (en) begin
      for (i = 0; i < WIDTH / 8; i = i + 1)
        if (w_mask[i]) memory[addr][8*i +: 8] <= w_data[8*i +: 8];
      read <= memory[addr];
      r_data <= read;
    end
  end

`ifndef SYNTHESIS
  integer j;
  initial begin
    read = 0;
    r_data = 0;
    for (j = 0; j < DEPTH; j = j + 1) memory[j] = 0;
  end
`endif
endmodule
"""


class VerilogPlatform:
    """Collects the parts that :func:`.place.place` shares; ``prefix`` goes before module names."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.parts: dict[str, Callable[[], wiring.Component]] = {}

    def shared(
        self,
        module: str,
        make: Callable[[], wiring.Component],
        inputs: Mapping[str, ValueLike],
        outputs: Mapping[str, Value],
        reset: Value,
    ) -> Instance:
        """Instance of ``module``, which :func:`matwright.emit.to_verilog` converts once."""
        self.parts.setdefault(module, make)
        ports: dict[str, ValueLike] = {f"i_{port}": value for port, value in inputs.items()}
        ports |= {f"o_{port}": value for port, value in outputs.items()}
        return Instance(f"{self.prefix}_{module}", i_clk=ClockSignal(), i_rst=reset, **ports)

    def get_sram(self, sram: Sram) -> Module:
        """Body of an :class:`Sram`."""
        return self._sram(sram, "sram")

    def get_single_port_sram(self, sram: SinglePortSram) -> Module:
        """Body of a :class:`.SinglePortSram`."""
        return self._sram(sram, "single_port_sram")

    def _sram(self, sram: Sram, module: str) -> Module:
        m = Module()
        word = Signal(sram.width)
        m.submodules.cells = Instance(
            f"{self.prefix}_{module}",
            p_WIDTH=sram.width,
            p_DEPTH=sram.depth,
            p_ADDR_WIDTH=address_width(sram.depth),
            i_clk=ClockSignal(),
            i_w_en=sram.w_en,
            i_w_addr=sram.w_addr,
            i_w_data=sram.w_data,
            i_r_en=sram.r_en,
            i_r_addr=sram.r_addr,
            o_r_data=word,
        )
        sram.show(m, word)
        return m

    def get_single_port_ram(self, ram: SinglePortRam) -> Module:
        """Body of a :class:`.SinglePortRam`."""
        m = Module()
        m.submodules.cells = Instance(
            f"{self.prefix}_single_port_ram",
            p_WIDTH=ram.width,
            p_DEPTH=ram.depth,
            p_ADDR_WIDTH=address_width(ram.depth),
            i_clk=ClockSignal(),
            i_en=ram.en,
            i_w_mask=ram.w_mask,
            i_addr=ram.addr,
            i_w_data=ram.w_data,
            o_r_data=ram.r_data,
        )
        return m
