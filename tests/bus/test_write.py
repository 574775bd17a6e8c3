# SPDX-License-Identifier: Apache-2.0
"""Write engine under cocotb, in both simulators; the checks are in the bench."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from matwright.bus.write import WriteEngine
from matwright_sim.benches.bus_cases import BUSES, cases
from matwright_sim.runner import run_bench


@pytest.mark.parametrize(("simulator", "name", "registers", "seed"), cases(30))
def test_write_engine(simulator: str, name: str, registers: int, seed: int, tmp_path: Path) -> None:
    bus = BUSES[name]
    run_bench(
        WriteEngine(bus, request_registers=registers),
        name="write_engine",
        bench="matwright_sim.benches.bus_write",
        simulator=simulator,
        parameters={"BUS": json.dumps(asdict(bus)), "REGISTERS": str(registers)},
        seed=seed,
        build_root=tmp_path,
    )
