#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cycle model against the Verilog: random pairs of a configuration and a GEMM's sizes.

usage: python scripts/check_cycles.py [--count N] [--stall] [--seed S] [--configs K] [--jobs J] [--update]
       python scripts/check_cycles.py --seed S --replay I,J [--stall]

K random configurations share N pairs; of each the Verilog is written and compiled once and kept,
which takes about ten seconds, and on it run as many GEMMs of random sizes, tilings, flags and
places, on memories of random latencies. One pair in four is a program of up to four GEMMs. The
counters of the machine, CYCLES among them, must be those of the model, and its results those of
NumPy. With --stall every channel of the bus pauses at random, and the model is given a recording of
what the memory did.

The exit status is 1 if one pair differs; what differs is printed with the command that runs the
pair again and prints all of it. --update writes the summary to docs/results/cycles.json and from
there to docs/results.md, between its marks.
"""

import argparse
import datetime
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from matwright.commands.common import print_table, progress, table
from matwright.config import AcceleratorConfig
from matwright_sim.agents.configurations import random_config, random_shape
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.cycles import Memory, exact
from matwright_sim.verilog import cached_verilog

__all__ = ["Pair", "Summary", "check", "configuration", "main", "markdown", "pair", "updated"]

MEMORY = 1 << 18
STEPS = 4000
"""Steps of the array, or elements stored by a lane, that a pair takes at most."""
LATENCIES = (1, 2, 3, 10, 40, 100, 300)
STALLS = (0.05, 0.3, 0.6, 0.9)
MOST_SHOWN = 20

DATA = Path("docs/results/cycles.json")
PAGE = Path("docs/results.md")
MARKS = ("<!-- check_cycles begin -->\n", "<!-- check_cycles end -->\n")

FIELDS: dict[str, Callable[[AcceleratorConfig], object]] = {
    "rows": lambda config: config.rows,
    "cols": lambda config: config.cols,
    "load_rows": lambda config: config.load_rows,
    "data_width": lambda config: config.bus.data_width,
    "max_burst": lambda config: config.bus.max_burst,
    "outstanding": lambda config: config.bus.outstanding,
    "post_lanes": lambda config: config.build.post_lanes,
    "post_multiplier": lambda config: config.build.post_multiplier,
    "post_registers": lambda config: config.build.post_registers,
    "sram_registers": lambda config: config.build.sram_registers,
    "product_registers": lambda config: config.build.product_registers,
    "request_registers": lambda config: config.build.request_registers,
    "activation_ports": lambda config: config.build.activation_ports,
    "descriptors": lambda config: config.build.descriptors,
    "sram_protection": lambda config: config.build.sram_protection,
    "unsafe_unchecked": lambda config: config.build.unsafe_unchecked,
}
"""Of a configuration, what the summary counts."""


@dataclass(frozen=True)
class Pair:
    """A program on a configuration and a memory."""

    config: AcceleratorConfig
    program: ProgramImage
    read_latency: int
    write_latency: int
    stall: float
    seed: int
    """Of the stalls."""

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """M, N, K of each GEMM."""
        return [(d.m, d.n, d.k) for d in self.program.descriptors]


@dataclass
class Summary:
    """What came of the pairs."""

    pairs: int = 0
    gemms: int = 0
    cycles: int = 0
    shapes: Counter[str] = field(default_factory=Counter)
    configs: list[AcceleratorConfig] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Summary") -> None:
        """Join the figures of another part."""
        for name in ("pairs", "gemms", "cycles"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.shapes += other.shapes
        self.configs += other.configs
        self.wrong += other.wrong


def configuration(seed: int, index: int) -> AcceleratorConfig:
    """Configuration number ``index`` of a seed."""
    return random_config(np.random.default_rng([seed, index]), f"random_{seed}_{index}")


def pair(config: AcceleratorConfig, key: Sequence[int], stall: bool) -> Pair:
    """The pair that follows from ``key`` alone; it stalls with some probability, or not at all."""
    rng = np.random.default_rng(list(key))
    count = int(rng.integers(2, 5)) if rng.integers(4) == 0 else 1
    room, steps = MEMORY // 2 // count, STEPS // count
    shapes = [random_shape(config, rng, steps=steps, memory_bytes=room) for _ in range(count)]
    program = build_program(
        config, rng, shapes, memory_bytes=MEMORY, dependent=bool(rng.integers(2))
    )
    read, write = (LATENCIES[int(rng.integers(len(LATENCIES)))] for _ in range(2))
    probability = STALLS[int(rng.integers(len(STALLS)))] if stall else 0.0
    return Pair(config, program, read, write, probability, int(rng.integers(1 << 32)))


def check(made: Pair) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """What differs, each as the Verilog has it and as the model says; and the Verilog's counters."""
    config, program = made.config, made.program
    with CompiledAccelerator(
        config,
        cached_verilog(config),
        memory_bytes=MEMORY,
        read_latency=made.read_latency,
        write_latency=made.write_latency,
        stall=made.stall,
        seed=made.seed,
    ) as machine:
        host = Host(machine)
        machine.memory[:] = program.before
        machine.record()
        if not host.run(program.address, program.count, 20_000_000):
            return {"interrupts": (0, 1)}, {}
        counters = host.counters()
        memory = Memory(read_latency=made.read_latency, write_latency=made.write_latency)
        if made.stall:
            memory = Memory(recording=machine.recording)
        said = exact(config, program.descriptors, memory, program.address).counters
        differ = {
            name: (counters[name], said[name]) for name in counters if counters[name] != said[name]
        }
        wrong = int(np.count_nonzero(machine.memory != program.after))
    if wrong:
        differ["wrong bytes"] = (wrong, 0)
    return differ, counters


