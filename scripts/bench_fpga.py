#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clock and area of the presets on FPGAs, by Yosys and nextpnr: data, table, and lines of the README.

usage: python scripts/bench_fpga.py [--seeds N] [--jobs N] [--only PATTERN] [--limit MIN] [--check]

Every point of POINTS is synthesized, and placed and routed once for each seed, out of context as
``matwright synth`` does it. A point that does not fit, or that the router does not finish within
--limit minutes, since it may go on for ever, is a row with the reason. Figures go to
docs/results/fpga.json after each point, and from there to docs/results.md and README.md, between
their marks. Whatever was placed before comes from the cache, so an interrupted run goes on where it
was. With --only the other rows stay as they are; --check runs no tool and fails if a page does not
show the data, or if a point has none.
"""

import argparse
import datetime
import json
import os
import statistics
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from matwright.commands.common import progress
from matwright.config import AcceleratorConfig, Precision
from matwright.config import load as load_config
from matwright.presets import PRESETS
from matwright_fpga.devices import FAMILIES, RESOURCES, find_device
from matwright_fpga.errors import FitError, FpgaError, ToolError
from matwright_fpga.flow import Step, figures
from matwright_fpga.result import Result
from matwright_fpga.tools import find_tool
from matwright_fpga.tools import stop as stop_tools

__all__ = ["POINTS", "Point", "main", "markdown", "summary", "updated"]

Row = dict[str, Any]
"""A point's figures, or why it has none, as in the data file."""

DATA = Path("docs/results/fpga.json")
MINUTE = 60.0
"""Seconds; a test has shorter ones."""
MARKS = ("<!-- bench_fpga begin -->\n", "<!-- bench_fpga end -->\n")

_SMALL = PRESETS["small"]
CONFIGS: dict[str, AcceleratorConfig] = {
    **PRESETS,
    "small 12 x 12": replace(_SMALL, name="small_12x12", rows=12, cols=12),
    "square12": load_config(Path(__file__).parents[1] / "docs/examples/ulx3s/square12.toml"),
    "small W4A8": replace(_SMALL, name="small_w4a8", cols=16, precision=Precision(b_width=4)),
}
"""What is measured, by the name it has in the tables."""


@dataclass(frozen=True)
class Point:
    """A configuration, or a part of it, on a device."""

    config: str
    """One of :data:`CONFIGS`."""
    family: str
    device: str
    speed: str | None = None
    """Speed grade; None: the usual one of the device."""
    part: str = ""

    @property
    def name(self) -> str:
        """Such as ``tiny/ice40/up5k``; what --only is compared with."""
        what = f"{self.config}.{self.part}" if self.part else self.config
        grade = find_device(self.family, self.device, self.speed)[2]
        return "/".join(word for word in (what, self.family, self.device, grade) if word)


_ARRAY = "engine.array"
POINTS = [
    Point("tiny", "ice40", "up5k"),
    Point("tiny", "ecp5", "25k"),
    Point("tiny", "nexus", "lifcl-40"),
    Point("tiny", "gowin", "gw1nr-9c"),
    Point("tiny", "gowin", "gw2a-18c"),
    Point("small", "ecp5", "25k"),
    Point("small", "ecp5", "45k"),
    Point("small", "ecp5", "85k"),
    Point("small", "nexus", "lifcl-40"),
    Point("square12", "ecp5", "85k"),
    Point("edge", "ecp5", "85k"),
    Point("small", "ecp5", "85k", "6", _ARRAY),
    Point("small", "ecp5", "85k", "8", _ARRAY),
    Point("small 12 x 12", "ecp5", "85k", "6", _ARRAY),
    Point("small W4A8", "ecp5", "85k", "6", _ARRAY),
    Point("small", "nexus", "lifcl-40", "9", _ARRAY),
]

SUMMARY = {
    "small.engine.array/ecp5/85k/6": "array of `small`: 8 x 8, int8",
    "small 12 x 12.engine.array/ecp5/85k/6": "12 x 12, int8",
    "small W4A8.engine.array/ecp5/85k/6": "8 x 16, int4 weights, two products in a multiplier",
    "small/ecp5/85k/6": "all of `small`",
    "square12/ecp5/85k/6": "all of 12 x 12, int8, for a ULX3S",
    "tiny/ice40/up5k": "all of `tiny`: 4 x 4, int8",
}
"""The points that the README shows, and what they are called there."""


