# SPDX-License-Identifier: Apache-2.0
"""Workers of this machine: what they measure, and what is told when one ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from matwright.presets import PRESETS
from matwright_sim.sweep.measure import Done, Task, measure
from matwright_sim.sweep.processes import Processes, processors
from matwright_sim.sweep.workers import Ended, Lost
from matwright_sim.sweep.workload import Shape

TASK = Task("model", ("t",), (PRESETS["tiny"],), (Shape(3, 20, 9),))
LONG = Task("rtl", ("l",), (PRESETS["tiny"],), (Shape(1000, 1000, 1000),))
"""Minutes of simulation."""


def _collect(workers: Processes, count: int) -> list[Ended]:
    ended: list[Ended] = []
    end = time.monotonic() + 60
    while len(ended) < count and time.monotonic() < end:
        ended += workers.collect(0.5)
    assert len(ended) == count
    return ended


def test_tasks_are_measured_elsewhere() -> None:
    with Processes(2) as workers:
        for _ in range(2):
            for _ in range(workers.slots):
                workers.submit(TASK)
            for task, done in _collect(workers, 2):
                assert task == TASK
                assert isinstance(done, Done) and done.results == measure(TASK).results
        assert len(workers._workers) == 2
        pids = [worker.process.pid for worker in workers._workers]
    for pid in pids:
        assert not _alive(pid)


def test_a_worker_that_is_killed_is_told_and_replaced() -> None:
    with Processes(1) as workers:
        workers.submit(LONG)
        os.kill(workers._workers[0].process.pid, signal.SIGKILL)
        ((task, lost),) = _collect(workers, 1)
        assert task == LONG
        assert lost == Lost("was ended by SIGKILL, as happens where memory does not suffice")
        workers.submit(TASK)
        ((_, done),) = _collect(workers, 1)
        assert isinstance(done, Done)


def test_nobody_waits_for_what_is_given_up() -> None:
    with Processes(1) as workers:
        workers.submit(LONG)
        time.sleep(1)  # it is in the midst of it
        start = time.monotonic()
        pid = workers._workers[0].process.pid
    assert time.monotonic() - start < 3
    assert not _alive(pid)


def test_no_worker_outlives_a_parent_that_was_killed() -> None:
    script = (
        "import sys, time\n"
        "from matwright.presets import PRESETS\n"
        "from matwright_sim.sweep.measure import Task\n"
        "from matwright_sim.sweep.processes import Processes\n"
        "from matwright_sim.sweep.workload import Shape\n"
        "workers = Processes(2)\n"
        "for _ in range(2):\n"
        "    shapes = (Shape(1000, 1000, 1000),)\n"
        "    workers.submit(Task('rtl', ('l',), (PRESETS['tiny'],), shapes))\n"
        "print(*(worker.process.pid for worker in workers._workers), flush=True)\n"
        "time.sleep(60)\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        time.sleep(1)  # they are in the midst of it
        assert len(pids) == 2 and all(map(_alive, pids))
        parent.kill()
    end = time.monotonic() + 10
    while any(map(_alive, pids)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_processors() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)


def _alive(pid: int) -> bool:
    """Whether the process is there and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
