# SPDX-License-Identifier: Apache-2.0
"""The load engine, request by request, in Icarus Verilog and in Verilator."""

from pathlib import Path

import pytest

from matwright.schedule.loader import LoadEngine
from matwright_sim.benches.schedule_jobs import CONFIGS
from matwright_sim.runner import run_bench

CASES = [*(("icarus", name, 50 + i) for i, name in enumerate(CONFIGS)), ("verilator", "split", 60)]


@pytest.mark.parametrize(("simulator", "name", "seed"), CASES)
def test_load_engine(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    run_bench(
        LoadEngine(CONFIGS[name]),
        name="load_engine",
        bench="matwright_sim.benches.schedule_loader",
        simulator=simulator,
        parameters={"CONFIG": name},
        seed=seed,
        build_root=tmp_path,
    )
