# SPDX-License-Identifier: Apache-2.0
"""The store engine, column by column, in Icarus Verilog and in Verilator."""

from pathlib import Path

import pytest

from matwright.schedule.storer import StoreEngine
from matwright_sim.benches.schedule_jobs import CONFIGS
from matwright_sim.runner import run_bench

CASES = [*(("icarus", name, 70 + i) for i, name in enumerate(CONFIGS)), ("verilator", "odd", 80)]


@pytest.mark.parametrize(("simulator", "name", "seed"), CASES)
def test_store_engine(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    run_bench(
        StoreEngine(CONFIGS[name]),
        name="store_engine",
        bench="matwright_sim.benches.schedule_storer",
        simulator=simulator,
        parameters={"CONFIG": name},
        seed=seed,
        build_root=tmp_path,
    )
