# SPDX-License-Identifier: Apache-2.0
"""Bench of the accumulator banks. ``CONFIG`` holds the configuration as TOML."""

import os
import random
from typing import Any

import cocotb
import numpy as np

from matwright.config import AcceleratorConfig
from matwright.core.array import SystolicArray
from matwright.memory.accumulator import AccumulateCommand, Accumulator

from ..agents.stream_source import pack
from ..agents.trace import Record, element_of, join, play, start
from .core_cases import integers
from .memory_cases import Timeline, pulses

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
BLOCKS = 30
COLS, ACC_WIDTH = CONFIG.cols, CONFIG.precision.acc_width
PSUM_WIDTH = SystolicArray.psum_width(CONFIG)
LATENCY = Accumulator.LATENCY
AGAIN = 1 if CONFIG.load_cycles < Accumulator.HAZARD else Accumulator.HAZARD
"""Cycles after which a row may come back."""
LAYOUT = AccumulateCommand(CONFIG)
ADDR_WIDTH = max(1, (CONFIG.sram.accumulator_rows - 1).bit_length())
WIDTHS = {
    "command": LAYOUT.size,
    "psum": COLS * PSUM_WIDTH,
    "r_en": 1,
    "r_bank": 1,
    "r_addr": ADDR_WIDTH,
}


@cocotb.test()
@cocotb.parametrize(order=["same_row", "few_rows", "panels"], pauses=[False, True])
async def sums_are_exact(dut: Any, order: str, pauses: bool) -> None:
    """One bank is added to while the other is read, whole rows in the cycle after ``filled``."""
    rng = random.Random(random.getrandbits(32))
    line = Timeline(rng, WIDTHS, quiet={"command": _command(valid=1), "r_en": 1})

    def pause() -> int:
        return rng.choice([0, 0, 1, 2, rng.randrange(6)]) if pauses else 0

    psums: dict[tuple[int, int], int] = {}  # (cycle, column): partial sum
    reads: list[tuple[int, list[int]]] = []  # cycle of r_en, sums
    touched: list[int] = []  # cycles in which the bank read is given up
    filled: list[int] = []
    last_read: list[int] = []
    add = read = 0
    for i in range(BLOCKS):
        bank = i % 2
        addresses = _addresses(rng, order)
        sums: dict[int, np.ndarray] = {}
        add = max(add, last_read[i - 2] + 1 if i >= 2 else 0)
        came: dict[int, int] = {}
        for n, addr in enumerate(addresses):
            add = max(add + pause(), came.get(addr, -AGAIN) + AGAIN)
            came[addr] = add
            values = integers(rng, PSUM_WIDTH, (COLS,))
            first = addr not in sums or rng.random() < 0.1
            sums[addr] = values if first else sums[addr] + values
            for c, value in enumerate(values):
                psums[add + 1 + c, c] = int(value)
            done = n == len(addresses) - 1
            line.put(add, command=_command(valid=1, bank=bank, addr=addr, first=first, done=done))
            if n == 0:
                touched.append(add)
            add += 1
        filled.append(add - 1 + COLS + 1)

        read = max(read, filled[-1] + 1)
        for _ in range(rng.randint(1, 8)):
            read += pause()
            addr = rng.choice(list(sums))
            line.put(read, r_en=1, r_bank=bank, r_addr=addr)
            reads.append((read, [_wrap(int(value)) for value in sums[addr]]))
            read += 1
        last_read.append(read - 1)

    cycles = line.end + COLS + 8
    record = await _play(dut, line, psums, cycles, rng)
    assert pulses(record["filled"]) == filled
    until = [*(cycle for cycle, _ in reads[1:]), cycles]
    for (cycle, sums_read), following in zip(reads, until, strict=True):
        given_up = min((t for t in touched if t > cycle), default=cycles)
        for at in range(cycle + LATENCY, min(following, given_up, cycles - LATENCY) + LATENCY):
            seen = [element_of(record["sums"][at], ACC_WIDTH, c) for c in range(COLS)]
            assert seen == sums_read, f"cycle {at}: {seen} instead of {sums_read}"
    dut._log.info("%d blocks, %d sums, %d cycles", BLOCKS, len(psums), cycles)


@cocotb.test()
async def banks_are_apart(dut: Any) -> None:
    """Rows of both banks in any order: a sum of one bank never counts for the other."""
    rng = random.Random(random.getrandbits(32))
    line = Timeline(rng, WIDTHS, quiet={"command": _command(valid=1, done=1), "r_en": 1})
    few = [(bank, addr) for bank in range(2) for addr in range(2)]
    sums: dict[tuple[int, int], np.ndarray] = {}
    came: dict[tuple[int, int], int] = {}
    psums: dict[tuple[int, int], int] = {}
    cycle = 0
    for _ in range(300):
        row = rng.choice(few)
        cycle = max(cycle + 1, came.get(row, 0) + AGAIN)
        came[row] = cycle
        values = integers(rng, PSUM_WIDTH, (COLS,))
        line.put(cycle, command=_command(valid=1, bank=row[0], addr=row[1], first=row not in sums))
        sums[row] = values + sums.get(row, 0)
        psums |= {(cycle + 1 + c, c): int(value) for c, value in enumerate(values)}
    first = cycle + COLS + 2
    for n, (bank, addr) in enumerate(few):
        line.put(first + n, r_en=1, r_bank=bank, r_addr=addr)

    record = await _play(dut, line, psums, line.end + 4, rng)
    assert pulses(record["filled"]) == []
    for n, row in enumerate(few):
        bits = record["sums"][first + n + LATENCY]
        seen = [element_of(bits, ACC_WIDTH, c) for c in range(COLS)]
        assert seen == [_wrap(int(value)) for value in sums[row]], f"bank and row {row}"


async def _play(
    dut: Any,
    line: Timeline,
    psums: dict[tuple[int, int], int],
    cycles: int,
    rng: random.Random,
) -> Record:
    """Play the line; partial sums that nobody asked for are random."""
    inputs = line.inputs(cycles)
    inputs["psum"] = [
        join((psums.get((t, c), rng.getrandbits(PSUM_WIDTH)) for c in range(COLS)), PSUM_WIDTH)
        for t in range(cycles)
    ]
    await start(dut, WIDTHS)
    return await play(dut, inputs, ["sums", "filled"])


def _addresses(rng: random.Random, order: str) -> list[int]:
    """Rows in the order in which a block adds to them."""
    depth = CONFIG.sram.accumulator_rows
    if order == "same_row":
        return [rng.randrange(depth)] * rng.randint(1, 12)
    if order == "few_rows":
        few = [rng.randrange(depth) for _ in range(3)]
        return [rng.choice(few) for _ in range(rng.randint(1, 30))]
    return list(range(rng.randint(1, depth))) * rng.randint(1, 4)


def _command(*, valid: int = 0, bank: int = 0, addr: int = 0, first: int = 0, done: int = 0) -> int:
    return pack(LAYOUT, valid=valid, bank=bank, addr=addr, first=first, done=done)


def _wrap(value: int) -> int:
    return (value + 2 ** (ACC_WIDTH - 1)) % 2**ACC_WIDTH - 2 ** (ACC_WIDTH - 1)
