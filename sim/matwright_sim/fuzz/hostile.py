# SPDX-License-Identifier: Apache-2.0
"""Hostile descriptors, with a watcher on the bus: nothing outside of the windows, and always an end.

Programs of one to three descriptors: random words, single flipped bits, fields at their boundaries,
operands that reach to the edge of a window and one beat beyond, programs that stand outside. The
host has opened a window that may only be read and one that may be read and written.
"""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from matwright.bus.register_map import PAGE_BYTES
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig, ceil_div
from matwright.presets import preset
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Error, Flag

from ..agents.configurations import operand_bytes
from ..agents.host import Host
from ..agents.programs import build_program, random_tiling
from ..compiled import CompiledAccelerator
from ..verilog import cached_verilog
from .bench import STATUS_DONE, STATUS_ERROR, watch
from .draw import spoiled, to_the_edge
from .expected import SLACK, expected
from .patience import ENOUGH, ends
from .told import error_name

__all__ = ["CHUNK", "Ground", "Hostile", "Summary", "campaign"]

_LEGAL_PROGRAMS = 32
_PATIENCE = 20_000
"""Cycles after which the host stops a legal program."""
_LARGEST = 11
"""M, N and K of descriptors before anything is done to them."""
CHUNK = 250
"""Descriptors that one task of a worker runs."""


class Ground:
    """Memory with a page that is closed before, between and behind two windows."""

    def __init__(self, config: AcceleratorConfig) -> None:
        shape = (_LARGEST, _LARGEST, _LARGEST)
        size = PAGE_BYTES * max(2, ceil_div(2 * operand_bytes(config, *shape), PAGE_BYTES))
        second = 2 * PAGE_BYTES + size
        self.read_only = Window(PAGE_BYTES, PAGE_BYTES + size - 1, read=True, write=False)
        self.writable = Window(second, second + size - 1, read=True, write=True)
        self.windows = (self.read_only, self.writable)
        self.memory = second + size + 2 * PAGE_BYTES
        if self.memory > 1 << config.bus.addr_width:
            raise ValueError(
                f"the address space must hold two windows, {self.memory} bytes, "
                f"not {1 << config.bus.addr_width}"
            )


