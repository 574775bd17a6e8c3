# SPDX-License-Identifier: Apache-2.0
"""Proofs by Yosys: temporal induction with its own SAT solver, no other is needed.

What Yosys found is kept in the cache, by the text of the circuit, what was asked and its version.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from matwright.config import AcceleratorConfig
from matwright_fpga import tools

from .. import cache
from .property import Proof, Property, build

__all__ = ["Finding", "Outcome", "Result", "find_planted", "prove"]

_PREPARE = (
    "read_rtlil top.il",
    "prep -flatten -top top",
    "memory_map",
    "async2sync",
    "chformal -lower",
    "dffunmap",
    "setundef -anyseq -undriven",
    "opt_clean",
)
_CYCLE = re.compile(r"^ *(\d+) \\?(\S+) +(?:-?\d+|--) +\S+ +([01x]+)$", re.MULTILINE)
_INDUCTION = re.compile(r"\[induction step (\d+)\]")
_BASE = re.compile(r"\[base case (\d+)\]")


class Outcome(StrEnum):
    """What became of a question."""

    PROVEN = "proven"
    BOUNDED = "proven for some cycles"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What Yosys answered to one question."""

    outcome: Outcome
    steps: int
    """Steps of the induction, or cycles that were looked at, or the cycle of the violation."""
    broken: tuple[str, ...] = ()
    """Signals of the question that were wrong in the last cycle of the run that was found."""
    trace: tuple[tuple[str, ...], ...] = ()
    """That run: names, then a row of values in binary for each cycle."""


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


def prove(proof: Proof, config: AcceleratorConfig) -> Result:
    """Proves all claims of ``proof`` and reaches its goals; raises :class:`.ToolError`."""
    bench = build(proof, config)
    if proof.bound is None:
        question = f"-tempinduct -prove-asserts -maxsteps {proof.steps}"
    else:
        question = f"-tempinduct -tempinduct-baseonly -prove-asserts -maxsteps {proof.bound}"
    seek = f"-tempinduct -tempinduct-baseonly -maxsteps {proof.depth} -prove"
    questions = [question, *(f"{seek} goal_{name} 0" for name in bench.goals)]
    claims = [f"claim_{name}" for name in bench.claims]
    shows = [claims, *([f"goal_{name}"] for name in bench.goals)]
    answers, cells, seconds = _ask(bench.rtlil(), questions, shows)
    if proof.bound is None and answers[0].outcome is Outcome.BOUNDED:
        answers[0] = Finding(Outcome.UNKNOWN, answers[0].steps)
    goals = tuple(zip(bench.goals, answers[1:], strict=True))
    return Result(proof, answers[0], goals, cells, seconds)


def find_planted(proof: Proof, item: Property, config: AcceleratorConfig) -> Finding:
    """Looks for a run in which the bug of ``item`` breaks its claim: REFUTED is that there is one."""
    bench = build(proof, config, item.plant)
    claim = f"claim_{item.name}"
    question = f"-tempinduct -tempinduct-baseonly -maxsteps {proof.depth} -prove {claim} 1"
    answers, _, _ = _ask(bench.rtlil(), [question], [[claim]])
    return answers[0]


def _ask(
    rtlil: str, questions: Sequence[str], shows: Sequence[Sequence[str]]
) -> tuple[list[Finding], int, float]:
    tool = tools.find_tool("yosys")
    script = [*_PREPARE, "tee -q -o cells.json stat -json top"]
    for i, (question, names) in enumerate(zip(questions, shows, strict=True)):
        show = " ".join(f"-show {name}" for name in names)
        script.append(
            f"tee -q -o answer{i}.log sat {question} -set-assumes -show-inputs {show} top"
        )

    def run(folder: Path) -> None:
        (folder / "top.il").write_text(rtlil, encoding="utf-8")
        (folder / "prove.ys").write_text("\n".join([*script, ""]), encoding="utf-8")
        took = tools.run(tool, ["-q", "-s", "prove.ys"], folder, "yosys.log")
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
        rows: dict[int, dict[str, str]] = {}
        for cycle, name, value in _CYCLE.findall(log):
            rows.setdefault(int(cycle), {})[name] = value
        last = rows[max(rows)]
        wrong = "1" if names[0].startswith("goal_") else "0"
        broken = tuple(name.partition("_")[2] for name in names if last.get(name) == wrong)
        signals = sorted(last)
        table = tuple(tuple(rows[i].get(name, "") for name in signals) for i in sorted(rows))
        return Finding(Outcome.REFUTED, cycles, broken, (tuple(signals), *table))
    if "Induction step failed" in log or "[induction step" in log:
        return Finding(Outcome.UNKNOWN, cycles)
    return Finding(Outcome.BOUNDED, cycles)
