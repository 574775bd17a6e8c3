# SPDX-License-Identifier: Apache-2.0
"""A sweep on the workers of a dask scheduler, which run as they would on other machines."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from matwright_sim.sweep import Sweep, SweepError, run

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

ROOT = Path(__file__).parents[3]


def _start(what: str, *arguments: str) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(str(ROOT / room) for room in ("hw", "sim", "sw"))
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Address of a scheduler without workers."""
    file = tmp_path / "scheduler.json"
    process = _start(
        "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)
    )
    try:
        end = time.monotonic() + 60
        while not file.exists() or not file.read_text().strip():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"]
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def workers(scheduler: str, tmp_path: Path) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Two workers of it."""
    options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path / "dask"))
    processes = [_start("worker", scheduler, *options) for _ in range(2)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_the_same_as_here(
    scheduler: str,
    workers: list["subprocess.Popen[bytes]"],
    small: dict[str, Any],
    tmp_path: Path,
) -> None:
    """And a worker that is killed in the midst of it loses nothing."""
    small["axes"] |= {"sram.weight_tiles": [32, 64], "sram.accumulator_rows": [64, 128]}
    sweep = Sweep.from_dict(small)
    seen = []

    def kill_one(status: Any) -> None:
        seen.append(status.done["model"])
        if status.done["model"] >= 4 and workers[0].poll() is None:
            os.kill(workers[0].pid, signal.SIGKILL)

    there = run(sweep, tmp_path / "there", scheduler=scheduler, watch=kill_one)
    here = run(sweep, tmp_path / "here", jobs=2)
    assert there.measured == 40 == here.measured
    assert workers[0].wait(10) == -signal.SIGKILL
    for name in ("results.csv", "gemms.csv"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_a_scheduler_without_workers(
    scheduler: str, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matwright_sim.sweep import cluster

    monkeypatch.setattr(cluster, "_PATIENCE", 2)
    with pytest.raises(SweepError, match=f"the dask scheduler at {scheduler} must have a worker"):
        run(Sweep.from_dict(small), tmp_path / "x", scheduler=scheduler)
    assert not (tmp_path / "x").exists()


def test_no_scheduler(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matwright_sim.sweep import cluster

    monkeypatch.setattr(cluster, "_PATIENCE", 2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    for wrong in (address, "nothing://x"):
        with pytest.raises(SweepError) as refused:
            run(Sweep.from_dict(small), tmp_path / "x", scheduler=wrong)
        assert str(refused.value).startswith(
            f"no dask scheduler answers at {wrong}; start one with"
        )
    assert not (tmp_path / "x").exists()


def test_without_dask(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(
        SweepError, match=r"must be installed .* pip install 'matwright\[cluster\]'"
    ):
        run(Sweep.from_dict(small), tmp_path / "x", scheduler="tcp://127.0.0.1:1")
