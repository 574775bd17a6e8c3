# SPDX-License-Identifier: Apache-2.0
"""What a mutant is put through: acts, each a piece of work for the machine with what is due after it.

An act yields what it sees, one :class:`Seen` after the other. What is due is worked out without the
Verilog: by the golden model, by the rules of the registers, by the cycle model. What a sound machine shows
and no model says, such as what is in memory of a descriptor that was stopped, is of the kind ``state``.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matwright.accelerator import Accelerator
from matwright.bus.register_map import REGISTERS, constants
from matwright.bus.window import Window
from matwright.schedule.descriptor import Error

from ...agents.host import Host
from ...agents.programs import ProgramImage
from ...compiled import CompiledAccelerator
from ...cycles import Memory, exact
from ...golden.machine import Outcome
from .machine import MutatedAccelerator

__all__ = [
    "KINDS",
    "Act",
    "Broken",
    "Faulty",
    "Forgotten",
    "Good",
    "Refused",
    "Registers",
    "Seen",
    "Stage",
    "Stopped",
    "Unchecked",
]

KINDS = ("result", "protocol", "hang", "cycles", "state")
"""What can tell a mutant: what the golden model says; the rules of the bus; that it ends at all; the
cycle model; and what the sound machine does, where no model says it."""

DONE, ERROR, RESETTING = 2, 4, 8
_START, _RESET, _END_CONTEXT = 1, 2, 1
_PATIENCE = 200_000
_ERRORS: Mapping[str, Error] = {
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


class Seen(NamedTuple):
    """Something that an act saw."""

    kind: str
    """One of :data:`KINDS`."""
    what: str
    value: Any
    due: Any = None
    """What it must be, where that is known without a machine."""


class Stage:
    """A machine on which acts are played, one after the other."""

    def __init__(
        self, machine: CompiledAccelerator, limits: Mapping[int, int] | None = None
    ) -> None:
        self.machine = machine
        self.host: Host = Host(machine)
        self.whole = (Window(0, (1 << machine.config.bus.addr_width) - 1),)
        self.windows: tuple[Window, ...] = self.whole
        self.limits = {} if limits is None else dict(limits)
        """Of each act, by its number, cycles after which the program hangs."""
        self.number = 0
        self.took: dict[int, int] = {}

    def open(self, windows: tuple[Window, ...] = ()) -> None:
        """These windows, and no others; without any, one that holds all."""
        windows = windows or self.whole
        if windows != self.windows:
            self.host.open(windows)
            self.windows = windows

    def wait(self) -> bool:
        """Whether the interrupt came."""
        before = self.machine.cycles
        came = self.machine.run(self.limits.get(self.number, _PATIENCE))
        self.took[self.number] = self.machine.cycles - before
        return came

    def ended(self) -> Iterator[Seen]:
        """The registers that say how a program ended, as they are."""
        for name in ("STATUS", "IRQ_CAUSE", "COMPLETED"):
            yield Seen("result", name, self.host.read(name))
        yield Seen("result", "error", self.host.error())

    def rules(self) -> Seen:
        """Breaches of the protocol."""
        return Seen("protocol", "violations", self.machine.violations, {})

    def forget(self) -> Iterator[Seen]:
        """A soft reset, after which nothing is left."""
        before = self.machine.cycles
        self.host.write("CONTROL", _RESET)
        yield Seen("hang", "reset ends", self._settles(), True)
        yield Seen("state", "cycles of the reset", self.machine.cycles - before)
        yield Seen("result", "STATUS", self.host.read("STATUS"), 0)
        yield Seen("result", "error", self.host.error(), (0, 0, 0))
        yield Seen("result", "irq", self.machine.irq, False)

    def _settles(self) -> bool:
        return any(self.host.read("STATUS") & RESETTING == 0 for _ in range(500))


@dataclass
class Act:
    """Something to do with a machine."""

    name: str

    def play(self, stage: Stage) -> Iterator[Seen]:
        """Do it, and say what is seen."""
        raise NotImplementedError


@dataclass
class Registers(Act):
    """Registers read what the configuration says, and those of the host what was written."""

    seed: int = 0

    def play(self, stage: Stage) -> Iterator[Seen]:
        host, config = stage.host, stage.machine.config
        for name, value in constants(config).items():
            yield Seen("result", name, host.read(name), value)
        rng = np.random.default_rng(self.seed)
        for register in REGISTERS:
            if register.name in ("PROGRAM_LO", "PROGRAM_COUNT", "IRQ_ENABLE", "WATCHDOG"):
                width = {"PROGRAM_LO": 32, "PROGRAM_COUNT": 16, "IRQ_ENABLE": 2, "WATCHDOG": 24}
                top = (1 << width[register.name]) - 1
                for value in (int(rng.integers(top)), top):
                    host.write(register.name, value)
                    yield Seen("result", register.name, host.read(register.name), value)
        host.write("CONTEXT", _END_CONTEXT)
        yield Seen("hang", "the context ends", stage._settles(), True)
        yield Seen("result", "PROGRAM_LO", host.read("PROGRAM_LO"), 0)
        host.open(stage.windows)
        yield stage.rules()


@dataclass
class Good(Act):
    """A program that ends; every byte and every cycle is known."""

    image: ProgramImage
    windows: tuple[Window, ...] = ()
    cycles: int = 0
    """That it must take, from the cycle model; found when it is rehearsed."""
    counters: Mapping[str, int] = field(default_factory=dict)

    def play(self, stage: Stage) -> Iterator[Seen]:
        host, machine, image = stage.host, stage.machine, self.image
        stage.open(self.windows)
        machine.memory[:] = image.before
        host.run(image.address, image.count, 0)
        yield Seen("hang", "the program ends", stage.wait(), True)
        due: tuple[Any, ...] = (DONE, 1, image.count, (0, 0, 0))
        for seen, value in zip(stage.ended(), due, strict=True):
            yield seen._replace(due=value)
        yield Seen("result", "memory", bool(np.array_equal(machine.memory, image.after)), True)
        yield stage.rules()
        # A doorbell is answered, and then returns, each a cycle after the last; so does the interrupt.
        yield Seen("cycles", "cycles", stage.took[stage.number], self.cycles or None)
        if machine.config.build.counters:
            yield Seen("cycles", "counters", host.counters(), self.counters or None)

    def rehearse(self, stage: Stage) -> "Good":
        """With the cycles that the model says, of the memory as it behaves to a sound machine."""
        machine, image = stage.machine, self.image
        machine.record()
        for seen in self.play(stage):
            _hold(self, seen)
        config = machine.config
        run = exact(config, image.descriptors, Memory(recording=machine.recording), image.address)
        machine.record(False)
        return replace(self, cycles=run.cycles, counters=run.counters)


@dataclass
class Refused(Act):
    """A program of which a descriptor is at fault."""

    memory: NDArray[np.uint8]
    address: int
    count: int
    outcome: Outcome
    after: NDArray[np.uint8]
    windows: tuple[Window, ...] = ()

    def play(self, stage: Stage) -> Iterator[Seen]:
        host, machine, outcome = stage.host, stage.machine, self.outcome
        stage.open(self.windows)
        machine.memory[:] = self.memory
        host.run(self.address, self.count, 0)
        yield Seen("hang", "the program ends", stage.wait(), True)
        error = outcome.error != Error.NONE
        due = (
            ERROR if error else DONE,
            2 if error else 1,
            outcome.completed,
            (int(outcome.error), outcome.error_index, outcome.error_addr),
        )
        for seen, value in zip(stage.ended(), due, strict=True):
            yield seen._replace(due=value)
        yield Seen("result", "memory", bool(np.array_equal(machine.memory, self.after)), True)
        yield Seen("state", "cycles", stage.took[stage.number])
        yield stage.rules()
        if error:
            yield from stage.forget()


@dataclass
class Faulty(Act):
    """A good program on a bus that breaks the rules once: it stops, says why and where, and goes on after."""

    image: ProgramImage
    fault: str
    at: int
    """Burst, counted from the program's first of its direction."""
    options: Mapping[str, Any] = field(default_factory=dict)
    hangs: str = ""
    """A channel that hangs from its first burst on."""

    def play(self, stage: Stage) -> Iterator[Seen]:
        host, machine, image = stage.host, stage.machine, self.image
        stage.open()
        machine.memory[:] = image.before
        _watch(machine, image)
        counts, seen_before = machine.statistics(), len(machine.fault_events)
        if self.hangs:
            machine.inject(self.hangs)
        direction = (
            "read" if "read" in self.fault or self.fault in ("hang_ar", "hang_r") else "write"
        )
        hangs, unasked = self.fault.startswith("hang"), self.fault.startswith("unasked")
        at = machine.cycles + self.at if unasked else counts[f"{direction}_bursts"] + self.at
        host.write("WATCHDOG", 300)
        machine.inject(self.fault, at, **self.options)
        host.run(image.address, image.count, 0)
        yield Seen("hang", "the program ends", stage.wait(), True)
        late = machine.cycles
        events = [e for e in machine.fault_events[seen_before:] if e.fault == self.fault]
        # Where a channel hangs, the watchdog may have come before.
        yield Seen("state", "the fault happened", bool(events), None if self.hangs else True)
        error = host.error()
        if not events:
            yield Seen("result", "error", error)
            yield from self._goes_on(stage)
            return
        event = events[0]
        yield Seen("state", "cycle", event.cycle)
        # What nobody asked for may be taken for what is asked for in that cycle.
        sure = not unasked or bool(self.options.get("bus_id"))
        if not hangs:
            known = Accelerator.ERROR_LATENCY if sure else None
            yield Seen("cycles", "cycles to the interrupt", late - event.cycle, known)
        if hangs:
            due: Any = (int(Error.WATCHDOG), host.read("COMPLETED"), 0)
        elif unasked:
            due = None
            # An answer too many among others is only seen by what it does to the next one.
            code = int(_ERRORS[self.fault]) if sure else None
            yield Seen("result" if sure else "state", "the error's code", error[0], code)
        else:
            due = (int(_ERRORS[self.fault]), image.at(event.address).index, event.address)
        yield Seen("result", "error", error, due)
        yield Seen("result", "STATUS", host.read("STATUS"), ERROR)
        yield Seen("result", "IRQ_CAUSE", host.read("IRQ_CAUSE"), 2)
        yield Seen("state", "COMPLETED", host.read("COMPLETED"))
        yield from self._goes_on(stage)

    def _goes_on(self, stage: Stage) -> Iterator[Seen]:
        """Nothing was harmed, and a soft reset forgets it."""
        stage.machine.release()
        yield from _harmless(stage, self.image)
        yield from stage.forget()
        stage.host.write("WATCHDOG", 5000)
        stage.machine.watch(None)
        yield stage.rules()


