# SPDX-License-Identifier: Apache-2.0
"""Runs a case on the compiled accelerator and says what is not as the golden machine has it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matwright.bus.register_map import REGISTERS
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Error
from matwright_sw import Driver, SimulatedTransport
from matwright_sw.driver import ALIGNMENT
from matwright_sw.errors import DriverTimeout, HardwareError

from ..agents.host import Host
from ..compiled import CompiledAccelerator
from ..cycles import Memory, exact
from ..session import INTERRUPT_LATENCY
from ..verilog import cached_verilog
from .case import Case, Program, World
from .expected import Expected, expected
from .patience import Patience
from .told import BROKEN, error_words

__all__ = ["Bench", "Found", "watch"]

_MOST_STEPS = 6000
"""Steps of the array; a program of more is a long one, and is only looked at for its errors."""
_PATIENCE = 5000
"""Cycles after which the host stops a long program."""
_SHOWN = 4
_CONTROL = next(register.offset for register in REGISTERS if register.name == "CONTROL")
_START = 1

STATUS_DONE, STATUS_ERROR, STATUS_RESETTING = 2, 4, 8


@dataclass
class Found:
    """What came of programs."""

    programs: int = 0
    descriptors: int = 0
    cycles: int = 0
    timed: int = 0
    """Programs whose cycles were compared with the cycle model."""
    counted: int = 0
    """Those of them of which all counters were."""
    unforeseen: int = 0
    """Programs that write over themselves: any end of them is right."""
    ends: Counter[str] = field(default_factory=Counter)
    """How they ended, by the name of the error."""
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """Sentences; none if all is as it should be."""
    at: int = 0
    """The program with the first fault."""

    def add(self, other: "Found") -> None:
        """Join the figures of another part."""
        for name in ("programs", "descriptors", "cycles", "timed", "counted", "unforeseen"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.ends += other.ends
        self.kinds += other.kinds
        self.faults += other.faults


class Bench:
    """The machine of a configuration, or the one that ``verilog`` holds in its place."""

    def __init__(self, config: AcceleratorConfig, verilog: str | None = None) -> None:
        self.config = config
        self.verilog = cached_verilog(config) if verilog is None else verilog

    def run(self, case: Case, trace: Path | None = None) -> Found:
        """The programs of a case, up to the first that is at fault."""
        found = Found()
        with self.machine(case.world, trace) as machine:
            try:
                host = Host(machine, [])
                for index, program in enumerate(case.programs):
                    found.at = index
                    self._program(host, case.world, program, found)
                    if found.faults:
                        break
            except BROKEN as error:
                found.faults.append(f"the host cannot go on: {error}")
        return found

    def fails(self, case: Case) -> bool:
        """Whether a program of a case is at fault."""
        return bool(self.run(case).faults)

    def machine(self, world: World, trace: Path | None = None) -> CompiledAccelerator:
        """A machine in a world."""
        return CompiledAccelerator(
            self.config,
            self.verilog,
            memory_bytes=world.memory_bytes,
            read_latency=world.read_latency,
            write_latency=world.write_latency,
            stall=world.stall,
            seed=world.seed,
            trace=trace,
        )

    def _program(self, host: Host, world: World, program: Program, found: Found) -> None:
        config, machine, faults = self.config, host.machine, found.faults
        windows = program.windows[: config.bus.windows]
        image = program.image(world.memory_bytes)
        due = expected(
            config, image, program.address, program.count, windows, most_steps=_MOST_STEPS
        )
        machine.memory[:] = image
        if not config.build.unsafe_unchecked:
            host.open(windows)
            watch(machine, windows)
        before = machine.violations
        machine.record()
        start = machine.cycles
        driver = program.driver and self._can_drive(program, world)
        patience = Patience(config, due.legal, program.address, world)
        try:
            if driver:
                counters = self._drive(host, program, due, patience, faults)
            else:
                counters = self._work(host, program, due, patience, faults)
        except BROKEN as error:
            faults.append(f"{error}")
            counters = None
        found.programs += 1
        found.descriptors += program.count
        found.cycles += machine.cycles - start
        found.ends["long" if due.long else due.error.name] += 1
        found.kinds["by the driver" if driver else "by registers"] += 1
        if machine.violations != before:
            new = {name: n - before.get(name, 0) for name, n in machine.violations.items()}
            told = ", ".join(f"{name} {n}" for name, n in new.items() if n)
            faults.append(f"the rules of the bus were broken: {told}")
        self._check_memory(machine, image, windows, due, faults)
        found.unforeseen += not due.known
        if counters is not None and due.known and not due.long and due.error == Error.NONE:
            found.timed += "CYCLES" in counters
            found.counted += config.build.counters
            self._check_counters(machine, world, program, due, counters, faults)

    # Two ways to the machine.

    def _can_drive(self, program: Program, world: World) -> bool:
        """Whether the driver can write this program where it stands."""
        codes = program.code[: program.count]
        end = program.address + DESCRIPTOR_BYTES * program.count
        return (
            0 < program.count <= len(program.code)
            and program.address % max(ALIGNMENT, self.config.bus.bytes) == 0
            and end <= min(world.memory_bytes, 1 << self.config.bus.addr_width)
            and all(Descriptor.unpack(code).pack() == code for code in codes)
        )

    def _drive(
        self, host: Host, program: Program, due: Expected, patience: Patience, faults: list[str]
    ) -> dict[str, int] | None:
        """Through the driver; what of cycles and counters is to be had if the program ended well."""
        machine = _Timed(host.machine, None if due.long or not due.known else patience)
        driver = Driver(
            self.config, SimulatedTransport(machine), reserved=program.address, privileged=False
        )
        asked = driver.program()
        for code in program.code[: program.count]:
            asked.append(Descriptor.unpack(code))
        try:
            report = driver.run(asked, _PATIENCE)
        except HardwareError as error:
            told = (error.raw_code, error.index, error.address)
            if due.known and told != (due.error, due.index, due.address):
                faults.append(f"the driver is told {error_words(*told)}, but {_of(due)} is due")
            return None
        except DriverTimeout as error:
            if error.status & STATUS_RESETTING:
                faults.append(str(error))
            if due.known and not due.long:
                faults.append(f"no interrupt, but {_of(due)} is due")
            return None
        if due.known and due.error != Error.NONE:
            faults.append(f"the driver is told of no error, but {_of(due)} is due")
        return dict(report.counters) or {"CYCLES": machine.elapsed}

    def _work(
        self, host: Host, program: Program, due: Expected, patience: Patience, faults: list[str]
    ) -> dict[str, int] | None:
        """Register by register; what of cycles and counters is to be had if the program ended well."""
        machine = _Timed(host.machine, None if due.long or not due.known else patience)
        host.run(program.address, program.count, 0)
        machine.rung()
        ended = machine.run(0)
        if not ended:
            if due.known and not due.long:
                faults.append(f"no interrupt, but {_of(due)} is due")
            host.reset()
            return None
        status, told, completed = host.read("STATUS"), host.error(), host.read("COMPLETED")
        cause = host.read("IRQ_CAUSE")
        wanted = (due.error, due.index, due.address)
        failed = bool(told[0])
        if due.known:
            failed = due.error != Error.NONE
            if told != wanted:
                faults.append(f"it stops with {error_words(*told)}, but {_of(due)} is due")
            if completed != (due.index if failed else program.count):
                faults.append(f"COMPLETED is {completed}, but {_of(due)} is due")
        if (status, cause) != ((STATUS_ERROR, 2) if failed else (STATUS_DONE, 1)):
            faults.append(f"STATUS is {status} and IRQ_CAUSE {cause}, but {_of(due)} is due")
        if failed:
            host.reset()
            return None
        if self.config.build.counters:
            return host.counters()
        return {"CYCLES": machine.elapsed}

    # What is left.

    def _check_memory(
        self,
        machine: CompiledAccelerator,
        image: NDArray[np.uint8],
        windows: Iterable[Window],
        due: Expected,
        faults: list[str],
    ) -> None:
        memory = machine.memory
        if due.after is not None and due.undefined is not None:
            wrong = np.flatnonzero((memory != due.after) & ~due.undefined)
            wanted = due.after
        elif not self.config.build.unsafe_unchecked:
            allowed = np.zeros(memory.size, np.bool_)
            for window in windows:
                allowed[window.base : window.limit + 1] |= window.write
            wrong, wanted = np.flatnonzero((memory != image) & ~allowed), image
        else:
            return
        if wrong.size:
            shown = ", ".join(
                f"{memory[p]:#04x} at {p:#x} instead of {wanted[p]:#04x}" for p in wrong[:_SHOWN]
            )
            faults.append(f"{wrong.size} bytes of memory are wrong: {shown}")

    def _check_counters(
        self,
        machine: CompiledAccelerator,
        world: World,
        program: Program,
        due: Expected,
        counters: dict[str, int],
        faults: list[str],
    ) -> None:
        memory = Memory(read_latency=world.read_latency, write_latency=world.write_latency)
        if world.stall:
            memory = Memory(recording=machine.recording)
        try:
            said = exact(self.config, due.legal, memory, program.address).counters
        except (IndexError, ValueError) as error:
            faults.append(f"the memory was asked for other bursts than the model says: {error}")
            return
        differ = [
            f"{name} is {value}, not {said[name]}"
            for name, value in counters.items()
            if value != said[name]
        ]
        if differ:
            faults.append(f"counters are not those of the model: {', '.join(differ[:_SHOWN])}")


class _Timed:
    """The machine, for a driver: it waits as long as a program deserves, and tells how long it took."""

    def __init__(self, machine: CompiledAccelerator, patience: Patience | None) -> None:
        self._machine = machine
        self._patience = patience
        """None of a program that the host stops after a while."""
        self._doorbell = 0
        self.elapsed = 0
        """Cycles of the last program, as the counter CYCLES has them."""

    @property
    def memory(self) -> NDArray[np.uint8]:
        return self._machine.memory

    def read_register(self, offset: int) -> int:
        return self._machine.read_register(offset)

    def write_register(self, offset: int, value: int) -> None:
        self._machine.write_register(offset, value)
        if offset == _CONTROL and value & _START:
            self.rung()

    def rung(self) -> None:
        """The doorbell has just been answered; that write returns with the cycle after it."""
        self._doorbell = self._machine.cycles - 1

    def run(self, max_cycles: int) -> bool:
        """Wait for the interrupt, however long the driver would."""
        machine, patience = self._machine, self._patience
        ended = machine.run(_PATIENCE) if patience is None else patience.wait(machine)
        self.elapsed = self._machine.cycles - self._doorbell - INTERRUPT_LATENCY
        return ended


def watch(machine: CompiledAccelerator, windows: Iterable[Window]) -> None:
    """Let the memory count what is outside of ``windows``."""
    machine.watch([(w.base, w.limit, w.read, w.write) for w in windows])


def _of(due: Expected) -> str:
    if due.error == Error.NONE:
        return "a good end"
    return error_words(due.error, due.index, due.address)
