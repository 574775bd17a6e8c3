# SPDX-License-Identifier: Apache-2.0
"""The whole accelerator never uses what it reads of a word that is being written, and never reads and
writes at a single port in one cycle."""

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Sram
from matwright.emit import to_verilog, top_name
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import build_program
from matwright_sim.compiled import CompiledAccelerator

MEMORY = 1 << 17
PROGRAMS = 20


def config(load_rows: int, registers: int, ports: int) -> AcceleratorConfig:
    # With room for weights and sums, and many bursts, the loader runs ahead as far as the two halves of
    # activations let it.
    tiles, sums, bursts = (4, 8, 4) if ports == 2 else (64, 32, 16)
    return AcceleratorConfig(
        name=f"collisions_{load_rows}_{registers}_{ports}",
        rows=4,
        cols=4,
        load_rows=load_rows,
        sram=Sram(activation_rows=32, weight_tiles=tiles, accumulator_rows=sums, column_panels=4),
        bus=Bus(data_width=64, addr_width=20, max_burst=bursts, outstanding=bursts),
        build=Build(post_lanes=2, sram_registers=registers, activation_ports=ports),
    )


@pytest.mark.parametrize(
    ("load_rows", "registers", "ports"),
    [(1, 0, 2), (1, 1, 2), (4, 0, 2), (4, 1, 2), (1, 0, 1), (4, 1, 1)],
)
def test_programs_are_exact(
    load_rows: int,
    registers: int,
    ports: int,
    strict: Callable[[str, str, bool], str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    shape = config(load_rows, registers, ports)
    text = strict(to_verilog(shape), top_name(shape), True)
    rng = np.random.default_rng(61)
    world = {"stall": 0.1} if ports == 2 else {"read_latency": 2}
    with CompiledAccelerator(shape, text, memory_bytes=MEMORY, seed=61, **world) as machine:
        host = Host(machine)
        for index in range(PROGRAMS):
            sizes = [(int(m), int(n), int(k)) for m, n, k in rng.integers(1, 25, (3, 3))]
            program = build_program(shape, rng, sizes, memory_bytes=MEMORY)
            machine.memory[:] = program.before
            assert host.run(program.address, program.count), f"program {index}: no interrupt"
            wrong = np.flatnonzero(machine.memory != program.after)
            assert wrong.size == 0, f"program {index}: {program.at(int(wrong[0]))}"
    # What $display wrote waits in the C library.
    ctypes.CDLL(None).fflush(None)
    assert "ERROR" not in capfd.readouterr().out
