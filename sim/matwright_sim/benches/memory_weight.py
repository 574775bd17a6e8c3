# SPDX-License-Identifier: Apache-2.0
"""Bench of the weight ring. ``CONFIG`` holds the configuration as TOML."""

import os
import random
from typing import Any

import cocotb
import numpy as np

from matwright.config import AcceleratorConfig
from matwright.memory.weight import WeightRing

from ..agents.trace import Record, element_of, play, start
from .core_cases import integers
from .memory_cases import Guard, Timeline, elements_to_bytes, pulses, to_beats

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
TILES = 5 * CONFIG.sram.weight_tiles + 3
CYCLES = 1500
"""Cycles of random steps."""
ROWS, COLS, BAND, LANES = CONFIG.rows, CONFIG.cols, CONFIG.load_cycles, CONFIG.load_rows
B_WIDTH, B_BYTES = CONFIG.precision.b_width, CONFIG.precision.b_bytes
STEPS, SUBS = CONFIG.steps_per_weight_word, CONFIG.beats_per_weight_word
TILE_BEATS = CONFIG.tile_bytes // CONFIG.bus.bytes
LATENCY = WeightRing.latency(CONFIG.build)
SKEW = (LANES - 1) * BAND + COLS
"""Cycles from a step until all of it is read."""
GUARD = Guard(CONFIG, STEPS * B_WIDTH)
WIDTHS = {
    "w_valid": 1,
    "w_data": CONFIG.bus.data_width,
    "r_step": 1,
    "r_last": 1,
    **GUARD.widths,
}
QUIET = {"w_valid": 1, "r_step": 1, **GUARD.quiet}


class Tile:
    """A tile of random weights, and the beats in which it arrives."""

    def __init__(self, rng: random.Random) -> None:
        self.weights = integers(rng, B_WIDTH, (BAND, LANES, COLS))
        elements = [
            (((t * LANES + lane) * CONFIG.col_pitch + c) * B_BYTES, int(self.weights[t, lane, c]))
            for t in range(BAND)
            for lane in range(LANES)
            for c in range(COLS)
        ]
        buffer = elements_to_bytes(rng, CONFIG.tile_bytes, elements, B_WIDTH)
        self.beats = to_beats(buffer, CONFIG.bus.bytes)


class Traffic:
    """The ring runs full and empty, wraps, and takes a tile in the cycle in which one is freed."""

    def __init__(self, rng: random.Random, pace: str) -> None:
        self.line = Timeline(rng, WIDTHS, QUIET)
        self.steps: dict[int, np.ndarray] = {}  # by cycle, [lane, column]
        self.filled: list[int] = []
        self.freed: list[int] = []

        def pause(slow: str) -> int:
            if pace == "random":
                return rng.choice([0, 0, 1, rng.randrange(6)])
            return rng.randrange(6) if pace == slow else 0

        write = read = 0
        for i in range(TILES):
            tile = Tile(rng)
            full = i - CONFIG.sram.weight_tiles
            write = max(write, self.freed[full] if full >= 0 else 0)
            for beat in tile.beats:
                write += pause("slow_writes")
                self.line.put(write, w_valid=1, w_data=beat)
                write += 1
            self.filled.append(write - 1)

            read = max(read, write)
            for step in range(BAND):
                read += pause("slow_reads")
                self.line.put(read, r_step=1, r_last=step == BAND - 1)
                self.steps[read] = tile.weights[step]
                read += 1
            self.freed.append(read - 1 + SKEW)

    async def play(self, dut: Any) -> Record:
        """Play it, and compare what does not depend on flips."""
        record = await _play(dut, self.line)
        assert pulses(record["filled"]) == self.filled
        assert pulses(record["freed"]) == self.freed
        return record


async def _play(dut: Any, line: Timeline) -> Record:
    await start(dut, WIDTHS)
    cycles = line.end + ROWS + COLS + 4
    return await play(dut, line.inputs(cycles), ["w", "filled", "freed", *GUARD.pulses])


