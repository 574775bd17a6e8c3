#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The long run: every shape on two presets, and a hundred thousand random programs.

usage: python scripts/verify_long.py [--programs N] [--shapes] [--presets NAME,...] [--seed S] [--jobs J]
                                     [--campaign REPORT] [--json FILE] [--update]

Runs the checks ``shapes`` (with --shapes) and ``programs`` (with --programs, N altogether) of ``matwright
verify`` on each preset, and puts what they found into FILE, docs/results/verify.json, as each is done;
in place of what stands there of the same check on the same preset. --campaign keeps the figures of a report
of ``matwright verify PRESET --full`` there too. --update writes the file's summary to docs/results.md,
between its marks; alone it runs nothing.

The exit status is 1 if a check failed, in a campaign too; the cases of its failures are printed.
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
from matwright_sim.verify.campaign import CHECKS
from matwright_sim.verify.check import Outcome, Task

__all__ = ["DATA", "PAGE", "main", "markdown", "updated"]

DATA = Path("docs/results/verify.json")
PAGE = Path("docs/results.md")
MARKS = ("<!-- verify_long begin -->\n", "<!-- verify_long end -->\n")
CAMPAIGN_MARKS = ("<!-- campaigns begin -->\n", "<!-- campaigns end -->\n")
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
    "cycles compared, all counters too": (
        "programs",
        "cycles compared",
        "cycles and counters compared",
    ),
    "**programs that differ**": ("programs", DIFFER["programs"]),
}
"""Lines of the page: the check, and its figures."""

_NOT_THERE: dict[str, Any] = {"status": "not run", "seconds": 0, "figures": {}}


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


def campaigns_markdown(campaigns: Sequence[dict[str, Any]]) -> str:
    """The part of docs/results.md that shows full campaigns: every figure of every check."""
    if not campaigns:
        return "Not run yet.\n"
    names = [campaign["preset"] for campaign in campaigns]
    lines = [["Check", "figure", *(f"`{name}`" for name in names)]]
    lines.append(["---", "---", *("---:" for _ in names)])
    for check in CHECKS:
        of = [campaign["checks"].get(check, _NOT_THERE) for campaign in campaigns]
        if not any(one["figures"] for one in of):
            continue
        for figure in dict.fromkeys(name for one in of for name in one["figures"]):
            values = (one["figures"].get(figure, "-") for one in of)
            told = (f"{value:,}" if isinstance(value, int) else str(value) for value in values)
            lines.append([f"`{check}`", figure, *told])
        seconds = (f"{one['status']}, {one['seconds']:,}" for one in of)
        lines.append([f"`{check}`", "status, seconds", *seconds])
    told = (f"{one['seed']}, {one['date']}, {one['seconds']:,}" for one in campaigns)
    lines.append(["all", "seed, date, seconds", *told])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def updated(page: str, text: str, marks: tuple[str, str] = MARKS) -> str:
    """``page`` with ``text`` between its marks."""
    before, rest = page.split(marks[0])
    _, after = rest.split(marks[1])
    return before + marks[0] + text + marks[1] + after


def write(root: Path, data: Path, kind: str, run: dict[str, Any]) -> None:
    """Put a run, or with ``kind`` "campaigns" a campaign, into the data file, in place of the last."""
    kept = {each: read(root, data, each) for each in ("runs", "campaigns")}

    def place(run: dict[str, Any]) -> tuple[int, int]:
        check = run.get("check")
        return [*PRESETS].index(run["preset"]), [*DIFFER].index(check) if check else 0

    others = [old for old in kept[kind] if place(old) != place(run)]
    kept[kind] = sorted([*others, run], key=place)
    text = json.dumps(kept, indent=2) + "\n"
    (root / data).write_text(text, encoding="utf-8", newline="\n")


def read(root: Path, data: Path, kind: str = "runs") -> list[dict[str, Any]]:
    """The runs, or campaigns, of the data file."""
    path = root / data
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found: list[dict[str, Any]] = kept.get(kind, [])
    return found


def update(root: Path, data: Path) -> None:
    """Write the page anew."""
    page = root / PAGE
    text = updated(page.read_text(encoding="utf-8"), markdown(read(root, data)))
    table = campaigns_markdown(read(root, data, "campaigns"))
    page.write_text(updated(text, table, CAMPAIGN_MARKS), encoding="utf-8", newline="\n")


def report(check: str, task: Task, outcome: Outcome, seconds: float) -> dict[str, Any]:
    """What the data file holds of a run."""
    return {
        "preset": task.config.name,
        "check": check,
        "seed": task.seed,
        "date": _today(),
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
    found = report(check, task, outcome, _seconds() - began)
    write(arguments.root, arguments.json, "runs", found)
    return outcome


def _campaign(report: Path) -> dict[str, Any]:
    """What the data file holds of a campaign, from its ``verify.json``."""
    told = json.loads(report.read_text(encoding="utf-8"))
    preset, checks = PRESETS.get(told["config"]), [check["name"] for check in told["checks"]]
    whole = told["mode"] == "full" and checks == [*CHECKS]
    if not whole or preset is None or preset.digest != told["config_sha256"]:
        raise SystemExit(f"{report} must be of matwright verify PRESET --full, with all checks")
    return {
        "preset": told["config"],
        "seed": told["seed"],
        "date": _today(),
        "seconds": round(told["seconds"]),
        "checks": {
            check["name"]: {
                "status": check["status"],
                "seconds": round(check["seconds"]),
                "figures": {figure["name"]: figure["value"] for figure in check["figures"]},
            }
            for check in told["checks"]
        },
    }


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _seconds() -> float:
    """CPU time of this process and of those that it waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def _shares(programs: int, presets: Sequence[str]) -> dict[str, int]:
    """How many of the programs run on each preset; the first get those that are left over."""
    each, over = divmod(programs, len(presets))
    return {name: each + (place < over) for place, name in enumerate(presets)}


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
    parser.add_argument(
        "--campaign",
        type=Path,
        action="append",
        default=[],
        metavar="REPORT",
        help="a verify.json of matwright verify PRESET --full",
    )
    parser.add_argument("--jobs", type=_count, default=1, help="processes (default 1)")
    parser.add_argument("--json", type=Path, default=DATA, help=f"the data file (default {DATA})")
    parser.add_argument("--update", action="store_true", help=f"write the summary to {PAGE}")
    arguments = parser.parse_args(argv)
    arguments.root = Path(__file__).resolve().parents[1] if root is None else root
    shares = _shares(arguments.programs or 0, arguments.presets)
    checks = [(check, name) for check in DIFFER for name in arguments.presets]
    checks = [
        (check, name)
        for check, name in checks
        if (arguments.shapes if check == "shapes" else shares[name])
    ]
    failed = False
    for check, name in checks:
        outcome = _run(check, name, shares[name], arguments)
        told = ", ".join(f"{figure.name} {figure.value:,}" for figure in outcome.figures)
        print(f"{check} on {name}: {told}", flush=True)
        for failure in outcome.failures:
            print(json.dumps({"what": failure.what, "seed": failure.seed, "case": failure.case}))
        failed |= not outcome.passed
    for path in arguments.campaign:
        kept = _campaign(path)
        write(arguments.root, arguments.json, "campaigns", kept)
        failed |= any(check["status"] != "passed" for check in kept["checks"].values())
    if arguments.update:
        update(arguments.root, arguments.json)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
