# SPDX-License-Identifier: Apache-2.0
"""The regression of the coverage check passes on a good machine, and tells of a broken one."""

from pathlib import Path

import pytest

from matwright.presets import PRESETS
from matwright_sim.coverage.bins import Bins
from matwright_sim.coverage.counts import Coverage, Line
from matwright_sim.coverage.reasons import Explained
from matwright_sim.coverage.stimuli import EVENTS, PARTS
from matwright_sim.verify import check, coverage
from matwright_sim.verify.check import Outcome, Task
from matwright_sim.verilog import cached_verilog

CONFIG = PRESETS["tiny"]
# A store that is answered with an error is taken for a good one.
PLANTED = (".bresp(m_axi_bresp)", ".bresp(2'h0)")


def replayed(tmp_path: Path, part: str, stall: str) -> Outcome:
    case = {"stall": stall, "part": part, "seed": 3, "full": False}
    print(f"seed {case['seed']}")
    assert coverage.CHECK.replay is not None
    return coverage.CHECK.replay(Task(CONFIG, tmp_path), case, None)


@pytest.mark.parametrize("part", PARTS)
def test_parts(tmp_path: Path, part: str) -> None:
    outcome = replayed(tmp_path, part, "pauses")
    assert outcome.failures == []


def test_broken_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = cached_verilog(CONFIG)
    bad = text.replace(*PLANTED)
    assert bad != text
    monkeypatch.setattr(check, "cached_verilog", lambda config: bad)
    (failure,) = replayed(tmp_path, "strikes", "none").failures
    assert failure.case is not None and failure.case["part"] == "strikes"


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
