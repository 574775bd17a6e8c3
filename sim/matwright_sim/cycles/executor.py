# SPDX-License-Identifier: Apache-2.0
"""When each tile starts: :class:`matwright.schedule.executor.ExecuteEngine`, and the array behind it."""

from collections.abc import Callable, Iterator

from matwright.config import AcceleratorConfig
from matwright.core.array import SystolicArray
from matwright.memory.activation import ActivationScratchpad
from matwright.schedule.executor import ExecuteEngine

from .job import Job
from .loader import Loader
from .span import Span

__all__ = ["Executor"]

_BANKS = 2


class Executor:
    """Streams the rows of tiles, as far as it is asked to.

    ``jobs`` gives jobs and the cycles from which they are on offer; what they need is loaded when they
    are asked for. ``freed_bank`` gives the cycle in which block n has left its accumulator bank.

    The nth of ``freed_chunks``, ``freed_tiles``, ``blocks`` and ``jobs_ended`` is the cycle in which the
    nth chunk and tile have left their places, block is in its bank, and job is taken. ``spans`` are the
    cycles of all tiles of a chunk and a block, ``waits`` those in which one waits.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        loader: Loader,
        jobs: Iterator[tuple[Job, int]],
        freed_bank: Callable[[int], int],
    ) -> None:
        self._config = config
        self._loader = loader
        self._jobs = jobs
        self._freed_bank = freed_bank
        self._tiles = self._run()
        self.freed_chunks: list[int] = []
        self.freed_tiles: list[int] = []
        self.blocks: list[int] = []
        self.jobs_ended: list[int] = []
        self.spans: list[Span] = []
        self.waits: list[Span] = []
        self.counts = dict.fromkeys(
            ("busy", "wait_activation", "wait_weight", "load_weight", "wait_accumulator"), 0
        )

    def _until(self, cycles: list[int], index: int) -> int:
        while len(cycles) <= index:
            next(self._tiles)
        return cycles[index]

    def freed_chunk(self, index: int) -> int:
        """Cycle in which a chunk leaves its half."""
        return self._until(self.freed_chunks, index)

    def freed_tile(self, index: int) -> int:
        """Cycle in which a tile leaves the ring."""
        return self._until(self.freed_tiles, index)

    def filled_block(self, index: int) -> int:
        """Cycle in which a block is whole in its bank."""
        return self._until(self.blocks, index)

    def ended_job(self, index: int) -> int:
        """Cycle in which the last tile of a job starts, with which the job is taken."""
        return self._until(self.jobs_ended, index)

    def _run(self) -> Iterator[None]:
        """One tile after the other; it stops before what may not be known yet."""
        config, loader = self._config, self._loader
        build, load_cycles = config.build, config.load_cycles
        # From the start of a tile until it is out of the ring, and from the last row on until its
        # chunk is out of its half, and its sums are in their bank.
        to_array = ActivationScratchpad.latency(build)
        leaves = load_cycles + (config.load_rows - 1) * load_cycles + config.cols
        done = to_array + SystolicArray.cycles(config) + config.cols
        free = started = 0
        tile = chunk = 0
        while True:
            yield
            job, seen = next(self._jobs)
            tiles_from = seen + ExecuteEngine.JOB_SETUP
            whole = len(job.chunks) == 1
            row = 0
            for rows in job.row_blocks:
                panel = 0
                for column, panels in enumerate(job.column_blocks):
                    bank = len(self.blocks) - _BANKS
                    opens_block = True
                    step = 0
                    for steps in job.chunks:
                        first = -1
                        opens_chunk = not whole or column == 0
                        for _ in range(steps * panels):
                            yield
                            ready = max(tiles_from, free)
                            start = ready
                            begins = max(started, loader.tiles[tile] + 1)
                            if opens_block and bank >= 0:
                                start = self._wait(
                                    "wait_accumulator", start, self._freed_bank(bank) + 1
                                )
                            if opens_chunk:
                                start = self._wait(
                                    "wait_activation", start, loader.chunks[chunk] + 1
                                )
                            start = self._wait("wait_weight", start, begins + 1)
                            start = self._wait("load_weight", start, begins + load_cycles)
                            opens_block = opens_chunk = False
                            self.counts["busy"] += rows
                            self.freed_tiles.append(begins + leaves)
                            started, free = start, start + rows
                            first = start if first < 0 else first
                            tile += 1
                        place = {
                            "rows": [row, row + rows],
                            "n_panels": [panel, panel + panels],
                            "k_panels": [step, step + steps],
                        }
                        self.spans.append(Span("execute", first, free - 1, place))
                        step += steps
                        if not whole or column == len(job.column_blocks) - 1:
                            self.freed_chunks.append(free + config.rows)
                            chunk += 1
                    self.blocks.append(free + done)
                    tiles_from = started + ExecuteEngine.BLOCK_SETUP
                    panel += panels
                row += rows
            self.jobs_ended.append(started)

    def _wait(self, why: str, start: int, until: int) -> int:
        if until <= start:
            return start
        self.counts[why] += until - start
        self.waits.append(Span(why, start, until - 1, {}))
        return until
