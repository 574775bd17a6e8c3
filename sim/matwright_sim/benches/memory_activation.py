# SPDX-License-Identifier: Apache-2.0
"""Bench of the activation scratchpad. ``CONFIG`` holds the configuration as TOML."""

import os
import random
from typing import Any, NamedTuple

import cocotb

from matwright.config import AcceleratorConfig, ceil_div
from matwright.memory.activation import ActivationRead, ActivationScratchpad

from ..agents.stream_source import pack
from ..agents.trace import Record, element_of, play, start
from .core_cases import integers
from .memory_cases import Guard, Timeline, WrittenRows, elements_to_bytes, pulses, to_beats

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
CHUNKS = 24
ROWS, BEAT = CONFIG.rows, CONFIG.bus.bytes
A_WIDTH, A_BYTES = CONFIG.precision.a_width, CONFIG.precision.a_bytes
PANELS, SUBS = CONFIG.panels_per_activation_word, CONFIG.beats_per_activation_word
LATENCY = ActivationScratchpad.latency(CONFIG.build)
GUARD = Guard(CONFIG, PANELS * A_WIDTH)
LAYOUT = ActivationRead(CONFIG)
WIDTHS = {
    "w_valid": 1,
    "w_data": CONFIG.bus.data_width,
    "w_row_end": 1,
    "w_chunk_end": 1,
    "read": LAYOUT.size,
    **GUARD.widths,
}


