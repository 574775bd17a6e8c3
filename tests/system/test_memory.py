# SPDX-License-Identifier: Apache-2.0
"""Memory of a system under cocotb, in both simulators; the checks are in the bench."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from matwright.config import Bus, ConfigError
from matwright.presets import preset
from matwright.system.memory import SystemMemory, check_memory_bytes
from matwright_sim.runner import run_bench

TINY = Bus(data_width=32, addr_width=16, max_burst=16)
BUSES = {
    "all of it": (Bus(data_width=32, addr_width=16, max_burst=16), 1 << 16),
    "three quarters": (Bus(data_width=64, addr_width=16, max_burst=8), 3 << 12),
    "single": (Bus(data_width=32, addr_width=17, max_burst=1), 1 << 12),
    "wide": (Bus(data_width=512, addr_width=40, max_burst=16), 1 << 13),
    "long": (Bus(data_width=128, addr_width=20, max_burst=256), 5 << 12),
}
CASES = [("icarus", "all of it"), ("icarus", "three quarters"), ("icarus", "single")]
CASES += [("verilator", "three quarters"), ("verilator", "wide"), ("verilator", "long")]


@pytest.mark.parametrize(
    ("simulator", "name", "seed"), [(*case, 60 + i) for i, case in enumerate(CASES)]
)
def test_memory(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    bus, size = BUSES[name]
    run_bench(
        SystemMemory(bus, size),
        name="memory",
        bench="matwright_sim.benches.system_memory",
        simulator=simulator,
        parameters={"BUS": json.dumps(asdict(bus)), "MEMORY_BYTES": str(size)},
        seed=seed,
        build_root=tmp_path,
    )


@pytest.mark.parametrize(("bus", "size"), BUSES.values())
def test_legal(bus: Bus, size: int) -> None:
    check_memory_bytes(bus, size)


@pytest.mark.parametrize(
    ("bus", "size", "rule"),
    [
        (TINY, 0, "64, the largest burst of 4-byte beats, and at most 65536"),
        (TINY, 63, "64, the largest burst of 4-byte beats, and at most 65536"),
        (TINY, 96, "64, the largest burst of 4-byte beats, and at most 65536"),
        (TINY, (1 << 16) + 64, "64, the largest burst of 4-byte beats, and at most 65536"),
        (TINY, 4096.0, "64, the largest burst of 4-byte beats, and at most 65536"),
        (TINY, True, "64, the largest burst of 4-byte beats, and at most 65536"),
        (
            preset("server").bus,
            1 << 27,
            "1024, the largest burst of 64-byte beats, and at most 67108864",
        ),
    ],
)
def test_refusals(bus: Bus, size: Any, rule: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_memory_bytes(bus, size)
    assert str(caught.value) == f"memory_bytes must be a multiple of {rule}, not {size!r}"
