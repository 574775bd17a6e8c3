# SPDX-License-Identifier: Apache-2.0
"""The whole accelerator on a bus that breaks the rules, at random moments of a program.

It stops, says what was wrong and where, touches nothing but results and permitted addresses, keeps
the rules itself, and after a soft reset the next program is exact.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from matwright.accelerator import Accelerator
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import build_program
from matwright_sim.compiled import FAULTS, CompiledAccelerator, FaultEvent
from matwright_sim.verilog import cached_verilog

MEMORY = 1 << 17
SHAPES = [(9, 7, 11), (12, 17, 20), (5, 9, 8)]
SEED = 70
LATENCY = Accelerator.ERROR_LATENCY
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

CODES = {
    "read_slverr": Error.READ_RESPONSE,
    "read_decerr": Error.READ_RESPONSE,
    "read_last_early": Error.READ_LAST,
    "read_last_late": Error.READ_LAST,
    "read_id": Error.READ_ID,
    "write_slverr": Error.WRITE_RESPONSE,
    "write_decerr": Error.WRITE_RESPONSE,
    "write_id": Error.WRITE_ID,
    "unasked_read": Error.READ_ID,
    "unasked_write": Error.WRITE_ID,
}
HANGS = [fault for fault in FAULTS if fault.startswith("hang")]
UNASKED = ["unasked_read", "unasked_write"]
OF_BURSTS = [fault for fault in FAULTS if fault not in (*HANGS, *UNASKED)]

presets = pytest.mark.parametrize("preset", MOMENTS)


class Bench:
    """A machine with its memory, and random programs that it may not leave."""

    def __init__(self, machine: CompiledAccelerator, rng: np.random.Generator) -> None:
        self.machine, self.rng = machine, rng
        self.host = Host(machine)
        self.begin()
        begun = machine.cycles
        self.finish()
        self.cycles = machine.cycles - begun

    def begin(self) -> None:
        """Ring the doorbell for a new program."""
        host, machine = self.host, self.machine
        image = build_program(machine.config, self.rng, SHAPES, memory_bytes=MEMORY)
        self.image = image
        machine.memory[:] = image.before
        machine.watch(
            (region.start, region.stop - 1, region.role != "d", region.role == "d")
            for region in image.regions
        )
        host.write("WATCHDOG", WATCHDOG)
        host.run(image.address, image.count, 0)

    def begin_and_wait(self) -> None:
        """Start a new program and stop at a random moment of it."""
        self.begin()
        while self.machine.run(int(self.rng.integers(self.cycles))):
            self.finish()
            self.begin()

    def settle(self) -> None:
        """Wait until all that is on its way has come."""
        for _ in range(SETTLED):
            self.host.read("STATUS")

    def finish(self) -> None:
        """Wait for a program's end; every byte is right."""
        assert self.machine.run(1_000_000), "no interrupt"
        assert self.host.error() == (Error.NONE, 0, 0)
        assert self.host.read("STATUS") == STATUS_DONE
        assert np.array_equal(self.machine.memory, self.image.after)
        assert self.machine.violations == {}

    def check_memory(self, completed: int) -> None:
        """Results that are complete are right, others may be there, nothing else has changed."""
        memory, image = self.machine.memory, self.image
        wrong = np.flatnonzero((memory != image.before) & (memory != image.after))
        assert not wrong.size, [f"{memory[p]:#x} at {p:#x}, {image.at(p)}" for p in wrong[:4]]
        for region in image.regions:
            if region.role == "d" and region.index < completed:
                span = slice(region.start, region.stop)
                assert np.array_equal(memory[span], image.after[span]), region

    def check_error(self, *error: int, hangs: bool = False) -> None:
        """The machine has stopped for this reason, and sticks to it when more answers come."""
        host, machine = self.host, self.machine
        completed = host.read("COMPLETED")
        for _ in range(2):
            assert machine.irq
            assert (host.read("STATUS"), host.read("IRQ_CAUSE")) == (STATUS_ERROR, IRQ_ERROR)
            assert host.error() == error
            assert host.read("COMPLETED") == completed <= self.image.count
            self.settle()
            for fault in () if hangs else UNASKED:
                machine.inject(fault, bus_id=int(self.rng.integers(2)))
        self.check_memory(completed)
        assert machine.violations == {}

    def recover(self) -> None:
        """A soft reset forgets the error, and another program is exact."""
        self.machine.release()
        self.host.reset()
        assert self.host.read("STATUS") == 0
        assert not self.machine.irq
        assert self.host.error() == (Error.NONE, 0, 0)
        self.begin()
        self.finish()


@contextmanager
def bench(preset: str, rng: np.random.Generator, stall: float) -> Iterator[Bench]:
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
        yield Bench(machine, rng)


def moments(preset: str, *case: int) -> Iterator[Bench]:
    """A program that is somewhere in the middle, for each moment."""
    print(f"seed {SEED} {case}")
    rng = np.random.default_rng([SEED, *case])
    for stall in (0.0, 0.3):
        with bench(preset, rng, stall) as it:
            for _ in range(MOMENTS[preset]):
                it.begin_and_wait()
                yield it


