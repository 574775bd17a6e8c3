# SPDX-License-Identifier: Apache-2.0
"""The memory model for cocotb answers errors as the compiled one does."""

from pathlib import Path

import numpy as np
import pytest
import standin

from matwright_sim.agents.memory import MemoryModel
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.runner import SIMULATORS, run_bench

SEED = 11
STROBE = 0x9E37_79B9
BEYOND = standin.DISTANCE + 2 * 4 * 8 + 8
"""Memory that ends after the first beat of the third burst of the copy."""


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize(
    ("errors", "size"),
    [
        ("", 1 << 16),
        ("read:1:SLVERR", 1 << 16),
        ("write:2:DECERR", 1 << 16),
        ("read:0:DECERR write:3:SLVERR", 1 << 16),
        ("", BEYOND),
    ],
)
def test_errors(simulator: str, errors: str, size: int, tmp_path: Path) -> None:
    print(f"seed {SEED}")
    before = np.random.default_rng(SEED).integers(0, 256, size, dtype=np.uint8)
    np.save(tmp_path / "before.npy", before)
    config = standin.config(64)
    run_bench(
        verilog=standin.verilog(config.bus),
        toplevel="standin",
        bench="bench_memory",
        simulator=simulator,
        parameters={"FOLDER": str(tmp_path), "ERRORS": errors, "STROBE": str(STROBE)},
        python_path=[Path(__file__).parent],
    )
    status, cycles = map(int, (tmp_path / "result").read_text().split())
    assert status == (2 if not errors and size != BEYOND else 6)

    text = standin.verilog(config.bus)
    with CompiledAccelerator(
        config, text, memory_bytes=size, read_latency=7, write_latency=5
    ) as accelerator:
        accelerator.memory[:] = before
        for error in errors.split():
            channel, burst, response = error.split(":")
            accelerator.inject_error(channel, int(burst), response)
        accelerator.write_register(standin.STROBE, STROBE)
        for name, value in (("IRQ_ENABLE", 3), ("PROGRAM_COUNT", 4), ("CONTROL", 1)):
            accelerator.write_register(standin.address(name), value)
        assert accelerator.run(10_000)
        assert accelerator.read_register(standin.address("STATUS")) == status
        assert accelerator.read_register(standin.address("CYCLES")) == cycles
        assert np.array_equal(accelerator.memory, np.load(tmp_path / "after.npy"))


@pytest.mark.parametrize("name", ["read_latency", "write_latency"])
def test_refused_latency(name: str) -> None:
    latencies = {"read_latency": 1, "write_latency": 1, name: 0}
    with pytest.raises(ValueError, match=f"^{name} must be at least 1 cycle, not 0$"):
        MemoryModel(None, None, bytearray(8), latencies["read_latency"], latencies["write_latency"])
