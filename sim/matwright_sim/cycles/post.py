# SPDX-License-Identifier: Apache-2.0
"""Post-processing cycle by cycle: :class:`matwright.post.post.PostProcess` without its numbers."""

from collections import deque
from typing import NamedTuple, Protocol

from matwright.config import AcceleratorConfig
from matwright.post.element_queue import ElementQueue
from matwright.post.requantize import Requantizer
from matwright.post.serial import SerialPost

__all__ = ["Item", "Post", "post_process"]


class Item(NamedTuple):
    """A group of columns of a row."""

    columns: int
    """Those of D in it; the others are padding."""
    last: bool
    """It ends the row."""


class Post(Protocol):
    """What the engines around see of post-processing. A cycle is :meth:`look`, then :meth:`step`."""

    @property
    def idle(self) -> bool:
        """Nothing is inside."""
        ...

    @property
    def beat(self) -> bool:
        """A beat is on offer."""
        ...

    def look(self, beat_taken: bool) -> bool:
        """Whether columns are taken in this cycle, or with a queue may be announced."""
        ...

    def step(self, item: Item | None, comes: bool) -> None:
        """The cycle ends. ``item`` is on offer; with a queue one ``comes``."""
        ...


def post_process(config: AcceleratorConfig, raw: bool) -> Post:
    """Post-processing as it is built."""
    if config.build.post_multiplier == "serial":
        return _Serial(config, raw)
    return _Queued(config, raw) if config.build.queued_results else _Waiting(config, raw)


class _Packer:
    """Items to beats, and the skid buffer behind."""

    def __init__(self, config: AcceleratorConfig, raw: bool) -> None:
        lanes, self._elements = config.build.post_lanes, config.bus.bytes // (4 if raw else 1)
        self._items = max(1, self._elements // lanes)  # of a beat
        self._beats = max(1, lanes // self._elements)  # of an item
        self._full = False
        self._kept = False
        self._slot = 0
        self.beat = False
        self.idle = True

    def step(self, item: Item | None, beat_taken: bool) -> bool:
        """Whether the item on offer is taken to its end."""
        kept = self.beat and not beat_taken
        ends = False
        if item is not None and not (self._full and self._kept):
            self._full = True
            if self._beats > 1:
                beats = -(-item.columns // self._elements) if item.last else self._beats
                ends = self._slot + 1 >= beats
                self._slot = 0 if ends else self._slot + 1
            else:
                ends = True
                self._full = item.last or self._slot + 1 == self._items
                self._slot = 0 if self._full else self._slot + 1
        elif not self._kept:
            self._full = False
        self._kept = kept
        self.beat = self._full or kept
        self.idle = not (self.beat or self._slot)
        return ends


class _Parallel:
    """The requantizer and what is behind it."""

    def __init__(self, config: AcceleratorConfig, raw: bool) -> None:
        stages = Requantizer.RAW_LATENCY if raw else Requantizer.LATENCY
        stages += config.build.post_registers * (1 if raw else 2)
        self._pipe: deque[Item | None] = deque([None] * stages, stages)
        self._packer = _Packer(config, raw)

    @property
    def beat(self) -> bool:
        return self._packer.beat


class _Waiting(_Parallel):
    """The requantizer waits when its item is not taken."""

    def __init__(self, config: AcceleratorConfig, raw: bool) -> None:
        super().__init__(config, raw)
        self._inside = 0
        self._moves = True

    @property
    def idle(self) -> bool:
        return not self._inside and self._packer.idle

    def look(self, beat_taken: bool) -> bool:
        item = self._pipe[-1]
        self._moves = self._packer.step(item, beat_taken) or item is None
        return self._moves

    def step(self, item: Item | None, comes: bool) -> None:
        if self._moves:
            self._inside += (item is not None) - (self._pipe[-1] is not None)
            self._pipe.appendleft(item)


class _Queued(_Parallel):
    """The requantizer never waits; items that are announced have their place in a queue."""

    def __init__(self, config: AcceleratorConfig, raw: bool) -> None:
        super().__init__(config, raw)
        self._items: deque[Item] = deque()  # in its memory
        self._shown: Item | None = None  # at its output
        self._places = ElementQueue.DEPTH
        self._room = self._rests = True
        self._taken = False

    @property
    def idle(self) -> bool:
        return self._rests and self._packer.idle

    def look(self, beat_taken: bool) -> bool:
        self._taken = self._packer.step(self._shown, beat_taken)
        return self._room

    def step(self, item: Item | None, comes: bool) -> None:
        taken, places = self._taken, self._places
        if self._shown is None or taken:
            self._shown = self._items.popleft() if self._items else None
        leaves = self._pipe[-1]
        if leaves is not None:
            self._items.append(leaves)
        self._pipe.appendleft(item)
        self._room = taken or places > 1 or (places == 1 and not comes)
        self._rests = not comes and places + taken >= ElementQueue.DEPTH
        self._places = places + taken - comes


class _Serial:
    """A bit of an element per cycle."""

    def __init__(self, config: AcceleratorConfig, raw: bool) -> None:
        self._bits = 32 if raw else 8
        # The cycles before an element's own bits; the first begins it.
        cycles = SerialPost.raw_cycles(config.precision.acc_width) if raw else SerialPost.CYCLES
        self._runs = cycles - self._bits - 1
        self._size = config.bus.bytes
        self._left = 0  # cycles of running
        self._puts = self._fills = 0  # bits to go
        self._place = 0  # bytes in the beat
        self._ends = False
        self._beat_taken = False
        self.beat = False

    @property
    def idle(self) -> bool:
        return not (self._left or self._puts or self._fills or self.beat or self._place)

    def look(self, beat_taken: bool) -> bool:
        self._beat_taken = beat_taken
        self._ends = self._puts == 1 and not self.beat
        return self._ends

    def step(self, item: Item | None, comes: bool) -> None:
        full, byte_ends = self.beat, False
        if self.beat and self._beat_taken:
            self.beat = False
        if self._left:
            self._left -= 1
            self._puts = self._bits if not self._left else 0
        elif (self._puts or self._fills) and not full:
            if self._puts:
                self._puts -= 1
                byte_ends = self._puts % 8 == 0
            else:
                self._fills -= 1
                byte_ends = self._fills % 8 == 0
            if byte_ends:
                self._place = (self._place + 1) % self._size
                self.beat = self._place == 0
            if self._ends and item is not None and item.last:
                self._fills = 8 * (-self._place % self._size)
        elif item is not None and not self._puts and not self._fills:
            self._left, self._puts = (self._runs, 0) if item.columns else (0, self._bits)
