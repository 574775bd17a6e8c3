# SPDX-License-Identifier: Apache-2.0
"""The doorbell of a running machine and the watchdog: both stop it, and it goes on after a reset."""

import numpy as np
import pytest

from matwright.bus.register_map import WATCHDOG_CYCLES
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.verilog import cached_verilog

CONFIG = PRESETS["small"]
MEMORY = 1 << 17
STATUS_ERROR, IRQ_ERROR = 4, 2


def program(seed: int) -> ProgramImage:
    print(f"seed {seed}")
    shapes = [(9, 7, 11), (12, 17, 20), (5, 9, 8)]
    return build_program(CONFIG, np.random.default_rng(seed), shapes, memory_bytes=MEMORY)


def begin(host: Host, image: ProgramImage) -> None:
    host.machine.memory[:] = image.before
    host.write("PROGRAM_LO", image.address)
    host.write("PROGRAM_HI", 0)
    host.write("PROGRAM_COUNT", image.count)
    host.write("IRQ_ENABLE", 3)
    host.write("IRQ_CAUSE", 3)
    host.write("CONTROL", 1)


def check_recovers(host: Host, image: ProgramImage) -> None:
    """After a soft reset the machine is as new, but for what the host has set."""
    assert (host.read("STATUS"), host.read("IRQ_CAUSE")) == (STATUS_ERROR, IRQ_ERROR)
    for place in np.flatnonzero(host.machine.memory != image.before):
        assert image.at(int(place)).role == "d", hex(int(place))
    host.reset()
    assert host.error() == (Error.NONE, 0, 0)
    begin(host, image)
    assert host.machine.run(1_000_000), "no interrupt"
    assert np.array_equal(host.machine.memory, image.after)
    assert host.machine.violations == {}


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_doorbell_of_a_running_machine(stall: float) -> None:
    """At random moments, in the middle of bursts too."""
    image = program(60)
    rng = np.random.default_rng(61)
    with CompiledAccelerator(
        CONFIG, cached_verilog(CONFIG), memory_bytes=MEMORY, stall=stall, seed=62
    ) as machine:
        host = Host(machine)
        for wait in rng.integers(0, 400, 25):
            begin(host, image)
            machine.run(int(wait))
            host.write("CONTROL", 1)
            assert machine.run(1000), "no interrupt"
            code, index, address = host.error()
            assert (code, address) == (Error.DOORBELL, 0)
            assert index == host.read("COMPLETED") <= image.count
            check_recovers(host, image)


def test_doorbell_at_the_end_of_a_program() -> None:
    """In whatever cycle it comes: the program is stopped, or runs once more. It is never swallowed."""
    image = program(64)
    seen = set()
    with CompiledAccelerator(CONFIG, cached_verilog(CONFIG), memory_bytes=MEMORY) as machine:
        host = Host(machine)
        begin(host, image)
        start = machine.cycles
        assert machine.run(1_000_000), "no interrupt"
        cycles, bursts = machine.cycles - start, machine.statistics()["read_bursts"]
        for wait in range(cycles - 12, cycles + 4):
            before = machine.statistics()["read_bursts"]
            begin(host, image)
            machine.run(wait)
            host.write("CONTROL", 1)
            machine.run(50)
            if host.read("STATUS") & STATUS_ERROR:
                assert host.error()[0] == Error.DOORBELL
                host.reset()
                seen.add("stopped")
                continue
            host.write("IRQ_CAUSE", 3)
            assert machine.run(1_000_000), "no interrupt"
            assert machine.statistics()["read_bursts"] == before + 2 * bursts
            assert np.array_equal(machine.memory, image.after)
            seen.add("again")
    assert seen == {"stopped", "again"}


def test_watchdog() -> None:
    """A memory slower than the limit stops the program; one that is not, does not."""
    image = program(63)
    with CompiledAccelerator(
        CONFIG, cached_verilog(CONFIG), memory_bytes=MEMORY, read_latency=700, write_latency=700
    ) as machine:
        host = Host(machine)
        assert host.read("WATCHDOG") == WATCHDOG_CYCLES
        host.write("WATCHDOG", 300)
        begin(host, image)
        assert machine.run(100_000), "no interrupt"
        assert host.error() == (Error.WATCHDOG, 0, 0)
        host.write("WATCHDOG", 2000)
        check_recovers(host, image)
        host.write("WATCHDOG", 0)
        begin(host, image)
        assert machine.run(1_000_000), "no interrupt"
        assert np.array_equal(machine.memory, image.after)