@dataclass
class Stopped(Act):
    """A program that the host stops: by soft reset, second doorbell, end of context, or ``rst``."""

    image: ProgramImage
    how: str
    after: int
    """Cycles from the doorbell."""

    def play(self, stage: Stage) -> Iterator[Seen]:
        host, machine, image = stage.host, stage.machine, self.image
        stage.open()
        machine.memory[:] = image.before
        _watch(machine, image)
        host.run(image.address, image.count, 0)
        machine.run(self.after)
        ended = machine.irq  # a fast machine is done already
        yield Seen("state", "irq", ended)
        if self.how == "doorbell" and not ended:
            host.write("CONTROL", _START)
            yield Seen("hang", "the program ends", stage.wait(), True)
            due = (int(Error.DOORBELL), host.read("COMPLETED"), 0)
            yield Seen("result", "error", host.error(), due)
            yield Seen("result", "STATUS", host.read("STATUS"), ERROR)
            yield Seen("state", "COMPLETED", host.read("COMPLETED"))
        elif self.how == "context":
            host.write("CONTEXT", _END_CONTEXT)
            yield Seen("hang", "the context ends", stage._settles(), True)
            yield Seen("state", "cycles", machine.cycles)
            stage.host.open(stage.windows)
        elif self.how == "rst":
            machine.reset()
            stage.host.open(stage.windows)
        yield from _harmless(stage, image)
        yield from stage.forget()
        machine.watch(None)
        yield stage.rules()


