# SPDX-License-Identifier: Apache-2.0
"""Bench of the parameter memory. ``CONFIG`` holds the configuration as TOML."""

import os
import random
from typing import Any, NamedTuple

import cocotb

from matwright.config import PARAMETER_BYTES, AcceleratorConfig
from matwright.memory.parameter import ParameterMemory

from ..agents.trace import Record, element_of, play, start
from .memory_cases import Guard, Moves, Timeline, WrittenRows, pulses, to_beats

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
BLOCKS = 40
BEAT, LANES, BITS = CONFIG.bus.bytes, CONFIG.build.post_lanes, 8 * PARAMETER_BYTES
GROUP = LANES * PARAMETER_BYTES
SUBS, PARTS = max(1, GROUP // BEAT), max(1, BEAT // GROUP)
GROUPS = ParameterMemory.groups(CONFIG)
PANEL_GROUPS = CONFIG.col_pitch // LANES
LATENCY = ParameterMemory.latency(CONFIG.build)
GUARD = Guard(CONFIG, CONFIG.bus.data_width)
WIDTHS = {
    "w_valid": 1,
    "w_data": CONFIG.bus.data_width,
    "w_end": 1,
    "r_en": 1,
    "r_half": 1,
    "r_group": max(1, (GROUPS - 1).bit_length()),
    **Moves.widths(CONFIG),
    **GUARD.widths,
}


class Beat(NamedTuple):
    """A beat that is written."""

    half: int
    begins: bool
    """It is the first of a block."""
    word: int | None
    """The word that is whole with it."""


class Read(NamedTuple):
    """A read, and what it must give."""

    half: int
    word: int
    entries: list[int]


class Traffic:
    """Blocks of some panels are written while the block before is read.

    With ``strays`` groups are read that are not of the block.
    """

    def __init__(self, rng: random.Random, *, pauses: bool, strays: bool = False) -> None:
        self.line = Timeline(rng, WIDTHS, {"w_valid": 1, "r_en": 1, **GUARD.quiet})
        self.moves = Moves(rng, CONFIG)
        self.beats: dict[int, Beat] = {}  # by cycle
        self.reads: dict[int, Read] = {}  # by cycle, in order
        self.filled: list[int] = []

        def pause() -> int:
            return rng.choice([0, 0, 1, rng.randrange(8)]) if pauses else 0

        last_read: list[int] = []
        write = read = 0
        for i in range(BLOCKS):
            panels = rng.choice([1, rng.randint(1, CONFIG.sram.column_panels)])
            groups = panels * PANEL_GROUPS
            table = rng.randbytes(groups * GROUP)
            write = max(write, last_read[i - 2] + 1 if i >= 2 else 0)
            beats = to_beats(table, BEAT)
            for b, beat in enumerate(beats):
                write += pause()
                self.line.put(write, w_valid=1, w_data=beat, w_end=b == len(beats) - 1)
                word = b // SUBS if b % SUBS == SUBS - 1 else None
                self.beats[write] = Beat(i % 2, b == 0, word)
                write += 1
            self.filled.append(write - 1)

            read = max(read, write)
            for _ in range(rng.randint(1, 2 * groups)):
                read = self.moves.first(read + pause())
                group = rng.randrange(GROUPS if strays and rng.random() < 0.2 else groups)
                self.line.put(read, r_en=1, r_half=i % 2, r_group=group)
                entries = [
                    int.from_bytes(table[PARAMETER_BYTES * e :][:PARAMETER_BYTES], "little")
                    for e in range(group * LANES, (group + 1) * LANES)
                ]
                self.reads[read] = Read(i % 2, group // PARTS, entries)
                read += 1
            # A half is given up when what was read of it shows.
            last_read.append(self.moves.shown(read - 1, LATENCY) - 1)

    def forget(self, rng: random.Random) -> set[int]:
        """Forget all at random; gives the cycles in which."""
        cycles = {cycle for cycle in range(self.line.end) if rng.random() < 0.02}
        for cycle in cycles:
            self.line.put(cycle, forget=1)
        return cycles

    def reset(self) -> int:
        """Reset when all is done, and read a few cycles later; gives the cycle of the reset."""
        cycle = self.line.end + 1
        self.line.put(cycle, rst=1)
        read = cycle + 4
        for i in range(2 * GROUPS):
            read = self.moves.first(read)
            self.line.put(read, r_en=1, r_half=i % 2, r_group=i // 2)
            self.reads[read] = Read(i % 2, i // 2 // PARTS, [])
            read += 1
        return cycle

    def unwritten(self, forgets: set[int]) -> list[int]:
        """Cycles in which unwritten groups are read, which then must read as 0."""
        rows = WrittenRows()
        found = []
        for cycle in range(self.line.end):
            read = self.reads.get(cycle)
            if read is not None and (read.half, read.word) not in rows:
                found.append(cycle)
                self.reads[cycle] = read._replace(entries=[0] * LANES)
            beat = self.beats.get(cycle)
            if beat is not None:
                if beat.begins:
                    rows.begin(beat.half)
                if beat.word is not None:
                    rows.add(beat.half, beat.word)
            if cycle in forgets:
                rows.forget()
        return found

    def used(self, cycle: int) -> int:
        """When a word that is read in ``cycle`` is used: where the banks' registers end, as it goes on."""
        shown = self.moves.shown(cycle, LATENCY)
        return self.moves.first(shown) if LATENCY > 1 else shown

    async def play(self, dut: Any) -> Record:
        """Play it, and compare what does not depend on marks and flips."""
        self.moves.put(self.line)
        await start(dut, WIDTHS)
        inputs = self.line.inputs(self.line.end + 6)
        record = await play(dut, inputs, ["entries", "filled", *GUARD.pulses])
        assert pulses(record["filled"]) == self.filled
        return record

    def check(self, record: Record, reset: int | None = None) -> None:
        """Compare the entries, which stay until the next read or the reset."""
        shown = [self.moves.shown(cycle, LATENCY) for cycle in self.reads]
        ends = [*shown[1:], len(record["entries"])]
        for (cycle, read), begin, until in zip(self.reads.items(), shown, ends, strict=True):
            end = until
            if reset is not None and cycle < reset < until:
                assert pulses(record["entries"][reset + 1 : until]) == []
                end = reset + 1
            for at in range(begin, end):
                bits = record["entries"][at]
                seen = [element_of(bits, BITS, lane, signed=False) for lane in range(LANES)]
                assert seen == read.entries, f"cycle {at}: {seen} instead of {read.entries}"


@cocotb.test()
@cocotb.parametrize(pauses=[False, True])
async def entries_are_exact(dut: Any, pauses: bool) -> None:
    """What is written is read, and nothing pulses."""
    traffic = Traffic(random.Random(random.getrandbits(32)), pauses=pauses)
    record = await traffic.play(dut)
    traffic.check(record)
    GUARD.check_quiet(record)
    dut._log.info("%d blocks, %d reads", BLOCKS, len(traffic.reads))


@cocotb.test()
async def unwritten_entries_are_zero(dut: Any) -> None:
    """Groups beyond the block, and all once they are forgotten, also in mid-block, or reset."""
    rng = random.Random(random.getrandbits(32))
    traffic = Traffic(rng, pauses=True, strays=True)
    forgets = traffic.forget(rng)
    reset = traffic.reset()
    unwritten = traffic.unwritten({*forgets, reset})
    record = await traffic.play(dut)
    traffic.check(record, reset)
    GUARD.check_quiet(record, [cycle + 1 for cycle in unwritten])
    assert 0 < len(unwritten) < len(traffic.reads)


@cocotb.test(skip=not CONFIG.build.protected)
@cocotb.parametrize(two=[False, True])
async def flips_are_seen(dut: Any, two: bool) -> None:
    """Bits flip in written words that are read, and in no others."""
    rng = random.Random(random.getrandbits(32))
    traffic = Traffic(rng, pauses=True, strays=True)
    unwritten = traffic.unwritten(traffic.forget(rng))
    cycles = {traffic.used(cycle) for cycle in traffic.reads if cycle not in unwritten}
    used = dict.fromkeys(range(SUBS), cycles)
    flips = GUARD.flip(rng, traffic.line, used, two)
    record = await traffic.play(dut)
    if GUARD.check_flips(record, flips, two, [cycle + 1 for cycle in unwritten]):
        traffic.check(record)
