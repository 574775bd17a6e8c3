# SPDX-License-Identifier: Apache-2.0
"""Runs the benches of the memories on an SRAM that is as bad as its contract allows."""

import dataclasses
from collections.abc import Callable

import pytest
from amaranth.lib import wiring

from matwright.config import AcceleratorConfig
from matwright.emit import convert
from matwright.platform.verilog import SINGLE_PORT_SRAM_VERILOG, SRAM_VERILOG
from matwright_sim.models import with_models
from matwright_sim.runner import run_bench

STRICT_SRAM = """\
// Nothing is known of a word that was never written, or that is read while it is written: Icarus
// says so, Verilator reads the word inverted.
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

  reg [WIDTH-1:0] memory [0:DEPTH-1];

  always @(posedge clk) begin
    if (w_en) memory[w_addr] <= w_data;
    if (r_en) r_data <= memory[r_addr];
    if (w_en && r_en && w_addr == r_addr) begin
{collision}
    end
    if (w_en && w_addr >= DEPTH) $display("\\nERROR: %m writes word %0d of %0d", w_addr, DEPTH);
  end
endmodule
"""
STRICT_SINGLE_PORT_SRAM = """\
// Nothing is known of a word that was never written, nor of what comes out after a write.
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

  reg [WIDTH-1:0] memory [0:DEPTH-1];

  always @(posedge clk) begin
    if (r_en) r_data <= memory[r_addr];
    if (w_en) begin
      memory[w_addr] <= w_data;
`ifdef __ICARUS__
      r_data <= {{WIDTH{{1'bx}}}};
`else
      r_data <= ~r_data;
`endif
      if (w_addr >= DEPTH) $display("\\nERROR: %m writes word %0d of %0d", w_addr, DEPTH);
      if (r_en) $display("\\nERROR: %m reads word %0d while it writes %0d", r_addr, w_addr);
    end
  end
endmodule
"""
UNKNOWN = """\
`ifdef __ICARUS__
      r_data <= {WIDTH{1'bx}};
`else
      r_data <= ~memory[r_addr];
`endif
"""
FORBIDDEN = """\
      $display("\\nERROR: %m reads word %0d while it is written", r_addr);
"""


def _strict(text: str, top: str, collisions: bool) -> str:
    collision = UNKNOWN if collisions else UNKNOWN + FORBIDDEN
    found = 0
    for name, plain, bad in (
        (f"{top}_sram", SRAM_VERILOG, STRICT_SRAM),
        (f"{top}_single_port_sram", SINGLE_PORT_SRAM_VERILOG, STRICT_SINGLE_PORT_SRAM),
    ):
        found += text.count(plain.format(name=name))
        text = text.replace(plain.format(name=name), bad.format(name=name, collision=collision))
    assert found
    return text


def _run(
    component: wiring.Component,
    config: AcceleratorConfig,
    bench: str,
    simulator: str,
    *,
    collisions: bool,
    seed: int,
    family: str = "generic",
) -> None:
    top = f"{bench}_memory"
    text = convert(component, top, family=family)
    if family == "generic":
        text = _strict(text, top, collisions)
    run_bench(
        verilog=with_models(text),
        toplevel=top,
        bench=f"matwright_sim.benches.memory_{bench}",
        simulator=simulator,
        parameters={"CONFIG": config.to_toml()},
        seed=seed,
    )


def _protect(config: AcceleratorConfig, protection: str) -> AcceleratorConfig:
    build = dataclasses.replace(config.build, sram_protection=protection)
    return dataclasses.replace(config, build=build)


@pytest.fixture
def protect() -> Callable[[AcceleratorConfig, str], AcceleratorConfig]:
    """A configuration with check bits in its memories."""
    return _protect


@pytest.fixture
def run_memory() -> Callable[..., None]:
    """Runs bench ``memory_<bench>``. Without ``collisions`` a read of a word that is being written
    fails the bench even if nobody uses what is read. With a single port any read in the cycle of a
    write does. A ``family`` has its own memories instead, behind the models of its primitives."""
    return _run


@pytest.fixture
def strict() -> Callable[[str, str, bool], str]:
    """Verilog of top module ``top`` with the bad SRAM; see :func:`run_memory` for ``collisions``."""
    return _strict
