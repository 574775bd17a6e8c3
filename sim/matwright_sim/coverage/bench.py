# SPDX-License-Identifier: Apache-2.0
"""A machine, which may count what runs, its host, and programs whose results are compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Error, Flag

from ..agents.host import Host
from ..agents.programs import ProgramImage, build_program
from ..compiled import CompiledAccelerator
from .shapes import Shape, Tiling, memory_bytes, room

__all__ = ["STALLS", "Bench", "Mismatch", "Program", "Timing", "place_program", "timings"]

STALLS = ("none", "read", "write", "both", "pauses")
"""How the memory answers: at once; reads late; writes late; both; with pauses on every channel."""

WATCHDOG = 500
"""Cycles; more than the longest rest of a good program, also of a serial multiplier."""

_SMALLEST_IMAGE = 1 << 12
_LIMIT = 400_000
_SETTLED = 100
_HEARD = 2
"""Cycles after a write of CONTROL until the interrupt of a program that ended before it is high."""
_BUSY, _DONE, _ERROR = 1, 2, 4
_PLACES = ("a_addr", "b_addr", "d_addr")


class Mismatch(Exception):
    """The machine does not do what it should; one sentence."""


@dataclass(frozen=True)
class Timing:
    """How the memory answers."""

    stall: str
    """One of :data:`STALLS`."""
    read_latency: int
    write_latency: int
    pauses: float
    seed: int


def timings(seed: int) -> list[Timing]:
    """One for each of :data:`STALLS`."""
    rng = np.random.default_rng([seed, 1])
    near, far = (1, 4), (20, 60)
    made = []
    for stall in STALLS:
        read = rng.integers(*(far if stall in ("read", "both") else near))
        write = rng.integers(*(far if stall in ("write", "both") else near))
        pauses = 0.3 if stall == "pauses" else 0.0
        made.append(Timing(stall, int(read), int(write), pauses, seed))
    return made


@dataclass
class Program:
    """A program at ``base`` of memory: images of ``before.size`` bytes from there on."""

    base: int
    image: ProgramImage

    @property
    def address(self) -> int:
        """Of the first descriptor."""
        return self.base + self.image.address

    def address_of(self, index: int) -> int:
        """Of a descriptor."""
        return self.address + DESCRIPTOR_BYTES * index

    def put(self, index: int, code: bytes) -> None:
        """Replace the bytes of a descriptor."""
        self.image.put(index, code)

    @property
    def span(self) -> slice:
        """The bytes of memory that are the program's."""
        return slice(self.base, self.base + self.image.before.size)


