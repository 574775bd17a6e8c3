# SPDX-License-Identifier: Apache-2.0
"""All checks of a configuration, and what they found."""

import importlib
import json
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import matwright
from matwright.config import AcceleratorConfig

from ..compiled import RegisterError
from ..sweep.processes import processors
from .check import Check, Failure, NotRun, Outcome, Task
from .tools import survey
from .workers import Ended, run_checks

__all__ = [
    "CHECKS",
    "Campaign",
    "CaseError",
    "Result",
    "Saved",
    "find_check",
    "read_case",
    "replay",
    "run",
]

CHECKS = (
    "mutants",
    "coverage",
    "shapes",
    "programs",
    "faults",
    "properties",
    "unknowns",
    "netlist",
    "reproducible",
)
"""Names of the checks, those that take longest first."""

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
_ASIDE = "left to --full"
_NO_CASE = "must be the case of a failure, as verify writes it"


class CaseError(ValueError):
    """A file is not the case of a failure."""


@dataclass(frozen=True)
class Result:
    """What came of a check."""

    check: Check
    status: str
    """One of ``passed``, ``failed``, ``not run``."""
    reason: str = ""
    """Why it did not run, or did not end."""
    missing: bool = False
    """It did not run because a tool is missing."""
    seconds: float = 0.0
    outcome: Outcome = field(default_factory=Outcome)
    files: tuple[Path | None, ...] = ()
    """For each failure the file of its case."""


@dataclass
class Campaign:
    """The results of a configuration, in the order of :data:`CHECKS`."""

    config: AcceleratorConfig
    full: bool
    seed: int
    folder: Path
    asked: str
    """What the user calls the configuration: a preset or a file."""
    tools: dict[str, str] = field(default_factory=dict)
    """Versions."""
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0
    output: Path | None = None
    """The folder, if the user has named it."""

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(result.status == FAILED for result in self.results)

    @property
    def incomplete(self) -> bool:
        """Whether a check did not run because a tool is missing, or none ran at all."""
        idle = all(result.status == NOT_RUN for result in self.results)
        return idle or any(result.missing for result in self.results)

    def command(self, result: Result, index: int | None = None) -> str:
        """What shows a failure again, in a shell: its case, or without a case the check with its seed."""
        file = None if index is None else result.files[index]
        if file is not None:
            return shlex.join(["matwright", "replay", str(file)])
        words = ["matwright", "verify", self.asked, "--full" if self.full else "--quick"]
        words += ["--only", result.check.name, "--seed", str(self.seed)]
        if self.output is not None:
            words += ["-o", str(self.output)]
        return shlex.join(words)

    def data(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "config": self.config.name,
            "config_sha256": self.config.digest,
            "toml": self.config.to_toml(),
            "version": matwright.__version__,
            "mode": "full" if self.full else "quick",
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "tools": self.tools,
            "failed": self.failed,
            "incomplete": self.incomplete,
            "checks": [self._check(result) for result in self.results],
        }

    def _check(self, result: Result) -> dict[str, Any]:
        outcome = result.outcome
        return {
            "name": result.check.name,
            "title": result.check.title,
            "status": result.status,
            "reason": result.reason,
            "seconds": round(result.seconds, 1),
            "seed": self.seed,
            "command": self.command(result) if result.status == FAILED else "",
            "figures": [asdict(figure) for figure in outcome.figures],
            "failures": [
                {
                    "what": failure.what,
                    "seed": failure.seed,
                    "file": None if result.files[index] is None else str(result.files[index]),
                    "replay": self.command(result, index),
                }
                for index, failure in enumerate(outcome.failures)
            ],
            "sheets": [asdict(sheet) for sheet in outcome.sheets],
            "notes": outcome.notes,
        }


def find_check(name: str) -> Check:
    """The check of that name in :data:`CHECKS`."""
    check: Check = importlib.import_module(f"{__package__}.{name}").CHECK
    return check