@dataclass
class Unchecked(Act):
    """A program with a region outside of its windows, on a dispatcher that does not see it: the guards do."""

    refused: Refused

    def play(self, stage: Stage) -> Iterator[Seen]:
        host, machine, refused = stage.host, stage.machine, self.refused
        assert isinstance(machine, MutatedAccelerator)
        stage.open(refused.windows)
        machine.memory[:] = refused.memory
        machine.watch((w.base, w.limit, w.read, w.write) for w in refused.windows)
        machine.weaken(unchecked=True)
        host.run(refused.address, refused.count, 0)
        yield Seen("hang", "the program ends", stage.wait(), True)
        machine.weaken()
        error = refused.outcome.error == Error.WINDOW
        code, index, address = host.error()
        yield Seen("result", "the error's code", code, int(Error.GUARD if error else Error.NONE))
        yield Seen("result", "STATUS", host.read("STATUS"), ERROR if error else DONE)
        yield Seen("state", "the error", (index, address))
        changed = np.flatnonzero(machine.memory != refused.memory)
        allowed = all(
            any(w.write and w.base <= place <= w.limit for w in refused.windows)
            for place in changed
        )
        yield Seen("result", "nothing outside of windows has changed", allowed, True)
        if not error:
            right = bool(np.array_equal(machine.memory, refused.after))
            yield Seen("result", "memory", right, True)
        yield Seen("state", "memory", zlib.crc32(machine.memory.data))
        yield Seen("state", "cycles", stage.took[stage.number])
        yield stage.rules()
        machine.watch(None)
        yield from stage.forget()


