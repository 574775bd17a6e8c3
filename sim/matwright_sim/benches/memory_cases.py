# SPDX-License-Identifier: Apache-2.0
"""What the benches of the memories share: random inputs, and marks on a line of cycles."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random

__all__ = ["SramCase", "Timeline", "elements_to_bytes", "pulses", "to_beats"]


class Timeline:
    """Values of the inputs by cycle. What is not put down is random, but for the bits ``quiet``."""

    def __init__(self, rng: Random, widths: Mapping[str, int], quiet: Mapping[str, int]) -> None:
        self._rng = rng
        self._widths = widths
        self._quiet = quiet
        self._events: dict[str, dict[int, int]] = {name: {} for name in widths}

    def put(self, cycle: int, **values: int) -> None:
        """Inputs of one cycle; each may be put down once."""
        for name, value in values.items():
            assert cycle not in self._events[name], f"{name} has a value in cycle {cycle}"
            self._events[name][cycle] = value

    @property
    def end(self) -> int:
        """The first cycle after all that was put down."""
        return 1 + max(max(events, default=-1) for events in self._events.values())

    def inputs(self, cycles: int) -> dict[str, list[int]]:
        """A value of each input for each cycle."""

        def other(name: str) -> int:
            return self._rng.getrandbits(self._widths[name]) & ~self._quiet.get(name, 0)

        return {
            name: [events[t] if t in events else other(name) for t in range(cycles)]
            for name, events in self._events.items()
        }


def elements_to_bytes(
    rng: Random, size: int, elements: Iterable[tuple[int, int]], width: int
) -> bytes:
    """``size`` bytes with ``width``-bit elements at their offsets, and all other bits random."""
    element_bytes = (width + 7) // 8
    buffer = bytearray(rng.randbytes(size))
    for offset, value in elements:
        spare = rng.getrandbits(8 * element_bytes - width) << width
        word = (value & (2**width - 1)) | spare
        buffer[offset : offset + element_bytes] = word.to_bytes(element_bytes, "little")
    return bytes(buffer)


def to_beats(buffer: bytes, beat: int) -> list[int]:
    """The beats of ``beat`` bytes in which ``buffer`` arrives."""
    return [int.from_bytes(buffer[at : at + beat], "little") for at in range(0, len(buffer), beat)]


def pulses(record: Sequence[str]) -> list[int]:
    """Cycles in which a one-bit output is high."""
    return [cycle for cycle, bits in enumerate(record) if int(bits, 2)]


class SramCase:
    """Random reads and writes, never of one word in one cycle, and what they must give.

    Every word is written before it is read; from cycle ``known`` on ``r_data`` is determined.
    """

    CYCLES = 400

    def __init__(self, rng: Random, width: int, depth: int) -> None:
        self.inputs: dict[str, list[int]] = {
            name: [] for name in ("w_en", "w_addr", "w_data", "r_en", "r_addr")
        }
        self.r_data: list[int] = []
        self.known = 0
        words: dict[int, int] = {}
        held: int | None = None
        for cycle in range(self.CYCLES):
            self.r_data.append(0 if held is None else held)
            if held is None:
                self.known = cycle + 1
            w_en, w_addr = rng.randrange(2), rng.randrange(depth)
            w_data = rng.getrandbits(width)
            r_addr = rng.randrange(depth)
            readable = r_addr in words and not (w_en and w_addr == r_addr)
            r_en = int(readable and rng.random() < 0.6)
            if r_en:
                held = words[r_addr]
            if w_en:
                words[w_addr] = w_data
            for name, value in zip(self.inputs, (w_en, w_addr, w_data, r_en, r_addr), strict=True):
                self.inputs[name].append(value)
