# SPDX-License-Identifier: Apache-2.0
"""The store engine, column by column, in Icarus Verilog and in Verilator."""

from dataclasses import replace
from pathlib import Path

import pytest

from matwright.schedule.storer import StoreEngine
from matwright_sim.benches.schedule_jobs import CONFIGS
from matwright_sim.runner import run_bench

CASES = [
    *(("icarus", name, 0, 0, 70 + i) for i, name in enumerate(CONFIGS)),
    *(("icarus", name, 1, 0, 90 + i) for i, name in enumerate(CONFIGS)),
    *(("icarus", name, 1, 1, 60 + i) for i, name in enumerate(CONFIGS)),
    ("verilator", "odd", 0, 0, 80),
    ("verilator", "odd", 1, 0, 81),
    ("verilator", "odd", 0, 1, 82),
    ("verilator", "odd", 1, 1, 83),
]


@pytest.mark.parametrize(("simulator", "name", "registers", "post_registers", "seed"), CASES)
def test_store_engine(
    simulator: str, name: str, registers: int, post_registers: int, seed: int, tmp_path: Path
) -> None:
    config = CONFIGS[name]
    build = replace(config.build, sram_registers=registers, post_registers=post_registers)
    config = replace(config, build=build)
    run_bench(
        StoreEngine(config),
        name="store_engine",
        bench="matwright_sim.benches.schedule_storer",
        simulator=simulator,
        parameters={
            "CONFIG": name,
            "REGISTERS": str(registers),
            "POST_REGISTERS": str(post_registers),
        },
        seed=seed,
        build_root=tmp_path,
    )
