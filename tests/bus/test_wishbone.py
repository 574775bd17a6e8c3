# SPDX-License-Identifier: Apache-2.0
"""The bridges between AXI and Wishbone under cocotb, and the whole accelerator behind them."""

from pathlib import Path

import pytest

from matwright.bus.wishbone_master import AxiToWishbone
from matwright.bus.wishbone_slave import WishboneToAxiLite
from matwright.config import Bus
from matwright.emit import convert
from matwright_sim.runner import run_bench

BUSES = {"32": Bus(data_width=32, addr_width=16), "128": Bus(data_width=128, addr_width=20)}


@pytest.mark.parametrize(("simulator", "name"), [("icarus", "32"), ("verilator", "128")])
def test_axi_to_wishbone(simulator: str, name: str, tmp_path: Path) -> None:
    run_bench(
        verilog=convert(AxiToWishbone(BUSES[name]), "axi_to_wishbone", flat=True),
        toplevel="axi_to_wishbone",
        bench="matwright_sim.benches.bus_wishbone",
        simulator=simulator,
        parameters={"BRIDGE": "master"},
        seed=41,
        build_root=tmp_path,
    )


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_wishbone_to_axi_lite(simulator: str, tmp_path: Path) -> None:
    run_bench(
        verilog=convert(WishboneToAxiLite(), "wishbone_to_axi_lite", flat=True),
        toplevel="wishbone_to_axi_lite",
        bench="matwright_sim.benches.bus_wishbone",
        simulator=simulator,
        parameters={"BRIDGE": "slave"},
        seed=42,
        build_root=tmp_path,
    )
