# SPDX-License-Identifier: Apache-2.0
"""Bench of the accumulator banks. ``CONFIG`` holds the configuration as TOML."""

import os
import random
from typing import Any, NamedTuple

import cocotb
import numpy as np

from matwright.config import AcceleratorConfig
from matwright.core.array import SystolicArray
from matwright.memory.accumulator import AccumulateCommand, Accumulator
from matwright.memory.sram import read_latency

from ..agents.stream_source import pack
from ..agents.trace import Record, element_of, join, play, start
from .core_cases import integers
from .memory_cases import Guard, Moves, Timeline, WrittenRows, pulses

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
BLOCKS = 30
COLS, ACC_WIDTH = CONFIG.cols, CONFIG.precision.acc_width
PSUM_WIDTH = SystolicArray.psum_width(CONFIG)
LANES, GROUPS = CONFIG.build.post_lanes, CONFIG.col_pitch // CONFIG.build.post_lanes
PADDING = CONFIG.col_pitch - COLS
LATENCY = Accumulator.latency(CONFIG.build)
LEAD = Accumulator.lead(CONFIG.build)
HAZARD = Accumulator.hazard(CONFIG.build)
AGAIN = min(CONFIG.load_cycles, HAZARD)
"""Cycles after which a row may come back."""
READS = read_latency(CONFIG.build)
"""Cycles from a read until its bank shows the word."""
LAYOUT = AccumulateCommand(CONFIG)
DEPTH = CONFIG.sram.accumulator_rows
GUARD = Guard(CONFIG, ACC_WIDTH)
WIDTHS = {
    "command": LAYOUT.size,
    "psum": COLS * PSUM_WIDTH,
    "r_en": 1,
    "r_bank": 1,
    "r_addr": max(1, (DEPTH - 1).bit_length()),
    "r_group": max(1, (GROUPS - 1).bit_length()),
    **Moves.widths(CONFIG),
    **GUARD.widths,
}


class Row(NamedTuple):
    """A row of partial sums that is added."""

    bank: int
    addr: int
    first: bool
    values: np.ndarray


class Read(NamedTuple):
    """A group of columns of a row that is read."""

    bank: int
    addr: int
    group: int


class Outcome(NamedTuple):
    """What must come of traffic."""

    sums: dict[int, list[int]]
    """Of each read, by its cycle."""
    unwritten: set[int]
    """Cycles in which an unwritten row is told of."""
    used: dict[int, set[int]]
    """Of each bank of words, the cycles in which it is used."""


