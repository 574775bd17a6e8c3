# SPDX-License-Identifier: Apache-2.0
"""When results leave: :class:`matwright.schedule.storer.StoreEngine`, and all that comes behind it."""

from collections import deque
from collections.abc import Callable, Iterator

from matwright.config import AcceleratorConfig
from matwright.schedule.storer import StoreEngine

from .job import Job
from .loader import Loader
from .memory import Memory
from .post import Item, Post, post_process
from .span import Span
from .writer import Burst, Writer

__all__ = ["Storer"]


class Storer:
    """Stores blocks cycle by cycle, as far as it is asked to.

    ``jobs`` gives jobs and the cycles from which they are on offer. ``filled`` gives the cycle in which
    block n is in its bank.

    The nth of ``freed_blocks``, ``freed_tables``, ``jobs_ended`` and ``complete`` is the cycle in which the
    nth block and table have left their places, the nth job is taken, and all of it is answered. ``spans``
    are the blocks, from the cycle in which each begins until it has left its bank.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        memory: Memory,
        loader: Loader,
        jobs: Iterator[tuple[Job, int]],
        filled: Callable[[int], int],
    ) -> None:
        self._config = config
        self._loader = loader
        self._jobs = jobs
        self._filled = filled
        self._queued = config.build.queued_results
        self._writer = Writer(config.bus, config.build.request_registers, memory)
        self._post: Post = post_process(config, False)
        # What was read and is not yet with post-processing.
        self._offered: deque[Item | None] = deque([None] * StoreEngine.stages(config.build))
        self._cycle = 0
        self._lacks_table = False
        self._steps = self._run()
        self.freed_blocks: list[int] = []
        self.freed_tables: list[int] = []
        self.jobs_ended: list[int] = []
        self.complete: list[int] = []
        self.spans: list[Span] = []
        self.counts = dict.fromkeys(
            ("busy", "wait_bus", "wait_post", "wait_parameter", "wait_response"), 0
        )

    @property
    def beats(self) -> int:
        """Beats that were written."""
        return self._writer.beats

    def _until(self, cycles: list[int], index: int) -> int:
        while len(cycles) <= index:
            next(self._steps)
        return cycles[index]

    def freed_block(self, index: int) -> int:
        """Cycle in which a block leaves its bank."""
        return self._until(self.freed_blocks, index)

    def freed_table(self, index: int) -> int:
        """Cycle in which a table of parameters leaves its half."""
        return self._until(self.freed_tables, index)

    def ended_job(self, index: int) -> int:
        """Cycle in which a job is taken."""
        return self._until(self.jobs_ended, index)

    def completed_job(self, index: int) -> int:
        """Cycle in which the last response to a job comes, after which no other job begins."""
        self.ended_job(index)
        while len(self.complete) <= index:
            self._tick()
        return self.complete[index]

    def _run(self) -> Iterator[None]:
        """One block after the other; it stops before what may not be known yet."""
        while True:
            yield
            job, seen = next(self._jobs)
            self._rest(max(self._cycle, seen) + 1)
            self._post = post_process(self._config, job.raw)
            row = 0
            for rows in job.row_blocks:
                panel = 0
                for panels in job.column_blocks:
                    yield
                    self._open(job)
                    self._rows(job, row, rows, panel, panels)
                    panel += panels
                row += rows
            while not self._post.idle or any(
                self._offered[i] for i in range(2, len(self._offered))
            ):
                self._tick()
            if self._queued:
                self._tick()
            self.jobs_ended.append(self._cycle)
            self._tick()

    def _open(self, job: Job) -> None:
        """Begin a block when it and its parameters are there."""
        self._tick()
        self._rest(self._filled(len(self.freed_blocks)) + 1)
        if job.table:
            self._lacks_table = True
            self._rest(self._loader.tables[len(self.freed_tables)] + 1)
            self._lacks_table = False
        self._tick()

    def _rows(self, job: Job, row: int, rows: int, panel: int, panels: int) -> None:
        """Read and store the rows of a block."""
        config, d = self._config, job.descriptor
        tail = d.n - (job.n_panels - 1) * config.cols
        last_columns = panel + panels == job.n_panels
        columns = (panels - 1) * config.col_pitch + (tail if last_columns else config.cols)
        items = _items(config, panels, columns, last_columns)
        size = 4 if job.raw else 1
        begins = self._cycle - 1
        beats = -(-columns * size // config.bus.bytes)
        for i in range(row, row + rows):
            addr = d.d_addr + i * d.d_stride + panel * config.col_pitch * size
            end = last_columns and i == d.m - 1
            request: deque[Burst] | None = self._writer.cut(addr, beats, end)
            for item in items:
                reads = False
                while not reads:
                    reads, accepted, _ = self._tick(item, request)
                    request = None if accepted else request
        # The block is done when its last columns leave the memories.
        done = False
        while not done:
            cycle = self._cycle
            inside = len(self._offered) > 1 and self._offered[0] is not None
            *_, moves = self._tick()
            done = moves and not inside
        self.freed_blocks.append(cycle)
        place = {"rows": [row, row + rows], "n_panels": [panel, panel + panels]}
        self.spans.append(Span("store", begins, cycle, place))
        if job.table:
            self.freed_tables.append(cycle)

    def _rest(self, until: int) -> None:
        """Go on to cycle ``until`` without reading."""
        while self._cycle < until:
            if self._post.idle and self._writer.still and not any(self._offered):
                answer = self._writer.next_answer
                event = until if answer is None else min(until, answer)
                self._count(event - self._cycle, False)
                self._cycle = event
                if event == until:
                    return
            self._tick()

    def _count(self, cycles: int, working: bool) -> None:
        if working:
            self.counts["wait_post"] += cycles
        elif self._lacks_table:
            self.counts["wait_parameter"] += cycles
        elif not self._writer.quiet:
            self.counts["wait_response"] += cycles

    def _tick(
        self, item: Item | None = None, request: deque[Burst] | None = None
    ) -> tuple[bool, bool, bool]:
        """One cycle. Whether ``item`` is read, ``request`` accepted, and what was read before moves."""
        writer, post, offered = self._writer, self._post, self._offered
        ready = writer.ready()
        if writer.valid:
            self.counts["busy" if ready else "wait_bus"] += 1
        else:
            self._count(1, item is not None or any(offered) or not post.idle)
        room = writer.room(ready)
        beat = room and post.beat
        taken = post.look(room)
        on_offer = offered[-1]
        moves = self._queued or taken or on_offer is None
        accepted = request is not None and writer.accepts()
        reads = item is not None and (taken if self._queued else moves)
        reads = reads and (request is None or accepted)
        post.step(on_offer, reads)
        if moves:
            offered.pop()
            offered.appendleft(item if reads else None)
        if writer.step(self._cycle, request if accepted else None, beat, ready):
            self.complete.append(self._cycle)
        self._cycle += 1
        return reads, accepted, moves


def _items(config: AcceleratorConfig, panels: int, columns: int, last: bool) -> list[Item]:
    """The groups of a row of a block; with ``last`` it ends the row of D."""
    lanes, pitch = config.build.post_lanes, config.col_pitch
    items = []
    for first in range(0, columns, lanes):
        panel, column = divmod(first, pitch)
        count = lanes
        if not (last and panel == panels - 1):
            count = max(0, min(lanes, config.cols - column))
        items.append(Item(count, False))
    count = items[-1].columns
    if last:
        count = (columns - 1) % lanes + 1
    items[-1] = Item(count, True)
    return items
