# SPDX-License-Identifier: Apache-2.0
"""What the benches of the memories share: random inputs, and marks on a line of cycles."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from random import Random
from typing import NamedTuple

from matwright.config import AcceleratorConfig
from matwright.memory.checks import check_bits
from matwright.memory.protected import BankInjection

from ..agents.stream_source import pack
from ..agents.trace import Record

__all__ = [
    "Flips",
    "Guard",
    "Moves",
    "SramCase",
    "Timeline",
    "WrittenRows",
    "elements_to_bytes",
    "pulses",
    "to_beats",
]


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


class Moves:
    """Cycles in which what was read goes on: those of ``r_moves``, and all if there is no such port."""

    def __init__(self, rng: Random, config: AcceleratorConfig) -> None:
        self._rng = rng
        self._always = not config.build.sram_registers
        self._moves: list[bool] = []

    @staticmethod
    def widths(config: AcceleratorConfig) -> dict[str, int]:
        """The port, if there is one."""
        return {"r_moves": 1} if config.build.results_wait else {}

    def __getitem__(self, cycle: int) -> bool:
        while len(self._moves) <= cycle:
            # Now and then it stands still for long.
            again = bool(self._moves) and not self._moves[-1] and self._rng.random() < 0.6
            self._moves.append(self._always or (not again and self._rng.random() < 0.8))
        return self._moves[cycle]

    def first(self, cycle: int) -> int:
        """The first such cycle that is not before ``cycle``."""
        return next(t for t in count(cycle) if self[t])

    def shown(self, cycle: int, latency: int) -> int:
        """From when on what is read in ``cycle`` shows: after ``latency`` of these, itself the first."""
        assert self[cycle]
        for _ in range(latency - 1):
            cycle = self.first(cycle + 1)
        return cycle + 1

    def put(self, line: Timeline) -> None:
        """Put down the port in all cycles, with some beyond the last."""
        if not self._always:
            for cycle in range(line.end + 100):
                line.put(cycle, r_moves=self[cycle])


class WrittenRows:
    """Rows of two halves that count as written: of each half, those of the run that began last."""

    def __init__(self) -> None:
        self.forget()

    def begin(self, half: int) -> None:
        """The first part of row 0 of ``half`` is written; the rows before count until it is whole."""
        self._goes_on[half] = True

    def add(self, half: int, row: int) -> None:
        """The last part of ``row`` is written."""
        if self._goes_on[half]:
            self._rows[half] = {0} if row == 0 else {*self._rows[half], row}

    def forget(self) -> None:
        """Nothing is written any more, and runs that are under way do not count."""
        self._rows: list[set[int]] = [set(), set()]
        self._goes_on = [False, False]

    def __contains__(self, place: tuple[int, int]) -> bool:
        half, row = place
        return row in self._rows[half]


class Flips(NamedTuple):
    """Cycles in which bits are flipped, and those in which that must be told."""

    injected: list[int]
    told: list[int]


class Guard:
    """The ports that guard a memory's contents; ``width`` is that of the data of a bank."""

    def __init__(self, config: AcceleratorConfig, width: int) -> None:
        self.protection = config.build.sram_protection
        self.bits = width + check_bits(width, self.protection)
        self.widths = {"rst": 1, "forget": 1}
        self.pulses = ["unwritten"]
        if config.build.protected:
            self.widths["inject"] = BankInjection().size
            self.pulses += ["injected", "corrected", "uncorrected"]
        armed = pack(BankInjection(), armed=1, bank=0, first=0, second=0)
        self.quiet = {"rst": 1, "forget": 1, "inject": armed}

    def check_quiet(self, record: Record, unwritten: Sequence[int] = ()) -> None:
        """Nothing must pulse, but for what was ``unwritten`` in these cycles."""
        assert pulses(record["unwritten"]) == list(unwritten)
        for name in self.pulses[1:]:
            assert pulses(record[name]) == [], name

    def flip(self, rng: Random, line: Timeline, used: Mapping[int, set[int]], two: bool) -> Flips:
        """Arm one flip after the other, each of one bit or of ``two``.

        ``used`` tells of each bank in which cycles it is used.
        """
        flips = Flips([], [])
        cycle, end = 0, 1 + max(t for cycles in used.values() for t in cycles)
        while cycle < end:
            bank = rng.choice(sorted(used))
            inside, outside = rng.sample(range(self.bits), 2), rng.randrange(self.bits, 1024)
            ways = (
                [inside] if two else [[inside[0]] * 2, [inside[0], outside], [outside, inside[1]]]
            )
            first, second = rng.choice(ways)
            nothing = rng.random() < 0.1
            if nothing:
                first, second = outside, rng.randrange(self.bits, 1024)
            # It is armed from the second cycle on, and until it has happened.
            happens = min((t for t in used[bank] if t > cycle), default=end)
            word = pack(BankInjection(), armed=1, bank=bank, first=first, second=second)
            for t in range(cycle, min(happens + 1, end)):
                line.put(t, inject=word)
            if happens < end:
                flips.injected.append(happens)
                if not nothing:
                    flips.told.append(happens + 1)
            cycle = happens + 1 + rng.choice([0, 0, 1, rng.randrange(20)])
        return flips

    def check_flips(
        self, record: Record, flips: Flips, two: bool, unwritten: Sequence[int] = ()
    ) -> bool:
        """Compare the pulses; gives whether the data must be as if nothing was flipped."""
        secded = self.protection == "secded"
        assert pulses(record["injected"]) == flips.injected
        assert pulses(record["corrected"]) == (flips.told if secded and not two else [])
        # Parity tells of one flip, SECDED of two.
        assert pulses(record["uncorrected"]) == (flips.told if secded == two else [])
        assert pulses(record["unwritten"]) == list(unwritten)
        assert len(flips.told) > 10, "too few flips"
        return secded and not two


