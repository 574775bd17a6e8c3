# SPDX-License-Identifier: Apache-2.0
"""``matwright verify CONFIG``: campaigns and proofs for it; ``matwright replay FILE``: a failure again."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress, TaskID

from matwright.commands.common import (
    Subparsers,
    UsageError,
    add_command,
    add_config,
    add_json,
    print_error,
    print_json,
    print_table,
    progress,
    table,
)

from .common import add_jobs, add_number, check_trace, refusals

if TYPE_CHECKING:
    from ..verify.check import Outcome

__all__ = ["register"]

_MOST_SEED = (1 << 31) - 1
_SHOWN = 3
"""Figures of a check in the table; the report has them all."""

FAILED, INCOMPLETE = 1, 3
"""Exit statuses: a check failed; none failed, but a tool is missing or none ran at all."""


def register(subparsers: Subparsers) -> None:
    """Adds the commands."""
    parser = add_command(
        subparsers,
        "verify",
        run,
        summary="check the Verilog of a configuration: campaigns and proofs",
        details=(
            "Generates the Verilog of a configuration and runs on it what Matwright's own regression\n"
            "runs: shapes, random programs and faults on the compiled accelerator, formal proofs,\n"
            "coverage, mutants, unknown values, netlists, reproducibility. Leaves verify.html and\n"
            "verify.json in DIR, and for each failure what `matwright replay` runs again. What cannot\n"
            "run is told as not run. The exit status is 0 if nothing failed, 1 if something did, and 3\n"
            "if nothing failed but a tool is missing or no check ran at all."
        ),
        example=(
            "matwright verify small\n"
            "matwright verify tiny --full -o build/tiny\n"
            "matwright verify small --only programs,properties --seed 7"
        ),
    )
    add_config(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--quick", action="store_true", help="a sample of everything, in two minutes (default)"
    )
    how.add_argument("--full", action="store_true", help="all of it, in an hour for tiny")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="folder of the report (default build/verify/NAME)",
    )
    parser.add_argument(
        "--only", metavar="CHECK,...", type=_names, default=(), help="these checks alone"
    )
    add_number(parser, "--seed", "S", 1, 1, _MOST_SEED, "of all that is random")
    add_jobs(parser)
    add_json(parser)

    again = add_command(
        subparsers,
        "replay",
        run_again,
        summary="run a failure again that verify has found",
        details=(
            "Runs the case of a failure, a file that `matwright verify` names, with the configuration\n"
            "that is in it, and tells what happens now. The exit status is 1 if it fails."
        ),
        example="matwright replay build/verify/small/programs-1.json --trace wave.vcd",
    )
    again.add_argument("file", metavar="FILE", type=Path, help="case that verify has left")
    again.add_argument(
        "--trace", metavar="WAVE", type=Path, help="write a waveform: WAVE.vcd or WAVE.fst"
    )
    add_json(again)


def _names(text: str) -> tuple[str, ...]:
    from ..verify.campaign import CHECKS

    names = tuple(text.split(","))
    for name in names:
        if name not in CHECKS:
            raise argparse.ArgumentTypeError(f"must be checks of {', '.join(CHECKS)}, not {name!r}")
    return names


def run(arguments: argparse.Namespace) -> int:
    """Runs the campaign, with progress, and tells what it found."""
    from ..verify.campaign import run as run_campaign
    from ..verify.report import write_report

    folder: Path = arguments.output or Path("build", "verify", arguments.config.name)
    with refusals():
        folder.mkdir(parents=True, exist_ok=True)
        with progress(enabled=not arguments.json) as bar:
            campaign = run_campaign(
                arguments.config,
                folder,
                full=arguments.full,
                seed=arguments.seed,
                jobs=arguments.jobs,
                only=arguments.only,
                asked=arguments.config_text,
                output=arguments.output,
                on_missing=print_error,
                watch=_Bars(bar).show,
            )
        files = write_report(campaign)
    told = campaign.data() | {"files": [str(file) for file in files]}
    if arguments.json:
        print_json(told)
    else:
        _print(told)
    return FAILED if campaign.failed else INCOMPLETE if campaign.incomplete else 0


class _Bars:
    """A bar for each check."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def show(self, name: str, done: int, total: int) -> None:
        """Brings the bar of a check up to date; of no parts it goes to and fro."""
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(name, total=None)
        if total:
            self._bar.update(self._tasks[name], completed=done, total=total)


def _print(told: dict[str, Any]) -> None:
    facts = table(f"verify {told['config']}", "status", ">seconds", "figures")
    for check in told["checks"]:
        shown = [f"{figure['name']} {_number(figure['value'])}" for figure in check["figures"]]
        missed = [figure["name"] for figure in check["figures"] if not figure["met"]]
        words = "; ".join(shown[:_SHOWN])
        if missed:
            words = f"goal missed: {', '.join(missed)}; {words}"
        seconds = f"{check['seconds']:.1f}" if check["status"] != "not run" else ""
        facts.add_row(check["name"], check["status"], seconds, check["reason"] or words)
    print_table(facts)
    for check in told["checks"]:
        for failure in check["failures"]:
            print(f"{check['name']}: {failure['what']}\n  {failure['replay']}")
        if check["command"] and not check["failures"]:
            missed = [figure["name"] for figure in check["figures"] if not figure["met"]]
            why = check["reason"] or f"goal missed: {', '.join(missed)}"
            print(f"{check['name']}: {why}\n  {check['command']}")
    print(f"{told['mode']} campaign, seed {told['seed']}, {told['seconds']:.0f} s")
    print(f"report: {told['files'][1]}")


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def run_again(arguments: argparse.Namespace) -> int:
    """Replays, prints."""
    from matwright_fpga.errors import ToolError

    from ..verify.campaign import CaseError, read_case, replay

    trace: Path | None = arguments.trace
    try:
        read_case(arguments.file, trace)
        if trace is not None:
            check_trace(trace, "verilator")
        with refusals(), tempfile.TemporaryDirectory(prefix="matwright-replay-") as folder:
            saved, outcome = replay(arguments.file, Path(folder), trace)
    except (CaseError, ToolError) as error:
        raise UsageError(str(error)) from error
    finally:
        # Of a case that leaves no waveform there is no file, rather than an empty one.
        if trace is not None and trace.is_file() and not trace.stat().st_size:
            trace.unlink()
    if trace is not None and not trace.is_file():
        trace = None
    if arguments.json:
        print_json(_told(arguments.file, saved.check.name, outcome, trace))
    else:
        _print_again(saved.what, outcome, trace)
    return 0 if outcome.passed else FAILED


def _told(file: Path, check: str, outcome: "Outcome", trace: Path | None) -> dict[str, Any]:
    return {
        "file": str(file),
        "check": check,
        "failed": not outcome.passed,
        "failures": [failure.what for failure in outcome.failures],
        "notes": outcome.notes,
        "trace": None if trace is None else str(trace),
    }


def _print_again(what: str, outcome: "Outcome", trace: Path | None) -> None:
    print(f"found: {what}")
    for failure in outcome.failures:
        print(f"now:   {failure.what}")
    if outcome.passed:
        print("now:   it passes")
    for note in outcome.notes:
        print(f"note: {note}")
    if trace is not None:
        print(f"waveform: {trace}")
