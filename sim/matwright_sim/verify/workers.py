# SPDX-License-Identifier: Apache-2.0
"""Checks side by side, each in a process of its own: one that crashes takes no other with it."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from .check import Check, NotRun, Outcome, Task

__all__ = ["Ended", "run_checks"]

_OFTEN = 0.1
"""Seconds between two reports of a check."""


@dataclass(frozen=True)
class Ended:
    """What became of a check."""

    check: Check
    seconds: float
    outcome: Outcome | None
    """None of a check that did not run or did not end."""
    not_run: str = ""
    """Why it could say nothing."""
    broke: str = ""
    """Why it did not end, in a sentence."""
    log: str = ""
    """What Python has to say of that."""


def run_checks(
    checks: Sequence[Check],
    task: Task,
    jobs: int,
    watch: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Iterator[Ended]:
    """Each check as it ends, ``jobs`` at a time; ``watch`` gets a name, parts done and all parts.

    Those that are begun together share the jobs. Processes that still run are ended with the iterator.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(checks)
    running: dict[Connection, tuple[Check, SpawnProcess, float]] = {}
    share = max(1, jobs // max(1, min(jobs, len(waiting))))
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                check = waiting.pop(0)
                ours, theirs = context.Pipe(duplex=False)
                # The function that follows is not the worker's.
                plain = replace(task, jobs=share, advance=_nothing)
                process = context.Process(target=_work, args=(check, plain, theirs))
                process.start()
                theirs.close()
                running[ours] = check, process, time.perf_counter()
                watch(check.name, 0, 0)
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                check, process, began = running[connection]
                try:
                    said = connection.recv()
                except (EOFError, OSError):
                    _bury(process)
                    said = Ended(check, 0, None, broke=_farewell(process.exitcode or 0))
                if isinstance(said, Ended):
                    process.join()
                    del running[connection]
                    yield replace(said, seconds=time.perf_counter() - began)
                else:
                    watch(check.name, *said)
    finally:
        for connection, (_, process, _) in running.items():
            connection.close()
            _end(process)


def _end(process: SpawnProcess) -> None:
    """Ends a worker and the tools that it runs."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        process.terminate()  # it has not come to make its group
    process.join()


def _bury(process: SpawnProcess) -> None:
    """Waits for a worker that has gone without a word, and ends the tools that it leaves behind."""
    assert process.pid is not None
    # Not reaped yet: until the group is told, nobody else has its number.
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    process.join()


class _Alone(BaseException):
    """Nobody listens to the worker any more. Not an Exception: no check is to catch it."""


def _nothing(done: int, total: int) -> None:
    pass


def _work(check: Check, task: Task, connection: Connection) -> None:
    """In the worker: runs the check and sends what came of it."""
    # A group of its own, with the tools that it runs: Ctrl-C is for the parent, which ends the group.
    os.setpgid(0, 0)
    last = 0.0

    def advance(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() > last + _OFTEN:
            last = time.monotonic()
            try:
                connection.send((done, total))
            except OSError as error:
                raise _Alone from error

    try:
        ended = Ended(check, 0, check.run(replace(task, advance=advance)))
    except NotRun as error:
        ended = Ended(check, 0, None, not_run=str(error))
    except _Alone:
        return
    except Exception as error:
        told = " ".join(str(error).split())
        ended = Ended(
            check,
            0,
            None,
            broke=f"it broke off with {type(error).__name__}: {told}",
            log=traceback.format_exc(),
        )
    with suppress(OSError):
        connection.send(ended)


def _farewell(status: int) -> str:
    if status >= 0:
        return f"its process ended with exit status {status}"
    return f"its process was ended by {signal.Signals(-status).name}"