@dataclass
class Forgotten(Act):
    """A program in the midst of which a memory forgets all that is in it: it ends with UNWRITTEN, or exact.

    Or, with ``stray``, other rows are read from then on.
    """

    image: ProgramImage
    block: str
    """``scratchpad`` or ``accumulator``."""
    after: int
    """Cycles from the doorbell."""
    stray: int = 0

    def play(self, stage: Stage) -> Iterator[Seen]:
        host, machine, image = stage.host, stage.machine, self.image
        assert isinstance(machine, MutatedAccelerator)
        stage.open()
        machine.memory[:] = image.before
        host.run(image.address, image.count, 0)
        machine.run(self.after)
        machine.weaken(forget="" if self.stray else self.block, stray=self.stray)
        if not self.stray:
            machine.run(1)
            machine.weaken()
        yield Seen("hang", "the program ends", stage.wait(), True)
        machine.weaken()
        error, status = host.error(), host.read("STATUS")
        right = bool(np.array_equal(machine.memory, image.after))
        known = (
            self.stray
            or (status == ERROR and error[0] == Error.UNWRITTEN)
            or (status == DONE and right)
        )
        yield Seen("result", "UNWRITTEN or exact", bool(known), True)
        yield Seen("state", "the error", (status, *error))
        yield Seen("state", "memory", zlib.crc32(machine.memory.data))
        yield Seen("state", "cycles", stage.took[stage.number])
        yield stage.rules()
        yield from stage.forget()


class Broken(Exception):
    """What mutants are compared with is not what is due."""


def _hold(act: Act, seen: Seen) -> None:
    if seen.due is not None and seen.value != seen.due:
        raise Broken(f"{act.name}: {seen.what} must be {seen.due}, not {seen.value}")


def _watch(machine: CompiledAccelerator, image: ProgramImage) -> None:
    machine.watch(
        (region.start, region.stop - 1, region.role != "d", region.role == "d")
        for region in image.regions
    )


def _harmless(stage: Stage, image: ProgramImage) -> Iterator[Seen]:
    """A program that did not end has changed nothing but results, and those to what they must be."""
    memory = stage.machine.memory
    wrong = (memory != image.before) & (memory != image.after)
    yield Seen("result", "memory is as before or as after", not wrong.any(), True)
    yield Seen("state", "memory", zlib.crc32(memory.data))
