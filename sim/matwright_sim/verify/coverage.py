# SPDX-License-Identifier: Apache-2.0
"""Coverage: what the regression reaches of the Verilog, and of the cases that there are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..coverage.bench import Bench, Mismatch, Timing, timings
from ..coverage.bins import Bins, Group
from ..coverage.counts import Coverage, declarations, read
from ..coverage.reasons import Explained, explain
from ..coverage.shapes import MOST_GEMMS, Shape, memory_bytes, room
from ..coverage.sources import python_lines
from ..coverage.stimuli import EVENTS, PARTS
from .check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task

__all__ = ["CHECK"]

_KINDS = ("line", "branch", "toggle")
_TOGGLE_GOAL = 98.0
_MOST_ROWS = 400
"""Of a table of what is missing."""

Value = int | float | str


def _run(task: Task) -> Outcome:
    if task.config.build.unsafe_unchecked:
        raise NotRun("a machine without checks cannot be told to refuse anything")
    least = 2 * MOST_GEMMS * room(task.config, Shape(1, 1, 1))
    if memory_bytes(task.config) < least:
        raise NotRun(
            f"memory must have {least} bytes for programs, and addresses of "
            f"{task.config.bus.addr_width} bits reach {memory_bytes(task.config)}"
        )
    outcome = Outcome()
    bins = Bins(task.config)
    chosen = timings(task.seed)
    total = len(chosen) * len(PARTS)
    task.advance(0, total + 1)
    files = []
    for place, timing in enumerate(chosen):
        bench = Bench(task.config, task.verilog, timing)
        for number, name in enumerate(PARTS):
            case = {"stall": timing.stall, "part": name, "seed": task.seed, "full": task.full}
            try:
                _part(bench, bins, case)
            except Mismatch as wrong:
                what = f"{name}, memory {timing.stall}: {wrong}"
                outcome.failures.append(Failure(what, task.seed, case))
            task.advance(place * len(PARTS) + number + 1, total + 1)
        files.append(bench.write_coverage(task.folder))
        bench.machine.close()
    coverage = read(task.verilog, files)
    explained = explain(task.config, task.verilog, coverage)
    task.advance(total + 1, total + 1)
    _code(outcome, task, coverage, explained)
    _functional(outcome, list(bins.groups(EVENTS)))
    return outcome


def _part(bench: Bench, bins: Bins, case: Mapping[str, Any]) -> None:
    """One part, from ``rst`` on, from a seed of its own."""
    place = [timing.stall for timing in timings(case["seed"])].index(case["stall"])
    number = list(PARTS).index(case["part"])
    bench.restart()
    rng = np.random.default_rng([case["seed"], place, number])
    PARTS[case["part"]](bench, rng, bins, case["full"])


def _code(outcome: Outcome, task: Task, coverage: Coverage, explained: Explained) -> None:
    reasons: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    for _, points, reason in explained.bits:
        reasons["toggle"][reason] += points
    for line, reason in explained.lines:
        reasons[line.kind][reason] += 1
    for kind in _KINDS:
        tally = coverage.tally(None, kind)
        reachable = tally.points - sum(reasons[kind].values())
        percent = 100 * tally.reached / reachable if reachable else 100.0
        goal = _TOGGLE_GOAL if kind == "toggle" else 100.0
        outcome.figures += [
            Figure(f"{kind} points", tally.points),
            Figure(f"{kind} points that can be reached", reachable),
            Figure(
                f"{kind} coverage of these, %",
                round(percent, 2) if percent < 100 else 100,
                f"at least {goal:g}",
                percent >= goal,
            ),
        ]
    outcome.sheets += [
        _modules(coverage, explained),
        Sheet(
            "Points that no run can reach, or none of this length",
            ("points", "number", "reason"),
            tuple(
                (kind, count, reason)
                for kind in _KINDS
                for reason, count in sorted(reasons[kind].items(), key=lambda item: -item[1])
            ),
        ),
        _misses(task, explained),
    ]


def _modules(coverage: Coverage, explained: Explained) -> Sheet:
    beyond: Counter[tuple[str, str]] = Counter()
    for bit, points, _ in explained.bits:
        beyond[bit.module, "toggle"] += points
    for line, _ in explained.lines:
        beyond[line.module, line.kind] += 1
    rows = []
    for module in coverage.modules():
        row: list[str | int | float] = [module]
        for kind in _KINDS:
            tally = coverage.tally(module, kind)
            reachable = tally.points - beyond[module, kind]
            row += [reachable, round(100 * tally.reached / reachable, 2) if reachable else 100]
        rows.append(tuple(row))
    columns = [word for kind in _KINDS for word in (f"{kind} points", f"{kind} %")]
    return Sheet("Modules", ("module", *columns), tuple(rows))


def _misses(task: Task, explained: Explained) -> Sheet:
    texts = task.verilog.splitlines()
    sources: list[str] = []
    if explained.missed_lines or explained.missed_bits:
        sources = python_lines(task.config, task.verilog)
    places = declarations(task.verilog) if sources else {}
    rows = [
        (
            line.module,
            line.kind,
            f"{line.comment}: {texts[line.line - 1].strip()}",
            sources[line.line - 1] if sources else "",
            1,
        )
        for line in explained.missed_lines
    ]
    bits: dict[tuple[str, str], list[str]] = {}
    points: Counter[tuple[str, str]] = Counter()
    for bit, rise, fall in explained.missed_bits:
        key = (bit.module, bit.signal)
        way = "" if rise and fall else " up" if rise else " down"
        bits.setdefault(key, []).append(f"{bit.index}{way}")
        points[key] += rise + fall
    rows += [
        (
            module,
            "toggle",
            f"{signal}: {', '.join(some)}",
            sources[places[module, signal] - 1] if (module, signal) in places else "",
            points[module, signal],
        )
        for (module, signal), some in sorted(bits.items())
    ]
    return Sheet(
        "Not reached and not explained",
        ("module", "kind", "where", "source", "points"),
        _first(rows),
    )


def _first(rows: Sequence[tuple[Value, ...]]) -> tuple[tuple[Value, ...], ...]:
    """The rows of a table, or the first, and how many more there are."""
    if len(rows) <= _MOST_ROWS:
        return tuple(rows)
    more = f"... and {len(rows) - _MOST_ROWS} more"
    return (*rows[:_MOST_ROWS], (more, *[""] * (len(rows[0]) - 1)))


def _functional(outcome: Outcome, groups: list[Group]) -> None:
    bins = sum(len(group.bins) for group in groups)
    empty = sum(len(group.empty) for group in groups)
    outcome.figures.append(Figure("functional bins", bins))
    outcome.figures.append(
        Figure("functional bins that were run, %", round(100 * (1 - empty / bins), 2))
    )
    rows = []
    for group in groups:
        done = len(group.bins) - len(group.empty)
        rows.append((group.name, len(group.bins), done, len(group.empty), len(group.impossible)))
    columns = ("bins", "number", "run", "empty", "impossible")
    outcome.sheets.append(Sheet("Functional coverage", columns, tuple(rows)))
    empties = [(group.name, ", ".join(key)) for group in groups for key in group.empty]
    outcome.sheets.append(Sheet("Empty bins", ("bins", "bin"), _first(empties)))
    reasons = Counter(
        (group.name, reason) for group in groups for reason in group.impossible.values()
    )
    impossible = tuple((name, reason, count) for (name, reason), count in reasons.items())
    outcome.sheets.append(Sheet("Impossible bins", ("bins", "reason", "number"), impossible))


def _replay(task: Task, case: Mapping[str, Any], wave: Path | None) -> Outcome:
    outcome = Outcome()
    timing: Timing = next(t for t in timings(case["seed"]) if t.stall == case["stall"])
    bench = Bench(task.config, task.verilog, timing, coverage=False, trace=wave)
    try:
        _part(bench, Bins(task.config), case)
    except Mismatch as wrong:
        outcome.failures.append(Failure(str(wrong), case["seed"], case))
    finally:
        bench.machine.close()
    return outcome


CHECK = Check(
    "coverage",
    "Lines, branches, bits and cases that the regression reaches",
    _run,
    needs=("verilator", "yosys"),
    quick=False,
    replay=_replay,
)
