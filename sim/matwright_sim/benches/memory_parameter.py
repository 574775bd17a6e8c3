# SPDX-License-Identifier: Apache-2.0
"""Bench of the parameter memory. ``CONFIG`` holds the configuration as TOML."""

import os
import random
from typing import Any

import cocotb

from matwright.config import PARAMETER_BYTES, AcceleratorConfig
from matwright.memory.parameter import ParameterMemory

from ..agents.trace import element_of, play, start
from .memory_cases import Timeline, pulses, to_beats

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
BLOCKS = 40
LANES, BITS = CONFIG.build.post_lanes, 8 * PARAMETER_BYTES
PANEL_GROUPS = CONFIG.col_pitch // LANES
LATENCY = ParameterMemory.LATENCY
WIDTHS = {
    "w_valid": 1,
    "w_data": CONFIG.bus.data_width,
    "w_end": 1,
    "r_en": 1,
    "r_half": 1,
    "r_group": max(1, (ParameterMemory.groups(CONFIG) - 1).bit_length()),
}


@cocotb.test()
@cocotb.parametrize(pauses=[False, True])
async def entries_are_exact(dut: Any, pauses: bool) -> None:
    """Blocks of some panels are written while the block before is read; what is read stays."""
    rng = random.Random(random.getrandbits(32))
    line = Timeline(rng, WIDTHS, quiet={"w_valid": 1, "r_en": 1})

    def pause() -> int:
        return rng.choice([0, 0, 1, rng.randrange(8)]) if pauses else 0

    reads: list[tuple[int, list[int]]] = []  # cycle of r_en, entries
    filled: list[int] = []
    last_read: list[int] = []
    write = read = 0
    for i in range(BLOCKS):
        panels = rng.choice([1, rng.randint(1, CONFIG.sram.column_panels)])
        groups = panels * PANEL_GROUPS
        table = rng.randbytes(groups * LANES * PARAMETER_BYTES)
        write = max(write, last_read[i - 2] + 1 if i >= 2 else 0)
        beats = to_beats(table, CONFIG.bus.bytes)
        for b, beat in enumerate(beats):
            write += pause()
            line.put(write, w_valid=1, w_data=beat, w_end=b == len(beats) - 1)
            write += 1
        filled.append(write - 1)

        read = max(read, write)
        for _ in range(rng.randint(1, 2 * groups)):
            read += pause()
            group = rng.randrange(groups)
            line.put(read, r_en=1, r_half=i % 2, r_group=group)
            first = group * LANES
            entries = [
                int.from_bytes(table[PARAMETER_BYTES * e :][:PARAMETER_BYTES], "little")
                for e in range(first, first + LANES)
            ]
            reads.append((read, entries))
            read += 1
        last_read.append(read - 1)

    cycles = line.end + 6
    await start(dut, WIDTHS)
    record = await play(dut, line.inputs(cycles), ["entries", "filled"])

    assert pulses(record["filled"]) == filled
    following = [*(cycle for cycle, _ in reads[1:]), cycles - LATENCY]
    for (cycle, entries), until in zip(reads, following, strict=True):
        for at in range(cycle + LATENCY, until + LATENCY):
            bits = record["entries"][at]
            seen = [element_of(bits, BITS, lane, signed=False) for lane in range(LANES)]
            assert seen == entries, f"cycle {at}: {seen} instead of {entries}"
    dut._log.info("%d blocks, %d reads, %d cycles", BLOCKS, len(reads), cycles)
