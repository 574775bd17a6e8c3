# SPDX-License-Identifier: Apache-2.0
"""``matwright sweep FILE.toml -o DIR``: many configurations, what each costs, and a report of it."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from matwright.commands.common import (
    Subparsers,
    UsageError,
    add_command,
    add_json,
    print_error,
    print_json,
    print_table,
    table,
)

from .common import add_jobs

if TYPE_CHECKING:
    from ..sweep import Results
    from ..sweep.runner import Status

__all__ = ["register"]

_REASONS = 10
_KINDS = {"model": "cycle model", "rtl": "Verilog", "synth": "synthesis"}


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "sweep",
        run,
        summary="measure many configurations, and report which are best",
        details=(
            "Measures workloads on every point of a product of axes, as the file describes it: by the\n"
            "cycle model, and if asked for by the Verilog (which must agree) and by synthesis.\n"
            "DIR gets results.csv and gemms.csv, the same as Parquet, and report.html, which opens\n"
            "in any browser without a network. Stopped at any moment, the same command goes on\n"
            "where it was. A point that fails is a row with its reason; the exit status is 1 if the\n"
            "Verilog says something else than the model."
        ),
        example=(
            "matwright sweep docs/examples/sweep/arrays.toml -o build/arrays\n"
            "matwright sweep mine.toml -o build/mine --scheduler tcp://10.0.0.1:8786"
        ),
    )
    parser.add_argument("file", metavar="FILE.toml", type=Path, help="what to vary and to measure")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="folder of this sweep alone"
    )
    where = parser.add_mutually_exclusive_group()
    add_jobs(where)
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="measure on the workers of a dask scheduler"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the sweep, with progress, and tells what came of it."""
    from ..sweep import Sweep, SweepError
    from ..sweep import run as run_sweep

    start = time.perf_counter()
    with _Bars(enabled=not arguments.json) as bars:
        try:
            results = run_sweep(
                Sweep.read(arguments.file),
                arguments.output,
                jobs=arguments.jobs,
                scheduler=arguments.scheduler,
                watch=bars.show,
            )
        except SweepError as error:
            raise UsageError(str(error)) from error
        except OSError as error:
            place = error.filename or arguments.output
            raise UsageError(f"{place} cannot be written: {error.strerror or error}") from error
    told = _told(results, arguments.output, time.perf_counter() - start)
    if arguments.json:
        print_json(told)
    else:
        _print(results, told)
    if results.disagreements:
        print_error(f"the Verilog disagrees with the model in {results.disagreements} points")
    return 1 if results.disagreements else 0


class _Bars:
    """A bar for each kind of measurement on stderr, and the time left; silent without a terminal."""

    def __init__(self, *, enabled: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Elapsed(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not (enabled and console.is_terminal),
            transient=True,
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show(self, status: "Status") -> None:
        """Brings the bars up to date."""
        for kind, total in status.total.items():
            if not total:
                continue
            if kind not in self._bars:
                self._bars[kind] = self._progress.add_task(_KINDS[kind], total=total, left="")
            self._progress.update(self._bars[kind], completed=status.done[kind])
        # The time left is that of all.
        for kind, bar in self._bars.items():
            self._progress.update(bar, left=status.left if kind == next(iter(self._bars)) else "")


def _told(results: "Results", folder: Path, seconds: float) -> dict[str, Any]:
    from ..sweep.store import FILES

    simulated = [cycles for cycles in results.rtl_cycles if cycles is not None]
    return {
        "sweep": results.sweep.name,
        "points": len(results.points),
        **results.counts,
        "reasons": [
            {"status": status, "reason": reason, "points": count}
            for status, reason, count in results.reasons
        ],
        "measured": results.measured,
        "reused": results.reused,
        "simulated": {
            "points": len(simulated),
            "gemms": sum(map(len, simulated)),
            "disagreements": results.disagreements,
        },
        "folder": str(folder),
        "files": [name for name in FILES if (folder / name).exists()],
        "notes": list(results.notes),
        "seconds": seconds,
    }


def _print(results: "Results", told: dict[str, Any]) -> None:
    facts = table(f"sweep {told['sweep']}", "value")
    facts.add_row("points", f"{told['points']:,}")
    facts.add_row("measured", f"{told['ok']:,}")
    facts.add_row("failed", f"{told['failed']:,}")
    facts.add_row("illegal", f"{told['illegal']:,}")
    facts.add_row("this run", f"{told['measured']:,} measurements, {told['seconds']:.1f} s")
    if told["reused"]:
        facts.add_row("earlier runs", f"{told['reused']:,} measurements")
    if results.sweep.rtl is not None:
        runs = told["simulated"]
        verdict = f"{runs['disagreements']} points DISAGREE" if runs["disagreements"] else "agree"
        facts.add_row("Verilog", f"{runs['gemms']:,} GEMMs on {runs['points']:,} points {verdict}")
    facts.add_row("folder", told["folder"])
    facts.add_row("files", ", ".join(told["files"]))
    print_table(facts)
    if told["reasons"]:
        print()
        listed = table(">points", "status", "reason")
        for entry in told["reasons"][:_REASONS]:
            listed.add_row(f"{entry['points']:,}", entry["status"], entry["reason"])
        print_table(listed)
        if len(told["reasons"]) > _REASONS:
            print(f"and {len(told['reasons']) - _REASONS} more reasons, in results.csv")
    for note in told["notes"]:
        print(f"note: {note}")
