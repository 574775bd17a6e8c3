#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile descriptors against the compiled accelerator, with a watcher on its bus.

usage: python scripts/hostile.py [--count N] [--seed S] [--config NAME] [--jobs J] [--json FILE]

Programs of one to three descriptors: random words, single flipped bits, fields at their boundaries,
operands that reach to the edge of a window and one beat beyond, programs that stand outside. The
host has opened a window that may only be read and one that may be read and written. Of each program
it is asked:

- was there an access outside the windows (the watcher looks at every address on offer);
- did the machine stop where the golden model says, with its code, its index and its address, or end;
- did anything change outside of the window that may be written;
- does it answer at all: a legal program that takes long is stopped by a soft reset;
- is the next legal program exact, to the byte.

The exit status is 1 if one answer is wrong. What is wrong is printed with the seed of its part of the
campaign: --seed with that and --count 250 --jobs 1 runs the part again.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from matwright.bus.window import Window
from matwright.commands.common import print_table, progress, table
from matwright.config import AcceleratorConfig, ceil_div
from matwright.post.serial import SerialPost
from matwright.presets import PRESETS, preset
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, FIELDS, Descriptor, Error, Flag
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import build_program, random_tiling
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.golden.machine import GoldenMachine, check, regions
from matwright_sim.verilog import cached_verilog

__all__ = ["Hostile", "Summary", "positive"]

PAGE = 4096
READ_ONLY = Window(1 * PAGE, 3 * PAGE - 1, read=True, write=False)
WRITABLE = Window(4 * PAGE, 6 * PAGE - 1, read=True, write=True)
MEMORY = 8 * PAGE
WINDOWS = (READ_ONLY, WRITABLE)
LEGAL_PROGRAMS = 32
PATIENCE = 20_000
"""Cycles after which the host stops a legal program."""
SLACK = 20
"""Cycles that a step of the array may take, with what memory and bus add."""
CHUNK = 250
"""Descriptors that one task of a worker runs."""

