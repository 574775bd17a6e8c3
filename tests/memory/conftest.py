# SPDX-License-Identifier: Apache-2.0
"""Runs the benches of the memories on an SRAM that is as bad as its contract allows."""

import dataclasses
from collections.abc import Callable

import pytest
from amaranth.lib import wiring

from matwright.config import AcceleratorConfig
from matwright.emit import convert
from matwright.platform.verilog import SRAM_VERILOG
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
    plain = SRAM_VERILOG.format(name=f"{top}_sram")
    assert text.count(plain) == 1
    collision = UNKNOWN if collisions else UNKNOWN + FORBIDDEN
    return text.replace(plain, STRICT_SRAM.format(name=f"{top}_sram", collision=collision))


def _run(
    component: wiring.Component,
    config: AcceleratorConfig,
    bench: str,
    simulator: str,
    *,
    collisions: bool,
    seed: int,
) -> None:
    top = f"{bench}_memory"
    run_bench(
        verilog=_strict(convert(component, top), top, collisions),
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
    fails the bench even if nobody uses what is read."""
    return _run


@pytest.fixture
def strict() -> Callable[[str, str, bool], str]:
    """Verilog of top module ``top`` with the bad SRAM; see :func:`run_memory` for ``collisions``."""
    return _strict
