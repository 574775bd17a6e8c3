# SPDX-License-Identifier: Apache-2.0
"""Campaigns: what becomes of checks that pass, fail, say nothing, break off, crash, or lack a tool."""

import json
import os
import time
from pathlib import Path

import made_up as checks
import pytest

from matwright.presets import PRESETS
from matwright_sim.verify import campaign
from matwright_sim.verify.campaign import CaseError, Result, replay, run
from matwright_sim.verify.workers import run_checks

pytestmark = pytest.mark.usefixtures("made_up")

TINY = PRESETS["tiny"]


def one(name: str, folder: Path) -> Result:
    (result,) = run(TINY, folder, only=[name], jobs=1).results
    return result


def test_all_of_them(tmp_path: Path) -> None:
    """Each has its result, in order, whatever became of the others; what is slow is left out."""
    seen: set[tuple[str, int, int]] = set()
    found = run(TINY, tmp_path, seed=9, jobs=3, watch=lambda *told: seen.add(told))
    statuses = {result.check.name: result.status for result in found.results}
    assert list(statuses) == list(checks.CHECKS)
    assert statuses == {
        "good": "passed",
        "bad": "failed",
        "missed": "failed",
        "silent": "not run",
        "broken": "failed",
        "killed": "failed",
        "needy": "not run",
        "slow": "not run",
    }
    assert found.failed and found.incomplete
    assert found.results[-1].reason == "left to --full"
    assert found.results[0].outcome.figures[0].value == 9
    assert ("good", 1, 2) in seen and ("silent", 0, 0) in seen
    assert found.tools == {"compiler": "1.2"}


def test_a_check_that_can_say_nothing(tmp_path: Path) -> None:
    result = one("silent", tmp_path)
    assert (result.status, result.reason) == ("not run", "it has no counters")


def test_a_check_that_breaks_off(tmp_path: Path) -> None:
    result = one("broken", tmp_path)
    log = tmp_path / "broken.log"
    assert result.status == "failed"
    assert result.reason == f"it broke off with RuntimeError: a table is empty ({log})"
    assert "in broken" in log.read_text()


def test_a_check_that_crashes(tmp_path: Path) -> None:
    result = one("killed", tmp_path)
    assert (result.status, result.reason) == ("failed", "its process was ended by SIGKILL")


def test_a_tool_that_is_missing(tmp_path: Path) -> None:
    """Said once, before anything runs; the check has not run, and has not passed."""
    said: list[str] = []
    found = run(TINY, tmp_path, only=["silent", "needy"], on_missing=said.append)
    sentence = "prover is not on PATH; install it with `apt-get install prover`"
    assert said == [sentence]
    assert found.results[1].status == "not run" and found.results[1].reason == sentence
    assert found.incomplete and not found.failed


def test_what_is_slow_runs_where_it_is_asked_for(tmp_path: Path) -> None:
    """And ends with the campaign."""
    tasks = campaign.Task(TINY, tmp_path)
    running = run_checks([checks.CHECKS["slow"], checks.CHECKS["silent"]], tasks, jobs=2)
    assert next(running).check.name == "silent"
    file, end = tmp_path / "pid", time.monotonic() + 60
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)
    running.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_a_failure_and_its_case(tmp_path: Path) -> None:
    found = run(TINY, tmp_path, only=["bad"], seed=3, asked="my.toml")
    (told,) = found.data()["checks"]
    file = tmp_path / "bad-1.json"
    first, second = told["failures"]
    assert first == {
        "what": "D differs",
        "seed": 5,
        "file": str(file),
        "replay": f"matwright replay {file}",
    }
    assert second["file"] is None
    assert second["replay"] == "matwright verify my.toml --quick --only bad --seed 3"
    wave = tmp_path / "wave.vcd"
    said, outcome = replay(file, tmp_path, wave)
    assert said["what"] == "D differs" and wave.exists()
    assert [failure.what for failure in outcome.failures] == ["D differs on tiny"]
    text = file.read_text().replace('name = \\"tiny\\"', 'name = \\"mended\\"')
    file.write_text(text)
    assert replay(file, tmp_path)[1].passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "must be the case of a failure, as verify writes it"),
        ("[1]", "must be the case of a failure, as verify writes it"),
        ('{"check": "x", "config": "", "case": {}}', "must be one of good, .*, not 'x'"),
        ('{"check": "good", "config": "", "case": {}}', "one that replays cases, not good"),
    ],
)
def test_files_that_are_no_cases(text: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CaseError, match=message):
        replay(file, tmp_path)


def test_the_data_is_plain(tmp_path: Path) -> None:
    found = run(TINY, tmp_path, only=["good", "bad", "missed"])
    data = json.loads(json.dumps(found.data()))
    assert data["config_sha256"] == TINY.digest and data["mode"] == "quick"
    assert [check["status"] for check in data["checks"]] == ["passed", "failed", "failed"]
    assert data["checks"][2]["figures"][0]["met"] is False