STATUS_DONE, STATUS_ERROR = 2, 4


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
        rng = np.random.default_rng(0)
        shapes = [(5, 6, 7), (3, 9, 4)]
        self.legal = [
            build_program(config, rng, shapes, memory_bytes=MEMORY) for _ in range(LEGAL_PROGRAMS)
        ]

    def run(self, seed: int, count: int) -> Summary:
        """Programs of ``count`` descriptors altogether, of seeds from ``seed`` on."""
        self._outside = 0
        summary = Summary(self.config.name, seed)
        timing = {"read_latency": 1 + seed % 37, "write_latency": 1 + seed % 23}
        with CompiledAccelerator(
            self.config,
            self.verilog,
            memory_bytes=MEMORY,
            stall=0.2 * (seed // CHUNK % 2),
            seed=seed,
            **timing,
        ) as machine:
            host = Host(machine)
            while summary.descriptors < count:
                self._program(host, seed + summary.descriptors, count, summary)
        return summary

    def _program(self, host: Host, seed: int, count: int, summary: Summary) -> None:
        rng = np.random.default_rng(seed)
        machine = host.machine
        machine.watch([(w.base, w.limit, w.read, w.write) for w in WINDOWS])
        host.open(WINDOWS)
        before = rng.integers(0, 256, MEMORY, dtype=np.uint8)
        length = int(min(rng.integers(1, 4), count - summary.descriptors))
        address = _address(rng, self.config, length)
        for index in range(length):
            place = address + DESCRIPTOR_BYTES * index
            if place + DESCRIPTOR_BYTES <= MEMORY:
                code = np.frombuffer(_descriptor(rng, self.config), np.uint8)
                before[place : place + DESCRIPTOR_BYTES] = code
        machine.memory[:] = before
        start, bursts = machine.cycles, _bursts(machine)
        ended = host.run(address, length, PATIENCE)
        summary.descriptors += length
        summary.programs += 1

        error, index, legal = _expected(self.config, before, address, length)
        faults = []
        if not ended:
            if error == Error.NONE or legal:
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
            summary.outcomes[Error(found[0]).name] += 1
            if status != (STATUS_ERROR if error else STATUS_DONE) or found[0] != error:
                faults.append(f"{Error(found[0]).name}, STATUS {status}, but {error.name} is due")
            elif error:
                at = (address + DESCRIPTOR_BYTES * index) % (1 << self.config.bus.addr_width)
                if found[1:] != (index, at) or host.read("COMPLETED") != index:
                    faults.append(f"index and address {found[1:]} instead of {(index, at)}")
            if error:
                host.reset()
        summary.cycles += machine.cycles - start
        summary.bursts += _bursts(machine) - bursts
        changed = np.flatnonzero(machine.memory != before)
        if any(not WRITABLE.base <= place <= WRITABLE.limit for place in changed):
            faults.append("memory outside of the writable window has changed")
        violations = machine.violations
        outside = sum(n for name, n in violations.items() if name.startswith("outside"))
        if violations:
            faults.append(f"on the bus: {violations}")
        summary.outside += outside - self._outside
        self._outside = outside
        faults += self._next_legal(host, seed)
        summary.wrong += [f"seed {summary.seed}, program {seed}: {fault}" for fault in faults]

    def _next_legal(self, host: Host, seed: int) -> list[str]:
        """The next legal program, exact or not."""
        machine = host.machine
        machine.watch(None)
        host.open([Window(0, MEMORY - 1)])
        good = self.legal[seed % len(self.legal)]
        machine.memory[:] = good.before
        if not host.run(good.address, good.count):
            return ["the next legal program does not end"]
        if host.read("STATUS") != STATUS_DONE or not np.array_equal(machine.memory, good.after):
            return ["the next legal program is not exact"]
        return []


def _bursts(machine: CompiledAccelerator) -> int:
    counts = machine.statistics()
    return counts["read_bursts"] + counts["write_bursts"]


def _expected(
    config: AcceleratorConfig, memory: np.ndarray, address: int, count: int
) -> tuple[Error, int, bool]:
    """The error that is due, its index, and whether a descriptor before it may take long.

    What a descriptor computes is not looked at: none can write where descriptors stand.
    """
    if count and address % DESCRIPTOR_BYTES:
        return Error.ALIGNMENT, 0, False
    if count and address >> config.bus.addr_width:
        return Error.ADDRESS, 0, False
    golden = GoldenMachine(config, memory, WINDOWS)
    serial = config.build.post_multiplier == "serial"
    element = ceil_div(SerialPost.CYCLES, SLACK) if serial else 1
    steps = 0
    for index in range(count):
        at = address + DESCRIPTOR_BYTES * index
        if not golden.is_open(at, at + DESCRIPTOR_BYTES - 1, "read"):
            return Error.WINDOW, index, steps > PATIENCE // SLACK
        data = memory[at : at + DESCRIPTOR_BYTES].tobytes()
        error = check(config, data)
        if error == Error.NONE:
            descriptor = Descriptor.unpack(data)
            if not all(golden.is_open(*region) for region in regions(config, descriptor)):
                error = Error.WINDOW
        if error != Error.NONE:
            return error, index, steps > PATIENCE // SLACK
        d = descriptor
        tiles = ceil_div(d.n, config.cols) * ceil_div(d.k, config.rows)
        blocks = ceil_div(d.m, d.tile_rows)
        steps += tiles * (d.m + blocks * config.load_cycles) + d.m * d.n * element
    return Error.NONE, 0, steps > PATIENCE // SLACK


# What is hostile.


def _address(rng: np.random.Generator, config: AcceleratorConfig, length: int) -> int:
    """Of the program: mostly where it may stand."""
    last = READ_ONLY.limit + 1 - DESCRIPTOR_BYTES
    kind = rng.integers(16)
    if kind == 0:
        return int(rng.integers(0, 1 << 48))
    if kind == 1:
        return int(rng.integers(0, MEMORY))
    if kind == 2:
        return last - DESCRIPTOR_BYTES * int(rng.integers(0, length))
    if kind == 3:
        return (1 << config.bus.addr_width) - DESCRIPTOR_BYTES * int(rng.integers(0, length + 1))
    most = (PAGE - DESCRIPTOR_BYTES * length) // DESCRIPTOR_BYTES
    return READ_ONLY.base + DESCRIPTOR_BYTES * int(rng.integers(0, most + 1))


def _descriptor(rng: np.random.Generator, config: AcceleratorConfig) -> bytes:
    kind = rng.integers(8)
    if kind == 0:
        return rng.bytes(DESCRIPTOR_BYTES)
    fields = _fitting(rng, config)
    if kind == 1:
        whole = int.from_bytes(Descriptor(**fields).pack(), "little")
        for bit in rng.integers(0, 8 * DESCRIPTOR_BYTES, rng.integers(1, 4)):
            whole ^= 1 << int(bit)
        return whole.to_bytes(DESCRIPTOR_BYTES, "little")
    if kind in (2, 3):
        for name in rng.choice(list(FIELDS), rng.integers(1, 3), replace=False):
            fields[str(name)] = _boundary(rng, config, str(name))
    elif kind in (4, 5):
        _to_the_edge(rng, config, fields)
    return Descriptor(**fields).pack()


def _fitting(rng: np.random.Generator, config: AcceleratorConfig) -> dict[str, int]:
    """A legal descriptor of a small GEMM in the windows."""
    beat = config.bus.bytes
    m, n, k = (int(rng.integers(1, 12)) for _ in range(3))
    tile_rows, n_log2, k_log2 = random_tiling(config, rng, m, n)

    def place(window: Window, room: int) -> int:
        return window.base + beat * int(rng.integers(0, (2 * PAGE - room) // beat))

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
        "a_addr": place(READ_ONLY if rng.integers(2) else WRITABLE, 1024),
        "b_addr": place(READ_ONLY if rng.integers(2) else WRITABLE, 2048),
        "d_addr": place(WRITABLE, 1024),
        "params": place(READ_ONLY, 256),
    }


def _boundary(rng: np.random.Generator, config: AcceleratorConfig, name: str) -> int:
    """A value at which something changes, or nearly."""
    width = FIELDS[name].width
    if name == "zero_point":
        return int(rng.choice([-128, -1, 0, 127]))
    edges = [0, 1, 2, (1 << width) - 1, 1 << width - 1]
    limits = config.limits
    if name in ("m", "n", "k"):
        most = {"m": limits.max_m, "n": limits.max_n, "k": limits.max_k}[name]
        edges += [most - 1, most, most + 1]
    if width >= 32:
        edges += [config.bus.bytes * e for e in (1, 2, 1 << 20)]
        edges += [1 << config.bus.addr_width, (1 << config.bus.addr_width) - config.bus.bytes]
        edges += [w.base for w in WINDOWS] + [w.limit + 1 for w in WINDOWS]
        edges += [w.limit + 1 - config.bus.bytes for w in WINDOWS]
        edges += [int(rng.integers(0, MEMORY))]
    value = int(rng.choice(np.array(edges, dtype=object)))
    return min(value, (1 << width) - 1)


def _to_the_edge(
    rng: np.random.Generator, config: AcceleratorConfig, fields: dict[str, int]
) -> None:
    """Move one operand so that its end is the window's, or a beat or a row off."""
    d = Descriptor(**fields)
    found = regions(config, d)
    which = int(rng.integers(len(found)))
    name = ("a_addr", "b_addr", "d_addr", "params")[which]
    base, limit, _ = found[which]
    window = WINDOWS[int(rng.integers(2))]
    off = config.bus.bytes * int(rng.choice([-1, 0, 0, 0, 1, 1, 8]))
    start = window.limit - (limit - base) + off
    if rng.integers(4) == 0:
        start = window.base + min(off, 0)
    fields[name] = max(0, start)


# Many processes.


def _work(task: tuple[str, int, int]) -> Summary:
    name, seed, count = task
    if name not in _MACHINES:
        _MACHINES[name] = Hostile(preset(name))
    return _MACHINES[name].run(seed, count)


_MACHINES: dict[str, Hostile] = {}


def campaign(name: str, seed: int, count: int, jobs: int) -> Iterator[Summary]:
    """The parts of a campaign as they end."""
    cached_verilog(preset(name))
    tasks = [(name, seed + start, min(CHUNK, count - start)) for start in range(0, count, CHUNK)]
    with CompiledAccelerator(preset(name), cached_verilog(preset(name)), memory_bytes=MEMORY):
        pass  # compiled once, before the workers want it
    if jobs == 1:
        yield from map(_work, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_work, tasks)


def positive(text: str) -> int:
    """An argument that counts."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"must be an integer from 1 on, not {text!r}")
    return int(text)


def main() -> int:
    parser = argparse.ArgumentParser(description="Hostile descriptors against an accelerator.")
    parser.add_argument(
        "--count", type=positive, default=10_000, help="descriptors (default 10,000)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first program (default 1)")
    parser.add_argument("--config", choices=PRESETS, default="tiny", help="preset (default tiny)")
    parser.add_argument("--jobs", type=positive, default=multiprocessing.cpu_count())
    parser.add_argument("--json", type=Path, help="write the summary here")
    arguments = parser.parse_args()
    total = Summary(arguments.config, arguments.seed)
    began = time.perf_counter()
    with progress() as bar:
        task = bar.add_task("hostile descriptors", total=arguments.count)
        for part in campaign(arguments.config, arguments.seed, arguments.count, arguments.jobs):
            total.add(part)
            bar.update(task, completed=total.descriptors)
    seconds = time.perf_counter() - began

    facts = table(f"hostile descriptors on {total.config}", ">value")
    facts.add_row("descriptors, programs", f"{total.descriptors:,}, {total.programs:,}")
    facts.add_row("cycles, bursts watched", f"{total.cycles:,}, {total.bursts:,}")
    for name, number in total.outcomes.most_common():
        facts.add_row(f"ended with {name}", f"{number:,}")
    facts.add_row("accesses outside the windows", f"{total.outside:,}")
    facts.add_row("hangs", f"{total.hangs:,}")
    facts.add_row("other wrong answers", f"{len(total.wrong):,}")
    facts.add_row("seed, seconds", f"{total.seed}, {seconds:.0f}")
    print_table(facts)
    for line in total.wrong[:20]:
        print(line)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(total) | {"seconds": seconds}, indent=2))
    return 1 if total.wrong or total.outside or total.hangs else 0


if __name__ == "__main__":
    sys.exit(main())
