# SPDX-License-Identifier: Apache-2.0
"""The cycle model against the counters of the hardware."""

from dataclasses import replace

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.presets import PRESETS
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.cycles import Memory, exact
from matwright_sim.verilog import cached_verilog

MEMORY = 1 << 18

EDGES = AcceleratorConfig(
    name="edges",
    rows=6,
    cols=3,
    load_rows=2,
    precision=Precision(a_width=12, b_width=5, acc_width=30),
    sram=Sram(activation_rows=64, weight_tiles=8, accumulator_rows=16, column_panels=4),
    bus=Bus(data_width=32, addr_width=20, max_burst=2, outstanding=1),
    limits=Limits(max_k=2000),
    build=Build(post_lanes=2, descriptors=1, request_registers=1, sram_registers=1),
)
"""Sides that are no powers of two, one burst in flight, one descriptor at a time."""

FAST = replace(
    PRESETS["small"],
    name="fast",
    load_rows=4,
    bus=Bus(data_width=256, max_burst=4, outstanding=2, windows=2),
    build=replace(PRESETS["small"].build, post_lanes=8, request_registers=1),
)
"""Wide beats, few bursts in flight, and the queue behind post-processing."""

TINY = PRESETS["tiny"]

CONFIGS = [
    *(PRESETS[name] for name in ("small", "edge", "wide")),
    replace(TINY, name="tiny", build=replace(TINY.build, counters=True)),
    EDGES,
    FAST,
    replace(EDGES, name="edges_unchecked", build=Build(post_lanes=1, unsafe_unchecked=True)),
]


def measured(host: Host, program: ProgramImage) -> dict[str, int]:
    """Counters of a program's run."""
    machine = host.machine
    machine.memory[:] = program.before
    assert host.run(program.address, program.count), "no interrupt"
    assert np.array_equal(machine.memory, program.after)
    return host.counters()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_random_programs(config: AcceleratorConfig, stall: float) -> None:
    """Random programs: counters as predicted, by latency alone or from a recording of the stalls."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    for _ in range(4):
        read_latency, write_latency = (int(rng.choice([1, 3, 40, 100])) for _ in range(2))
        with CompiledAccelerator(
            config,
            cached_verilog(config),
            memory_bytes=MEMORY,
            read_latency=read_latency,
            write_latency=write_latency,
            stall=stall,
            seed=seed,
        ) as machine:
            host = Host(machine)
            for _ in range(5):
                shapes = [
                    tuple(map(int, rng.integers(1, 33, 3))) for _ in range(rng.integers(1, 5))
                ]
                program = build_program(
                    config, rng, shapes, memory_bytes=MEMORY, dependent=bool(rng.integers(2))
                )
                machine.record()
                counters = measured(host, program)
                memory = Memory(read_latency=read_latency, write_latency=write_latency)
                if stall:
                    memory = Memory(recording=machine.recording)
                run = exact(config, program.descriptors, memory, program.address)
                assert run.counters == counters, (shapes, program.descriptors)
