# SPDX-License-Identifier: Apache-2.0
"""A bus that breaks the rules while programs run: the machine stops, says why and where, and recovers."""

from collections.abc import Sequence

import numpy as np

from matwright.accelerator import Accelerator
from matwright.schedule.descriptor import Error

from ..agents.host import Host
from ..agents.programs import build_program
from ..compiled import FAULTS, CompiledAccelerator, FaultEvent
from .bench import STATUS_DONE, STATUS_ERROR
from .patience import SLOW, Patience
from .told import error_name, error_words

__all__ = ["CODES", "HANGS", "LATENCY", "OF_BURSTS", "UNASKED", "BusBench", "Wrong", "inject"]
__all__ += ["reported"]

LATENCY = Accelerator.ERROR_LATENCY
"""Cycles from a fault on the bus to the interrupt."""

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
"""What the machine says of each fault that it can see."""

HANGS = [fault for fault in FAULTS if fault.startswith("hang")]
UNASKED = ["unasked_read", "unasked_write"]
OF_BURSTS = [fault for fault in FAULTS if fault not in (*HANGS, *UNASKED)]

_STATUS_BUSY, _STATUS_RESETTING = 1, 8
_IRQ_ERROR, _IRQ_ALL = 2, 3
_SOFT_RESET = 2
_SETTLED = 150
"""Reads of a register, of two cycles at least, after which all is answered."""
_LIMIT = 10_000
_LONGEST = 3_000_000
_ORDER = (
    Error.READ_ID,
    Error.READ_LAST,
    Error.READ_RESPONSE,
    Error.WRITE_ID,
    Error.WRITE_RESPONSE,
)


class Wrong(AssertionError):
    """The machine does not do what it should; one sentence."""


def _need(holds: object, what: str) -> None:
    if not holds:
        raise Wrong(what)