def place_program(
    config: AcceleratorConfig,
    rng: np.random.Generator,
    shapes: Sequence[Shape],
    tilings: Sequence[Tiling],
    *,
    flags: int | None = None,
    dependent: bool = False,
) -> Program:
    """A program of these shapes, somewhere in memory, of which it takes half at most."""
    triples = [(shape.m, shape.n, shape.k) for shape in shapes]
    need = sum(room(config, shape) for shape in shapes)
    memory = memory_bytes(config)
    size = min(max(_SMALLEST_IMAGE, 1 << (need - 1).bit_length()), memory // 2)
    image = build_program(config, rng, triples, memory_bytes=size, flags=flags, dependent=dependent)
    base = size * int(rng.integers(memory // size))
    for index, descriptor in enumerate(image.descriptors):
        moved = {name: base + getattr(descriptor, name) for name in _PLACES}
        if descriptor.flags & Flag.TABLE:
            moved["params"] = base + descriptor.params
        placed = replace(descriptor, **moved, **vars(tilings[index]))
        image.descriptors[index] = placed
        image.put(index, placed.pack())
    return Program(base, image)


class Bench:
    """One machine with as much memory as it can address, up to 4 GiB, of which little is ever touched."""

    def __init__(
        self,
        config: AcceleratorConfig,
        verilog: str,
        timing: Timing,
        *,
        coverage: bool = True,
        trace: Path | None = None,
    ) -> None:
        self.config, self.timing = config, timing
        self.size = memory_bytes(config)
        self.machine = CompiledAccelerator(
            config,
            verilog,
            memory_bytes=self.size,
            read_latency=timing.read_latency,
            write_latency=timing.write_latency,
            stall=timing.pauses,
            seed=timing.seed,
            trace=trace,
            coverage=coverage,
        )
        self.host = Host(self.machine)
        self.excused: dict[str, int] = {}
        """Of violations as many as are none."""

    def restart(self) -> None:
        """After ``rst``, with one window that holds everything."""
        self.machine.reset()
        self.ready()

    def ready(self) -> None:
        """One window that holds everything, a watchdog, and all interrupts."""
        self.host.open(self.everything())
        self.host.write("WATCHDOG", WATCHDOG)
        self.host.write("IRQ_ENABLE", 3)

    def write_coverage(self, folder: Path) -> tuple[Path, Path]:
        """What has run on it, as two files: Verilator's counts, and which bits have moved."""
        counts = folder / f"{self.timing.stall}.dat"
        moves = folder / f"{self.timing.stall}.moves"
        self.machine.write_coverage(counts, moves)
        return counts, moves

    def everything(self) -> list[Window]:
        """One window that holds all addresses."""
        return [Window(0, (1 << self.config.bus.addr_width) - 1)]

    # Programs.

    def program(
        self,
        rng: np.random.Generator,
        shapes: Sequence[Shape],
        tilings: Sequence[Tiling],
        *,
        flags: int | None = None,
        dependent: bool = False,
    ) -> Program:
        """As :func:`place_program`."""
        return place_program(self.config, rng, shapes, tilings, flags=flags, dependent=dependent)

    def load(self, program: Program) -> None:
        """Write its image to memory."""
        self.machine.memory[program.span] = program.image.before

    def start(self, program: Program, cycles: int = 0) -> bool:
        """Ring the doorbell; whether it has ended ``cycles`` later."""
        self.load(program)
        return self.host.run(program.address, program.image.count, cycles)

    def finish(self, program: Program) -> None:
        """Run to the end; every byte is right."""
        if not self.machine.run(_LIMIT):
            raise Mismatch("a good program does not end")
        error, index, address = self.host.error()
        if error or self.host.read("STATUS") != _DONE:
            raise Mismatch(
                f"a good program stops with {Error(error).name} at {index}, {address:#x}"
            )
        if not np.array_equal(self.machine.memory[program.span], program.image.after):
            raise Mismatch("a good program leaves wrong bytes")
        self.no_violations()

    def run(self, program: Program) -> None:
        """From the doorbell to the end."""
        self.start(program)
        self.finish(program)

    def wait(self) -> None:
        """Run to the end, whatever it is."""
        if not self.machine.run(_LIMIT):
            raise Mismatch("a program that is disturbed does not end")

    def ring_again(self) -> bool:
        """Ring the doorbell of a running machine, and wait for the end; False if it had ended before it
        heard, and has run its program again."""
        machine, late = self.machine, "address_after_irq"
        self.host.write("CONTROL", 1)
        ended = machine.run(_HEARD)
        self.wait()
        if not ended or self.host.read("STATUS") & _ERROR:
            return True
        # The interrupt of the first run is high while the second has its addresses on the bus.
        self.host.write("IRQ_ENABLE", 0)
        for _ in range(_LIMIT // _SETTLED):
            if not self.host.read("STATUS") & _BUSY:
                break
            machine.run(_SETTLED)
        self.excused[late] = machine.violations.get(late, 0)
        self.host.write("IRQ_ENABLE", 3)
        return False

    def stopped(self, program: Program, wanted: Error | None = None) -> tuple[Error, int, int]:
        """Wait for the end; code, index and address. What was complete is right, nothing else changed."""
        self.wait()
        code, index, address = self.host.error()
        error = Error(code)
        if wanted is not None and error != wanted:
            raise Mismatch(f"a program stops with {error.name} where {wanted.name} is due")
        if self.host.read("STATUS") != (_ERROR if error else _DONE):
            raise Mismatch(f"STATUS does not fit {error.name}")
        completed = self.host.read("COMPLETED")
        self.check_memory(program, completed)
        self.no_violations()
        return error, index, address

    def check_memory(self, program: Program, completed: int) -> None:
        """Results that are complete are right, others may be there, nothing else has changed."""
        image, memory = program.image, self.machine.memory[program.span]
        if ((memory != image.before) & (memory != image.after)).any():
            raise Mismatch("a program that was stopped has left wrong bytes")
        for region in image.regions:
            if region.role == "d" and region.index < completed:
                span = slice(region.start, region.stop)
                if not np.array_equal(memory[span], image.after[span]):
                    raise Mismatch(f"descriptor {region.index} is complete and its result wrong")

    def no_violations(self) -> None:
        """The accelerator has kept the rules of its bus."""
        broken = self.machine.violations
        if any(count > self.excused.get(kind, 0) for kind, count in broken.items()):
            raise Mismatch(f"the rules of the bus are broken: {broken}")

    def settle(self) -> None:
        """Wait until what is on its way has come."""
        for _ in range(_SETTLED):
            self.host.read("STATUS")

    def recover(self) -> None:
        """A soft reset forgets an error."""
        self.machine.release()
        self.host.reset()
        if self.host.read("STATUS") or self.host.error() != (Error.NONE, 0, 0) or self.machine.irq:
            raise Mismatch("a soft reset does not forget")

    @staticmethod
    def changed(descriptor: Descriptor, **changes: int) -> bytes:
        """A descriptor's bytes with some fields changed."""
        return replace(descriptor, **changes).pack()
