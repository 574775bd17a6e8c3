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
from .property import Proof, build

__all__ = [
    "LIMIT",
    "Finding",
    "Hunt",
    "Job",
    "Outcome",
    "Question",
    "Result",
    "TooLongError",
    "prepare",
    "prepare_planted",
    "prove",
    "waveform",
]

LIMIT = 600.0
"""Seconds that one run of Yosys may take."""

_PREPARE = (
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

    def script(self, name: str) -> list[str]:
        """Commands of Yosys about the circuit in ``name``; the answers go to files."""
        lines = [f"read_rtlil {name}.il", *_PREPARE, f"tee -q -o {name}.json stat -json top"]
        for i, (asked, names) in enumerate(zip(self.asked, self.shown, strict=True)):
            show = " ".join(f"-show {name}" for name in names)
            # Only what the question is about: the solver would decide on the rest too.
            about = " ".join(f"w:{name} %ci*" for name in names)
            about += " t:$assume %ci*" + " %u" * len(names)
            run = f"tee -q -o {name}_{i}.log sat {asked} -dump_vcd {name}_{i}.vcd"
            lines += ["cd top", f"select {about}"]
            lines += [f"{run} -set-assumes -show-inputs {show}", "cd .."]
        return [*lines, "design -reset"]

    def read(self, folder: Path, name: str) -> list[Finding]:
        """What Yosys said."""
        logs = [(folder / f"{name}_{i}.log").read_text("utf-8") for i in range(len(self.asked))]
        return [_finding(log, names) for log, names in zip(logs, self.shown, strict=True)]


def _ask(questions: Sequence[Question], folder: Path, seconds: float) -> float:
    """Asks all in one run of Yosys, which starts as long as many an answer takes; the time it took."""
    script: list[str] = []
    for j, question in enumerate(questions):
        (folder / f"top{j}.il").write_text(question.rtlil, encoding="utf-8")
        script += question.script(f"top{j}")
    (folder / "prove.ys").write_text("\n".join([*script, ""]), encoding="utf-8")
    end = time.monotonic() + seconds

    def watch(said: str) -> None:
        if time.monotonic() > end:
            raise TooLongError

    tool = tools.find_tool("yosys")
    took = tools.run(tool, ["-q", "-s", "prove.ys"], folder, "yosys.log", watch=watch)
    return round(took.cpu_seconds, 2)


def _answers(
    questions: Sequence[Question], seconds: float
) -> tuple[list[list[Finding]], list[int], float]:
    """What Yosys says to each, the circuits' cells, and the time that it took; from the cache if it is
    there. Raises :class:`TooLongError` and :class:`.ToolError`."""

    def run(folder: Path) -> None:
        took = _ask(questions, folder, seconds)
        cells = []
        for j in range(len(questions)):
            counts = json.loads((folder / f"top{j}.json").read_text("utf-8"))
            cells.append(counts["modules"]["\\top"]["num_cells"])
        figures = {"seconds": took, "cells": cells}
        (folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")

    parts = [tools.find_tool("yosys").version]
    for j, question in enumerate(questions):
        parts += [question.rtlil, *question.script(f"top{j}")]
    place = cache.entry("proof", cache.key(*parts), run)
    figures = json.loads((place / "figures.json").read_text("utf-8"))
    findings = [question.read(place, f"top{j}") for j, question in enumerate(questions)]
    return findings, figures["cells"], figures["seconds"]


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
            (answers,), (cells,), took = _answers([self.question], seconds)
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


@dataclass(frozen=True)
class Hunt:
    """A proof's planted bugs, ready to be looked for: whether each breaks the claims of its property."""

    proof: Proof
    questions: tuple[Question, ...]

    def run(self, seconds: float = LIMIT) -> list[Finding]:
        """Of each property, in order: REFUTED is that its bug was found. Raises :class:`.ToolError`."""
        try:
            answers, _, _ = _answers(self.questions, seconds)
        except TooLongError:
            return [Finding(Outcome.UNKNOWN, 0) for _ in self.questions]
        return [max(findings, key=_badness) for findings in answers]


def prepare_planted(proof: Proof) -> Hunt:
    """Write the benches of ``proof`` with a bug in each."""
    questions = []
    for item in proof.properties:
        bench = build(proof, proof.planted_in, item.plant)
        claims = [f"claim_{name}" for name in item.claims(bench)]
        asked = tuple(f"{_seek(proof)} {claim} 1" for claim in claims)
        shown = tuple((claim,) for claim in claims)
        questions.append(Question(bench.rtlil(), asked, shown))
    return Hunt(proof, tuple(questions))


def prove(proof: Proof, config: AcceleratorConfig, seconds: float = LIMIT) -> Result:
    """Proves all claims of ``proof`` and reaches its goals; raises :class:`.ToolError`."""
    return prepare(proof, config).run(seconds)


def waveform(job: Job, path: Path) -> None:
    """Leave the run that breaks a proof, if there is one, in ``path``, a VCD file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        question = Question(job.question.rtlil, job.question.asked[:1], job.question.shown[:1])
        _ask([question], folder, LIMIT)
        if (folder / "top0_0.vcd").exists():
            shutil.copyfile(folder / "top0_0.vcd", path)


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
