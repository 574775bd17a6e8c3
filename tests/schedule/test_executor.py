# SPDX-License-Identifier: Apache-2.0
"""The execute engine, cycle by cycle, in Icarus Verilog and in Verilator."""

from pathlib import Path

import pytest

from matwright.schedule.executor import ExecuteEngine
from matwright_sim.benches.schedule_jobs import CONFIGS
from matwright_sim.runner import run_bench

CASES = [*(("icarus", name, 30 + i) for i, name in enumerate(CONFIGS)), ("verilator", "packed", 40)]


@pytest.mark.parametrize(("simulator", "name", "seed"), CASES)
def test_execute_engine(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    run_bench(
        ExecuteEngine(CONFIGS[name]),
        name="execute_engine",
        bench="matwright_sim.benches.schedule_executor",
        simulator=simulator,
        parameters={"CONFIG": name},
        seed=seed,
        build_root=tmp_path,
    )
