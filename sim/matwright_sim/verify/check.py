# SPDX-License-Identifier: Apache-2.0
"""What a check is: what it is given, what it finds, and how a failure is seen again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matwright.config import AcceleratorConfig

from ..verilog import cached_verilog

__all__ = ["Check", "Failure", "Figure", "NotRun", "Outcome", "Sheet", "Task"]

Value = int | float | str


class NotRun(Exception):
    """A check cannot say anything about this configuration; one sentence why."""


@dataclass(frozen=True)
class Task:
    """What a check is to look at, and how thoroughly."""

    config: AcceleratorConfig
    folder: Path
    """Where the check may leave files; it exists."""
    full: bool = False
    seed: int = 1
    jobs: int = 1
    """Processes that it may start."""
    advance: Callable[[int, int], None] = lambda done, total: None
    """Called now and then with the parts done and all parts."""

    @property
    def verilog(self) -> str:
        """The generated text."""
        return cached_verilog(self.config)


@dataclass(frozen=True)
class Figure:
    """A number that a check found."""

    name: str
    value: Value
    goal: str = ""
    """What it should be, in words, of a figure that has a goal."""
    met: bool = True
    """Whether it is; a goal that is missed is a failure."""


@dataclass(frozen=True)
class Failure:
    """What went wrong, and how to see it again."""

    what: str
    """One sentence."""
    seed: int | None = None
    case: Mapping[str, Any] | None = None
    """Plain data from which the check's ``replay`` runs it again; the campaign keeps it as a file."""


@dataclass(frozen=True)
class Sheet:
    """A table of the report."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass
class Outcome:
    """What a check found."""

    figures: list[Figure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing failed and every goal is met."""
        return not self.failures and all(figure.met for figure in self.figures)


@dataclass(frozen=True)
class Check:
    """One of the things that a campaign does."""

    name: str
    """One word, for ``--only`` and for names of files."""
    title: str
    """What it shows, in a few words."""
    run: Callable[[Task], Outcome]
    """Raises :class:`NotRun` where it can say nothing."""
    needs: tuple[str, ...] = ()
    """Tools without which it cannot run, by their names in :data:`.tools.TOOLS`."""
    quick: bool = True
    """Whether a quick campaign runs it."""
    replay: Callable[[Task, Mapping[str, Any], Path | None], Outcome] | None = None
    """Runs the case of a failure again, with a waveform in the file named."""
    waves: tuple[str, ...] = (".vcd", ".fst")
    """What the names of such files may end in; nothing of a check whose cases have no waveform."""
