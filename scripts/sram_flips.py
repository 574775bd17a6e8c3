#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flipped bits in on-chip memory while programs run: corrected or reported, never silent.

usage: python scripts/sram_flips.py [--count N] [--seed S] [--protection secded|parity] [--jobs J]

The accelerator is ``tiny`` with SRAM protection and counters. Through the injection registers, bits
of the next word that is used of a random bank are flipped, at random moments of random programs: N
times one bit, of which many in a program, and N times two bits. Every memory, bank and bit has its
turn. With SECDED a single flip must be counted as corrected and the program's result be exact; a
double flip must stop the program with the error SRAM. With parity a single flip must stop it.

The exit status is 1 if a flip was silent or an answer wrong.
"""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from hostile import positive
from matwright.commands.common import print_table, progress, table
from matwright.config import PARAMETER_BYTES, AcceleratorConfig
from matwright.memory.checks import check_bits
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error, Flag
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.verilog import cached_verilog

__all__ = ["Flips", "Summary", "banks", "protected"]

MEMORY = 1 << 16
SHAPES = [(9, 7, 11), (12, 17, 20), (5, 9, 8)]
MEMORIES = ("activations", "weights", "accumulators", "parameters")
CHUNK = 250
DONE, ERROR = 2, 4
ARM, FORGET = 1 << 31, 1 << 30


def protected(protection: str) -> AcceleratorConfig:
    """``tiny`` with protection and counters."""
    tiny = PRESETS["tiny"]
    build = replace(tiny.build, sram_protection=protection, counters=True)
    return replace(tiny, name=f"tiny_{protection}", build=build)


def banks(config: AcceleratorConfig) -> list[tuple[int, int]]:
    """Banks of each memory, and the bits of their words with the check bits."""
    precision, beat = config.precision, config.bus.data_width
    group = 8 * PARAMETER_BYTES * config.build.post_lanes
    words = [
        (config.rows, config.panels_per_activation_word * precision.a_width),
        (config.load_rows * config.cols, config.steps_per_weight_word * precision.b_width),
        (2 * config.cols, precision.acc_width),
        (max(1, group // beat), beat),
    ]
    protection = config.build.sram_protection
    return [(count, width + check_bits(width, protection)) for count, width in words]


@dataclass
class Summary:
    """What became of the flips."""

    single: int = 0
    corrected: int = 0
    double: int = 0
    reported: int = 0
    per_memory: Counter[str] = field(default_factory=Counter)
    programs: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Summary") -> None:
        """Join the figures of another part."""
        for name in ("single", "corrected", "double", "reported", "programs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.per_memory += other.per_memory
        self.wrong += other.wrong


class Flips:
    """One machine whose memories are disturbed."""

    def __init__(self, config: AcceleratorConfig, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.summary = Summary()
        self.images = [
            build_program(config, self.rng, SHAPES, memory_bytes=MEMORY, flags=flags)
            for flags in (Flag.TABLE, Flag.TABLE | Flag.RELU, None, None)
        ]

    def run(self, singles: int, doubles: int) -> Summary:
        """So many flips of one bit and of two."""
        with CompiledAccelerator(
            self.config, cached_verilog(self.config), memory_bytes=MEMORY, read_latency=20
        ) as machine:
            host = Host(machine)
            stops = self.config.build.sram_protection == "parity"
            while self.summary.single < singles:
                if stops:
                    self._stopped(host, 1)
                else:
                    self._corrected(host, singles)
            while self.summary.double < doubles:
                self._stopped(host, 2)
        return self.summary

    def _begin(self, host: Host) -> ProgramImage:
        image = self.images[int(self.rng.integers(len(self.images)))]
        host.machine.memory[:] = image.before
        self.summary.programs += 1
        host.run(image.address, image.count, int(self.rng.integers(1, 40)))
        return image

    def _arm(self, host: Host, flips: int) -> str:
        """Choose a memory, a bank and bits of it; the name of the memory."""
        memory = int(self.rng.integers(len(MEMORIES)))
        count, width = banks(self.config)[memory]
        bits = self.rng.choice(width, flips, replace=False)
        host.write("INJECT_BITS", int(bits[0]) | int(bits[-1]) << 16)
        host.write("INJECT", int(self.rng.integers(count)) | memory << 16 | ARM)
        return MEMORIES[memory]

    def _corrected(self, host: Host, most: int) -> None:
        """A program with as many single flips as find a word, one after the other."""
        image, summary, done = self._begin(host), self.summary, 0
        while not host.machine.irq and summary.single < most:
            name = self._arm(host, 1)
            # The next is armed when this one has struck: of one that is overwritten nobody knows.
            while host.read("INJECT") & ARM and not host.machine.run(20):
                pass
            if not host.read("INJECT") & ARM:
                summary.single += 1
                summary.per_memory[name] += 1
                done += 1
                host.machine.run(int(self.rng.integers(1, 60)))
        host.write("INJECT", 0)
        if not host.machine.run(1_000_000):
            self._fault("no interrupt")
        corrected = host.read("SRAM_CORRECTED")
        if host.read("STATUS") != DONE or not np.array_equal(host.machine.memory, image.after):
            self._fault("the result is not exact")
            host.reset()
        if corrected != done or host.read("SRAM_UNCORRECTED"):
            self._fault(f"{corrected} words were corrected of {done}")
        summary.corrected += corrected

    def _stopped(self, host: Host, flips: int) -> None:
        """A program in which one flip that cannot be corrected finds a word, or none."""
        image, summary = self._begin(host), self.summary
        if host.machine.irq:
            return
        name = self._arm(host, flips)
        ended = host.machine.run(1_000_000)
        struck = not host.read("INJECT") & ARM
        host.write("INJECT", 0)
        if not ended:
            self._fault("no interrupt")
        elif not struck:
            if host.read("STATUS") != DONE or not np.array_equal(host.machine.memory, image.after):
                self._fault("a flip that did not happen had a consequence")
            return
        reported = host.error() == (Error.SRAM, host.read("COMPLETED"), MEMORIES.index(name))
        if host.read("STATUS") != ERROR or not reported:
            self._fault(f"{flips} flips of {name} gave {host.error()}")
        for place in np.flatnonzero(host.machine.memory != image.before):
            if image.at(int(place)).role != "d":
                self._fault(f"{place:#x} has changed, which is no result")
        summary.per_memory[name] += 1
        if flips == 1:
            summary.single += 1
        else:
            summary.double += 1
        summary.reported += reported
        host.reset()

    def _fault(self, text: str) -> None:
        self.summary.wrong.append(f"seed {self.seed}: {text}")


def _work(task: tuple[str, int, int]) -> Summary:
    protection, seed, count = task
    return Flips(protected(protection), seed).run(count, count if protection == "secded" else 0)


def campaign(protection: str, seed: int, count: int, jobs: int) -> Iterator[Summary]:
    """The parts of a campaign as they end."""
    config = protected(protection)
    with CompiledAccelerator(config, cached_verilog(config), memory_bytes=MEMORY):
        pass  # compiled once, before the workers want it
    tasks = [
        (protection, seed + start, min(CHUNK, count - start)) for start in range(0, count, CHUNK)
    ]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_work, tasks)


def main() -> int:
    parser = argparse.ArgumentParser(description="Flip bits of on-chip memory.")
    parser.add_argument("--count", type=positive, default=10_000, help="flips (default 10,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--protection", choices=("secded", "parity"), default="secded")
    parser.add_argument("--jobs", type=positive, default=multiprocessing.cpu_count())
    arguments = parser.parse_args()
    total = Summary()
    began = time.perf_counter()
    with progress() as bar:
        task = bar.add_task("flips", total=arguments.count)
        for part in campaign(arguments.protection, arguments.seed, arguments.count, arguments.jobs):
            total.add(part)
            bar.update(task, completed=total.single)
    seconds = time.perf_counter() - began
    facts = table(f"flips with {arguments.protection}", ">value")
    facts.add_row("single flips", f"{total.single:,}")
    if arguments.protection == "secded":
        facts.add_row("of them corrected, results exact", f"{total.corrected:,}")
        facts.add_row("double flips", f"{total.double:,}")
    facts.add_row("of them reported", f"{total.reported:,}")
    for name in MEMORIES:
        facts.add_row(f"in {name}", f"{total.per_memory[name]:,}")
    facts.add_row("programs", f"{total.programs:,}")
    facts.add_row("wrong answers", f"{len(total.wrong):,}")
    facts.add_row("seed, seconds", f"{arguments.seed}, {seconds:.0f}")
    print_table(facts)
    for line in total.wrong[:20]:
        print(line)
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
