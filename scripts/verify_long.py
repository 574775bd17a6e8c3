#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The long run: every shape on two presets, and a hundred thousand random programs.

usage: python scripts/verify_long.py [--programs N] [--shapes] [--presets NAME,...] [--seed S] [--jobs J]
                                     [--json FILE] [--update]

Runs the checks ``shapes`` (with --shapes) and ``programs`` (with --programs, N altogether) of ``matwright
verify`` on each preset, and puts what they found into FILE, docs/results/verify.json, as each is done;
in place of what stands there of the same check on the same preset. --update writes the file's summary to
docs/results.md, between its marks; alone it runs nothing.

The exit status is 1 if a check failed; the cases of its failures are printed.
"""

import argparse
import datetime
import json
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matwright.commands.common import progress
from matwright.presets import PRESETS
from matwright_sim.verify import programs, shapes
from matwright_sim.verify.check import Outcome, Task

__all__ = ["DATA", "PAGE", "main", "markdown", "updated"]

DATA = Path("docs/results/verify.json")
PAGE = Path("docs/results.md")
MARKS = ("<!-- verify_long begin -->\n", "<!-- verify_long end -->\n")
DIFFER = {"shapes": "programs that differ from NumPy", "programs": "programs that differ"}
"""The figure of each check that has to be 0."""

_ROWS = {
    "shapes of 1 to 40": ("shapes", "shapes of 1 to 40"),
    "GEMMs in chains, large GEMMs": ("shapes", "GEMMs in chains", "large GEMMs"),
    "their programs, cycles": ("shapes", "programs", "cycles"),
    "**programs that differ from NumPy**": ("shapes", DIFFER["shapes"]),
    "random programs, descriptors": ("programs", "programs", "descriptors"),
    "their cycles": ("programs", "cycles"),
    "run by the driver, stopped by an error": (
        "programs",
        "run by the driver",
        "stopped by an error",
    ),
    "cycles and all counters compared": ("programs", "cycles and counters compared"),
    "**programs that differ**": ("programs", DIFFER["programs"]),
}
"""Lines of the page: the check, and its figures."""


def markdown(runs: Sequence[dict[str, Any]]) -> str:
    """The part of docs/results.md."""
    if not runs:
        return "Not run yet.\n"
    names = list(dict.fromkeys(run["preset"] for run in runs))
    found = {(run["preset"], run["check"]): run for run in runs}
    lines = [["", *(f"`{name}`" for name in names)], ["---", *("---:" for _ in names)]]
    for label, (check, *figures) in _ROWS.items():
        bold = "**" if label.startswith("**") else ""
        lines.append([label])
        for name in names:
            run = found.get((name, check))
            told = ", ".join(f"{run['figures'][figure]:,}" for figure in figures) if run else "-"
            lines[-1].append(f"{bold}{told}{bold}")
    for check in DIFFER:
        lines.append([f"seed, date, CPU seconds of the {check}"])
        for name in names:
            run = found.get((name, check))
            told = f"{run['seed']}, {run['date']}, {run['seconds']:,}" if run else "-"
            lines[-1].append(told)
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def updated(page: str, text: str) -> str:
    """``page`` with ``text`` between its marks."""
    before, rest = page.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return before + MARKS[0] + text + MARKS[1] + after


def write(root: Path, data: Path, run: dict[str, Any]) -> None:
    """Put a run into the data file, in place of the one of its check and preset."""
    known = read(root, data)
    order = [*PRESETS]
    runs = {(old["preset"], old["check"]): old for old in known}
    runs[run["preset"], run["check"]] = run
    whole = sorted(
        runs.values(), key=lambda r: (order.index(r["preset"]), [*DIFFER].index(r["check"]))
    )
    text = json.dumps({"runs": whole}, indent=2) + "\n"
    (root / data).write_text(text, encoding="utf-8", newline="\n")


def read(root: Path, data: Path) -> list[dict[str, Any]]:
    """The runs of the data file."""
    path = root / data
    runs: list[dict[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    )
    return runs


def update(root: Path, data: Path) -> None:
    """Write the page anew."""
    page = root / PAGE
    text = updated(page.read_text(encoding="utf-8"), markdown(read(root, data)))
    page.write_text(text, encoding="utf-8", newline="\n")


def report(check: str, task: Task, outcome: Outcome, seconds: float) -> dict[str, Any]:
    """What the data file holds of a run."""
    return {
        "preset": task.config.name,
        "check": check,
        "seed": task.seed,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(seconds),
        "figures": {figure.name: figure.value for figure in outcome.figures},
        "sheets": {sheet.title: [list(row) for row in sheet.rows] for sheet in outcome.sheets},
    }


def _run(check: str, name: str, programs_wanted: int, arguments: argparse.Namespace) -> Outcome:
    began = _seconds()
    with progress() as bar, tempfile.TemporaryDirectory(prefix="matwright-long-") as folder:
        line = bar.add_task(f"{check} on {name}", total=None)
        task = Task(
            PRESETS[name],
            Path(folder),
            full=True,
            seed=arguments.seed,
            jobs=arguments.jobs,
            advance=lambda done, total: bar.update(line, completed=done, total=total),
        )
        if check == "shapes":
            outcome = shapes.CHECK.run(task)
        else:
            outcome = programs.outcome(programs.campaign(task, programs_wanted))
    write(arguments.root, arguments.json, report(check, task, outcome, _seconds() - began))
    return outcome


def _seconds() -> float:
    """CPU time of this process and of those that it waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def _presets(text: str) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(PRESETS):
        raise argparse.ArgumentTypeError(f"must be presets ({', '.join(PRESETS)}), not {text!r}")
    return names


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"must be an integer from 1 on, not {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None, root: Path | None = None) -> int:
    """The command; ``root`` is the folder of the project."""
    parser = argparse.ArgumentParser(description="Every shape and many programs on some presets.")
    parser.add_argument("--programs", type=_count, metavar="N", help="random programs altogether")
    parser.add_argument("--shapes", action="store_true", help="every shape of 1 to 40")
    parser.add_argument(
        "--presets", type=_presets, default=["tiny", "small"], help="(default tiny,small)"
    )
    parser.add_argument("--seed", type=_count, default=1, help="of everything (default 1)")
    parser.add_argument("--jobs", type=_count, default=1, help="processes (default 1)")
    parser.add_argument("--json", type=Path, default=DATA, help=f"the data file (default {DATA})")
    parser.add_argument("--update", action="store_true", help=f"write the summary to {PAGE}")
    arguments = parser.parse_args(argv)
    arguments.root = Path(__file__).resolve().parents[1] if root is None else root
    checks = [(check, name) for check in DIFFER for name in arguments.presets]
    checks = [
        (c, n) for c, n in checks if (arguments.shapes if c == "shapes" else arguments.programs)
    ]
    failed = False
    for check, name in checks:
        share = (arguments.programs or 0) // len(arguments.presets)
        outcome = _run(check, name, share, arguments)
        told = ", ".join(f"{figure.name} {figure.value:,}" for figure in outcome.figures)
        print(f"{check} on {name}: {told}", flush=True)
        for failure in outcome.failures:
            print(json.dumps({"what": failure.what, "seed": failure.seed, "case": failure.case}))
        failed |= not outcome.passed
    if arguments.update:
        update(arguments.root, arguments.json)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
