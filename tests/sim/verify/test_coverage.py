# SPDX-License-Identifier: Apache-2.0
"""The regression of the coverage check passes on a good machine, and tells of a broken one."""

from pathlib import Path

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Bus
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error
from matwright_sim.coverage import stimuli
from matwright_sim.coverage.bench import Bench, Mismatch, timings
from matwright_sim.coverage.bins import Bins
from matwright_sim.coverage.counts import Coverage, Line
from matwright_sim.coverage.reasons import Explained
from matwright_sim.coverage.stimuli import EVENTS, PARTS
from matwright_sim.verify import check, coverage
from matwright_sim.verify.check import NotRun, Outcome, Task
from matwright_sim.verilog import cached_verilog

CONFIG = PRESETS["tiny"]
# A store that is answered with an error is taken for a good one; strides may leave the address space.
PLANTED = ((".bresp(m_axi_bresp)", ".bresp(2'h0)"), ("= adds & lost;", "= 1'h0;"))


def replayed(tmp_path: Path, part: str, stall: str) -> Outcome:
    case = {"stall": stall, "part": part, "seed": 3, "full": False}
    print(f"seed {case['seed']}")
    assert coverage.CHECK.replay is not None
    return coverage.CHECK.replay(Task(CONFIG, tmp_path), case, None)


@pytest.mark.parametrize("part", PARTS)
def test_parts(tmp_path: Path, part: str) -> None:
    outcome = replayed(tmp_path, part, "pauses")
    assert outcome.failures == []


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("strikes", "descriptor 1 is complete and its result wrong"),
        ("errors", "a program stops with NONE where WINDOW is due"),
    ],
)
def test_broken_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, what: str
) -> None:
    bad = cached_verilog(CONFIG)
    for good, planted in PLANTED:
        assert bad.count(good) == 1
        bad = bad.replace(good, planted)
    monkeypatch.setattr(check, "cached_verilog", lambda config: bad)
    (failure,) = replayed(tmp_path, part, "none").failures
    assert failure.case is not None and failure.case["part"] == part
    assert failure.what == what


def test_what_does_not_strike_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is said to strike, and does not, is a mismatch."""
    timing = timings(3)[0]
    bench = Bench(CONFIG, cached_verilog(CONFIG), timing, coverage=False)
    bins, rng = Bins(CONFIG), np.random.default_rng(3)
    ones = ("1", "1", "1")
    for struck in (False, None):
        monkeypatch.setattr(stimuli, "strike", lambda bench, rng, what, it=struck: it)
        bench.restart()
        stimuli._strike(bench, rng, bins, Error.READ_ID, "read_id", ones)
    monkeypatch.setattr(stimuli, "strike", lambda bench, rng, what: True)
    with pytest.raises(Mismatch, match="read_id has struck and is not told of"):
        stimuli._strike(bench, rng, bins, Error.READ_ID, "read_id", ones)
    monkeypatch.undo()
    (happened,) = (group for group in bins.groups(EVENTS) if group.name.startswith("bus"))
    assert not any(happened.bins.values())
    bench.restart()
    stimuli._strike(bench, rng, bins, Error.READ_ID, "read_id", ones)
    (happened,) = (group for group in bins.groups(EVENTS) if group.name.startswith("bus"))
    assert [key for key, count in happened.bins.items() if count] == [("read_id", "none")]
    bench.machine.close()


def test_too_little_memory(tmp_path: Path) -> None:
    config = AcceleratorConfig(rows=128, cols=128, bus=Bus(addr_width=16))
    with pytest.raises(
        NotRun,
        match="memory must have 1.* bytes for programs, and addresses of 16 bits reach 65536",
    ):
        coverage.CHECK.run(Task(config, tmp_path))


def test_a_table_that_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last row says how many rows are not there."""
    monkeypatch.setattr(coverage, "_MOST_ROWS", 2)
    assert coverage._first([(1, ""), (2, "")]) == ((1, ""), (2, ""))
    assert coverage._first([(n, "") for n in range(5)])[2:] == (("... and 3 more", ""),)
    outcome, bins = Outcome(), Bins(CONFIG)
    coverage._functional(outcome, list(bins.groups(EVENTS)))
    empty = sum(len(group.empty) for group in bins.groups(EVENTS))
    (sheet,) = (sheet for sheet in outcome.sheets if sheet.title == "Empty bins")
    assert len(sheet.rows) == 3 and sheet.rows[2] == (f"... and {empty - 2} more", "")
    missed = [Line("top", "branch", number, 1, "if") for number in (1, 2, 3, 4)]
    sheet = coverage._misses(Task(CONFIG, tmp_path), Explained([], [], [], missed))
    assert len(sheet.rows) == 3 and sheet.rows[2] == ("... and 2 more", "", "", "", "")


def test_goals(tmp_path: Path) -> None:
    """What is neither reached nor explained misses a goal and is listed."""
    found = Coverage()
    lines = [Line("top", "branch", number, 1, "if") for number in (1, 2, 3)]
    found.lines = dict(zip(lines, (5, 0, 0), strict=True))
    explained = Explained([], [(lines[1], "because")], [], [lines[2]])
    outcome = Outcome()
    coverage._code(outcome, Task(CONFIG, tmp_path), found, explained)
    figures = {figure.name: figure for figure in outcome.figures}
    percent = figures["branch coverage of these, %"]
    assert (figures["branch points that can be reached"].value, percent.value) == (2, 50)
    assert not percent.met and not outcome.passed
    sheets = {sheet.title: sheet.rows for sheet in outcome.sheets}
    assert sheets["Points that no run can reach, or none of this length"] == (
        ("branch", 1, "because"),
    )
    assert len(sheets["Not reached and not explained"]) == 1
    coverage._functional(outcome, list(Bins(CONFIG).groups(EVENTS)))
    assert outcome.figures[-1].value == 0
