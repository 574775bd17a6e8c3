# SPDX-License-Identifier: Apache-2.0
"""The same Verilog in different worlds: compiled, and under cocotb in both simulators, before our
memory and before cocotbext-axi's. All leave the same memory; the same memory takes the same cycles.
"""

import numpy as np
import pytest

from matwright.config import AcceleratorConfig
from matwright.emit import top_name
from matwright.presets import PRESETS
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.benches.accelerator import JobResult, run_job
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.runner import SIMULATORS
from matwright_sim.session import INTERRUPT_LATENCY, open_machine
from matwright_sim.verilog import cached_verilog

MEMORY = 1 << 15
SHAPES = [(5, 9, 6), (10, 3, 12)]
DONE = 2

configs = pytest.mark.parametrize(
    "config", [PRESETS["tiny"], PRESETS["small"]], ids=lambda c: c.name
)
simulators = pytest.mark.parametrize("simulator", SIMULATORS)


def program(config: AcceleratorConfig, seed: int) -> ProgramImage:
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    return build_program(config, rng, SHAPES, memory_bytes=MEMORY, dependent=True)


def under_cocotb(
    config: AcceleratorConfig, image: ProgramImage, simulator: str, **options: object
) -> JobResult:
    result = run_job(
        cached_verilog(config),
        toplevel=top_name(config),
        memory=image.before,
        program=image.address,
        count=image.count,
        simulator=simulator,
        expected=image.after,
        **options,  # type: ignore[arg-type]
    )
    registers = result.registers
    assert (registers["STATUS"], registers["IRQ_CAUSE"]) == (DONE, 1)
    assert registers["COMPLETED"] == image.count
    if config.build.counters:
        assert result.cycles == result.elapsed - INTERRUPT_LATENCY
    return result


@configs
@simulators
@pytest.mark.parametrize(("read_latency", "write_latency"), [(40, 40), (1, 7)])
def test_same_memory_same_cycles(
    config: AcceleratorConfig, simulator: str, read_latency: int, write_latency: int
) -> None:
    image = program(config, read_latency)
    latencies = {"read_latency": read_latency, "write_latency": write_latency}
    result = under_cocotb(config, image, simulator, **latencies)
    with CompiledAccelerator(
        config, cached_verilog(config), memory_bytes=MEMORY, **latencies
    ) as machine:
        host = Host(machine)
        machine.memory[:] = image.before
        for name, value in (("PROGRAM_LO", image.address), ("PROGRAM_COUNT", image.count)):
            host.write(name, value)
        host.write("IRQ_ENABLE", 3)
        host.write("CONTROL", 1)
        answered = machine.cycles - 1
        assert machine.run(100_000)
        assert machine.cycles - answered == result.elapsed
        assert np.array_equal(machine.memory, image.after)
        assert host.counters() == result.counters


@configs
@simulators
@pytest.mark.parametrize("seed", [1, 2])
def test_a_world_of_another_author(config: AcceleratorConfig, simulator: str, seed: int) -> None:
    """cocotbext-axi's memory and host, every channel pausing at random."""
    image = program(config, 10 + seed)
    under_cocotb(config, image, simulator, world="stalls", stall=0.3, seed=seed)


@configs
def test_a_session_is_the_same_in_both_simulators(config: AcceleratorConfig) -> None:
    """Through the driver: results, cycles and counters, of several programs."""
    rng = np.random.default_rng(8)
    a, b = (rng.integers(-128, 128, shape, np.int8) for shape in ((7, 10), (10, 9)))
    seen = []
    for simulator in ("verilator", "icarus"):
        with open_machine(config, simulator=simulator, memory_bytes=MEMORY) as session:
            runs = []
            for _ in range(2):
                assert np.array_equal(session.driver.gemm(a, b), a.astype(np.int64) @ b)
                runs.append(session.cycles)
            assert runs[0] == runs[1]
            reports: list[dict[str, int]] = []
            session.driver.gemm(a, b, on_report=lambda report: reports.append(report.counters))
            assert reports[0].get("CYCLES", session.cycles) == session.cycles
            seen.append((runs, reports))
    assert seen[0] == seen[1]
