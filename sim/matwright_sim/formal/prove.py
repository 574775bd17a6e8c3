# SPDX-License-Identifier: Apache-2.0
"""Proofs by Yosys: temporal induction with its own SAT solver, no other is needed.

What Yosys found is kept in the cache, by the text of the circuit, what was asked and its version.
"""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from matwright.config import AcceleratorConfig
from matwright_fpga import tools

from .. import cache
from .property import Proof, Property, build

__all__ = ["LIMIT", "Finding", "Outcome", "Result", "find_planted", "prove"]

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


def prove(proof: Proof, config: AcceleratorConfig, seconds: float = LIMIT) -> Result:
    """Proves all claims of ``proof`` and reaches its goals; raises :class:`.ToolError`.

    What takes longer than ``seconds`` of wall-clock time is unknown.
    """
    bench = build(proof, config)
    how = f"-tempinduct -maxsteps {proof.steps}"
    if proof.bound is not None:
        how = f"-tempinduct -tempinduct-baseonly -maxsteps {proof.bound}"
    claims = [f"claim_{name}" for name in bench.claims]
    shows = [[name] for name in claims] if proof.apart else [claims]
    questions = [" ".join([how, *(f"-prove {name} 1" for name in names)]) for names in shows]
    parts = len(questions)
    seek = f"-tempinduct -tempinduct-baseonly -maxsteps {proof.depth} -prove"
    questions += [f"{seek} goal_{name} 0" for name in bench.goals]
    shows += [[f"goal_{name}"] for name in bench.goals]
    try:
        answers, cells, took = _ask(bench.rtlil(), questions, shows, seconds)
    except _TooLongError:
        unknown = Finding(Outcome.UNKNOWN, 0)
        return Result(proof, unknown, tuple((name, unknown) for name in bench.goals), 0, seconds)
    finding = max(answers[:parts], key=lambda item: list(Outcome).index(item.outcome))
    if proof.bound is None and finding.outcome is Outcome.BOUNDED:
        finding = Finding(Outcome.UNKNOWN, finding.steps)
    goals = tuple(zip(bench.goals, answers[parts:], strict=True))
    return Result(proof, finding, goals, cells, took)


def find_planted(proof: Proof, item: Property, config: AcceleratorConfig) -> Finding:
    """Looks for a run in which the bug of ``item`` breaks its claim: REFUTED is that there is one."""
    bench = build(proof, config, item.plant)
    claims = [f"claim_{name}" for name in item.claims(bench)]
    how = f"-tempinduct -tempinduct-baseonly -maxsteps {proof.depth} -prove"
    questions = [f"{how} {claim} 1" for claim in claims]
    try:
        answers, _, _ = _ask(bench.rtlil(), questions, [[claim] for claim in claims], LIMIT)
    except _TooLongError:
        return Finding(Outcome.UNKNOWN, 0)
    return max(answers, key=lambda answer: list(Outcome).index(answer.outcome))


class _TooLongError(Exception):
    pass


def _ask(
    rtlil: str, questions: Sequence[str], shows: Sequence[Sequence[str]], limit: float
) -> tuple[list[Finding], int, float]:
    tool = tools.find_tool("yosys")
    script = [*_PREPARE, "tee -q -o cells.json stat -json top"]
    for i, (question, names) in enumerate(zip(questions, shows, strict=True)):
        show = " ".join(f"-show {name}" for name in names)
        # Only what the question is about: the solver would decide on the rest too.
        about = " ".join(f"w:{name} %ci*" for name in names)
        about += " t:$assume %ci*" + " %u" * len(names)
        script.append("cd top")
        script.append(f"select {about}")
        script.append(f"tee -q -o answer{i}.log sat {question} -set-assumes -show-inputs {show}")
        script.append("cd ..")

    def run(folder: Path) -> None:
        (folder / "top.il").write_text(rtlil, encoding="utf-8")
        (folder / "prove.ys").write_text("\n".join([*script, ""]), encoding="utf-8")
        end = time.monotonic() + limit

        def watch(said: str) -> None:
            if time.monotonic() > end:
                raise _TooLongError

        took = tools.run(tool, ["-q", "-s", "prove.ys"], folder, "yosys.log", watch=watch)
        cells = json.loads((folder / "cells.json").read_text("utf-8"))
        count = cells["modules"]["\\top"]["num_cells"]
        figures = {"seconds": round(took.cpu_seconds, 2), "cells": count}
        (folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")

    place = cache.entry("proof", cache.key(tool.version, rtlil, *script), run)
    figures = json.loads((place / "figures.json").read_text("utf-8"))
    findings = [
        _finding((place / f"answer{i}.log").read_text("utf-8"), names)
        for i, names in enumerate(shows)
    ]
    return findings, figures["cells"], figures["seconds"]


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
