# SPDX-License-Identifier: Apache-2.0
"""The two cocotb worlds and the compiled simulation run the same program the same way."""

import numpy as np
import pytest
import standin
from numpy.typing import NDArray

from matwright_sim.benches.accelerator import JobResult, run_job
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.runner import SIMULATORS, BenchError

BYTES = 1 << 16
BURSTS = 24
SEED = 7

both = pytest.mark.parametrize("simulator", SIMULATORS)


def image() -> NDArray[np.uint8]:
    print(f"seed {SEED}")
    return np.random.default_rng(SEED).integers(0, 256, BYTES, dtype=np.uint8)


def after(width: int) -> NDArray[np.uint8]:
    memory = image()
    size = BURSTS * standin.BURST * width // 8
    memory[standin.DISTANCE :][:size] = memory[:size]
    return memory


def cocotb_run(width: int, simulator: str, **options: object) -> JobResult:
    result = run_job(
        standin.verilog(standin.config(width).bus),
        toplevel="standin",
        memory=image(),
        program=0,
        count=BURSTS,
        simulator=simulator,
        expected=after(width),
        **options,  # type: ignore[arg-type]
    )
    assert result.registers["STATUS"] == 2
    assert result.registers["IRQ_CAUSE"] == 1
    assert result.counters["BEATS_READ"] == BURSTS * standin.BURST
    assert result.counters["BEATS_WRITTEN"] == BURSTS * standin.BURST
    return result


def compiled_cycles(width: int, doorbell: int | None = None, **options: object) -> int:
    """Cycles of the program when its doorbell arrives in cycle ``doorbell`` after reset."""
    config = standin.config(width)
    text = standin.verilog(config.bus)
    with CompiledAccelerator(config, text, memory_bytes=BYTES, **options) as accelerator:  # type: ignore[arg-type]
        accelerator.memory[:] = image()
        accelerator.write_register(standin.address("IRQ_ENABLE"), 3)
        accelerator.write_register(standin.address("PROGRAM_COUNT"), BURSTS)
        if doorbell is not None:
            accelerator.run(doorbell - accelerator.cycles)
        accelerator.write_register(standin.address("CONTROL"), 1)
        assert accelerator.run(100_000)
        assert np.array_equal(accelerator.memory, after(width))
        assert accelerator.violations == {}
        arrived = accelerator.read_register(standin.address(standin.DOORBELL))
        assert doorbell in (None, arrived)
        return accelerator.read_register(standin.address("CYCLES"))


@both
@pytest.mark.parametrize("width", [32, 512])
@pytest.mark.parametrize(("read_latency", "write_latency"), [(1, 1), (7, 5), (60, 33)])
def test_same_cycles(simulator: str, width: int, read_latency: int, write_latency: int) -> None:
    latencies = {"read_latency": read_latency, "write_latency": write_latency}
    cycles = compiled_cycles(width, **latencies)
    assert cycles == read_latency + BURSTS * standin.BURST + write_latency + 1
    assert cocotb_run(width, simulator, **latencies).cycles == cycles


@both
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_same_cycles_with_stalls(simulator: str, seed: int) -> None:
    options = {"stall": 0.4, "read_latency": 5, "write_latency": 9, "seed": seed}
    result = cocotb_run(64, simulator, **options)
    # The draws start at reset, so the doorbell must arrive in the same cycle after it.
    doorbell = result.counters[standin.DOORBELL]
    assert compiled_cycles(64, doorbell, **options) == result.cycles


@both
def test_stalls_of_another_author(simulator: str) -> None:
    cycles = {
        cocotb_run(64, simulator, world="stalls", stall=stall, seed=seed).cycles
        for stall, seed in ((0.0, 0), (0.3, 1), (0.3, 2))
    }
    assert len(cycles) == 3


def test_no_interrupt() -> None:
    with pytest.raises(BenchError, match=r"failed: program; see (.|\n)*SimTimeoutError"):
        cocotb_run(64, "icarus", max_cycles=50)


def test_unexpected_memory() -> None:
    wrong = after(64)
    wrong[100] ^= 1
    with pytest.raises(AssertionError, match=r"1 bytes differ, the first at 0x64 \(seed 0\)"):
        run_job(
            standin.verilog(standin.config(64).bus),
            toplevel="standin",
            memory=image(),
            program=0,
            count=BURSTS,
            expected=wrong,
        )


def test_refusal() -> None:
    with pytest.raises(ValueError, match="world must be one of stalls, model, not 'moon'"):
        cocotb_run(64, "icarus", world="moon")
