# SPDX-License-Identifier: Apache-2.0
"""When jobs reach the engines: :class:`matwright.schedule.dispatcher.Dispatcher`, and the slots."""

from collections.abc import Callable, Sequence

from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import FIELDS
from matwright.schedule.divider import PanelCount
from matwright.schedule.region import RegionCheck

from .job import Job

__all__ = ["Slots", "checked"]


def checked(config: AcceleratorConfig, job: Job, beats: Sequence[int]) -> int:
    """First cycle in which a descriptor may be dispatched whose ``beats`` come then."""
    times = [cycle + config.build.sram_registers for cycle in beats]
    arrived = times[-1] + 1
    lanes = config.bus.data_width // 32
    counted = settled = 0
    for name, largest, side in (
        ("n", config.limits.max_n, config.cols),
        ("k", config.limits.max_k, config.rows),
    ):
        if side & (side - 1):
            latency = PanelCount.cycles(largest, side)
            counted = max(counted, times[FIELDS[name].word // lanes] + latency)
            settled = counted + RegionCheck.COUNT_LATENCY
    if config.build.unsafe_unchecked:
        return max(arrived, counted)
    # A region takes a cycle for each bit of its rows less one, and one more: A, B, D, the table.
    rows, panels = (job.descriptor.m - 1).bit_length() + 1, (job.k_panels - 1).bit_length() + 1
    return max(arrived + rows, settled) + panels + rows + job.table + RegionCheck.LATENCY


class Slots:
    """The places in which jobs wait for an engine, one behind the other.

    The nth job is ``dispatched`` in a cycle, and the engine takes it in the cycle in which it ``ended``.
    ``cut``: the first place takes a job only in the cycle after the one before has left it.
    """

    def __init__(
        self, count: int, cut: bool, dispatched: list[int], ended: Callable[[int], int]
    ) -> None:
        self._count = count
        self._cut = cut
        self._dispatched = dispatched
        self._ended = ended
        self._taken: list[list[int]] = [[] for _ in range(count)]

    def left(self, job: int) -> int:
        """Cycle in which a job leaves the dispatcher."""
        return self._leaves(-1, job)

    def seen(self, job: int) -> int:
        """Cycle from which on the engine sees a job."""
        if not self._count:
            return self._dispatched[job] + 1
        return self._leaves(self._count - 2, job) + 1

    def _leaves(self, place: int, job: int) -> int:
        """Cycle in which a job leaves a place; -1: the dispatcher."""
        if place == self._count - 1:
            return self._ended(job)
        taken = self._taken[place + 1]
        while len(taken) <= job:
            n = len(taken)
            comes = self._dispatched[n] if place < 0 else self._leaves(place - 1, n)
            free = self._leaves(place + 1, n - 1) if n else 0
            taken.append(max(comes + 1, free + (place < 0 and self._cut and n > 0)))
        return taken[job]
