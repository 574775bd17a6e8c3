# SPDX-License-Identifier: Apache-2.0
"""Write engine under cocotb, in both simulators; the checks are in the bench."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from matwright.bus.write import WriteEngine
from matwright.config import Bus
from matwright.presets import preset
from matwright_sim.runner import run_bench

BUSES = {
    "small": preset("small").bus,
    "server": preset("server").bus,
    "single": Bus(data_width=32, addr_width=16, max_burst=1, outstanding=4),
    "serial": Bus(data_width=64, addr_width=20, max_burst=4, outstanding=1),
    "pair": Bus(data_width=32, addr_width=18, max_burst=256, outstanding=2),
    "least": Bus(data_width=512, addr_width=16, max_burst=1, outstanding=1),
}
CASES = [
    *(("icarus", name, 30 + i) for i, name in enumerate(BUSES)),
    ("verilator", "small", 40),
    ("verilator", "least", 41),
]


@pytest.mark.parametrize(("simulator", "name", "seed"), CASES)
def test_write_engine(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    bus = BUSES[name]
    run_bench(
        WriteEngine(bus),
        name="write_engine",
        bench="matwright_sim.benches.bus_write",
        simulator=simulator,
        parameters={"BUS": json.dumps(asdict(bus))},
        seed=seed,
        build_root=tmp_path,
    )
