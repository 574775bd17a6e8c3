# SPDX-License-Identifier: Apache-2.0
"""Bridge under cocotb, in both simulators; the checks are in the bench."""

from pathlib import Path

import pytest

from matwright.system.bridge import Bridge
from matwright_sim.runner import run_bench

CASES = [
    ("icarus", 1 << 12, 4, 12_000_000, 41),
    ("verilator", 3 << 10, 5, 25_000_000, 42),
    ("verilator", 1 << 20, 4, 125_000_000, 43),
]


@pytest.mark.parametrize(("simulator", "memory_bytes", "divisor", "clock_hz", "seed"), CASES)
def test_bridge(
    simulator: str, memory_bytes: int, divisor: int, clock_hz: int, seed: int, tmp_path: Path
) -> None:
    run_bench(
        Bridge(memory_bytes, divisor, clock_hz),
        name="bridge",
        bench="matwright_sim.benches.system_bridge",
        simulator=simulator,
        parameters={
            "DIVISOR": str(divisor),
            "MEMORY_BYTES": str(memory_bytes),
            "CLOCK_HZ": str(clock_hz),
            "EVERY": "7" if simulator == "icarus" else "1" if divisor == 5 else "5",
        },
        seed=seed,
        build_root=tmp_path,
    )