def run(
    config: AcceleratorConfig,
    folder: Path,
    *,
    full: bool = False,
    seed: int = 1,
    jobs: int | None = None,
    only: Sequence[str] = (),
    asked: str = "",
    output: Path | None = None,
    on_missing: Callable[[str], None] = lambda sentence: None,
    watch: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Campaign:
    """Runs the checks, all or ``only`` those named, ``jobs`` at a time (one for each processor);
    ``folder`` exists and gets cases of failures.

    ``asked`` is what the user calls the configuration, and ``output`` the folder if they have named it:
    for commands that show a failure again. ``on_missing`` is given, before anything runs, a sentence for
    each tool that is not there. ``watch`` is given the name of a check, its parts that are done, and all
    its parts. A quick campaign leaves out what is not quick, unless it is named.
    """
    began = time.perf_counter()
    campaign = Campaign(config, full, seed, folder, asked or config.name, output=output)
    chosen = [find_check(name) for name in CHECKS if not only or name in only]
    campaign.tools, missing = survey(tool for check in chosen for tool in check.needs)
    for sentence in missing.values():
        on_missing(sentence)
    found: dict[str, Result] = {}
    for check in chosen:
        lacks = [missing[tool] for tool in check.needs if tool in missing]
        if lacks:
            found[check.name] = Result(check, NOT_RUN, "; ".join(lacks), missing=True)
        elif not (full or check.quick or only):
            found[check.name] = Result(check, NOT_RUN, _ASIDE)
    task = Task(config, folder, full, seed)
    left = [check for check in chosen if check.name not in found]
    for ended in run_checks(left, task, jobs or processors(), watch):
        found[ended.check.name] = _result(ended, campaign)
    campaign.results = [found[check.name] for check in chosen]
    campaign.seconds = time.perf_counter() - began
    return campaign


def _result(ended: Ended, campaign: Campaign) -> Result:
    check, outcome = ended.check, ended.outcome
    if outcome is None:
        if ended.not_run:
            return Result(check, NOT_RUN, ended.not_run, seconds=ended.seconds)
        if ended.log:
            log = campaign.folder / f"{check.name}.log"
            log.write_text(ended.log, encoding="utf-8")
            return Result(check, FAILED, f"{ended.broke} ({log})", seconds=ended.seconds)
        return Result(check, FAILED, ended.broke, seconds=ended.seconds)
    files: list[Path | None] = []
    for number, failure in enumerate(outcome.failures, 1):
        if failure.case is None or check.replay is None:
            files.append(None)
            continue
        file = campaign.folder / f"{check.name}-{number}.json"
        case = {
            "check": check.name,
            "what": failure.what,
            "seed": failure.seed,
            "config": campaign.config.to_toml(),
            "case": failure.case,
        }
        file.write_text(json.dumps(case, indent=1) + "\n", encoding="utf-8")
        files.append(file)
    status = PASSED if outcome.passed else FAILED
    return Result(check, status, seconds=ended.seconds, outcome=outcome, files=tuple(files))


@dataclass(frozen=True)
class Saved:
    """What is in the file of a case."""

    check: Check
    what: str
    """What was found."""
    config: AcceleratorConfig
    seed: int
    case: Mapping[str, Any]


def read_case(file: Path, trace: Path | None = None) -> Saved:
    """The case in ``file``; raises :class:`CaseError` if it is none, or has no such waveform as ``trace``."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        name, what, text, case = said["check"], said["what"], said["config"], said["case"]
        seed = said["seed"]
    except OSError as error:
        raise CaseError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError(f"{file} {_NO_CASE}") from error
    plain = isinstance(what, str) and isinstance(case, dict) and type(seed or 1) is int
    if not plain:
        raise CaseError(f"{file} {_NO_CASE}")
    if name not in CHECKS:
        raise CaseError(f"the check of {file} must be one of {', '.join(CHECKS)}, not {name!r}")
    check = find_check(name)
    if check.replay is None:
        raise CaseError(f"the check of {file} must be one that replays cases, not {name}")
    if not isinstance(text, str):
        raise CaseError(f"the config of {file} must be TOML, not {text!r}")
    try:
        config = AcceleratorConfig.from_toml(text)
    except ValueError as error:
        raise CaseError(f"the config of {file} is none: {error}") from error
    if trace is not None and not check.waves:
        raise CaseError(f"a case of {name} must be replayed without a waveform: it has none")
    if trace is not None and trace.suffix not in check.waves:
        ends = " or ".join(check.waves)
        raise CaseError(f"the waveform of a case of {name} must end in {ends}, not {str(trace)!r}")
    return Saved(check, what, config, seed or 1, case)


def replay(file: Path, folder: Path, trace: Path | None = None) -> tuple[Saved, Outcome]:
    """Runs the case of a failure again: what the file says, and what was found now.

    Raises :class:`CaseError`, also where the case is damaged or cannot be run here.
    """
    saved = read_case(file, trace)
    assert saved.check.replay is not None
    task = Task(saved.config, folder, seed=saved.seed)
    try:
        return saved, saved.check.replay(task, saved.case, trace)
    except NotRun as error:
        raise CaseError(f"{file} cannot be replayed: {error}") from error
    except (AssertionError, RegisterError) as error:
        told = str(error).strip() or "an assertion does not hold"
        return saved, Outcome(failures=[Failure(told.splitlines()[0], saved.seed, saved.case)])
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        told = f"{type(error).__name__}: {error}"
        raise CaseError(f"{file} {_NO_CASE}; what is in it does not run ({told})") from error
