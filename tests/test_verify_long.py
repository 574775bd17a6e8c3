# SPDX-License-Identifier: Apache-2.0
"""The long run's script: what it keeps, and that the page shows it."""

import json
from pathlib import Path
from typing import Any

import pytest

import verify_long
from matwright.presets import PRESETS
from matwright_sim.verify.campaign import CHECKS
from matwright_sim.verify.check import Figure, Outcome, Task
from matwright_sim.verify.programs import CHECK as PROGRAMS

ROOT = Path(__file__).parents[1]


def project(root: Path) -> Path:
    (root / "docs" / "results").mkdir(parents=True)
    page = root / verify_long.PAGE
    marks = (*verify_long.MARKS, *verify_long.CAMPAIGN_MARKS)
    page.write_text("before\n" + "".join(marks) + "after\n", encoding="utf-8")
    return page


def test_runs_are_kept_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each in place of the last of its check and preset; presets in their order."""
    page = project(tmp_path)
    for presets, seed in (("small", "1"), ("tiny", "2"), ("small", "3")):
        arguments = ["--programs", "25", "--presets", presets, "--seed", seed, "--update"]
        assert verify_long.main(arguments, tmp_path) == 0
    assert "programs on tiny: programs 25, descriptors " in capsys.readouterr().out
    runs = json.loads((tmp_path / verify_long.DATA).read_text(encoding="utf-8"))["runs"]
    assert [(run["preset"], run["seed"]) for run in runs] == [("tiny", 2), ("small", 3)]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "|  | `tiny` | `small` |\n" in text
    assert "| **programs that differ** | **0** | **0** |\n" in text
    assert "| shapes of 1 to 40 | - | - |\n" in text


def test_a_failure_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path)

    def run(task: Task, programs: int) -> list[Any]:
        assert (task.config.name, task.full, task.seed, programs) == ("tiny", True, 1, 10)
        return []

    wrong = Outcome([Figure(verify_long.DIFFER["programs"], 1, "0", False)])
    monkeypatch.setattr(verify_long.programs, "campaign", run)
    monkeypatch.setattr(verify_long.programs, "outcome", lambda parts: wrong)
    assert verify_long.main(["--programs", "10", "--presets", "tiny"], tmp_path) == 1
    assert "programs that differ 1" in capsys.readouterr().out


def report(
    path: Path,
    mode: str = "full",
    found: int = 3,
    status: str = "passed",
    count: int | None = None,
) -> str:
    """A report with one figure of one check."""
    figures = [{"name": "mutants", "value": found, "goal": "", "met": True}]
    checks = [
        {"name": name, "status": status, "seconds": 1.6, "figures": figures * (name == "mutants")}
        for name in CHECKS[:count]
    ]
    told = {"config": "tiny", "mode": mode, "seed": 4, "seconds": 7.1, "checks": checks}
    told["config_sha256"] = PRESETS["tiny"].digest
    path.write_text(json.dumps(told), encoding="utf-8")
    return str(path)


def test_campaigns_are_kept_and_shown(tmp_path: Path) -> None:
    page = project(tmp_path)
    for found in (3, 4444):
        made = report(tmp_path / "verify.json", found=found)
        assert verify_long.main(["--campaign", made, "--update"], tmp_path) == 0
    text = page.read_text(encoding="utf-8")
    assert "| Check | figure | `tiny` |\n" in text
    assert "| `mutants` | mutants | 4,444 |\n| `mutants` | status, seconds | passed, 2 |\n" in text
    assert "| all | seed, date, seconds | 4, " in text


@pytest.mark.parametrize("options", [{"mode": "quick"}, {"count": 3}])
def test_a_campaign_that_is_not_full_is_not_kept(options: dict[str, Any], tmp_path: Path) -> None:
    made = report(tmp_path / "verify.json", **options)
    with pytest.raises(
        SystemExit, match=r"must be of matwright verify PRESET --full, with all checks$"
    ):
        verify_long.main(["--campaign", made], project(tmp_path).parents[1])


def test_a_campaign_that_failed_is_told(tmp_path: Path) -> None:
    made = report(tmp_path / "verify.json", status="failed")
    assert verify_long.main(["--campaign", made], project(tmp_path).parents[1]) == 1


def test_programs_are_shared_out() -> None:
    assert verify_long._shares(5, ["tiny", "small"]) == {"tiny": 3, "small": 2}


def test_the_page_shows_the_data() -> None:
    runs = verify_long.read(ROOT, verify_long.DATA)
    page = (ROOT / verify_long.PAGE).read_text(encoding="utf-8")
    assert verify_long.updated(page, verify_long.markdown(runs)) == page
    campaigns = verify_long.read(ROOT, verify_long.DATA, "campaigns")
    table = verify_long.campaigns_markdown(campaigns)
    assert verify_long.updated(page, table, verify_long.CAMPAIGN_MARKS) == page
    for run in runs:
        assert run["figures"][verify_long.DIFFER[run["check"]]] == 0
    kinds = {(run["preset"], run["check"]): run["figures"] for run in runs}
    for name in ("tiny", "small"):
        assert kinds[name, "shapes"]["shapes of 1 to 40"] == 64_000
        assert kinds[name, "programs"]["programs"] == 50_000
    assert PROGRAMS.name in verify_long.DIFFER


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--programs", "0"], "must be an integer from 1 on, not '0'"),
        (["--presets", "tiny,huge"], "must be presets (tiny, small"),
    ],
)
def test_refusals(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        verify_long.main(arguments)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err
