# SPDX-License-Identifier: Apache-2.0
"""The whole accelerator on a bus that breaks the rules, at random moments of a program.

It stops, says what was wrong and where, touches nothing but results and permitted addresses, keeps
the rules itself, and after a soft reset the next program is exact.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.fuzz.bus import CODES, HANGS, LATENCY, OF_BURSTS, UNASKED, BusBench
from matwright_sim.verilog import cached_verilog

MEMORY = 1 << 17
SHAPES = [(9, 7, 11), (12, 17, 20), (5, 9, 8)]
SEED = 70
MOMENTS = {"small": 15, "tiny": 2}
"""Moments for each fault and each of two memories."""
DRAINED = 1500
"""Cycles in which all that is in flight is answered, with pauses too."""
WATCHDOG = 400
"""More than the longest rest of a good program: latencies are below 60, in some with pauses."""
LIMIT = 10_000
SETTLED = 150
"""Reads of a register, of two cycles at least, after which all is answered."""

STATUS_DONE, STATUS_ERROR, STATUS_RESETTING = 2, 4, 8
IRQ_DONE, IRQ_ERROR = 1, 2
SOFT_RESET = 2

presets = pytest.mark.parametrize("preset", MOMENTS)


@contextmanager
def bench(preset: str, rng: np.random.Generator, stall: float) -> Iterator[BusBench]:
    config = PRESETS[preset]
    read_latency, write_latency = (int(latency) for latency in rng.integers(1, 60, 2))
    seed = int(rng.integers(1000))
    print(f"latencies {read_latency} and {write_latency}, stall {stall}, seed {seed}")
    with CompiledAccelerator(
        config,
        cached_verilog(config),
        memory_bytes=MEMORY,
        read_latency=read_latency,
        write_latency=write_latency,
        stall=stall,
        seed=seed,
    ) as machine:
        yield BusBench(machine, rng, SHAPES, WATCHDOG)


def moments(preset: str, *case: int) -> Iterator[BusBench]:
    """A program that is somewhere in the middle, for each moment."""
    print(f"seed {SEED} {case}")
    rng = np.random.default_rng([SEED, *case])
    for stall in (0.0, 0.3):
        with bench(preset, rng, stall) as it:
            for _ in range(MOMENTS[preset]):
                it.begin_and_wait()
                yield it


@presets
@pytest.mark.parametrize("fault", OF_BURSTS)
def test_fault_of_a_burst(preset: str, fault: str) -> None:
    """The first fault that happens is reported, ERROR_LATENCY later; the address is its burst's."""
    hits = several = 0
    for it in moments(preset, OF_BURSTS.index(fault)):
        first, after = it.burst_fault(fault)
        hits += first
        several += after
        it.recover()
    print(f"{hits} hits, {several} with other faults after")
    assert hits >= MOMENTS[preset]
    assert several or preset == "tiny"


@presets
@pytest.mark.parametrize("reset_at_once", [False, True])
@pytest.mark.parametrize("fault", HANGS)
def test_hang(preset: str, fault: str, reset_at_once: bool) -> None:
    """The watchdog stops the program; a soft reset ends when the bus does go on, not before."""
    hits = 0
    for it in moments(preset, 20, HANGS.index(fault), reset_at_once):
        hits += it.hang(fault, reset_at_once=reset_at_once)
        it.recover()
    assert hits >= MOMENTS[preset]


@presets
@pytest.mark.parametrize("fault", UNASKED)
def test_unasked_answer_with_a_strange_id(preset: str, fault: str) -> None:
    """An error at once. The address says nothing: there is no burst."""
    for it in moments(preset, 30, UNASKED.index(fault)):
        it.strange_answer(fault)
        it.recover()


@presets
@pytest.mark.parametrize("fault", UNASKED)
def test_unasked_answer(preset: str, fault: str) -> None:
    """If nothing is in flight, an error at once; else when there is an answer too many.

    Until then nobody can tell it from the answers that were asked for.
    """
    at_once = 0
    for it in moments(preset, 31, UNASKED.index(fault)):
        at_once += it.surplus_answer(fault)
        it.recover()
    assert 0 < at_once < 2 * MOMENTS[preset] or preset == "tiny"


@presets
def test_late_answers_to_an_idle_machine(preset: str) -> None:
    """After a soft reset they are ignored."""
    for it in moments(preset, 40):
        it.machine.inject("unasked_read", bus_id=1)
        assert it.machine.run(LIMIT), "no interrupt"
        it.settle()
        it.host.reset()
        for fault in UNASKED:
            it.machine.inject(fault, bus_id=int(it.rng.integers(2)))
        it.settle()
        assert it.host.error() == (Error.NONE, 0, 0)
        it.recover()


@presets
def test_late_answers_to_the_next_program(preset: str) -> None:
    """It stops with an error or is exact; in the end the surplus is used up."""
    for it in moments(preset, 41):
        host, machine = it.host, it.machine
        machine.inject("hang_r")
        machine.run(int(it.rng.integers(20)))
        host.write("CONTROL", SOFT_RESET)
        machine.inject("unasked_read")
        it.settle()
        machine.release()
        for fault in it.rng.choice(UNASKED, 3):
            late = machine.cycles + int(it.rng.integers(100))
            machine.inject(str(fault), late, last=bool(it.rng.integers(2)))
        host.reset()
        it.begin()
        assert machine.run(LIMIT), "no interrupt"
        if host.read("STATUS") == STATUS_DONE:
            it.finish()
        assert host.error()[0] in (Error.NONE, Error.READ_ID, Error.READ_LAST, Error.WRITE_ID)
        it.settle()
        it.recover()


@presets
def test_rlast_that_never_comes(preset: str) -> None:
    """The burst stays open, and so does a soft reset, until an RLAST ends it."""
    for it in moments(preset, 50):
        host, machine = it.host, it.machine
        seen = len(machine.fault_events)
        machine.inject("read_last_late", extra=0)
        assert machine.run(LIMIT), "no interrupt"
        if len(machine.fault_events) > seen:
            event = machine.fault_events[seen]
            it.settle()
            assert host.error()[::2] == (Error.READ_LAST, event.address)
            host.write("CONTROL", SOFT_RESET)
            it.settle()
            assert host.read("STATUS") & STATUS_RESETTING
            machine.inject("unasked_read")
            it.settle()
        it.recover()


@presets
@pytest.mark.parametrize("hang", ["hang_ar", "hang_aw", "hang_w"])
def test_answer_before_its_burst(preset: str, hang: str) -> None:
    """An answer to an address that is not accepted, or to data that are not, was not asked for."""
    fault = "unasked_read" if hang == "hang_ar" else "unasked_write"
    hits = 0
    for it in moments(preset, 60, HANGS.index(hang)):
        machine, seen = it.machine, len(it.machine.fault_events)
        machine.inject(hang)
        while len(machine.fault_events) == seen and not machine.run(1):
            pass
        it.host.write("WATCHDOG", 0)
        machine.run(DRAINED)
        if len(machine.fault_events) > seen:
            hits += 1
            machine.inject(fault)
            assert machine.run(LIMIT), "no interrupt"
            assert machine.cycles == machine.fault_events[-1].cycle + LATENCY
            assert it.host.error()[0] == CODES[fault]
            machine.release()
            it.settle()
            it.check_error(*it.host.error())
        it.recover()
    assert hits >= MOMENTS[preset]
