# SPDX-License-Identifier: Apache-2.0
"""The run of a sweep: killed and continued, points that fail, workers that end."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from matwright_sim.sweep import Results, Sweep, SweepError, run, runner
from matwright_sim.sweep.measure import Done, Measured, Task, measure
from matwright_sim.sweep.runner import Status
from matwright_sim.sweep.store import DATABASE
from matwright_sim.sweep.workers import Ended, Lost

ROOT = Path(__file__).parents[3]

SLOW = """
import sys, time
from matwright import cli
from matwright_sim.sweep import processes, runner

class Slow(processes.Processes):
    def collect(self, seconds):
        time.sleep(0.1)
        return super().collect(seconds)

runner.Processes, runner.MOST_POINTS = Slow, 1
sys.exit(cli.main(sys.argv[1:]))
"""
"""The command, a batch of one point at a time and not too quick."""

FILE = """
[base]
build.post_lanes = 1
[axes]
rows = { powers_of_two = [4, 16] }
cols = [4, 8, 16]
load_rows = [1, 2, 8]
sram.weight_tiles = [32, 64]
[[workload]]
name = "a"
gemms = [[3, 20, 9], {m = 1, n = 8, k = 30, count = 5}]
[[workload]]
name = "b"
gemms = [[3, 20, 9]]
raw = true
"""
LEGAL, ILLEGAL = 48, 6


class Here:
    """Workers that are this process, and can be told to fail."""

    slots, ahead = 2, 0

    def __init__(self, change: Callable[[Task, Done], Done | Lost]) -> None:
        self.change = change
        self.tasks: list[Task] = []
        self.waiting: list[Ended] = []

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, task: Task) -> None:
        assert len(self.waiting) < self.slots
        self.tasks.append(task)
        self.waiting.append((task, self.change(task, measure(task))))

    def collect(self, seconds: float) -> Sequence[Ended]:
        ended, self.waiting = self.waiting, []
        return ended


def _start(*arguments: str | Path) -> "subprocess.Popen[str]":
    path = os.pathsep.join(str(ROOT / room) for room in ("hw", "sim", "sw"))
    return subprocess.Popen(
        [sys.executable, "-c", SLOW, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _kept(folder: Path) -> int:
    if not (folder / DATABASE).exists():
        return 0
    with closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)) as database:
        try:
            (count,) = database.execute("SELECT count(*) FROM result").fetchone()
        except sqlite3.OperationalError:  # not made yet
            return 0
    return int(count)


def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    file, killed, whole = tmp_path / "s.toml", tmp_path / "killed", tmp_path / "whole"
    file.write_text(FILE)
    for least in (10, 24):
        process = _start("sweep", file, "-o", killed, "--jobs", "2")
        end = time.monotonic() + 60
        while _kept(killed) < least and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (killed / "results.csv").exists()
    before = _kept(killed)
    assert 24 <= before < LEGAL

    process = _start("sweep", file, "-o", killed, "--json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    told = json.loads(out)
    assert (told["measured"], told["reused"]) == (LEGAL - before, before)
    assert (told["ok"], told["failed"], told["illegal"]) == (LEGAL, 0, ILLEGAL)

    results = run(Sweep.read(file), whole, jobs=1)
    assert (results.measured, results.reused) == (LEGAL, 0)
    for name in ("results.csv", "gemms.csv", "report.html"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    again = run(Sweep.read(file), whole)
    assert (again.measured, again.reused) == (0, LEGAL)
    assert again.rows == results.rows


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Here]:
    """Has sweeps measured in this process, by workers that ``change`` what comes of a task."""

    def install(change: Callable[[Task, Done], Done | Lost] = lambda task, done: done) -> Here:
        workers = Here(change)
        monkeypatch.setattr(runner, "_workers", lambda jobs, scheduler: workers)
        return workers

    return install


def _rows(results: Results, **settings: Any) -> list[Any]:
    return [r for r in results.rows if all(r[name] == value for name, value in settings.items())]


def test_a_failing_point_is_a_row(
    here: Callable[..., Here], small: dict[str, Any], tmp_path: Path
) -> None:
    here()
    small["axes"] = {"limits.max_k": [20, 1000], "rows": [4, 8], "cols": [16]}
    results = run(Sweep.from_dict(small), tmp_path)
    assert results.counts == {"ok": 2, "failed": 2, "illegal": 0}
    for row in _rows(results, **{"limits.max_k": 20}):
        assert row["status"] == "failed"
        assert row["reason"] == "k must be at most 20, the limit of small_sweep, not 30"
        assert row["a.cycles"] is None and row["peak_macs"] == 16 * row["rows"]
    with (tmp_path / "results.csv").open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)].count("failed") == 2
    # It lies in the point, so it is not tried again.
    assert run(Sweep.from_dict(small), tmp_path).measured == 0


def test_a_point_that_ends_its_process_is_found_and_tried_again_next_time(
    here: Callable[..., Here],
    small: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deadly(task: Task, done: Done) -> Done | Lost:
        guilty = any((c.rows, c.cols, c.load_rows) == (8, 8, 8) for c in task.configs)
        return Lost("was ended by SIGKILL") if guilty else replace(done, seconds=1e-6)

    workers = here(deadly)
    results = run(Sweep.from_dict(small), tmp_path)
    assert max(map(len, workers.tasks)) > 1
    (row,) = [row for row in results.rows if row["status"] == "failed"]
    assert (row["rows"], row["cols"], row["load_rows"]) == (8, 8, 8)
    assert row["reason"] == "the process that measured it was ended by SIGKILL"
    here()
    again = run(Sweep.from_dict(small), tmp_path)
    assert (again.measured, again.counts["ok"]) == (1, 10)


def test_batches_grow_to_a_second_of_work(
    here: Callable[..., Here], tmp_path: Path, small: dict[str, Any]
) -> None:
    small["axes"] = {"rows": {"from": 1, "to": 100}, "cols": [16]}
    told: list[Status] = []
    workers = here(lambda task, done: replace(done, seconds=0.1 * len(task)))
    run(Sweep.from_dict(small), tmp_path, watch=told.append)
    sizes = [len(task) for task in workers.tasks]
    # One point, to see how long it takes; then more, and fewer at the end, so that both end together.
    assert sizes[:3] == [1, 1, 8] and max(sizes) == 10 and sizes[-1] == 1
    assert sum(sizes) == 100
    assert told[0].left == "time left not yet known for the model"
    assert "about 2 s left" in {status.left for status in told}
    assert told[-1].done == told[-1].total == {"model": 100, "rtl": 0, "synth": 0}


def test_the_verilog_is_asked_of_some_and_must_agree(
    here: Callable[..., Here], small: dict[str, Any], tmp_path: Path
) -> None:
    """A Verilog that takes a cycle more on arrays of 8 rows."""

    def slower(task: Task, done: Done) -> Done:
        if task.kind != "rtl":
            return done
        (config,) = task.configs
        cycles = measure(replace(task, kind="model")).results[0].value
        return Done((Measured([c + (config.rows == 8) for c in cycles]),), 0.1)

    small["metrics"] = {"rtl": {"where": [{"rows": 4, "cols": 4}, {"rows": 8, "load_rows": 8}]}}
    workers = here(slower)
    # The Verilog itself is for test_measure.
    workers.submit = lambda task: workers.waiting.append(  # type: ignore[method-assign]
        (task, slower(task, measure(task) if task.kind == "model" else Done((), 0)))
    )
    results = run(Sweep.from_dict(small), tmp_path)
    simulated = [row for row, c in zip(results.rows, results.rtl_cycles, strict=True) if c]
    assert {(r["rows"], r["cols"], r["load_rows"]) for r in simulated} == {
        (4, 4, 1),
        (8, 4, 8),
        (8, 8, 8),
    }
    assert results.disagreements == 2
    for row in simulated:
        assert row["status"] == ("failed" if row["rows"] == 8 else "ok")
    assert simulated[0]["rtl_gemms"] == 3


def test_a_selection_of_nothing(small: dict[str, Any], tmp_path: Path) -> None:
    small["metrics"] = {"rtl": {"where": [{"rows": 4, "load_rows": 8}]}}  # which is illegal
    with pytest.raises(SweepError, match="metrics.rtl.where must select a legal point, not none"):
        run(Sweep.from_dict(small), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_missing_tools_are_told_before_anything_is_measured(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matwright_fpga import tools
    from matwright_fpga.errors import ToolError
    from matwright_sim import toolchain

    def missing(name: str) -> Any:
        raise ToolError(f"{name} is missing")

    monkeypatch.setattr(tools, "find_tool", missing)
    small["metrics"] = {"synth": {"family": "ecp5", "device": "85k"}}
    with pytest.raises(SweepError, match="metrics.synth: yosys is missing"):
        run(Sweep.from_dict(small), tmp_path / "x")

    def no_compiler() -> Any:
        raise toolchain.ToolError("g++ is missing")

    monkeypatch.setattr(toolchain, "find_compiler", no_compiler)
    small["metrics"] = {"rtl": {}}
    with pytest.raises(SweepError, match=r"metrics.rtl: g\+\+ is missing"):
        run(Sweep.from_dict(small), tmp_path / "x")
    assert not (tmp_path / "x").exists()
