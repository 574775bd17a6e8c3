# SPDX-License-Identifier: Apache-2.0
"""The whole accelerator never uses what it reads of a word that is being written."""

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


def config(load_rows: int) -> AcceleratorConfig:
    return AcceleratorConfig(
        name=f"collisions_{load_rows}",
        rows=4,
        cols=4,
        load_rows=load_rows,
        sram=Sram(activation_rows=32, weight_tiles=4, accumulator_rows=8, column_panels=4),
        bus=Bus(data_width=64, addr_width=20, max_burst=4, outstanding=4),
        build=Build(post_lanes=2),
    )


@pytest.mark.parametrize("load_rows", [1, 4])
def test_programs_are_exact(load_rows: int, strict: Callable[[str, str, bool], str]) -> None:
    shape = config(load_rows)
    text = strict(to_verilog(shape), top_name(shape), True)
    rng = np.random.default_rng(61)
    with CompiledAccelerator(shape, text, memory_bytes=MEMORY, stall=0.1, seed=61) as machine:
        host = Host(machine)
        for index in range(PROGRAMS):
            sizes = [(int(m), int(n), int(k)) for m, n, k in rng.integers(1, 25, (3, 3))]
            program = build_program(shape, rng, sizes, memory_bytes=MEMORY)
            machine.memory[:] = program.before
            assert host.run(program.address, program.count), f"program {index}: no interrupt"
            wrong = np.flatnonzero(machine.memory != program.after)
            assert wrong.size == 0, f"program {index}: {program.at(int(wrong[0]))}"