# Many pairs.


def part(seed: int, index: int, count: int, stall: bool) -> Summary:
    """The first ``count`` pairs of a configuration."""
    config = configuration(seed, index)
    summary = Summary(configs=[config])
    for number in range(count):
        made = pair(config, (seed, index, 1 + number, stall), stall)
        differ, counters = check(made)
        summary.pairs += 1
        summary.gemms += made.program.count
        summary.cycles += counters.get("CYCLES", 0)
        summary.shapes.update(kind for shape in made.shapes for kind in _kinds(config, *shape))
        if differ:
            again = f"--seed {seed} --replay {index},{number}{' --stall' if stall else ''}"
            summary.wrong.append(f"python scripts/check_cycles.py {again}: {_told(differ)}")
    return summary


def _told(differ: dict[str, tuple[int, int]]) -> str:
    return ", ".join(f"{name} {there}, not {said}" for name, (there, said) in differ.items())


def _kinds(config: AcceleratorConfig, m: int, n: int, k: int) -> Iterator[str]:
    """What is special about sizes."""
    if 1 in (m, n, k):
        yield "a size of 1"
    if m < config.rows + config.cols:
        yield "M below the depth of the array"
    if k % config.rows or n % config.cols:
        yield "K or N no multiple of its side"
    if any(size > 1 and all(size % i for i in range(2, int(size**0.5) + 1)) for size in (m, n, k)):
        yield "a prime size"


def _part(task: tuple[int, int, int, bool]) -> Summary:
    return part(*task)


def campaign(seed: int, count: int, configs: int, stall: bool, jobs: int) -> Iterator[Summary]:
    """The pairs of each configuration, as they are done."""
    shares = [count // configs + (i < count % configs) for i in range(configs)]
    tasks = [(seed, i, share, stall) for i, share in enumerate(shares) if share]
    if jobs == 1:
        yield from map(_part, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_part, tasks)


def report(summary: Summary, seed: int, stall: bool, seconds: float) -> dict[str, Any]:
    """The summary as it stands in the data file."""
    configs = sorted(summary.configs, key=lambda config: config.name)
    return {
        "stalls": "replayed" if stall else "none",
        "seed": seed,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "pairs": summary.pairs,
        "gemms": summary.gemms,
        "configurations": len(configs),
        "cycles": summary.cycles,
        "differences": len(summary.wrong),
        "seconds": round(seconds),
        "sizes": dict(sorted(summary.shapes.items())),
        "fields": {name: _counted(of(config) for config in configs) for name, of in FIELDS.items()},
    }


def _counted(values: Iterator[object]) -> dict[str, int]:
    counts = Counter(values)
    known = sorted(counts, key=lambda value: (isinstance(value, str), value))
    return {json.dumps(value).strip('"'): counts[value] for value in known}


# From data to the page.


def markdown(runs: Sequence[dict[str, Any]]) -> str:
    """The part of docs/results.md."""
    if not runs:
        return "Not run yet.\n"
    words = {"none": "fixed latencies", "replayed": "replayed stalls"}
    lines = [["", *(words[run["stalls"]] for run in runs)]]
    for label, told in _LINES.items():
        lines.append([label, *(told(run) for run in runs)])
    rows = ["| " + " | ".join(line) + " |\n" for line in lines]
    rows.insert(1, "|---|" + "---:|" * len(runs) + "\n")
    return "".join(rows)


_LINES: dict[str, Callable[[dict[str, Any]], str]] = {
    "pairs, on configurations": lambda run: f"{run['pairs']:,}, {run['configurations']}",
    "GEMMs, cycles": lambda run: f"{run['gemms']:,}, {run['cycles']:,}",
    "GEMMs with a size of 1, with a prime size": lambda run: (
        f"{run['sizes'].get('a size of 1', 0):,}, {run['sizes'].get('a prime size', 0):,}"
    ),
    "with K or N no multiple of its side": lambda run: (
        f"{run['sizes'].get('K or N no multiple of its side', 0):,}"
    ),
    "with M below the depth of the array": lambda run: (
        f"{run['sizes'].get('M below the depth of the array', 0):,}"
    ),
    "seed, date, seconds": lambda run: f"{run['seed']}, {run['date']}, {run['seconds']:,}",
    "**pairs of which cycles or a counter differ**": lambda run: f"**{run['differences']:,}**",
}


def updated(page: str, text: str) -> str:
    """``page`` with ``text`` between its marks."""
    before, rest = page.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return before + MARKS[0] + text + MARKS[1] + after


def write(root: Path, run: dict[str, Any]) -> None:
    """Put a run into the data file, in place of the one of its kind, and all of them on the page."""
    data, page = root / DATA, root / PAGE
    known = json.loads(data.read_text(encoding="utf-8"))["runs"] if data.exists() else []
    kinds = {old["stalls"]: old for old in known} | {run["stalls"]: run}
    runs = [kinds[kind] for kind in ("none", "replayed") if kind in kinds]
    text = updated(page.read_text(encoding="utf-8"), markdown(runs))
    data.write_text(json.dumps({"runs": runs}, indent=2) + "\n", encoding="utf-8", newline="\n")
    page.write_text(text, encoding="utf-8", newline="\n")


# The command.


def replay(seed: int, index: int, number: int, stall: bool) -> int:
    """Run a pair again and print all of it; exit status."""
    config = configuration(seed, index)
    made = pair(config, (seed, index, 1 + number, stall), stall)
    print(config.to_toml())
    for d in made.program.descriptors:
        print(d)
    print(f"memory: read {made.read_latency}, write {made.write_latency}, stall {made.stall}")
    differ, counters = check(made)
    facts = table("counter", ">Verilog", ">model")
    for name, there in (counters | {name: there for name, (there, _) in differ.items()}).items():
        facts.add_row(name, f"{there:,}", f"{differ.get(name, (0, there))[1]:,}")
    print_table(facts)
    print(_told(differ) if differ else "nothing differs")
    return 1 if differ else 0


def _follow(parts: Iterator[Summary], count: int, total: Summary) -> None:
    """Add up the parts, and tell of each as it is done."""
    with progress() as bar:
        task = bar.add_task("pairs", total=count)
        for found in parts:
            total.add(found)
            bar.update(task, completed=total.pairs)
            array = " x ".join(str(side) for c in found.configs for side in (c.rows, c.cols))
            print(f"{found.configs[0].name}: {array}, {found.pairs:,} pairs, ", end="")
            print(f"{len(found.wrong):,} differences", flush=True)
            for line in found.wrong[:MOST_SHOWN]:
                print(line, flush=True)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"must be an integer from 1 on, not {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be an integer from 0 on, not {text!r}")
    return int(text)


