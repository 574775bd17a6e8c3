# SPDX-License-Identifier: Apache-2.0
"""How requests become bursts: the timing of :class:`matwright.bus.burst.BurstSplitter`."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

from matwright.config import Bus

from .memory import Memory

__all__ = ["Reader", "split"]


def split(bus: Bus, addr: int, beats: int) -> list[int]:
    """Beats of each burst of a request of ``beats`` beats from byte address ``addr``."""
    first = addr // bus.bytes % bus.max_burst
    ends = [first, *range(bus.max_burst, first + beats, bus.max_burst), first + beats]
    return [end - start for start, end in pairwise(ends)]


class Reader:
    """The read engine and the memory: requests in the order in which they are accepted.

    Cycles are counted from the doorbell. ``in_flight`` are the cycles, first and last, in which a burst
    is on offer or under way, ``busy`` those in which beats come; what follows without a gap is one.
    """

    def __init__(self, bus: Bus, registers: int, memory: Memory) -> None:
        self._bus = bus
        self._registers = registers
        self._memory = memory
        self._bursts = 0
        self._stage = (
            0  # earliest cycle in which the first register, if there is one, takes a request
        )
        self._begins = 0  # the same of the cutting of the next request
        self._entered = 0  # cycle in which the last burst entered the second register
        self._opened = 0  # cycle in which the last burst went to the guard
        self._taken = 0  # cycle in which its address was taken
        self._last_beat = 0
        self._ends: deque[int] = deque([-1] * bus.outstanding, bus.outstanding)
        self.beats = 0
        self.in_flight: list[tuple[int, int]] = []
        self.busy: list[tuple[int, int]] = []

    @property
    def _room(self) -> int:
        """First cycle in which the next burst may leave, since those in flight are few enough."""
        return self._ends[0] + 1

    def accepts(self, valid: int) -> int:
        """Cycle in which a request that is on offer from ``valid`` on is accepted."""
        if self._registers:
            return max(valid, self._stage)
        return max(valid, self._begins, self._room)

    def request(self, accepted: int, addr: int, beats: int) -> Sequence[int]:
        """Cycles of the beats of a request, accepted in a cycle that :meth:`accepts` gave."""
        held = self._registers == 2
        begins = accepted
        if self._registers:
            begins = max(accepted + 1, self._begins)
            if not held:
                begins = max(begins, self._room)
            self._stage = begins
        cut = begins
        times: list[Sequence[int]] = []
        for count in split(self._bus, addr, beats):
            if held:
                # A burst enters the second register as the one before leaves it.
                self._entered = cut = max(cut, self._opened)
            opened = max(cut + held, self._taken, self._room)
            times.append(self._burst(opened, count))
            cut = (cut if held else opened) + 1
        self._begins = cut
        if len(times) == 1:
            return times[0]
        return [cycle for burst in times for cycle in burst]

    def _burst(self, opened: int, beats: int) -> Sequence[int]:
        self._opened = opened
        self._taken, times = self._memory.read(self._bursts, opened + 1, self._last_beat, beats)
        self._last_beat = times[-1]
        self._ends.append(self._last_beat)
        self._bursts += 1
        self.beats += beats
        _join(self.in_flight, opened + 1, self._last_beat)
        if isinstance(times, range):
            _join(self.busy, times[0], times[-1])
        else:
            for cycle in times:
                _join(self.busy, cycle, cycle)
        return times


def _join(spans: list[tuple[int, int]], first: int, last: int) -> None:
    """Append a span that does not begin before the last one, or make that longer."""
    if spans and first <= spans[-1][1] + 1:
        spans[-1] = spans[-1][0], last
    else:
        spans.append((first, last))
