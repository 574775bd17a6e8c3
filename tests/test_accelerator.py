# SPDX-License-Identifier: Apache-2.0
"""The whole accelerator, compiled, against NumPy's int64 and against the golden machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error, Flag
from matwright_sim.agents.host import ENGINES, Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.golden.machine import GoldenMachine, Outcome
from matwright_sim.verilog import cached_verilog

MEMORY = 1 << 18
IDLE, DONE = 0, 2
"""Values of STATUS."""

SIX_BY_THREE = AcceleratorConfig(
    name="six_by_three",
    rows=6,
    cols=3,
    load_rows=2,
    sram=Sram(activation_rows=64, weight_tiles=8, accumulator_rows=16, column_panels=4),
    bus=Bus(data_width=32, addr_width=20, max_burst=4, outstanding=2),
    build=Build(post_lanes=2),
)
"""Sides that are no powers of two, and every queue short."""

FOUR_ROWS_A_CYCLE = AcceleratorConfig(
    name="four_rows_a_cycle",
    rows=4,
    cols=8,
    load_rows=4,
    precision=Precision(a_width=12, b_width=5, acc_width=30),
    sram=Sram(activation_rows=128, weight_tiles=16, accumulator_rows=32, column_panels=8),
    bus=Bus(data_width=128, max_burst=8, outstanding=8),
    limits=Limits(max_k=2000),
    build=Build(post_lanes=8, product_registers=2),
)
"""A new weight tile every cycle, uneven widths."""

MORE_REGISTERS = replace(
    FOUR_ROWS_A_CYCLE,
    name="more_registers",
    build=replace(FOUR_ROWS_A_CYCLE.build, sram_registers=1, post_lanes=2),
)
"""A row of sums comes back before it is written."""

SINGLE_PORT = replace(
    SIX_BY_THREE,
    name="single_port",
    build=replace(SIX_BY_THREE.build, activation_ports=1, sram_protection="secded"),
)
"""Two beats fill a word, and each lane has memories of its own."""

SHARED_WORDS = replace(
    PRESETS["wide"],
    name="shared_words",
    build=replace(PRESETS["wide"].build, activation_ports=1, sram_registers=1),
)
"""Two lanes share a word of 16 bits."""

# Programs of each: those on `small` have more than 200 shapes between them.
CASES = [
    (PRESETS["small"], 120, 40),
    (PRESETS["tiny"], 30, 24),
    (PRESETS["wide"], 30, 40),
    (SIX_BY_THREE, 40, 24),
    (FOUR_ROWS_A_CYCLE, 40, 30),
    (MORE_REGISTERS, 40, 30),
    (SINGLE_PORT, 20, 24),
    (SHARED_WORDS, 20, 40),
]


@contextmanager
def machine(config: AcceleratorConfig, **options: Any) -> Iterator[Host]:
    """A compiled accelerator and its registers."""
    options = {"memory_bytes": MEMORY} | options
    with CompiledAccelerator(config, cached_verilog(config), **options) as accelerator:
        yield Host(accelerator)


def random_shapes(rng: np.random.Generator, most: int) -> list[tuple[int, int, int]]:
    """One to four shapes, every dimension from 1 to ``most``."""
    shapes = rng.integers(1, most + 1, (int(rng.integers(1, 5)), 3))
    return [(int(m), int(n), int(k)) for m, n, k in shapes]


def check_program(host: Host, config: AcceleratorConfig, program: ProgramImage) -> None:
    """Run a program and compare everything that can be seen of it."""
    statistics = host.machine.statistics()
    host.machine.memory[:] = program.before
    assert host.run(program.address, program.count), "no interrupt"
    assert (host.read("STATUS"), host.read("IRQ_CAUSE")) == (DONE, 1)
    assert host.read("COMPLETED") == program.count
    assert host.error()[0] == Error.NONE
    # The whole memory: nothing outside of the elements of D is touched.
    wrong = np.flatnonzero(host.machine.memory != program.after)
    assert wrong.size == 0, (wrong.size, program.at(int(wrong[0])), program.descriptors)
    assert host.machine.violations == {}
    now = host.machine.statistics()
    moved = {name: now[name] - statistics[name] for name in ("read_beats", "write_beats")}
    counters = host.counters()
    if not config.build.counters:
        assert not any(counters.values())
        return
    assert counters["BEATS_READ"] == moved["read_beats"]
    assert counters["BEATS_WRITTEN"] == moved["write_beats"]
    for engine in ENGINES:
        spent = [n for name, n in counters.items() if name.startswith(f"{engine}_")]
        assert sum(spent) == counters["CYCLES"], (engine, counters)


@pytest.mark.parametrize(
    ("config", "programs", "most"), CASES, ids=lambda x: getattr(x, "name", "")
)
def test_random_programs(config: AcceleratorConfig, programs: int, most: int) -> None:
    """Random shapes, tilings, strides, flags and dependences, under random stalls and latencies."""
    shapes = 0
    for seed in range(programs // 10):
        print(f"seed {seed}")
        rng = np.random.default_rng(seed)
        options = {
            "stall": float(rng.choice([0.0, 0.1, 0.3, 0.6])),
            "read_latency": int(rng.integers(1, 80)),
            "write_latency": int(rng.integers(1, 80)),
            "seed": seed,
        }
        with machine(config, **options) as host:
            for _ in range(10):
                program = build_program(
                    config,
                    rng,
                    random_shapes(rng, most),
                    memory_bytes=MEMORY,
                    dependent=bool(rng.integers(2)),
                )
                shapes += program.count
                golden = program.before.copy()
                outcome = GoldenMachine(config, golden).run(program.address, program.count)
                assert outcome == Outcome(program.count, Error.NONE, 0, 0)
                assert np.array_equal(golden, program.after), "golden machine and NumPy differ"
                check_program(host, config, program)
    assert config.name != "small" or shapes >= 200


def test_one_wrong_bit_of_an_operand_is_seen() -> None:
    """The comparison can fail: each bit of one element of A, then of B."""
    config = PRESETS["small"]
    rng = np.random.default_rng(5)
    program = build_program(config, rng, [(9, 7, 11)], memory_bytes=MEMORY, flags=Flag.RAW)
    (descriptor,) = program.descriptors
    with machine(config) as host:
        for address in (descriptor.a_addr + 3 * descriptor.a_stride + 2, descriptor.b_addr + 5):
            for bit in range(8):
                host.machine.memory[:] = program.before
                host.machine.memory[address] ^= 1 << bit
                assert host.run(program.address, program.count)
                wrong = np.flatnonzero(host.machine.memory != program.after)
                assert address in wrong
                assert {program.at(int(place)).role for place in wrong} >= {"d"}
        check_program(host, config, program)