class SramCase:
    """Random reads and writes, never of one word in one cycle, and what they must give.

    Every word is written before it is read; from cycle ``known`` on ``r_data`` is determined, but for
    cycles that are not ``defined``: with a ``single`` port those after a write. No cycle then has both.
    """

    CYCLES = 400

    def __init__(
        self,
        rng: Random,
        width: int,
        depth: int,
        registers: int = 0,
        *,
        single: bool = False,
        waits: bool = True,
    ) -> None:
        names = ("w_en", "w_addr", "w_data", "r_en", "r_addr")
        self.inputs: dict[str, list[int]] = {name: [] for name in names}
        self.r_data: list[int] = []
        self.defined: list[bool] = []
        self.known = 0
        places = [0, depth - 1, *(rng.randrange(depth) for _ in range(40))]
        words: dict[int, int] = {}
        held: int | None = None
        defined = True
        for cycle in range(self.CYCLES):
            self.r_data.append(0 if held is None else held)
            self.defined.append(defined)
            if held is None:
                self.known = cycle + 1
            w_en, w_addr = rng.randrange(2), rng.choice(places)
            w_data = rng.getrandbits(width)
            r_addr = rng.choice(places)
            readable = r_addr in words and not (w_en and w_addr == r_addr)
            r_en = int(readable and rng.random() < 0.6)
            if single and r_en:
                w_en = 0
            if r_en:
                held = words[r_addr]
            if r_en or (single and w_en):
                defined = bool(r_en)
            if w_en:
                words[w_addr] = w_data
            for name, value in zip(names, (w_en, w_addr, w_data, r_en, r_addr), strict=True):
                self.inputs[name].append(value)
        if registers:
            self._hold(rng, waits)

    def _hold(self, rng: Random, waits: bool) -> None:
        """A register behind: it takes over what was there, in the cycles of ``r_moves`` if it waits."""
        moves = [rng.randrange(2) if waits else 1 for _ in range(self.CYCLES)]
        if waits:
            self.inputs["r_moves"] = moves
        first = next(t for t in range(self.known, self.CYCLES) if moves[t])
        words = list(zip(self.r_data, self.defined, strict=True))
        held = (0, True)
        for cycle, move in enumerate(moves):
            self.r_data[cycle], self.defined[cycle] = held
            held = words[cycle] if move else held
        self.known = first + 1

    def check(self, record: Sequence[str]) -> None:
        """AssertionError unless all that is determined was seen."""
        seen = 0
        for cycle, (bits, word) in enumerate(zip(record, self.r_data, strict=True)):
            if cycle >= self.known and self.defined[cycle]:
                assert int(bits, 2) == word, f"r_data must be {word:x} in cycle {cycle}, not {bits}"
                seen += 1
        assert seen > self.CYCLES // 5, seen