class BusBench:
    """A machine with its memory, and random programs that it may not leave.

    ``watchdog`` is more than the longest rest of a good program; without it, what a good program takes.
    """

    def __init__(
        self,
        machine: CompiledAccelerator,
        rng: np.random.Generator,
        shapes: Sequence[tuple[int, int, int]],
        watchdog: int | None = None,
    ) -> None:
        self.machine, self.rng, self.shapes = machine, rng, shapes
        self.host = Host(machine)
        self.excused: dict[str, int] = {}
        self.watchdog = _LONGEST if watchdog is None else watchdog
        self.begin()
        begun = machine.cycles
        self.finish()
        self.cycles = machine.cycles - begun
        if watchdog is None:
            self.watchdog = self.cycles

    def begin(self) -> None:
        """Ring the doorbell for a new program."""
        machine, size = self.machine, self.machine.memory.size
        image = build_program(machine.config, self.rng, self.shapes, memory_bytes=size)
        self.image = image
        self.patience = Patience(machine.config, image.descriptors, image.address, SLOW)
        machine.watch(
            (region.start, region.stop - 1, region.role != "d", region.role == "d")
            for region in image.regions
        )
        self.again()

    def again(self) -> None:
        """Ring it for the same program."""
        self.machine.memory[:] = self.image.before
        self.begun = self._read_bursts()
        self.host.write("WATCHDOG", self.watchdog)
        self.host.run(self.image.address, self.image.count, 0)

    def _read_bursts(self) -> int:
        return self.machine.statistics()["read_bursts"]

    def begin_and_wait(self) -> None:
        """Start a new program and stop at a random moment of it."""
        self.begin()
        while self.machine.run(int(self.rng.integers(self.cycles))):
            self.finish()
            self.begin()

    def settle(self) -> None:
        """Wait until all that is on its way has come."""
        for _ in range(_SETTLED):
            self.host.read("STATUS")

    def finish(self) -> None:
        """Wait for a program's end; every byte is right."""
        machine = self.machine
        _need(self.patience.wait(machine), "a good program gives no interrupt")
        told, status = self.host.error(), self.host.read("STATUS")
        good = told == (Error.NONE, 0, 0) and status == STATUS_DONE
        _need(good, f"a good program ends with {error_words(*told)} and STATUS {status}")
        wrong = np.flatnonzero(machine.memory != self.image.after)
        _need(not wrong.size, f"{wrong.size} bytes of a good program's results are wrong")
        self._check_rules()

    def _check_rules(self) -> None:
        found = self.machine.violations
        broken = {name: n for name, n in found.items() if n != self.excused.get(name)}
        _need(not broken, f"rules of the bus were broken: {broken}")

    def check_memory(self, completed: int) -> None:
        """Results that are complete are right, others may be there, nothing else has changed."""
        memory, image = self.machine.memory, self.image
        wrong = np.flatnonzero((memory != image.before) & (memory != image.after))
        _need(
            not wrong.size,
            f"{[hex(p) for p in wrong[:4]]} hold neither what was there nor a result",
        )
        for region in image.regions:
            if region.role == "d" and region.index < completed:
                span = slice(region.start, region.stop)
                same = np.array_equal(memory[span], image.after[span])
                _need(
                    same, f"the result of descriptor {region.index} is complete, but not in memory"
                )

    def check_error(self, *error: int, hangs: bool = False) -> None:
        """The machine has stopped for this reason, and sticks to it when more answers come."""
        host, machine = self.host, self.machine
        completed = host.read("COMPLETED")
        for _ in range(2):
            _need(machine.irq, "there is an error and no interrupt")
            status = host.read("STATUS"), host.read("IRQ_CAUSE")
            _need(status == (STATUS_ERROR, _IRQ_ERROR), f"STATUS and IRQ_CAUSE are {status}")
            _need(
                host.error() == error,
                f"{error_words(*host.error())}, but {error_words(*error)} is due",
            )
            same = host.read("COMPLETED") == completed <= self.image.count
            _need(same, f"COMPLETED was {completed} and is {host.read('COMPLETED')}")
            self.settle()
            for fault in () if hangs else UNASKED:
                machine.inject(fault, bus_id=int(self.rng.integers(2)))
        self.check_memory(completed)
        self._check_rules()

    def recover(self) -> None:
        """A soft reset forgets the error, and another program is exact."""
        host = self.host
        self.machine.release()
        host.reset()
        fresh = host.read("STATUS") == 0 and not self.machine.irq
        _need(fresh and host.error() == (Error.NONE, 0, 0), "a soft reset leaves an error behind")
        self.begin()
        self.finish()

    # Faults at this moment of a program.

    def burst_fault(self, fault: str) -> tuple[bool, bool]:
        """A fault of the next burst and others after it; whether it happened first, and others later.

        The first that happens is reported, :data:`LATENCY` later; the address is its burst's.
        """
        machine, seen = self.machine, len(self.machine.fault_events)
        others = [other for other in OF_BURSTS if other.split("_")[0] == fault.split("_")[0]]
        inject(self, fault)
        for later in range(1, 4):
            inject(self, others[self.rng.integers(len(others))], later)
        _need(machine.run(_LIMIT + self.watchdog), f"no interrupt after {fault}")
        if len(machine.fault_events) == seen:
            self.finish()  # no burst was left
            return False, False
        events = machine.fault_events[seen:]
        first = [event for event in events if event.cycle == events[0].cycle]
        late = machine.cycles - events[0].cycle
        _need(late == LATENCY, f"the interrupt comes {late} cycles after {fault}, not {LATENCY}")
        address = first[0].address
        region = self.image.at(address)
        _need((region.role == "d") == fault.startswith("write"), f"{fault} at {address:#x}")
        self.check_error(reported(first), region.index, address)
        after = machine.fault_events[seen + len(first) :]
        return (
            fault in (event.fault for event in first),
            any(event.fault in OF_BURSTS for event in after),
        )

    def hang(self, fault: str, *, reset_at_once: bool = False) -> bool:
        """A channel hangs: the watchdog stops the program; a soft reset waits for the bus. Whether it did."""
        host, machine, seen = self.host, self.machine, len(self.machine.fault_events)
        inject(self, fault)
        while len(machine.fault_events) == seen and not machine.run(1):
            pass
        if len(machine.fault_events) == seen:
            return False
        if reset_at_once:
            machine.run(int(self.rng.integers(self.watchdog // 2)))
        else:
            _need(machine.run(_LIMIT + 2 * self.watchdog), f"no interrupt after {fault}")
            self.check_error(Error.WATCHDOG, host.read("COMPLETED"), 0, hangs=True)
        host.write("CONTROL", _SOFT_RESET)
        statuses = {host.read("STATUS") for _ in range(_SETTLED)}
        resetting = len(statuses) == 1 and statuses.pop() & _STATUS_RESETTING
        _need(resetting, f"a soft reset ends although {fault} goes on")
        return True

    def strange_answer(self, fault: str) -> None:
        """An answer that nobody asked for, with an ID that is nobody's: an error at once."""
        machine, last = self.machine, bool(self.rng.integers(2))
        machine.inject(fault, bus_id=int(self.rng.integers(1, 16)), last=last)
        _need(machine.run(_LIMIT + self.watchdog), f"no interrupt after {fault}")
        late = machine.cycles - machine.fault_events[-1].cycle
        if late < LATENCY:
            self.finish()  # it came after the end
            return
        _need(late == LATENCY, f"the interrupt comes {late} cycles after {fault}, not {LATENCY}")
        code, index, address = self.host.error()
        _need(code == CODES[fault], f"{error_name(code)} after {fault}")
        self.check_error(code, index, address)

    def surplus_answer(self, fault: str) -> bool:
        """An answer too many with the right ID: an error at once if nothing is in flight, which is returned;
        else when there is an answer too many, for until then nobody can tell it from the others."""
        machine = self.machine
        machine.inject(fault, last=bool(self.rng.integers(2)))
        _need(machine.run(_LIMIT + self.watchdog), f"no interrupt after {fault}")
        event, stopped = machine.fault_events[-1], machine.cycles
        code, index, address = self.host.error()
        at_once = False
        if stopped < event.cycle + LATENCY:
            self.finish()  # it came after the end
        elif not event.in_flight:
            at_once = True
            due = (code, stopped) == (CODES[fault], event.cycle + LATENCY)
            _need(due, f"{error_name(code)} {stopped - event.cycle} cycles after {fault}")
            self.check_error(code, index, address)
        elif fault == "unasked_read":
            seen = code in (Error.READ_ID, Error.READ_LAST)
            _need(seen, f"{error_name(code)} after {fault}")
        elif code == Error.NONE:
            self.finish()
        else:
            _need(code == Error.WRITE_ID, f"{error_name(code)} after {fault}")
        self.settle()
        return at_once

    def doorbell(self) -> None:
        """The doorbell of a running machine: it stops, unless it had just ended."""
        host = self.host
        host.write("CONTROL", 1)
        waited = self.patience.wait(self.machine)
        _need(waited, "no interrupt after the doorbell of a running machine")
        if host.read("STATUS") & STATUS_ERROR:
            due = (Error.DOORBELL, host.read("COMPLETED"), 0)
            _need(
                host.error() == due, f"{error_words(*host.error())}, but {error_words(*due)} is due"
            )
            self.check_error(*due)
            return
        # It had ended before the doorbell was there, and runs once more: nothing swallows a doorbell.
        # Its addresses come while the interrupt of the first run is still high, which is no fault then.
        host.write("IRQ_CAUSE", _IRQ_ALL)
        late = "address_after_irq"
        self.excused[late] = self.machine.violations.get(late, 0)
        if host.read("STATUS") & _STATUS_BUSY:
            self.finish()
        bursts = self._read_bursts() - self.begun
        self.again()
        self.finish()
        twice = bursts == 2 * (self._read_bursts() - self.begun)
        _need(
            twice, "the doorbell of a running machine neither stops it nor runs its program again"
        )


def inject(bench: BusBench, fault: str, later: int = 0) -> None:
    """A fault of the next burst, or of one ``later``, with whatever else it needs at random."""
    rng, counts = bench.rng, bench.machine.statistics()
    at = counts["read_bursts" if fault.startswith("read") else "write_bursts"] + later
    most = 2 if fault == "read_last_early" else 4  # many bursts are of two or three beats
    beat = int(rng.integers(most)) if rng.integers(2) else None
    extra, bus_id = (int(rng.integers(1, most)) for most in (4, 16))
    bench.machine.inject(fault, at, beat=beat, extra=extra, bus_id=bus_id)


def reported(events: Sequence[FaultEvent]) -> Error:
    """Of the faults of one beat, the one that is reported: ID, then RLAST, then response."""
    return min((CODES[event.fault] for event in events), key=_ORDER.index)
