# SPDX-License-Identifier: Apache-2.0
"""Writing cycle by cycle: :class:`matwright.bus.write.WriteEngine`, and the memory behind it."""

from collections import deque
from typing import NamedTuple

from matwright.config import Bus

from .memory import Memory
from .reader import split

__all__ = ["Writer"]


class Burst(NamedTuple):
    """A burst of a request."""

    beats: int
    end: bool
    """It ends a job."""


class Writer:
    """Cuts requests into bursts, sends their beats, and waits for the answers.

    In a cycle :meth:`accepts`, :meth:`ready` and :meth:`room` are looked at, and then comes :meth:`step`.
    """

    def __init__(self, bus: Bus, registers: int, memory: Memory) -> None:
        self._bus = bus
        self._registers = registers
        self._memory = memory
        # The splitter: the request in the first register, what is left of the one that is being cut,
        # the burst in the second register.
        self._request: deque[Burst] = deque()
        self._left: deque[Burst] = deque()
        self._burst: Burst | None = None
        # The address channel: the burst on offer, and for how many cycles it has waited.
        self._address = False
        self._address_waits = 0
        self._addresses = 0
        # Beats to come of each burst, and whether each that is not answered ends a job.
        self._owed: deque[int] = deque()
        self._unanswered: deque[bool] = deque()
        # The data channel: the beat on offer.
        self.valid = False
        self._last = False
        self._beat_waits = 0
        # The memory: cycles in which addresses and last beats were taken; and of the answers.
        self._taken: deque[int] = deque()
        self._ended: deque[int] = deque()
        self._answers: deque[int] = deque()
        self._answer = 0
        self._bursts = 0
        self.beats = 0

    def cut(self, addr: int, beats: int, end: bool) -> deque[Burst]:
        """A request as its bursts; ``end``: it is the last of a job."""
        sizes = split(self._bus, addr, beats)
        return deque(Burst(size, end and i == len(sizes) - 1) for i, size in enumerate(sizes))

    @property
    def _unheld(self) -> bool:
        return len(self._unanswered) < self._bus.outstanding

    def accepts(self) -> bool:
        """Whether a request is accepted in this cycle."""
        if self._registers and not self._request:
            return True
        return not self._left and (self._registers == 2 or self._unheld)

    def ready(self) -> bool:
        """Whether the memory takes a beat in this cycle."""
        recording = self._memory.recording
        if recording is None or not self.valid:
            return True
        return self._beat_waits >= recording.write_beat_waits[self.beats]

    def room(self, ready: bool) -> bool:
        """Whether a beat is accepted in this cycle."""
        return bool(self._owed) and (not self.valid or ready)

    @property
    def quiet(self) -> bool:
        """Every burst is answered."""
        return not self._unanswered

    @property
    def still(self) -> bool:
        """Nothing can happen but answers."""
        return not (
            self._request or self._left or self._burst or self._address or self._owed or self.valid
        )

    @property
    def next_answer(self) -> int | None:
        """Cycle of the next answer, if one is due."""
        return self._answers[0] if self._answers else None

    def step(self, cycle: int, request: deque[Burst] | None, beat: bool, ready: bool) -> bool:
        """The cycle ends; ``request`` and ``beat`` were accepted. Whether a job is complete."""
        unheld = self._unheld
        self._data(cycle, beat, ready)
        taken = self._address and self._address_ready()
        if taken:
            self._taken.append(cycle)
            self._addresses += 1
        elif self._address:
            self._address_waits += 1
        self._answer_bursts()
        complete = False
        if self._answers and self._answers[0] == cycle:
            self._answers.popleft()
            complete = self._unanswered.popleft()
        opened = self._splitter(request, unheld, not self._address or taken)
        if opened is not None:
            self._address, self._address_waits = True, 0
            self._owed.append(opened.beats)
            self._unanswered.append(opened.end)
        elif taken:
            self._address = False
        return complete

    def _address_ready(self) -> bool:
        recording = self._memory.recording
        if recording is None:
            return True
        return self._address_waits >= recording.write_address_waits[self._addresses]

    def _data(self, cycle: int, beat: bool, ready: bool) -> None:
        if self.valid and ready:
            self.beats += 1
            if self._last:
                self._ended.append(cycle)
            self.valid = False
        elif self.valid:
            self._beat_waits += 1
        if beat:
            self.valid, self._beat_waits = True, 0
            self._owed[0] -= 1
            self._last = not self._owed[0]
            if self._last:
                self._owed.popleft()

    def _answer_bursts(self) -> None:
        while self._taken and self._ended:
            whole = max(self._taken.popleft(), self._ended.popleft())
            recording = self._memory.recording
            if recording is None:
                self._answer = max(whole + self._memory.write_latency, self._answer + 1)
            else:
                self._answer = whole + recording.responses[self._bursts]
            self._bursts += 1
            self._answers.append(self._answer)

    def _splitter(
        self, request: deque[Burst] | None, unheld: bool, guard_ready: bool
    ) -> Burst | None:
        """The burst that goes to the guard."""
        registers, left = self._registers, self._left
        held = registers < 2 and not unheld
        source = left
        if not left and not held:
            # The next request begins to be cut.
            if registers:
                source, self._request = self._request, deque()
            elif request is not None:
                source = request
        if registers and request is not None:
            self._request = request
        opened: Burst | None = None
        if registers == 2:
            opens = self._burst is not None and unheld and guard_ready
            opened = self._burst if opens else None
            if self._burst is None or opens:
                self._burst = source.popleft() if source else None
        elif source and guard_ready and not held:
            opened = source.popleft()
        self._left = source
        return opened
