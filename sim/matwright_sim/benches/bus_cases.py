# SPDX-License-Identifier: Apache-2.0
"""Buses that the benches of the bus engines run on, and configurations for those of the registers."""

from matwright.config import AcceleratorConfig, Build, Bus
from matwright.presets import preset

__all__ = ["BUSES", "CONFIGS", "cases"]

BUSES = {
    "small": preset("small").bus,
    "server": preset("server").bus,
    "single": Bus(data_width=32, addr_width=16, max_burst=1, outstanding=4),
    "serial": Bus(data_width=64, addr_width=20, max_burst=4, outstanding=1),
    "pair": Bus(data_width=32, addr_width=18, max_burst=256, outstanding=2),
    "least": Bus(data_width=512, addr_width=16, max_burst=1, outstanding=1),
}

CONFIGS = {
    "small": preset("small"),
    "tiny": preset("tiny"),  # without counters
    "server": preset("server"),
    "most": AcceleratorConfig(
        rows=8,
        cols=8,
        bus=Bus(addr_width=40, windows=8),
        build=Build(sram_protection="secded"),
    ),
    "least": AcceleratorConfig(
        rows=8,
        cols=8,
        bus=Bus(data_width=32, addr_width=16, windows=3),
        build=Build(sram_protection="parity", counters=False),
    ),
}


def cases(seed: int) -> list[tuple[str, str, int, int]]:
    """Simulator, name of the bus, registers of requests, and seed: all buses in Icarus, some with
    registers, and two in Verilator."""
    runs = [("icarus", name, 0) for name in BUSES]
    runs += [("icarus", "small", 2), ("icarus", "single", 1), ("icarus", "pair", 2)]
    runs += [("icarus", "serial", 1), ("verilator", "small", 2), ("verilator", "least", 0)]
    return [(*run, seed + i) for i, run in enumerate(runs)]