# From results to rows.


def row(point: Point, seeds: Sequence[int], jobs: int | None, limit: int, on_step: Step) -> Row:
    """Places and routes a point; raises :class:`.FpgaError` for other failures than of room and time.

    ``limit`` is in minutes, for all seeds together.
    """
    config = CONFIGS[point.config]
    family, _, grade = find_device(point.family, point.device, point.speed)
    head: Row = {
        "name": point.name,
        "config": point.config,
        "config_sha256": config.digest,
        "array": f"{config.rows} x {config.cols}",
        "part": point.part or None,
        "family": point.family,
        "device": point.device,
        "speed": grade or None,
        "seeds": list(seeds),
        "tools": {tool: find_tool(tool).version for tool in ("yosys", family.placer)},
    }
    done, late = threading.Event(), threading.Event()

    def watch() -> None:
        if not done.wait(limit * MINUTE):
            late.set()
        # Again and again: at the first time there may be none that runs.
        while not done.wait(1):
            stop_tools()

    threading.Thread(target=watch, daemon=True).start()
    try:
        result = figures(
            config,
            point.family,
            point.device,
            speed=point.speed,
            part=point.part,
            seeds=seeds,
            jobs=jobs,
            on_step=on_step,
        )
    except FitError as error:
        return head | {"failed": str(error)}
    except ToolError:
        if not late.is_set():
            raise
        return head | {"failed": f"not placed and routed within {limit} minutes"}
    finally:
        done.set()
    return head | _figures(result)


