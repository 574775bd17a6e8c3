# SPDX-License-Identifier: Apache-2.0
"""The platform that Verilog is emitted with: parts converted once, SRAM as its own module."""

from collections.abc import Callable, Mapping

from amaranth import ClockSignal, Instance, Module, Value, ValueLike
from amaranth.lib import wiring

from ..memory.sram import Sram, address_width

__all__ = ["SRAM_VERILOG", "VerilogPlatform"]

SRAM_VERILOG = """\
// One write port, one read port. What is read in the cycle in which it is written is not used.
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
        m = Module()
        m.submodules.cells = Instance(
            f"{self.prefix}_sram",
            p_WIDTH=sram.width,
            p_DEPTH=sram.depth,
            p_ADDR_WIDTH=address_width(sram.depth),
            i_clk=ClockSignal(),
            i_w_en=sram.w_en,
            i_w_addr=sram.w_addr,
            i_w_data=sram.w_data,
            i_r_en=sram.r_en,
            i_r_addr=sram.r_addr,
            o_r_data=sram.r_data,
        )
        return m
