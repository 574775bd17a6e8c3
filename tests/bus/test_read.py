# SPDX-License-Identifier: Apache-2.0
"""Read engine under cocotb, in both simulators; the checks are in the bench."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from matwright.bus.read import ReadEngine
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
    *(("icarus", name, 10 + i) for i, name in enumerate(BUSES)),
    ("verilator", "small", 20),
    ("verilator", "least", 21),
]


@pytest.mark.parametrize(("simulator", "name", "seed"), CASES)
def test_read_engine(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    bus = BUSES[name]
    tag_width = 1 if bus.outstanding == 1 else 3
    run_bench(
        ReadEngine(bus, tag_width),
        name="read_engine",
        bench="matwright_sim.benches.bus_read",
        simulator=simulator,
        parameters={"BUS": json.dumps(asdict(bus)), "TAG_WIDTH": str(tag_width)},
        seed=seed,
        build_root=tmp_path,
    )