def _check(record: Record, steps: dict[int, np.ndarray]) -> None:
    """Each element that was read, and 0 in the places of the cycles without a step."""
    for cycle in range(len(record["w"]) - LATENCY - SKEW):
        for lane in range(LANES):
            for c in range(COLS):
                at = cycle + LATENCY + lane * BAND + c
                value = int(steps[cycle][lane, c]) if cycle in steps else 0
                seen = element_of(record["w"][at], B_WIDTH, lane * COLS + c)
                assert seen == value, (
                    f"cycle {at}, lane {lane}, column {c}: {seen} instead of {value}"
                )


@cocotb.test()
@cocotb.parametrize(pace=["full", "slow_writes", "slow_reads", "random"])
async def weights_are_exact(dut: Any, pace: str) -> None:
    """What is written is read, and nothing pulses."""
    traffic = Traffic(random.Random(random.getrandbits(32)), pace)
    record = await traffic.play(dut)
    _check(record, traffic.steps)
    GUARD.check_quiet(record)
    dut._log.info("%d tiles, %d steps", TILES, len(traffic.steps))


@cocotb.test()
async def unwritten_steps_are_zero(dut: Any) -> None:
    """Steps of an empty ring, what was forgotten until the ring has run empty, and all if reset."""
    rng = random.Random(random.getrandbits(32))
    line = Timeline(rng, WIDTHS, QUIET)
    depth = CONFIG.sram.weight_tiles * BAND // STEPS
    ring: list[np.ndarray] = []  # the steps of each word
    read_until = [0] * depth  # of each place, the cycle from which on it is free
    stale = False
    tile, sent, word, step = Tile(rng), 0, 0, 0
    steps: dict[int, np.ndarray] = {}
    unwritten: list[int] = []
    filled: list[int] = []
    freed: list[int] = []
    rates = (0.5, 0.5)
    for cycle in range(CYCLES):
        if cycle % 50 == 0:
            rates = rng.choice([(0.9, 0.1), (0.2, 0.9), (0.5, 0.5 * STEPS / SUBS), (1, 1), (0, 1)])
        was_empty, ends = not ring and sent % SUBS == 0, False
        if rng.random() < rates[1]:
            last = rng.randrange(2)
            line.put(cycle, r_step=1, r_last=last)
            freed += [cycle + SKEW] * last
            if stale or not ring:
                unwritten.append(cycle)
            else:
                steps[cycle] = ring[0][step]
            if ring:
                step = (step + 1) % STEPS
                ends = step == 0
        place = (word - len(ring)) % depth
        if rng.random() < rates[0] and len(ring) < depth and cycle >= read_until[word]:
            line.put(cycle, w_valid=1, w_data=tile.beats[sent])
            sent += 1
            if sent % SUBS == 0:
                first = (sent // SUBS - 1) * STEPS
                ring.append(tile.weights[first : first + STEPS])
                word = (word + 1) % depth
            if sent == TILE_BEATS:
                filled.append(cycle)
                tile, sent = Tile(rng), 0
        if ends:
            ring.pop(0)
            read_until[place] = cycle + SKEW
        stale &= not was_empty
        if rng.random() < 0.02:
            line.put(cycle, forget=1)
            stale = True

    # After a reset the ring is empty, and all is as at the start.
    reset = CYCLES + SKEW
    line.put(reset, rst=1)
    for cycle in range(reset + 1, reset + 20):
        line.put(cycle, r_step=1, r_last=0)
        unwritten.append(cycle)

    record = await _play(dut, line)
    _check(record, steps)
    assert pulses(record["filled"]) == filled
    assert pulses(record["freed"]) == freed
    GUARD.check_quiet(record, [cycle + 1 for cycle in unwritten])
    assert len(steps) > 50 and len(unwritten) > 50


@cocotb.test(skip=not CONFIG.build.protected)
@cocotb.parametrize(two=[False, True])
async def flips_are_seen(dut: Any, two: bool) -> None:
    """Bits flip in words that are read for a step, and in no others."""
    rng = random.Random(random.getrandbits(32))
    traffic = Traffic(rng, "random")
    used = {
        lane * COLS + c: {cycle + LATENCY + lane * BAND + c for cycle in traffic.steps}
        for lane in range(LANES)
        for c in range(COLS)
    }
    flips = GUARD.flip(rng, traffic.line, used, two)
    record = await traffic.play(dut)
    if GUARD.check_flips(record, flips, two):
        _check(record, traffic.steps)