@dataclass
class Summary:
    """What became of the descriptors."""

    config: str
    seed: int
    descriptors: int = 0
    programs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    bursts: int = 0
    """Bursts on the bus while hostile programs ran, all watched."""
    cycles: int = 0
    outside: int = 0
    hangs: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Summary") -> None:
        """Join the figures of another part."""
        for name in ("descriptors", "programs", "bursts", "cycles", "outside", "hangs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.outcomes += other.outcomes
        self.wrong += other.wrong


class Hostile:
    """One machine and its host."""

    def __init__(self, config: AcceleratorConfig, verilog: str | None = None) -> None:
        self.config = config
        self.verilog = cached_verilog(config) if verilog is None else verilog
        self.ground = Ground(config)
        rng = np.random.default_rng(0)
        limits = config.limits
        shapes = [
            (min(m, limits.max_m), min(n, limits.max_n), min(k, limits.max_k))
            for m, n, k in ((5, 6, 7), (3, 9, 4))
        ]
        self.legal = [
            build_program(config, rng, shapes, memory_bytes=self.ground.memory)
            for _ in range(_LEGAL_PROGRAMS)
        ]

    def run(self, seed: int, count: int) -> Summary:
        """Programs of ``count`` descriptors altogether, of seeds from ``seed`` on, or up to those that are
        wrong often enough."""
        self._outside = 0
        summary = Summary(self.config.name, seed)
        with CompiledAccelerator(
            self.config,
            self.verilog,
            memory_bytes=self.ground.memory,
            read_latency=1 + seed % 37,
            write_latency=1 + seed % 23,
            stall=0.2 * (seed // CHUNK % 2),
            seed=seed,
        ) as machine:
            host = Host(machine)
            while summary.descriptors < count and len(summary.wrong) < ENOUGH:
                self._program(host, seed + summary.descriptors, count, summary)
        return summary

    def _program(self, host: Host, seed: int, count: int, summary: Summary) -> None:
        rng = np.random.default_rng(seed)
        machine = host.machine
        ground = self.ground
        watch(machine, ground.windows)
        host.open(ground.windows)
        before = rng.integers(0, 256, ground.memory, dtype=np.uint8)
        length = min(int(rng.integers(1, 4)), count - summary.descriptors)
        address = _address(rng, self.config, ground, length)
        for index in range(length):
            place = address + DESCRIPTOR_BYTES * index
            if place + DESCRIPTOR_BYTES <= ground.memory:
                code = np.frombuffer(_descriptor(rng, self.config, ground), np.uint8)
                before[place : place + DESCRIPTOR_BYTES] = code
        machine.memory[:] = before
        start, bursts = machine.cycles, _bursts(machine)
        ended = host.run(address, length, _PATIENCE)
        summary.descriptors += length
        summary.programs += 1

        # None of what a descriptor computes can be written where descriptors stand.
        due = expected(
            self.config,
            before,
            address,
            length,
            ground.windows,
            most_steps=_PATIENCE // SLACK,
            results=False,
        )
        error, index = due.error, due.index
        faults = []
        if not ended:
            if error == Error.NONE or due.long:
                summary.outcomes["legal, stopped by the host"] += 1
            else:
                summary.hangs += 1
                faults.append("no interrupt")
            try:
                host.reset()
            except AssertionError:
                summary.hangs += 1
                faults.append("a soft reset does not end")
        else:
            status, found = host.read("STATUS"), host.error()
            summary.outcomes[error_name(found[0])] += 1
            if status != (STATUS_ERROR if error else STATUS_DONE) or found[0] != error:
                faults.append(f"{error_name(found[0])}, STATUS {status}, but {error.name} is due")
            elif error:
                at = (address + DESCRIPTOR_BYTES * index) % (1 << self.config.bus.addr_width)
                if found[1:] != (index, at) or host.read("COMPLETED") != index:
                    faults.append(f"index and address {found[1:]} instead of {(index, at)}")
            if error:
                host.reset()
        summary.cycles += machine.cycles - start
        summary.bursts += _bursts(machine) - bursts
        changed = np.flatnonzero(machine.memory != before)
        if any(not ground.writable.base <= place <= ground.writable.limit for place in changed):
            faults.append("memory outside of the writable window has changed")
        violations = machine.violations
        outside = sum(n for name, n in violations.items() if name.startswith("outside"))
        if violations:
            faults.append(f"on the bus: {violations}")
        summary.outside += outside - self._outside
        self._outside = outside
        faults += self._next_legal(host, seed)
        at = seed - summary.seed
        summary.wrong += [f"the program from descriptor {at} on: {fault}" for fault in faults]

    def _next_legal(self, host: Host, seed: int) -> list[str]:
        """The next legal program, exact or not."""
        machine = host.machine
        machine.watch(None)
        host.open([Window(0, self.ground.memory - 1)])
        good = self.legal[seed % len(self.legal)]
        machine.memory[:] = good.before
        if not ends(host, good):
            return ["the next legal program does not end"]
        if host.read("STATUS") != STATUS_DONE or not np.array_equal(machine.memory, good.after):
            return ["the next legal program is not exact"]
        return []


def _bursts(machine: CompiledAccelerator) -> int:
    counts = machine.statistics()
    return counts["read_bursts"] + counts["write_bursts"]


# What is hostile.


def _address(
    rng: np.random.Generator, config: AcceleratorConfig, ground: Ground, length: int
) -> int:
    """Of the program: mostly where it may stand."""
    window = ground.read_only
    kind = rng.integers(16)
    if kind == 0:
        return int(rng.integers(0, 1 << 48))
    if kind == 1:
        return int(rng.integers(0, ground.memory))
    if kind == 2:
        last = window.limit + 1 - DESCRIPTOR_BYTES
        return last - DESCRIPTOR_BYTES * int(rng.integers(0, length))
    if kind == 3:
        # The registers hold 48 bits.
        top = (1 << config.bus.addr_width) - DESCRIPTOR_BYTES * int(rng.integers(0, length + 1))
        return top % (1 << 48)
    most = (PAGE_BYTES - DESCRIPTOR_BYTES * length) // DESCRIPTOR_BYTES
    return window.base + DESCRIPTOR_BYTES * int(rng.integers(0, most + 1))


def _descriptor(rng: np.random.Generator, config: AcceleratorConfig, ground: Ground) -> bytes:
    fields = _fitting(rng, config, ground)
    kind = rng.integers(4)
    if kind == 0:
        return Descriptor(**fields).pack()
    if kind == 1:
        to_the_edge(config, rng, fields, ground.windows)
        return Descriptor(**fields).pack()
    return spoiled(config, rng, Descriptor(**fields), ground.windows)


def _fitting(rng: np.random.Generator, config: AcceleratorConfig, ground: Ground) -> dict[str, int]:
    """A legal descriptor of a small GEMM in the windows."""
    beat = config.bus.bytes
    limits = config.limits
    most = (limits.max_m, limits.max_n, limits.max_k)
    m, n, k = (int(rng.integers(1, min(_LARGEST, size) + 1)) for size in most)
    tile_rows, n_log2, k_log2 = random_tiling(config, rng, m, n)

    def place(window: Window) -> int:
        """In the first half of a window, where there is room behind."""
        return window.base + beat * int(rng.integers(0, (window.limit - window.base) // 2 // beat))

    flags = sum(flag for flag in Flag if rng.random() < 0.4)
    return {
        "opcode": 1,
        "flags": flags,
        "n_panels_log2": n_log2,
        "k_panels_log2": k_log2,
        "zero_point": int(rng.integers(-128, 128)),
        "m": m,
        "n": n,
        "k": k,
        "tile_rows": tile_rows,
        "a_stride": beat * int(rng.integers(0, 9)),
        "b_stride": beat * int(rng.integers(0, 33)),
        "d_stride": beat * int(rng.integers(0, 17)),
        "a_addr": place(ground.windows[rng.integers(2)]),
        "b_addr": place(ground.windows[rng.integers(2)]),
        "d_addr": place(ground.writable),
        "params": place(ground.read_only),
    }


# Many processes.


def _work(task: tuple[str, int, int]) -> Summary:
    name, seed, count = task
    if name not in _MACHINES:
        _MACHINES[name] = Hostile(preset(name))
    made = _MACHINES[name].run(seed, count)
    made.wrong = [f"seed {seed}, {what}" for what in made.wrong]
    return made


_MACHINES: dict[str, Hostile] = {}


def campaign(name: str, seed: int, count: int, jobs: int) -> Iterator[Summary]:
    """The parts of a campaign on a preset, as they end."""
    cached_verilog(preset(name))
    tasks = [(name, seed + start, min(CHUNK, count - start)) for start in range(0, count, CHUNK)]
    with CompiledAccelerator(preset(name), cached_verilog(preset(name)), memory_bytes=PAGE_BYTES):
        pass  # compiled once, before the workers want it
    if jobs == 1:
        yield from map(_work, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_work, tasks)
