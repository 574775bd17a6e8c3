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
from collections.abc import Iterator
from dataclasses import replace

from hostile import positive
from matwright.commands.common import print_table, progress, table
from matwright.config import AcceleratorConfig
from matwright.presets import PRESETS
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.fuzz.bench import STATUS_ERROR
from matwright_sim.fuzz.flips import FORGET, MEMORIES, Flips, Summary
from matwright_sim.verilog import cached_verilog

__all__ = ["ERROR", "FORGET", "MEMORIES", "MEMORY", "PRESETS", "Flips", "Summary", "protected"]

MEMORY = 1 << 16
CHUNK = 250
ERROR = STATUS_ERROR


def protected(protection: str) -> AcceleratorConfig:
    """``tiny`` with protection and counters."""
    tiny = PRESETS["tiny"]
    build = replace(tiny.build, sram_protection=protection, counters=True)
    return replace(tiny, name=f"tiny_{protection}", build=build)


def _work(task: tuple[str, int, int]) -> Summary:
    protection, seed, count = task
    made = Flips(protected(protection), seed).run(count, count if protection == "secded" else 0)
    made.wrong = [f"seed {seed}, {what}" for what in made.wrong]
    return made


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
