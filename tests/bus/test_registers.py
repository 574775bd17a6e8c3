# SPDX-License-Identifier: Apache-2.0
"""Register file under cocotb, in both simulators; the checks are in the bench."""

from pathlib import Path

import pytest

from matwright.bus.registers import RegisterFile
from matwright.presets import preset
from matwright_sim.runner import run_bench

CASES = [
    ("icarus", "small", 50),  # with counters
    ("icarus", "tiny", 51),  # without
    ("icarus", "server", 52),
    ("verilator", "small", 53),
    ("verilator", "tiny", 54),
]


@pytest.mark.parametrize(("simulator", "name", "seed"), CASES)
def test_register_file(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    run_bench(
        RegisterFile(preset(name)),
        name="register_file",
        bench="matwright_sim.benches.bus_registers",
        simulator=simulator,
        parameters={"PRESET": name},
        seed=seed,
        build_root=tmp_path,
    )
