# SPDX-License-Identifier: Apache-2.0
"""The run of a sweep: what is missing is measured in batches, each kept as soon as it is done."""

import math
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from matwright.config import AcceleratorConfig

from .errors import SweepError
from .measure import KINDS, Measured, Task, code_version
from .points import Point, make_points
from .processes import Processes
from .remaining import Remaining, in_words
from .results import Results, collate
from .spec import Sweep
from .store import Store, key, open_store
from .workers import Lost, Workers

__all__ = ["Status", "Watch", "run"]

BATCH_SECONDS = 1.0
"""Work of a batch: what is lost where a sweep is killed, and what a commit costs next to."""

MOST_POINTS = 4096
"""Points of a batch."""

_GROWTH = 8
_POLL = 0.5


@dataclass(frozen=True)
class Status:
    """How far a run is."""

    done: Mapping[str, int]
    """Points by kind of measurement, those of earlier runs among them."""
    total: Mapping[str, int]
    left: str
    """The time left, in words."""


Watch = Callable[[Status], None]
"""Told of progress, at least twice a second."""


def _silent(status: Status) -> None:
    """Tells nobody."""


def run(
    sweep: Sweep,
    folder: Path | str,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    watch: Watch = _silent,
) -> Results:
    """Measures what the folder does not have yet, and writes tables and report.

    ``jobs`` processes of this machine, None: one per processor; or the workers of the dask
    ``scheduler`` at an address. Killed at any moment, it is to be called again. Raises
    :class:`.SweepError`; what is wrong with a point is a row with its reason.
    """
    from .report import write_report
    from .tables import write_tables

    folder = Path(folder)
    points = make_points(sweep)
    work = _work(sweep, points, local=scheduler is None)
    workers = _workers(jobs, scheduler)
    with workers, open_store(folder, {"name": sweep.name, "digest": sweep.digest}) as store:
        found = store.load()
        needed = {name for names in work.values() for name in names}
        reused = len(needed & found.keys())
        _measure(sweep, work, store, found, workers, watch)
        by_point = {
            kind: {
                number: found[name]
                for name, (_, numbers) in work[kind].items()
                for number in numbers
            }
            for kind in KINDS
        }
        results = collate(sweep, points, by_point, measured=len(needed) - reused, reused=reused)
        notes = write_tables(results, folder)
        write_report(results, folder)
    return replace(results, notes=tuple(notes))


def _workers(jobs: int | None, scheduler: str | None) -> Workers:
    if scheduler is None:
        return Processes(jobs)
    from .cluster import Cluster

    return Cluster(scheduler)


_Work = dict[str, dict[str, tuple[AcceleratorConfig, list[int]]]]
"""By kind, then by the name of the result: what to measure, and the points that want it."""


def _work(sweep: Sweep, points: Sequence[Point], *, local: bool) -> _Work:
    version, memory = code_version(), asdict(sweep.memory)
    legal = [point for point in points if point.config is not None]
    choice = [(point.number, point.settings) for point in legal]
    all_of_them = {point.number for point in legal}
    rtl = sweep.rtl.selection.of(choice) if sweep.rtl else set()
    synth = sweep.synth.selection.of(choice) if sweep.synth else set()
    _check_selected("metrics.rtl", sweep.rtl is not None, rtl)
    _check_selected("metrics.synth", sweep.synth is not None, synth)
    tools = _check_tools(sweep) if local else []
    parts: dict[str, tuple[set[int], list[object]]] = {
        "model": (all_of_them, [[asdict(shape) for shape in sweep.shapes], memory]),
        "rtl": (rtl, [[asdict(shape) for shape in sweep.rtl_shapes], memory]),
        "synth": (synth, [_device(sweep), tools]),
    }
    work: _Work = {}
    for kind, (numbers, more) in parts.items():
        work[kind] = {}
        for point in legal:
            if point.number in numbers:
                assert point.config is not None
                name = key(kind, version, point.config.digest, *more)
                work[kind].setdefault(name, (point.config, []))[1].append(point.number)
    return work


def _device(sweep: Sweep) -> object:
    if sweep.synth is None:
        return None
    return {name: value for name, value in asdict(sweep.synth).items() if name != "selection"}


def _check_selected(where: str, wanted: bool, numbers: set[int]) -> None:
    if wanted and not numbers:
        raise SweepError(f"{where}.where must select a legal point, not none")


