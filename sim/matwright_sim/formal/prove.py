# SPDX-License-Identifier: Apache-2.0
"""Proofs by Yosys: temporal induction with its own SAT solver, no other is needed.

What Yosys found is kept in the cache, by the text of the circuit, what was asked and its version.
"""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from matwright.config import AcceleratorConfig
from matwright_fpga import tools

from .. import cache
from .property import Proof, Property, build

__all__ = [
    "LIMIT",
    "Finding",
    "Job",
    "Outcome",
    "Question",
    "Result",
    "TooLongError",
    "find_planted",
    "prepare",
    "prepare_planted",
    "prove",
]

LIMIT = 600.0
"""Seconds that one run of Yosys may take."""

_PREPARE = (
    "read_rtlil top.il",
    "prep -flatten -top top",
    "memory_map",
    "async2sync",
    "chformal -lower",
    "dffunmap",
    "setundef -anyseq -undriven",
    "splitnets -driver",
    "opt_clean",
)
_CYCLE = re.compile(r"^ *(\d+) \\?(\S+) +(?:-?\d+|--) +\S+ +([01x]+)$", re.MULTILINE)
_INDUCTION = re.compile(r"\[induction step (\d+)\]")
_BASE = re.compile(r"\[base case (\d+)\]")


class Outcome(StrEnum):
    """What became of a question; the later, the worse."""

    PROVEN = "proven"
    BOUNDED = "proven for some cycles"
    UNKNOWN = "unknown"
    REFUTED = "refuted"


@dataclass(frozen=True)
class Finding:
    """What Yosys answered to one question."""

    outcome: Outcome
    steps: int
    """Steps of the induction, or cycles that were looked at, or the cycle of the violation."""
    broken: tuple[str, ...] = ()
    """Claims that are broken in the last cycle of the run that was found."""
    trace: tuple[tuple[str, ...], ...] = ()
    """That run: names, then a row of values in binary for each cycle. Of what is unknown it starts
    anywhere, perhaps where no run comes."""


@dataclass(frozen=True)
class Result:
    """What became of a proof."""

    proof: Proof
    finding: Finding
    """Of all claims together."""
    goals: tuple[tuple[str, Finding], ...]
    """Of each goal: REFUTED is that it was reached, since it was claimed that it never is."""
    cells: int
    """Cells of the circuit."""
    seconds: float
    """Of one processor, when it was proven."""

    @property
    def holds(self) -> bool:
        """All claims are proven, and all goals reached."""
        good = self.finding.outcome in (Outcome.PROVEN, Outcome.BOUNDED)
        return good and not self.missed

    @property
    def missed(self) -> tuple[str, ...]:
        """Goals that were not reached."""
        return tuple(name for name, goal in self.goals if goal.outcome != Outcome.REFUTED)