class Chunk:
    """Random rows of A, each of ``panels`` panels, of which the last holds ``tail`` elements."""

    def __init__(self, rng: random.Random) -> None:
        words = CONFIG.activation_words
        row_words = rng.choice([1, words, rng.randint(1, words)])
        self.rows = rng.choice([1, words // row_words, rng.randint(1, words // row_words)])
        self.panels = rng.randint((row_words - 1) * PANELS + 1, row_words * PANELS)
        self.tail = rng.randint(1, ROWS)
        self.row_words = row_words
        self.a = integers(rng, A_WIDTH, (self.rows, self.panels, ROWS))
        self.beats = [self._beats(rng, row) for row in range(self.rows)]

    def element(self, row: int, panel: int, r: int) -> int:
        """What lane r holds; where no beat of the row is for it, what stands there in the last."""
        word = self.beats[row][panel // PANELS * SUBS :][:SUBS]
        beat, offset = divmod(r * A_BYTES, BEAT)
        place = offset + panel % PANELS * CONFIG.row_pitch * A_BYTES
        bits = word[min(beat, len(word) - 1)] >> 8 * place & 2**A_WIDTH - 1
        return bits - (bits >> A_WIDTH - 1 << A_WIDTH)

    def _beats(self, rng: random.Random, row: int) -> list[int]:
        """A row as it arrives: up to the beat of its last element."""
        size = ((self.panels - 1) * CONFIG.row_pitch + self.tail) * A_BYTES
        elements = [
            ((p * CONFIG.row_pitch + r) * A_BYTES, int(self.a[row, p, r]))
            for p in range(self.panels)
            for r in range(self.tail if p == self.panels - 1 else ROWS)
        ]
        whole = ceil_div(size, BEAT) * BEAT
        return to_beats(elements_to_bytes(rng, whole, elements, A_WIDTH), BEAT)


class Beat(NamedTuple):
    """A beat that is written."""

    half: int
    begins: bool
    """It is the first of a chunk."""
    word: int | None
    """The word that is whole with it."""


class Read(NamedTuple):
    """A command, and what it must read."""

    half: int
    word: int
    lanes: int
    values: list[int]


class Traffic:
    """Chunks are written while the chunk before is read, and a half again when it is freed.

    With ``strays`` words are read that are not of the chunk, and lanes beyond the tail of a row.
    """

    def __init__(self, rng: random.Random, *, pauses: bool, strays: bool = False) -> None:
        idle = pack(LAYOUT, valid=1, half=0, word=0, panel=0, count=0, flip=0, done=1)
        quiet = {"w_valid": 1, "read": idle, **GUARD.quiet}
        self.line = Timeline(rng, WIDTHS, quiet)
        self.beats: dict[int, Beat] = {}  # by cycle
        self.reads: dict[int, Read] = {}
        self.filled: list[int] = []
        self.freed: list[int] = []

        def pause() -> int:
            return rng.choice([0, 0, 1, rng.randrange(8)]) if pauses else 0

        write = read = 0
        for i in range(CHUNKS):
            chunk = Chunk(rng)
            # Write: the earliest cycle is that in which the half is freed.
            write = max(write, self.freed[i - 2] if i >= 2 else 0)
            for row in range(chunk.rows):
                for b, beat in enumerate(chunk.beats[row]):
                    write += pause()
                    row_end = b == len(chunk.beats[row]) - 1
                    end = row_end and row == chunk.rows - 1
                    self.line.put(write, w_valid=1, w_data=beat, w_row_end=row_end, w_chunk_end=end)
                    whole = row_end or b % SUBS == SUBS - 1
                    word = row * chunk.row_words + b // SUBS
                    self.beats[write] = Beat(i % 2, row == b == 0, word if whole else None)
                    write += 1
            self.filled.append(write - 1)

            # Read: the earliest cycle is that after the last beat.
            read = max(read, write)
            reads = rng.randint(1, 2 * chunk.rows * chunk.panels)
            for n in range(reads):
                read += pause()
                stray = strays and rng.random() < 0.3
                self._read(rng, read, i % 2, chunk, stray, done=n == reads - 1)
                read += 1
            self.freed.append(read - 1 + ROWS)

    def _read(
        self, rng: random.Random, cycle: int, half: int, chunk: Chunk, stray: bool, *, done: bool
    ) -> None:
        row, panel = rng.randrange(chunk.rows), rng.randrange(chunk.panels)
        word = row * chunk.row_words + panel // PANELS
        most = chunk.tail if panel == chunk.panels - 1 else ROWS
        count = rng.choice([most, rng.randint(0, most)])
        flip = rng.randrange(2)
        values = [int(chunk.a[row, panel, r]) if r < count else 0 for r in range(ROWS)]
        if stray:
            count, values = ROWS, [chunk.element(row, panel, r) for r in range(ROWS)]
        if flip:
            top = 2 ** (A_WIDTH - 1)
            values[:count] = [value + (top if value < 0 else -top) for value in values[:count]]
        beyond = chunk.rows * chunk.row_words
        if stray and beyond < CONFIG.activation_words and rng.random() < 0.7:
            word = rng.randrange(beyond, CONFIG.activation_words)
        self.reads[cycle] = Read(half, word, count, values)
        fields = {"half": half, "word": word, "panel": panel % PANELS, "count": count, "flip": flip}
        self.line.put(cycle, read=pack(LAYOUT, valid=1, **fields, done=done))

    def forget(self, rng: random.Random) -> set[int]:
        """Forget all at random; gives the cycles in which."""
        cycles = {cycle for cycle in range(self.line.end) if rng.random() < 0.02}
        for cycle in cycles:
            self.line.put(cycle, forget=1)
        return cycles

    def reset(self) -> int:
        """Reset when all is done, and read; gives the cycle of the reset."""
        cycle = self.line.end + ROWS
        self.line.put(cycle, rst=1)
        for half in range(2):
            for word in range(CONFIG.activation_words):
                at = self.line.end
                self.reads[at] = Read(half, word, ROWS, [])
                fields = {"half": half, "word": word, "panel": 0, "count": ROWS, "flip": 1}
                self.line.put(at, read=pack(LAYOUT, valid=1, **fields, done=0))
        return cycle

    def unwritten(self, forgets: set[int]) -> list[int]:
        """Cycles in which unwritten words are read, which then must read as 0."""
        rows = WrittenRows()
        found = []
        for cycle in range(self.line.end):
            read = self.reads.get(cycle)
            if read is not None and (read.half, read.word) not in rows:
                found.append(cycle)
                self.reads[cycle] = read._replace(lanes=0, values=[0] * ROWS)
            beat = self.beats.get(cycle)
            if beat is not None:
                if beat.begins:
                    rows.begin(beat.half)
                if beat.word is not None:
                    rows.add(beat.half, beat.word)
            if cycle in forgets:
                rows.forget()
        return found

    async def play(self, dut: Any) -> Record:
        """Play it, and compare what does not depend on marks and flips."""
        cycles = self.line.end + ROWS + LATENCY + 3
        await start(dut, WIDTHS)
        outputs = ["a", "filled", "freed", *GUARD.pulses]
        record = await play(dut, self.line.inputs(cycles), outputs)
        assert pulses(record["filled"]) == self.filled
        assert pulses(record["freed"]) == self.freed
        return record

    def check(self, record: Record) -> None:
        """Compare the elements."""
        for cycle, read in self.reads.items():
            for r, value in enumerate(read.values):
                seen = element_of(record["a"][cycle + LATENCY + r], A_WIDTH, r)
                assert seen == value, f"cycle {cycle}, lane {r}: {seen} instead of {value}"


@cocotb.test()
@cocotb.parametrize(pauses=[False, True])
async def lanes_are_exact(dut: Any, pauses: bool) -> None:
    """What is written is read, and nothing pulses."""
    traffic = Traffic(random.Random(random.getrandbits(32)), pauses=pauses)
    record = await traffic.play(dut)
    traffic.check(record)
    GUARD.check_quiet(record)
    dut._log.info("%d chunks, %d reads", CHUNKS, len(traffic.reads))


@cocotb.test()
async def unwritten_words_are_zero(dut: Any) -> None:
    """Words beyond the chunk, and all once they are forgotten, also in mid-chunk, or reset."""
    rng = random.Random(random.getrandbits(32))
    traffic = Traffic(rng, pauses=True, strays=True)
    forgets = traffic.forget(rng)
    unwritten = traffic.unwritten({*forgets, traffic.reset()})
    record = await traffic.play(dut)
    traffic.check(record)
    for cycle in range(traffic.line.end):
        if cycle not in traffic.reads:
            lanes = [element_of(record["a"][cycle + LATENCY + r], A_WIDTH, r) for r in range(ROWS)]
            assert lanes == [0] * ROWS, f"cycle {cycle}: {lanes} without a valid command"
    GUARD.check_quiet(record, [cycle + 1 for cycle in unwritten])
    assert 10 < len(unwritten) < len(traffic.reads) - 10


@cocotb.test(skip=not CONFIG.build.protected)
@cocotb.parametrize(two=[False, True])
async def flips_are_seen(dut: Any, two: bool) -> None:
    """Bits flip in words that are used, and in no others."""
    rng = random.Random(random.getrandbits(32))
    traffic = Traffic(rng, pauses=True, strays=True)
    unwritten = traffic.unwritten(traffic.forget(rng))
    used: dict[int, set[int]] = {r: set() for r in range(ROWS)}
    for cycle, read in traffic.reads.items():
        for r in range(read.lanes):
            used[r].add(cycle + LATENCY + r)
    flips = GUARD.flip(rng, traffic.line, used, two)
    record = await traffic.play(dut)
    if GUARD.check_flips(record, flips, two, [cycle + 1 for cycle in unwritten]):
        traffic.check(record)
