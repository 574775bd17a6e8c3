# SPDX-License-Identifier: Apache-2.0
"""Bench of the weight ring. ``CONFIG`` holds the configuration as TOML."""

import os
import random
from typing import Any

import cocotb

from matwright.config import AcceleratorConfig
from matwright.memory.weight import WeightRing

from ..agents.trace import element_of, play, start
from .core_cases import integers
from .memory_cases import Timeline, elements_to_bytes, pulses, to_beats

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
TILES = 5 * CONFIG.sram.weight_tiles + 3
ROWS, COLS, BAND, LANES = CONFIG.rows, CONFIG.cols, CONFIG.load_cycles, CONFIG.load_rows
B_WIDTH, B_BYTES = CONFIG.precision.b_width, CONFIG.precision.b_bytes
LATENCY = WeightRing.LATENCY
WIDTHS = {"w_valid": 1, "w_data": CONFIG.bus.data_width, "r_step": 1, "r_last": 1}


@cocotb.test()
@cocotb.parametrize(pace=["full", "slow_writes", "slow_reads", "random"])
async def weights_are_exact(dut: Any, pace: str) -> None:
    """The ring runs full and empty, wraps, and takes a tile in the cycle in which one is freed."""
    rng = random.Random(random.getrandbits(32))
    line = Timeline(rng, WIDTHS, quiet={"w_valid": 1, "r_step": 1})

    def pause(slow: str) -> int:
        if pace == "random":
            return rng.choice([0, 0, 1, rng.randrange(6)])
        return rng.randrange(6) if pace == slow else 0

    expected: dict[tuple[int, int, int], int] = {}  # (cycle, lane, column): element
    filled: list[int] = []
    freed: list[int] = []
    write = read = 0
    for i in range(TILES):
        weights = integers(rng, B_WIDTH, (BAND, LANES, COLS))
        elements = [
            (((t * LANES + lane) * CONFIG.col_pitch + c) * B_BYTES, int(weights[t, lane, c]))
            for t in range(BAND)
            for lane in range(LANES)
            for c in range(COLS)
        ]
        beats = to_beats(
            elements_to_bytes(rng, CONFIG.tile_bytes, elements, B_WIDTH), CONFIG.bus.bytes
        )
        full = i - CONFIG.sram.weight_tiles
        write = max(write, freed[full] if full >= 0 else 0)
        for beat in beats:
            write += pause("slow_writes")
            line.put(write, w_valid=1, w_data=beat)
            write += 1
        filled.append(write - 1)

        read = max(read, write)
        for step in range(BAND):
            read += pause("slow_reads")
            line.put(read, r_step=1, r_last=step == BAND - 1)
            for lane in range(LANES):
                for c in range(COLS):
                    cycle = read + LATENCY + lane * BAND + c
                    expected[cycle, lane, c] = int(weights[step, lane, c])
            read += 1
        freed.append(read - 1 + (LANES - 1) * BAND + COLS)

    cycles = line.end + ROWS + COLS + 4
    await start(dut, WIDTHS)
    record = await play(dut, line.inputs(cycles), ["w", "filled", "freed"])

    assert pulses(record["filled"]) == filled
    assert pulses(record["freed"]) == freed
    for (cycle, lane, c), value in expected.items():
        seen = element_of(record["w"][cycle], B_WIDTH, lane * COLS + c)
        assert seen == value, f"cycle {cycle}, lane {lane}, column {c}: {seen} instead of {value}"
    dut._log.info("%d tiles, %d elements, %d cycles", TILES, len(expected), cycles)
