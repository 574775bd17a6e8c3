# SPDX-License-Identifier: Apache-2.0
"""When everything is asked for, and when it is on chip: :class:`matwright.schedule.loader.LoadEngine`."""

from collections.abc import Callable, Sequence

from matwright.config import PARAMETER_BYTES, AcceleratorConfig

from .job import Job
from .span import Span

__all__ = ["Loader"]

_PLACES = 2  # halves of the activation scratchpad, and of the parameter memory


class Loader:
    """Asks for what jobs need, one job after the other.

    ``request(valid, addr, beats)`` is the way to memory: it gives the cycle in which a request is accepted
    that is on offer from ``valid`` on, and those of its beats. ``freed`` gives the cycle in which the nth
    chunk, tile or table leaves its place; all that it can depend on has been asked for then.

    ``chunks``, ``tiles`` and ``tables`` are the cycles in which the nth is on chip, ``waits`` the cycles,
    first and last, in which the next request waits for room. ``spans`` are the loads: each from its first
    beat to its last, one after the other.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        request: Callable[[int, int, int], tuple[int, Sequence[int]]],
        freed_chunk: Callable[[int], int],
        freed_tile: Callable[[int], int],
        freed_table: Callable[[int], int],
    ) -> None:
        self._config = config
        self._request = request
        self._freed_chunk = freed_chunk
        self._freed_tile = freed_tile
        self._freed_table = freed_table
        self._taken = 0  # tiles that have their place
        self.chunks: list[int] = []
        self.tiles: list[int] = []
        self.tables: list[int] = []
        self.waits: list[tuple[int, int]] = []
        self.spans: list[Span] = []

    def load(self, job: Job, seen: int) -> int:
        """Ask for all of a job that is on offer from cycle ``seen`` on; the cycle in which it is taken."""
        table_bytes = PARAMETER_BYTES * self._config.col_pitch
        begins = seen + 1
        row = 0
        for rows in job.row_blocks:
            panel = 0
            for column, panels in enumerate(job.column_blocks):
                step = 0
                for chunk, steps in enumerate(job.chunks):
                    if column and len(job.chunks) == 1:
                        ready = begins + 1  # the chunk is there
                    else:
                        ready = self._activations(job, begins, row, rows, chunk, step, steps)
                    ready = self._weights(job, ready, panel, panels, step, steps)
                    begins = ready
                    step += steps
                if job.table:
                    addr = job.descriptor.params + panel * table_bytes
                    ready = self._parameters(ready, addr, panels * table_bytes)
                ended = ready
                begins = ended + 1
                panel += panels
            row += rows
        return ended

    def _activations(
        self, job: Job, begins: int, row: int, rows: int, chunk: int, step: int, steps: int
    ) -> int:
        """A chunk of A; the cycle after that in which its last row is accepted."""
        ready = self._wait(begins, len(self.chunks) - _PLACES, self._freed_chunk) + 1
        beats = self._row_beats(job, chunk, steps)
        d = job.descriptor
        addr = d.a_addr + row * d.a_stride + step * self._config.panel_bytes
        times: Sequence[int] = ()
        first = -1
        for _ in range(rows):
            accepted, times = self._request(ready, addr, beats)
            first = times[0] if first < 0 else first
            ready = accepted + 1
            addr += d.a_stride
        place = {"rows": [row, row + rows], "k_panels": [step, step + steps]}
        self.spans.append(Span("load A", first, times[-1], place))
        self.chunks.append(self._there(times[-1]))
        return ready

    def _weights(self, job: Job, ready: int, panel: int, panels: int, step: int, steps: int) -> int:
        """The tiles of a chunk."""
        config, d = self._config, job.descriptor
        tile_beats = config.tile_bytes // config.bus.bytes
        addr = d.b_addr + step * d.b_stride + panel * config.tile_bytes
        for _ in range(steps):
            self._taken += panels
            ready = self._wait(ready, self._taken - config.sram.weight_tiles - 1, self._freed_tile)
            accepted, times = self._request(ready, addr, panels * tile_beats)
            self.tiles += [self._there(cycle) for cycle in times[tile_beats - 1 :: tile_beats]]
            place = {"k_panel": step, "n_panels": [panel, panel + panels]}
            self.spans.append(Span("load B", times[0], times[-1], place))
            ready = accepted + 1
            addr += d.b_stride
            step += 1
        return ready

    def _parameters(self, ready: int, addr: int, size: int) -> int:
        """The parameters of a block."""
        ready = self._wait(ready, len(self.tables) - _PLACES, self._freed_table)
        accepted, times = self._request(ready, addr, size // self._config.bus.bytes)
        self.spans.append(Span("load table", times[0], times[-1], {}))
        self.tables.append(self._there(times[-1]))
        return accepted + 1

    def _wait(self, ready: int, place: int, freed: Callable[[int], int]) -> int:
        """The cycle from ``ready`` on in which whoever had the place is known to have left it."""
        if place < 0:
            return ready
        room = freed(place) + 1
        if room > ready:
            self.waits.append((ready, room - 1))
            return room
        return ready

    def _there(self, beat: int) -> int:
        return beat + self._config.build.sram_registers

    def _row_beats(self, job: Job, chunk: int, steps: int) -> int:
        """Beats of a row of a chunk."""
        config = self._config
        of_panel = config.beats_per_activation_word
        if of_panel == 1:
            return -(-steps // config.panels_per_activation_word)
        beats = steps * of_panel
        if chunk == len(job.chunks) - 1:
            tail = job.descriptor.k - (job.k_panels - 1) * config.rows
            beats += -(-tail * config.precision.a_bytes // config.bus.bytes) - of_panel
        return beats
