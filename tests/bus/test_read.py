# SPDX-License-Identifier: Apache-2.0
"""Read engine under cocotb, in both simulators; the checks are in the bench."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from matwright.bus.read import ReadEngine
from matwright_sim.benches.bus_cases import BUSES, cases
from matwright_sim.runner import run_bench


@pytest.mark.parametrize(("simulator", "name", "registers", "seed"), cases(10))
def test_read_engine(simulator: str, name: str, registers: int, seed: int, tmp_path: Path) -> None:
    bus = BUSES[name]
    tag_width = 1 if bus.outstanding == 1 else 3
    run_bench(
        ReadEngine(bus, tag_width, request_registers=registers),
        name="read_engine",
        bench="matwright_sim.benches.bus_read",
        simulator=simulator,
        parameters={
            "BUS": json.dumps(asdict(bus)),
            "TAG_WIDTH": str(tag_width),
            "REGISTERS": str(registers),
        },
        seed=seed,
        build_root=tmp_path,
    )