def _check_tools(sweep: Sweep) -> list[str]:
    """Raises :class:`.SweepError` for a tool that is missing here; versions of those of synthesis."""
    from ..cycles import native
    from ..library import BuildError
    from ..toolchain import ToolError, find_compiler, find_make, find_verilator

    try:
        native.load()
    except (ToolError, BuildError) as error:
        raise SweepError(f"the cycle model: {error}") from error
    if sweep.rtl is not None:
        try:
            find_verilator(), find_compiler(), find_make()
        except ToolError as error:
            raise SweepError(f"metrics.rtl: {error}") from error
    if sweep.synth is None:
        return []
    from matwright_fpga import tools
    from matwright_fpga.devices import find_device
    from matwright_fpga.errors import FpgaError

    try:
        family, _, _ = find_device(sweep.synth.family, sweep.synth.device, sweep.synth.speed)
        found = [tools.find_tool(name) for name in ("yosys", family.placer)]
    except FpgaError as error:
        raise SweepError(f"metrics.synth: {error}") from error
    return [f"{tool.name} {tool.version}" for tool in found]


def _measure(
    sweep: Sweep,
    work: _Work,
    store: Store,
    found: dict[str, Measured],
    workers: Workers,
    watch: Watch,
) -> None:
    """Fills ``found`` with all of ``work``."""
    waiting = {kind: [name for name in work[kind] if name not in found] for kind in KINDS}
    total = {kind: len(work[kind]) for kind in KINDS}
    done = {kind: total[kind] - len(waiting[kind]) for kind in KINDS}
    for names in waiting.values():
        # Drawn at random, so that those done tell of those to come.
        random.Random(0).shuffle(names)
    remaining = Remaining({kind: len(waiting[kind]) for kind in KINDS})
    queue = _Queue(sweep, work, waiting, remaining)
    under_way = 0
    while queue or under_way:
        slots = workers.slots
        while under_way < slots + workers.ahead and queue:
            workers.submit(queue.next(slots))
            under_way += 1
        watch(Status(dict(done), total, in_words(*remaining.interval(slots))))
        for task, ended in workers.collect(_POLL):
            under_way -= 1
            if isinstance(ended, Lost):
                if len(task) > 1:
                    queue.again(task)  # one by one, to find the point that is to blame
                    continue
                lost = Measured(
                    reason=f"the process that measured it {ended.reason}", lasting=False
                )
                results: tuple[Measured, ...] = (lost,)
                seconds = 0.0
            else:
                results, seconds = ended.results, ended.seconds
            pairs = list(zip(task.keys, results, strict=True))
            store.put(task.kind, pairs)
            found.update(pairs)
            done[task.kind] += len(task)
            remaining.done(task.kind, len(task), seconds)
    watch(Status(dict(done), total, ""))


class _Queue:
    """What waits to be measured, handed out in batches whose size follows from what batches took."""

    def __init__(
        self, sweep: Sweep, work: _Work, waiting: dict[str, list[str]], remaining: Remaining
    ) -> None:
        self._sweep, self._work = sweep, work
        self._waiting, self._remaining = waiting, remaining
        self._alone: deque[tuple[str, str]] = deque()
        self._size = 1

    def __bool__(self) -> bool:
        return bool(self._alone) or any(self._waiting.values())

    def again(self, task: Task) -> None:
        """Hands out the points of a task once more, each alone."""
        self._alone.extend((task.kind, name) for name in task.keys)

    def next(self, slots: int) -> Task:
        """The next batch."""
        if self._alone:
            kind, name = self._alone.popleft()
            return self._task(kind, [name])
        kind = next(kind for kind in KINDS if self._waiting[kind])
        names = self._waiting[kind]
        size = self._batch(len(names), slots) if kind == "model" else 1
        batch, names[:] = names[:size], names[size:]
        return self._task(kind, batch)

    def _batch(self, left: int, slots: int) -> int:
        mean = self._remaining.mean("model")
        if mean is None:
            return 1
        wanted = int(BATCH_SECONDS / max(mean, 1e-9))
        fair = math.ceil(left / max(slots, 1))
        self._size = max(1, min(wanted, fair, self._size * _GROWTH, MOST_POINTS))
        return self._size

    def _task(self, kind: str, names: list[str]) -> Task:
        sweep = self._sweep
        shapes = {"model": sweep.shapes, "rtl": sweep.rtl_shapes}.get(kind, ())
        return Task(
            kind,
            tuple(names),
            tuple(self._work[kind][name][0] for name in names),
            shapes,
            sweep.memory,
            sweep.synth if kind == "synth" else None,
        )
