# SPDX-License-Identifier: Apache-2.0
"""Workers of this machine: what they measure, and what is told when one ends."""

import os
import signal
import time

from matwright.presets import PRESETS
from matwright_sim.sweep.measure import Done, Task, measure
from matwright_sim.sweep.processes import Processes, processors
from matwright_sim.sweep.workers import Ended, Lost
from matwright_sim.sweep.workload import Shape

TASK = Task("model", ("t",), (PRESETS["tiny"],), (Shape(3, 20, 9),))
LONG = Task("model", ("l",), (PRESETS["tiny"],), (Shape(1000, 1000, 1000),))


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


def test_processors() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