class Traffic:
    """Rows that are added, and rows that are read, by cycle."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        idle = _command(valid=1, done=1)
        self.line = Timeline(rng, WIDTHS, {"command": idle, "r_en": 1, **GUARD.quiet})
        self.moves = Moves(rng, CONFIG)
        self.rows: dict[int, Row] = {}
        self.reads: dict[int, Read] = {}
        self.filled: list[int] = []
        self._forgets: set[int] = set()

    def add(self, cycle: int, bank: int, addr: int, *, first: bool, done: bool = False) -> None:
        """Add a row, or replace it with ``first``."""
        values = integers(self.rng, PSUM_WIDTH, (COLS,))
        self.rows[cycle] = Row(bank, addr, first, values)
        command = _command(valid=1, bank=bank, addr=addr, first=first, done=done)
        self.line.put(cycle, command=command)
        if done:
            self.filled.append(cycle + COLS + LEAD)

    def read(self, cycle: int, bank: int, addr: int) -> int:
        """Read a row, as soon as it is possible; gives the cycle."""
        cycle = self.moves.first(cycle)
        group = self.rng.randrange(GROUPS)
        self.line.put(cycle, r_en=1, r_bank=bank, r_addr=addr, r_group=group)
        self.reads[cycle] = Read(bank, addr, group)
        return cycle

    def shown(self, cycle: int) -> int:
        """From when on what is read in ``cycle`` shows."""
        return self.moves.shown(cycle, LATENCY)

    def forget(self) -> None:
        """Forget all rows at random."""
        for cycle in range(self.line.end):
            if self.rng.random() < 0.02:
                self.line.put(cycle, forget=1)
                self._forgets.add(cycle)

    def reset(self) -> int:
        """Reset when all is done, and read a few cycles later; gives the cycle of the reset."""
        cycle = max(self.line.end + COLS + HAZARD, *map(self.shown, self.reads)) + 2
        self.line.put(cycle, rst=1)
        self._forgets.add(cycle)
        read = cycle + 4
        for i in range(2 * DEPTH):
            read = self.read(read, i % 2, i // 2) + 1
        return cycle

    def outcome(self) -> Outcome:
        """What must come of it."""
        written = WrittenRows()
        sums: dict[tuple[int, int], np.ndarray] = {}
        found = Outcome({}, set(), {number: set() for number in range(2 * COLS)})
        for cycle in range(self.line.end):
            if cycle in self.reads:
                bank, addr, group = self.reads[cycle]
                if (bank, addr) in written:
                    row = [*(_wrap(int(value)) for value in sums[bank, addr]), *[0] * PADDING]
                    found.sums[cycle] = row[group * LANES :][:LANES]
                    used = self.moves.shown(cycle, READS)
                    used = self.moves.first(used) if READS > 1 else used
                    for c in range(COLS):
                        found.used[bank * COLS + c].add(used)
                else:
                    found.sums[cycle] = [0] * LANES
                    found.unwritten.add(cycle + 1)
            if cycle in self.rows:
                bank, addr, first, values = self.rows[cycle]
                late = range(cycle - HAZARD + 1, cycle)
                before = [self.rows[t][:2] for t in late if t in self.rows]
                if first:
                    sums[bank, addr] = values
                elif (bank, addr) not in written:
                    sums[bank, addr] = values
                    found.unwritten.add(cycle + 1)
                else:
                    sums[bank, addr] = sums[bank, addr] + values
                    if (bank, addr) not in before:
                        for c in range(COLS):
                            found.used[bank * COLS + c].add(cycle + READS + c)
                if first and addr == 0:
                    written.begin(bank)
                if first:
                    written.add(bank, addr)
            if cycle in self._forgets:
                written.forget()
        return found

    async def play(self, dut: Any) -> Record:
        """Play it. Partial sums that nobody asked for are random."""
        self.moves.put(self.line)
        rng, cycles = self.rng, self.line.end + COLS + 12
        inputs = self.line.inputs(cycles)
        psums = {
            (cycle + LEAD + c, c): int(value)
            for cycle, row in self.rows.items()
            for c, value in enumerate(row.values)
        }
        inputs["psum"] = [
            join((psums.get((t, c), rng.getrandbits(PSUM_WIDTH)) for c in range(COLS)), PSUM_WIDTH)
            for t in range(cycles)
        ]
        await start(dut, WIDTHS)
        record = await play(dut, inputs, ["sums", "filled", *GUARD.pulses])
        assert pulses(record["filled"]) == self.filled
        return record


class Blocks(Traffic):
    """One bank is added to while the other is read, whole rows in the cycle after ``filled``.

    With ``strays`` rows are also added to and read that are not of the block.
    """

    def __init__(
        self, rng: random.Random, order: str, *, pauses: bool, strays: bool = False
    ) -> None:
        super().__init__(rng)
        self.touched: list[int] = []  # cycles in which what was read is given up

        def pause() -> int:
            return rng.choice([0, 0, 1, 2, rng.randrange(6)]) if pauses else 0

        last_read: list[int] = []
        add = read = 0
        for i in range(BLOCKS):
            bank = i % 2
            count, again = _addresses(rng, order)
            if strays:
                again = [rng.randrange(DEPTH) if rng.random() < 0.2 else addr for addr in again]
            # A bank is given up when what was read of it shows.
            add = max(add, self.shown(last_read[i - 2]) if i >= 2 else 0)
            came: dict[int, int] = {}
            for n, addr in enumerate([*range(count), *again]):
                add = max(add + pause(), came.get(addr, -AGAIN) + AGAIN)
                came[addr] = add
                # The last row of the block may be replaced again.
                first = n < count or (addr == count - 1 and rng.random() < 0.1)
                self.add(add, bank, addr, first=first, done=n == count + len(again) - 1)
                if n == 0:
                    self.touched.append(add)
                add += 1

            read = max(read, self.filled[-1] + 1)
            for _ in range(rng.randint(1, 8)):
                read += pause()
                stray = strays and rng.random() < 0.2
                read = self.read(read, bank, rng.randrange(DEPTH if stray else count)) + 1
            last_read.append(read - 1)

    def check(self, record: Record, sums: dict[int, list[int]]) -> None:
        """Compare the sums, which stay until the next read or until their bank is given up."""
        shown = [self.shown(cycle) for cycle in sums]
        ends = [*shown[1:], len(record["sums"])]
        for wanted, begin, until in zip(sums.values(), shown, ends, strict=True):
            given_up = min((t + LATENCY for t in self.touched if t >= begin), default=until)
            for at in range(begin, min(until, given_up)):
                seen = _lanes(record["sums"][at])
                assert seen == wanted, f"cycle {at}: {seen} instead of {wanted}"


@cocotb.test()
@cocotb.parametrize(order=["same_row", "few_rows", "panels"], pauses=[False, True])
async def sums_are_exact(dut: Any, order: str, pauses: bool) -> None:
    """What is added is read, and nothing pulses."""
    blocks = Blocks(random.Random(random.getrandbits(32)), order, pauses=pauses)
    outcome = blocks.outcome()
    assert not outcome.unwritten
    record = await blocks.play(dut)
    blocks.check(record, outcome.sums)
    GUARD.check_quiet(record)
    dut._log.info("%d blocks, %d rows", BLOCKS, len(blocks.rows))


@cocotb.test()
async def banks_are_apart(dut: Any) -> None:
    """Rows of both banks in any order: a sum of one bank never counts for the other."""
    rng = random.Random(random.getrandbits(32))
    traffic = Traffic(rng)
    few = [(bank, addr) for addr in range(2) for bank in range(2)]
    came: dict[tuple[int, int], int] = {}
    cycle = 0
    for n in range(300):
        row = few[n] if n < len(few) else rng.choice(few)
        cycle = max(cycle + 1, came.get(row, 0) + AGAIN)
        came[row] = cycle
        traffic.add(cycle, *row, first=n < len(few))
    for row in few:
        traffic.read(max(cycle + COLS + LEAD + 1, 1 + max(traffic.reads, default=0)), *row)
    outcome = traffic.outcome()
    record = await traffic.play(dut)
    for at, wanted in outcome.sums.items():
        seen = _lanes(record["sums"][traffic.shown(at)])
        assert seen == wanted, f"{traffic.reads[at]}"
    GUARD.check_quiet(record)


@cocotb.test()
async def unwritten_rows_count_as_zero(dut: Any) -> None:
    """Rows beyond the block, and all once they are forgotten, also in mid-block, or reset."""
    rng = random.Random(random.getrandbits(32))
    blocks = Blocks(rng, "panels", pauses=True, strays=True)
    blocks.forget()
    reset = blocks.reset()
    blocks.touched.append(reset + 1 - LATENCY)  # gone in the cycle after
    outcome = blocks.outcome()
    record = await blocks.play(dut)
    blocks.check(record, outcome.sums)
    # Nothing is left in what the banks show, and the register behind takes that over.
    gone = reset + 1 if LATENCY == 1 else blocks.moves.first(reset + 1) + 1
    assert pulses(record["sums"][gone : reset + 5]) == []
    GUARD.check_quiet(record, sorted(outcome.unwritten))
    assert 10 < len(outcome.unwritten) < len(blocks.rows)


@cocotb.test(skip=not CONFIG.build.protected)
@cocotb.parametrize(order=["same_row", "panels"], two=[False, True])
async def flips_are_seen(dut: Any, order: str, two: bool) -> None:
    """Bits flip in written words that are added to or read, and in no others."""
    rng = random.Random(random.getrandbits(32))
    blocks = Blocks(rng, order, pauses=True, strays=True)
    blocks.forget()
    outcome = blocks.outcome()
    flips = GUARD.flip(rng, blocks.line, outcome.used, two)
    record = await blocks.play(dut)
    if GUARD.check_flips(record, flips, two, sorted(outcome.unwritten)):
        blocks.check(record, outcome.sums)


def _addresses(rng: random.Random, order: str) -> tuple[int, list[int]]:
    """Rows of a block, and those to which it adds once they are all there."""
    if order == "panels":
        count = rng.randint(1, DEPTH)
        return count, list(range(count)) * rng.randint(0, 3)
    count = rng.randint(1, min(DEPTH, 6))
    few = [rng.randrange(count) for _ in range(1 if order == "same_row" else 3)]
    return count, [rng.choice(few) for _ in range(rng.randint(1, 20))]


def _command(*, valid: int = 0, bank: int = 0, addr: int = 0, first: int = 0, done: int = 0) -> int:
    return pack(LAYOUT, valid=valid, bank=bank, addr=addr, first=first, done=done)


def _lanes(bits: str) -> list[int]:
    return [element_of(bits, ACC_WIDTH, lane) for lane in range(LANES)]


def _wrap(value: int) -> int:
    return (value + 2 ** (ACC_WIDTH - 1)) % 2**ACC_WIDTH - 2 ** (ACC_WIDTH - 1)