def _two(text: str) -> tuple[int, int]:
    numbers = text.split(",")
    if len(numbers) != 2 or not all(part.isascii() and part.isdigit() for part in numbers):
        raise argparse.ArgumentTypeError(
            f"must be the numbers of a configuration and of a pair, I,J, not {text!r}"
        )
    return int(numbers[0]), int(numbers[1])


def main(argv: Sequence[str] | None = None, root: Path | None = None) -> int:
    """The command; ``root`` is the folder of the project."""
    parser = argparse.ArgumentParser(description="The cycle model against the Verilog.")
    parser.add_argument("--count", type=_positive, default=1000, help="pairs (default 1,000)")
    parser.add_argument("--stall", action="store_true", help="random stalls, replayed by the model")
    parser.add_argument("--seed", type=_seed, default=1, help="of everything (default 1)")
    parser.add_argument(
        "--configs",
        type=_positive,
        metavar="K",
        help="configurations to compile (default one for 50 pairs, from 8 to 64)",
    )
    parser.add_argument("--jobs", type=_positive, default=multiprocessing.cpu_count())
    parser.add_argument("--update", action="store_true", help="write the summary to docs/results")
    parser.add_argument("--replay", type=_two, metavar="I,J", help="only pair J of configuration I")
    arguments = parser.parse_args(argv)
    seed, stall = arguments.seed, arguments.stall
    if arguments.replay:
        return replay(seed, *arguments.replay, stall)
    configs = arguments.configs or min(64, max(8, arguments.count // 50))
    print(f"seed {seed}, {min(configs, arguments.count)} configurations", flush=True)
    total = Summary()
    began = time.perf_counter()
    try:
        _follow(
            campaign(seed, arguments.count, configs, stall, arguments.jobs), arguments.count, total
        )
    except KeyboardInterrupt:
        print(f"interrupted after {total.pairs:,} pairs", file=sys.stderr)
        return 130
    run = report(total, seed, stall, time.perf_counter() - began)
    print(
        f"{run['pairs']:,} pairs ({run['gemms']:,} GEMMs, {run['cycles']:,} cycles) on "
        f"{run['configurations']} configurations, stalls {run['stalls']}: "
        f"{run['differences']:,} differences in {run['seconds']:,} s"
    )
    if arguments.update:
        write(Path(__file__).resolve().parents[1] if root is None else root, run)
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
