# SPDX-License-Identifier: Apache-2.0
"""User page of the register file under cocotb, in both simulators; the checks are in the bench."""

from pathlib import Path

import pytest

from matwright.bus.registers import RegisterFile
from matwright_sim.benches.bus_cases import CONFIGS
from matwright_sim.runner import run_bench

CASES = [
    ("icarus", "small", 50),
    ("icarus", "tiny", 51),
    ("icarus", "server", 52),
    ("verilator", "small", 53),
    ("verilator", "tiny", 54),
    ("icarus", "most", 55),
]


@pytest.mark.parametrize(("simulator", "name", "seed"), CASES)
def test_register_file(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    run_bench(
        RegisterFile(CONFIGS[name]),
        name="register_file",
        bench="matwright_sim.benches.bus_registers",
        simulator=simulator,
        parameters={"CONFIG": CONFIGS[name].to_toml()},
        seed=seed,
        build_root=tmp_path,
    )