def _figures(result: Result) -> Row:
    path = result.typical.path
    return {
        "asked_mhz": result.frequency,
        "fmax_mhz": {
            "median": _rounded(result.median),
            "best": _rounded(result.best),
            "each": [_rounded(placed.fmax) for placed in result.placements],
        },
        "resources": {
            name: {"used": use.used, "capacity": use.capacity}
            for name, use in result.resources.items()
        },
        "gmacs_per_second": _rounded(result.gmacs),
        "gmacs_per_second_per_klut": _rounded(result.gmacs_per_klut),
        "critical_path": None if path is None else str(path),
        "notes": result.notes,
        "cpu_seconds": {
            "synthesis": _rounded(result.synthesis.took.cpu_seconds),
            "placement": _rounded(
                statistics.median(placed.took.cpu_seconds for placed in result.placements)
            ),
        },
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def merged(rows: Sequence[Row], new: Row, today: str) -> list[Row]:
    """``rows`` with ``new`` in its place among :data:`POINTS`; what is of no point is left out.

    Figures that are the same as before keep their date.
    """
    known = {old["name"]: old for old in rows}
    before = known.get(new["name"], {})
    same = {key: value for key, value in before.items() if key != "date"} == new
    known[new["name"]] = new | {"date": before["date"] if same else today}
    return [known[point.name] for point in POINTS if point.name in known]


# From rows to pages.

_HEADINGS = (
    "configuration",
    "array",
    "what",
    "device",
    ">COMB",
    ">FF",
    ">DSP",
    ">BRAM",
    ">MHz, median",
    ">MHz, best",
    ">GMAC/s",
    ">CPU s",
    "what limits it",
)
_NUMBERS = 8
"""Columns of numbers."""


def _line(made: Row) -> list[str]:
    device = f"{made['family']} {made['device']}"
    if made["speed"]:
        device += f" speed {made['speed']}"
    head = [made["config"], made["array"], made["part"] or "all of it", device]
    if "failed" in made:
        # The row says already what does not fit where.
        _, room, needs = made["failed"].partition(": it needs ")
        reason = f"does not fit: {needs}" if room else made["failed"]
        return [*head, *["-"] * _NUMBERS, reason]
    clocks, seconds = made["fmax_mhz"], made["cpu_seconds"]
    return [
        *head,
        *(_used(made, name) for name in ("comb", "ff", "dsp")),
        " + ".join(filter(None, (_used(made, "bram"), _extra(made)))),
        _decimal(clocks["median"]),
        _decimal(clocks["best"]),
        _decimal(made["gmacs_per_second"], 2),
        f"{seconds['synthesis']:.0f} + {seconds['placement']:.0f}",
        made["critical_path"] or "no path from register to register",
    ]


def _used(made: Row, name: str) -> str:
    use = made["resources"].get(name)
    return "0" if use is None else f"{use['used']:,}"


def _extra(made: Row) -> str:
    """Large RAMs, where there are any in use."""
    use = made["resources"].get("spram", {"used": 0})
    resources = FAMILIES[made["family"]].resources
    return f"{use['used']} {resources['spram'].label}" if use["used"] else ""


def _decimal(number: float | None, digits: int = 1) -> str:
    return "-" if number is None else f"{number:.{digits}f}"


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    text = "| " + " | ".join(heading.removeprefix(">") for heading in headings) + " |\n"
    text += "|" + "|".join("---:" if h.startswith(">") else "---" for h in headings) + "|\n"
    return text + "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def _grouped(rows: Sequence[Row], told: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for made in rows:
        groups.setdefault(told(made), []).append(made)
    return groups


def _tools(rows: Sequence[Row]) -> str:
    versions = sorted({f"{name} {text}" for made in rows for name, text in made["tools"].items()})
    return ", ".join(sorted(versions, key=lambda text: not text.startswith("yosys")))


def markdown(rows: Sequence[Row]) -> str:
    """The part of docs/results.md: the table, and how it was made."""
    if not rows:
        return "Not measured yet.\n"
    text = _table(_HEADINGS, [_line(made) for made in rows]) + "\n"
    groups = _grouped(rows, lambda made: f"{_seeds(made['seeds'])}, {made['date']}")
    for how, group in groups.items():
        whose = "" if len(groups) == 1 else ": " + ", ".join(f"`{made['name']}`" for made in group)
        text += f"- {how.capitalize()}, {_tools(group)}{whose}.\n"
    for (family, device), speeds in _devices(rows).items():
        text += f"- {family} {device} has {_capacity(family, device)}"
        text += f"; placed for {speeds} MHz.\n" if speeds else ".\n"
    notes = dict.fromkeys(note for made in rows for note in made.get("notes", ()))
    return text + "".join(f"- {note}.\n" for note in notes)


def _devices(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Devices in their order, and the clocks that were asked for on them."""
    asked: dict[tuple[str, str], set[int]] = {}
    for made in rows:
        clocks = asked.setdefault((made["family"], made["device"]), set())
        clocks |= {made["asked_mhz"]} if "asked_mhz" in made else set()
    return {device: ", ".join(map(str, sorted(clocks))) for device, clocks in asked.items()}


def _capacity(family: str, device: str) -> str:
    kin, chip, _ = find_device(family, device)
    counts = [
        f"{chip.capacity[name]:,} {kin.resources[name].plural}"
        for name in RESOURCES
        if chip.capacity.get(name)
    ]
    return ", ".join(counts)


def summary(rows: Sequence[Row]) -> str:
    """The part of the README: the rows of :data:`SUMMARY`; nothing if none is measured."""
    known = {made["name"]: made for made in rows if "failed" not in made}
    chosen = [(known[name], words) for name, words in SUMMARY.items() if name in known]
    if not chosen:
        return ""
    seeds = " and ".join(_grouped([made for made, _ in chosen], lambda made: _seeds(made["seeds"])))
    text = "Placed and routed by Yosys and nextpnr alone, out of context, median clock of "
    text += f"{seeds} (`scripts/bench_fpga.py`):\n\n"
    headings = ("", "device", ">multipliers", ">logic cells", ">MHz", ">GMAC/s")
    lines = [
        [
            words,
            _line(made)[3],
            _used(made, "dsp"),
            _used(made, "comb"),
            _decimal(made["fmax_mhz"]["median"], 0),
            _decimal(made["gmacs_per_second"]),
        ]
        for made, words in chosen
    ]
    return text + _table(headings, lines)


PAGES: dict[str, Callable[[Sequence[Row]], str]] = {
    "docs/results.md": markdown,
    "README.md": summary,
}
"""Pages with marks, and what stands between them."""


def updated(page: str, text: str) -> str:
    """``page`` with ``text`` between its marks."""
    before, rest = page.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return before + MARKS[0] + text + MARKS[1] + after


# Files.


def load(root: Path) -> list[Row]:
    """The rows of the data file below ``root``; none where there is no file."""
    if not (root / DATA).exists():
        return []
    rows: list[Row] = json.loads((root / DATA).read_text(encoding="utf-8"))["rows"]
    return rows


def write(root: Path, rows: Sequence[Row]) -> None:
    """Data and pages, each whole or as it was."""
    texts = {DATA: json.dumps({"rows": rows}, indent=2) + "\n"}
    for name, made in PAGES.items():
        texts[Path(name)] = updated((root / name).read_text(encoding="utf-8"), made(rows))
    for path, text in texts.items():
        _replace(root / path, text)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(path)


def stale(root: Path) -> list[str]:
    """The pages that do not show the data."""
    rows = load(root)
    pages = {name: (root / name).read_text(encoding="utf-8") for name in PAGES}
    return [name for name, text in pages.items() if updated(text, PAGES[name](rows)) != text]


def check(root: Path) -> int:
    """Says what is not as it should be; exit status."""
    wrong = [f"{name} does not show the data of {DATA}" for name in stale(root)]
    known = {made["name"] for made in load(root)}
    wrong += [f"{point.name} is not in {DATA}" for point in POINTS if point.name not in known]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def measure(
    root: Path, points: Sequence[Point], seeds: Sequence[int], jobs: int | None, limit: int
) -> int:
    """Measures ``points`` and writes after each; exit status."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    status = 0
    with progress() as bar:
        task = bar.add_task("", total=len(points))
        for point in points:

            def on_step(what: str, done: int, of: int) -> None:
                seed = f", {done} of {of} seeds" if of else ""
                bar.update(task, description=f"{what}{seed}")

            try:
                made = row(point, seeds, jobs, limit, on_step)
            except FpgaError as error:
                # Such as a netlist that the tool refuses: the row stays as it was.
                print(f"{point.name}: {error}", file=sys.stderr, flush=True)
                status = 1
            else:
                write(root, merged(load(root), made, today))
                print(f"{point.name}: {_said(made)}", flush=True)
            bar.advance(task)
    return status


def _said(made: Row) -> str:
    if "failed" in made:
        return str(made["failed"])
    return f"{_decimal(made['fmax_mhz']['median'])} MHz"


def chosen_by(pattern: str) -> list[Point]:
    """The points whose name has ``pattern``, which may hold wildcards, in it."""
    return [point for point in POINTS if fnmatchcase(point.name, f"*{pattern}*")]


def _number(text: str, most: int = 100) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"must be an integer from 1 to {most}, not {text!r}")
    return int(text)


def _minutes(text: str) -> int:
    return _number(text, 10_000)


def main(argv: Sequence[str] | None = None, root: Path | None = None) -> int:
    """The command; ``root`` is the folder of the project."""
    folder = Path(__file__).resolve().parents[1] if root is None else root
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=_number, default=5, metavar="N", help="seeds 1 to N")
    parser.add_argument(
        "--jobs", type=_number, metavar="N", help="runs at once (default one per processor)"
    )
    parser.add_argument(
        "--limit", type=_minutes, default=120, metavar="MIN", help="for each point (default 120)"
    )
    parser.add_argument("--only", default="", metavar="PATTERN", help="of the names of points")
    parser.add_argument("--check", action="store_true", help="only compare pages and data")
    arguments = parser.parse_args(argv)
    if arguments.check:
        return check(folder)
    points = chosen_by(arguments.only)
    if not points:
        names = ", ".join(point.name for point in POINTS)
        parser.error(f"--only must match one of {names}, not {arguments.only!r}")
    try:
        # Said before anything is done, not after the first hour.
        for tool in ("yosys", *(FAMILIES[point.family].placer for point in points)):
            find_tool(tool)
        seeds = range(1, arguments.seeds + 1)
        return measure(folder, points, seeds, arguments.jobs, arguments.limit)
    except FpgaError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