@dataclass(frozen=True)
class Question:
    """A circuit, and what Yosys is asked about it, written out; asking it needs no hardware language."""

    rtlil: str
    asked: tuple[str, ...]
    """Options of ``sat``."""
    shown: tuple[tuple[str, ...], ...]
    """Signals that each is about."""

    @property
    def script(self) -> tuple[str, ...]:
        """Commands of Yosys; the answers go to files."""
        lines = [*_PREPARE, "tee -q -o cells.json stat -json top"]
        for i, (asked, names) in enumerate(zip(self.asked, self.shown, strict=True)):
            show = " ".join(f"-show {name}" for name in names)
            # Only what the question is about: the solver would decide on the rest too.
            about = " ".join(f"w:{name} %ci*" for name in names)
            about += " t:$assume %ci*" + " %u" * len(names)
            run = f"tee -q -o answer{i}.log sat {asked} -dump_vcd run{i}.vcd"
            lines += ["cd top", f"select {about}"]
            lines += [f"{run} -set-assumes -show-inputs {show}", "cd .."]
        return tuple(lines)

    def answers(self, seconds: float) -> tuple[list[Finding], int, float]:
        """What Yosys says, the circuit's cells, and the time that it took, from the cache if it is there.

        Raises :class:`TooLongError` and :class:`.ToolError`.
        """
        tool = tools.find_tool("yosys")

        def run(folder: Path) -> None:
            took = self._run(tool, folder, seconds)
            count = json.loads((folder / "cells.json").read_text("utf-8"))
            figures = {"seconds": took, "cells": count["modules"]["\\top"]["num_cells"]}
            (folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")

        place = cache.entry("proof", cache.key(tool.version, self.rtlil, *self.script), run)
        figures = json.loads((place / "figures.json").read_text("utf-8"))
        return self._read(place), figures["cells"], figures["seconds"]

    def waveform(self, path: Path) -> Finding:
        """Ask the first question again, and leave the run that was found in ``path``, a VCD file."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            first = Question(self.rtlil, self.asked[:1], self.shown[:1])
            first._run(tools.find_tool("yosys"), folder, LIMIT)
            if (folder / "run0.vcd").exists():
                shutil.copyfile(folder / "run0.vcd", path)
            return first._read(folder)[0]

    def _run(self, tool: tools.Tool, folder: Path, seconds: float) -> float:
        (folder / "top.il").write_text(self.rtlil, encoding="utf-8")
        (folder / "prove.ys").write_text("\n".join([*self.script, ""]), encoding="utf-8")
        end = time.monotonic() + seconds

        def watch(said: str) -> None:
            if time.monotonic() > end:
                raise TooLongError

        took = tools.run(tool, ["-q", "-s", "prove.ys"], folder, "yosys.log", watch=watch)
        return round(took.cpu_seconds, 2)

    def _read(self, folder: Path) -> list[Finding]:
        return [
            _finding((folder / f"answer{i}.log").read_text("utf-8"), names)
            for i, names in enumerate(self.shown)
        ]


class TooLongError(Exception):
    """Yosys was given no more time."""


@dataclass(frozen=True)
class Job:
    """A proof that is ready to be run; the benches are written, which is for one thread to do."""

    proof: Proof
    question: Question
    goals: tuple[str, ...]

    def run(self, seconds: float = LIMIT) -> Result:
        """Prove all claims and reach all goals; what takes longer is unknown. Raises :class:`.ToolError`."""
        parts = len(self.question.asked) - len(self.goals)
        try:
            answers, cells, took = self.question.answers(seconds)
        except TooLongError:
            unknown = Finding(Outcome.UNKNOWN, 0)
            goals = tuple((name, unknown) for name in self.goals)
            return Result(self.proof, unknown, goals, 0, seconds)
        finding = max(answers[:parts], key=_badness)
        if self.proof.bound is None and finding.outcome is Outcome.BOUNDED:
            finding = Finding(Outcome.UNKNOWN, finding.steps)
        goals = tuple(zip(self.goals, answers[parts:], strict=True))
        return Result(self.proof, finding, goals, cells, took)


def prepare(proof: Proof, config: AcceleratorConfig) -> Job:
    """Write the bench of ``proof``."""
    bench = build(proof, config)
    how = f"-tempinduct -maxsteps {proof.steps}"
    if proof.bound is not None:
        how = f"-tempinduct -tempinduct-baseonly -maxsteps {proof.bound}"
    claims = tuple(f"claim_{name}" for name in bench.claims)
    shown = [(name,) for name in claims] if proof.apart else [claims]
    asked = [" ".join([how, *(f"-prove {name} 1" for name in names)]) for names in shown]
    asked += [f"{_seek(proof)} goal_{name} 0" for name in bench.goals]
    shown += [(f"goal_{name}",) for name in bench.goals]
    question = Question(bench.rtlil(), tuple(asked), tuple(shown))
    return Job(proof, question, tuple(bench.goals))


def prepare_planted(proof: Proof, item: Property) -> Question:
    """Write the bench of ``proof`` with the bug of ``item`` in it; a claim that is REFUTED has found it."""
    bench = build(proof, proof.planted_in, item.plant)
    claims = [f"claim_{name}" for name in item.claims(bench)]
    asked = tuple(f"{_seek(proof)} {claim} 1" for claim in claims)
    return Question(bench.rtlil(), asked, tuple((claim,) for claim in claims))


def prove(proof: Proof, config: AcceleratorConfig, seconds: float = LIMIT) -> Result:
    """Proves all claims of ``proof`` and reaches its goals; raises :class:`.ToolError`."""
    return prepare(proof, config).run(seconds)


def find_planted(question: Question, seconds: float = LIMIT) -> Finding:
    """Whether a run breaks the claims of a property whose bug is planted: REFUTED is that there is one."""
    try:
        answers, _, _ = question.answers(seconds)
    except TooLongError:
        return Finding(Outcome.UNKNOWN, 0)
    return max(answers, key=_badness)


def _seek(proof: Proof) -> str:
    return f"-tempinduct -tempinduct-baseonly -maxsteps {proof.depth} -prove"


def _badness(finding: Finding) -> int:
    return list(Outcome).index(finding.outcome)


def _finding(log: str, names: Sequence[str]) -> Finding:
    """What a log of ``sat`` says."""
    cycles = max((int(number) for number in _BASE.findall(log)), default=0)
    if "Induction step proven: SUCCESS!" in log:
        return Finding(Outcome.PROVEN, int(_INDUCTION.findall(log)[-1]))
    if "model found for base case: FAIL!" in log:
        return Finding(Outcome.REFUTED, cycles, *_run(log, names))
    if "[induction step" in log:
        return Finding(Outcome.UNKNOWN, cycles, *_run(log, names))
    return Finding(Outcome.BOUNDED, cycles)


def _run(log: str, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The run that a log shows: which of ``names`` break in its last cycle, and all of it."""
    rows: dict[int, dict[str, str]] = {}
    for cycle, name, value in _CYCLE.findall(log):
        rows.setdefault(int(cycle), {})[name] = value
    if not rows:
        return (), ()
    last = rows[max(rows)]
    wrong = "1" if names[0].startswith("goal_") else "0"
    broken = tuple(name.partition("_")[2] for name in names if last.get(name) == wrong)
    signals = sorted(last)
    table = tuple(tuple(rows[i].get(name, "") for name in signals) for i in sorted(rows))
    return broken, (tuple(signals), *table)