def inject(it: Bench, fault: str, later: int = 0) -> None:
    """A fault of the next burst, or of one ``later``, with whatever else it needs at random."""
    counts = it.machine.statistics()
    at = counts["read_bursts" if fault.startswith("read") else "write_bursts"] + later
    most = 2 if fault == "read_last_early" else 4  # many bursts are of two or three beats
    beat = int(it.rng.integers(most)) if it.rng.integers(2) else None
    extra, bus_id = (int(it.rng.integers(1, most)) for most in (4, 16))
    it.machine.inject(fault, at, beat=beat, extra=extra, bus_id=bus_id)


def reported(events: list[FaultEvent]) -> Error:
    """Of the faults of one beat, the one that is reported: ID, then RLAST, then response."""
    order = (
        Error.READ_ID,
        Error.READ_LAST,
        Error.READ_RESPONSE,
        Error.WRITE_ID,
        Error.WRITE_RESPONSE,
    )
    return min((CODES[event.fault] for event in events), key=order.index)


@presets
@pytest.mark.parametrize("fault", OF_BURSTS)
def test_fault_of_a_burst(preset: str, fault: str) -> None:
    """The first fault that happens is reported, ERROR_LATENCY later; the address is its burst's."""
    hits = several = 0
    others = [other for other in OF_BURSTS if other.split("_")[0] == fault.split("_")[0]]
    for it in moments(preset, OF_BURSTS.index(fault)):
        machine, seen = it.machine, len(it.machine.fault_events)
        inject(it, fault)
        for later in range(1, 4):
            inject(it, others[it.rng.integers(len(others))], later)
        assert machine.run(LIMIT), "no interrupt"
        if len(machine.fault_events) == seen:
            it.finish()  # no burst was left
        else:
            events = machine.fault_events[seen:]
            first = [event for event in events if event.cycle == events[0].cycle]
            assert machine.cycles == events[0].cycle + LATENCY
            address = first[0].address
            region = it.image.at(address)
            assert (region.role == "d") == fault.startswith("write")
            it.check_error(reported(first), region.index, address)
            hits += fault in (event.fault for event in first)
            after = machine.fault_events[seen + len(first) :]
            several += any(event.fault in OF_BURSTS for event in after)
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
        host, machine, seen = it.host, it.machine, len(it.machine.fault_events)
        inject(it, fault)
        while len(machine.fault_events) == seen and not machine.run(1):
            pass
        if len(machine.fault_events) > seen:
            hits += 1
            if reset_at_once:
                machine.run(int(it.rng.integers(WATCHDOG // 2)))
            else:
                assert machine.run(LIMIT), "no interrupt"
                it.check_error(Error.WATCHDOG, host.read("COMPLETED"), 0, hangs=True)
            host.write("CONTROL", SOFT_RESET)
            statuses = {host.read("STATUS") for _ in range(WATCHDOG)}
            assert len(statuses) == 1 and statuses.pop() & STATUS_RESETTING
        it.recover()
    assert hits >= MOMENTS[preset]


@presets
@pytest.mark.parametrize("fault", UNASKED)
def test_unasked_answer_with_a_strange_id(preset: str, fault: str) -> None:
    """An error at once. The address says nothing: there is no burst."""
    for it in moments(preset, 30, UNASKED.index(fault)):
        machine = it.machine
        last = bool(it.rng.integers(2))
        machine.inject(fault, bus_id=int(it.rng.integers(1, 16)), last=last)
        assert machine.run(LIMIT), "no interrupt"
        stopped, event = machine.cycles, machine.fault_events[-1]
        if stopped < event.cycle + LATENCY:
            it.finish()  # it came after the end
        else:
            assert stopped == event.cycle + LATENCY
            code, index, address = it.host.error()
            assert code == CODES[fault]
            it.check_error(code, index, address)
        it.recover()


@presets
@pytest.mark.parametrize("fault", UNASKED)
def test_unasked_answer(preset: str, fault: str) -> None:
    """If nothing is in flight, an error at once; else when there is an answer too many.

    Until then nobody can tell it from the answers that were asked for.
    """
    at_once = 0
    for it in moments(preset, 31, UNASKED.index(fault)):
        machine = it.machine
        machine.inject(fault, last=bool(it.rng.integers(2)))
        assert machine.run(LIMIT), "no interrupt"
        event, stopped = machine.fault_events[-1], machine.cycles
        code, index, address = it.host.error()
        if stopped < event.cycle + LATENCY:
            it.finish()  # it came after the end
        elif not event.in_flight:
            at_once += 1
            assert (code, stopped) == (CODES[fault], event.cycle + LATENCY)
            it.check_error(code, index, address)
        elif fault == "unasked_read":
            assert code in (Error.READ_ID, Error.READ_LAST)
        elif code == Error.NONE:
            it.finish()
        else:
            assert code == Error.WRITE_ID
        it.settle()
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
