# SPDX-License-Identifier: Apache-2.0
"""Campaigns: what becomes of checks that pass, fail, say nothing, break off, crash, or lack a tool."""

import json
import os
import shlex
import time
from multiprocessing.connection import Connection
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
        "left": "failed",
        "piped": "failed",
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


def test_a_check_that_ends_and_leaves_a_tool(tmp_path: Path) -> None:
    """Its exit status is told, and the tool ends with it."""
    result = one("left", tmp_path)
    assert (result.status, result.reason) == ("failed", "its process ended with exit status 3")
    place, end = Path("/proc", (tmp_path / "tool").read_text(), "stat"), time.monotonic() + 60
    while place.exists() and place.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_check_that_breaks_a_pipe_of_its_own(tmp_path: Path) -> None:
    """It is not the campaign that is gone."""
    said = "it broke off with BrokenPipeError: [Errno 32] a tool is gone"
    assert one("piped", tmp_path).reason.startswith(said)


@pytest.mark.parametrize("error", [EOFError, ConnectionResetError])
def test_a_connection_that_is_lost(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Connection) -> object:
        raise error

    monkeypatch.setattr(Connection, "recv", lost)
    assert one("good", tmp_path).reason == "its process ended with exit status 0"


def test_every_failed_check_has_a_command(tmp_path: Path) -> None:
    """Also without a failure of its own; it works in a shell, and goes where the user has said."""
    folder = tmp_path / "my dir"
    folder.mkdir()
    names = ["missed", "broken", "killed", "bad", "good"]
    found = run(TINY, folder, only=names, asked="a b.toml", output=Path("my dir"), jobs=2)
    told = {check["name"]: check for check in found.data()["checks"]}
    for name in ("missed", "broken", "killed", "bad"):
        words = shlex.split(told[name]["command"])
        own = ["matwright", "verify", "a b.toml", "--quick", "--only", name, "--seed", "1"]
        assert words == [*own, "-o", "my dir"]
    assert told["good"]["command"] == ""
    first, second = told["bad"]["failures"]
    assert shlex.split(first["replay"]) == ["matwright", "replay", str(folder / "bad-1.json")]
    assert second["replay"] == told["bad"]["command"]


def test_nothing_ran(tmp_path: Path) -> None:
    assert run(TINY, tmp_path, only=["silent"], jobs=1).incomplete
    assert not run(TINY, tmp_path, only=["silent", "good"], jobs=1).incomplete


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
    assert said.what == "D differs" and wave.exists()
    assert [failure.what for failure in outcome.failures] == ["D differs on tiny"]
    text = file.read_text().replace('name = \\"tiny\\"', 'name = \\"mended\\"')
    file.write_text(text)
    assert replay(file, tmp_path)[1].passed


def saved(**changed: object) -> str:
    """The file of a case, with some of it changed."""
    whole = {"check": "piped", "what": "w", "seed": 1, "config": TINY.to_toml(), "case": {}}
    return json.dumps(whole | changed)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("assertion", "the bench has failed"),
        ("register", "a register read must be answered OKAY, not SLVERR at 0x10"),
    ],
)
def test_a_replay_that_fails_otherwise(kind: str, what: str, tmp_path: Path) -> None:
    """Is a failure, and tells one sentence."""
    file = tmp_path / "case.json"
    file.write_text(saved(case={"kind": kind}))
    assert [failure.what for failure in replay(file, tmp_path)[1].failures] == [what]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "must be the case of a failure, as verify writes it"),
        ("[1]", "must be the case of a failure, as verify writes it"),
        (saved(check="x"), "must be one of good, .*, not 'x'"),
        (saved(check="good"), "one that replays cases, not good"),
        (saved(config=7), "the config of .*case.json must be TOML, not 7"),
        (saved(config="rows = 4"), "the config of .*case.json is none: "),
        (saved(case=[1]), "must be the case of a failure, as verify writes it"),
        (saved(seed="one"), "must be the case of a failure, as verify writes it"),
        (saved(what=None), "must be the case of a failure, as verify writes it"),
        (saved(case={}), "does not run \\(KeyError: 'kind'\\)"),
        (saved(case={"kind": "text", "count": 1}), "does not run \\(TypeError: "),
        (
            saved(case={"kind": "nothing to say"}),
            "case.json cannot be replayed: there is no proof called 'x'",
        ),
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
