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
from dataclasses import asdict
from pathlib import Path

from matwright.commands.common import print_table, progress, table
from matwright.presets import PRESETS
from matwright_sim.fuzz.hostile import Hostile, Summary, campaign

__all__ = ["Hostile", "Summary", "positive"]


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
