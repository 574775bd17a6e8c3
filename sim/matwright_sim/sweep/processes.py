# SPDX-License-Identifier: Apache-2.0
"""Workers that are processes of this machine.

Each is a Python of its own with one connection to it: nothing of the calling program is imported
there, so a script needs no guard, and where a worker ends by itself it is known which task it had.
A worker whose connection closes ends at once, so none outlives a parent that was killed.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType
from typing import Self

from .measure import Task
from .workers import Ended, Lost

__all__ = ["Processes", "processors"]

_GRACE = 5.0
"""Seconds for a worker to end its tools."""


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Worker:
    def __init__(self) -> None:
        self.connection: Connection
        self.connection, theirs = Pipe()
        path = os.pathsep.join(entry or os.curdir for entry in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            # Ctrl-C is for the parent, which then closes the connection.
            start_new_session=True,
        )
        theirs.close()
        self.task: Task | None = None


class Processes:
    """``jobs`` processes, started with their first task and again where one has ended."""

    def __init__(self, jobs: int | None = None) -> None:
        self.slots = jobs or processors()
        self.ahead = 0
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            try:
                worker.process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self._workers.clear()

    def submit(self, task: Task) -> None:
        """Gives a task to a worker that has none."""
        idle = [worker for worker in self._workers if worker.task is None]
        if not idle:
            idle.append(_Worker())
            self._workers += idle
        idle[0].task = task
        # Where it has ended meanwhile, collect will see it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            idle[0].connection.send(task)

    def collect(self, seconds: float) -> Sequence[Ended]:
        """Tasks that have ended, after at most that time."""
        busy = {worker.connection: worker for worker in self._workers if worker.task is not None}
        ended: list[Ended] = []
        for ready in wait(list(busy), seconds):
            worker = busy[ready]  # type: ignore[index]
            assert worker.task is not None
            task, worker.task = worker.task, None
            try:
                ended.append((task, worker.connection.recv()))
            except (EOFError, ConnectionResetError):
                worker.connection.close()
                self._workers.remove(worker)
                ended.append((task, Lost(_farewell(worker.process.wait()))))
        return ended


def _farewell(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}"
    name = signal.Signals(-status).name
    hint = ", as happens where memory does not suffice" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"
