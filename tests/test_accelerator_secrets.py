# SPDX-License-Identifier: Apache-2.0
"""What a tenant leaves behind, and what its data shows in: nothing, and nothing.

Every test runs the same programs on two machines whose tenants have different secrets. Whatever
differs afterwards, but for the tenant's own memory, is a way out.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.presets import PRESETS
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.fuzz.secrets import ENDS, left_behind, registers, shows, with_secrets
from matwright_sim.verilog import cached_verilog

TINY, SMALL = PRESETS["tiny"], PRESETS["small"]
MEMORY = 1 << 16
HALF = MEMORY // 2
TENANT_A = Window(0, HALF - 1)
SHAPES = [(9, 7, 11), (12, 17, 20), (5, 9, 8)]
SRAM = re.compile(
    r"\.(bank|adds|stores)_\w+(\.|$)|\.(r_data|old_\d+|value_\d+|stored(_\d+)?|padded)\b"
    r"|\.(activations|weights|accumulator|parameters)\.(\w+\.)?\$\d+$"
)
"""Words of the memories, which stay until they are written again, and the wires (those without a name
too) that hang on their outputs before these are masked."""
BUS = re.compile(
    r"(rdata|beat_data|beat__data|w_data)[^.]*$"
    r"|\.dispatcher(\.(check|columns|depth))?\.(last(\$\d+)?|\$\d+)$"
)
"""Wires from the bus, which holds the last beat that the memory sent, and what hangs on them on the way to
the registers of the dispatcher: no register is without a name."""


def image_of(config: AcceleratorConfig, seed: int) -> ProgramImage:
    print(f"seed {seed}")
    return build_program(config, np.random.default_rng(seed), SHAPES, memory_bytes=HALF)


@pytest.fixture(params=[TINY, SMALL], ids=lambda config: config.name)
def machines(request: pytest.FixtureRequest) -> Iterator[list[CompiledAccelerator]]:
    """Two equal machines, one for each secret."""
    config = request.param
    made = [
        CompiledAccelerator(config, cached_verilog(config), memory_bytes=MEMORY, stall=0.1, seed=5)
        for _ in range(2)
    ]
    yield made
    for machine in made:
        machine.close()


def test_time_does_not_depend_on_data(machines: list[CompiledAccelerator]) -> None:
    """Cycles, counters, every count of the bus."""
    config = machines[0].config
    for seed in range(40):
        image = image_of(config, seed)
        assert shows(machines, image, (1000 + seed, 2000 + seed)) == ""
        assert not np.array_equal(machines[0].memory, machines[1].memory)


@pytest.mark.parametrize("ends", ENDS)
def test_nothing_is_left_for_the_next_tenant(
    machines: list[CompiledAccelerator], ends: str
) -> None:
    """The next tenant sees the same registers, results and times whatever the one before held.

    It reads every register, then runs programs of its own from its own memory.
    """
    config = machines[0].config
    rng = np.random.default_rng(7)
    for seed in range(12):
        image, after = image_of(config, seed), image_of(config, 100 + seed)
        moment = int(rng.integers(1, 500))
        burst = int(rng.integers(2, 12))
        at = burst if ends == "error" else moment
        secrets = (3000 + seed, 4000 + seed)
        assert left_behind(machines, image, after, secrets, ends, at) == ""


def values_at_end(waveform: Path) -> dict[str, str]:
    """The last value of every signal of a VCD file, by its path."""
    names: dict[str, list[str]] = {}
    scope: list[str] = []
    last: dict[str, str] = {}
    header = True
    with waveform.open() as lines:
        for line in lines:
            words = line.split()
            if not words:
                continue
            if header:
                if words[0] == "$scope":
                    scope.append(words[2])
                elif words[0] == "$upscope":
                    scope.pop()
                elif words[0] == "$var":
                    names.setdefault(words[3], []).append(".".join([*scope, words[4]]))
                header = words[0] != "$enddefinitions"
            elif line[0] in "01xz":
                last[line[1:].strip()] = line[0]
            elif line[0] == "b":
                last[words[1]] = words[0]
    return {path: last.get(code, "") for code, paths in names.items() for path in paths}


REGISTERS = replace(
    TINY, name="tiny_registers", build=replace(TINY.build, sram_registers=1, product_registers=2)
)

SINGLE_PORT = replace(TINY, name="tiny_single_port", build=replace(TINY.build, activation_ports=1))


def check_no_signal_differs(
    config: AcceleratorConfig, moment: int, folder: Path, *, end_context: bool
) -> None:
    """Two machines with other secrets, stopped at the same moment: only words of SRAM differ."""
    image = image_of(config, 11)
    ends, seen = [], []
    for secret in (21, 22):
        waveform = folder / f"{secret}.vcd"
        with CompiledAccelerator(
            config, cached_verilog(config), memory_bytes=MEMORY, trace=waveform
        ) as machine:
            host = Host(machine, [TENANT_A])
            machine.memory[:HALF] = with_secrets(image, secret)
            host.run(image.address, image.count, moment)
            if end_context:
                host.end_context()
            ends.append(registers(host))
        seen.append(values_at_end(waveform))
    assert ends[0] == ends[1]
    first, second = seen
    assert first.keys() == second.keys() and len(first) > 1000
    differ = {path for path in first if first[path] != second[path]}
    outside = {path for path in differ if not SRAM.search(path) and not BUS.search(path)}
    assert outside == set()


@pytest.mark.parametrize("moment", [60, 150, 260])
def test_no_register_holds_anything_after_a_context(moment: int, tmp_path: Path) -> None:
    """Of all signals of the design, wherever the program was stopped."""
    check_no_signal_differs(TINY, moment, tmp_path, end_context=True)


@pytest.mark.parametrize("config", [TINY, REGISTERS, SINGLE_PORT], ids=lambda config: config.name)
def test_no_register_holds_anything_after_a_program(
    config: AcceleratorConfig, tmp_path: Path
) -> None:
    """Of all signals of the design, without anybody having reset anything."""
    check_no_signal_differs(config, 1_000_000, tmp_path, end_context=False)
