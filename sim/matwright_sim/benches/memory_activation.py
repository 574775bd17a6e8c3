# SPDX-License-Identifier: Apache-2.0
"""Bench of the activation scratchpad. ``CONFIG`` holds the configuration as TOML."""

import os
import random
from typing import Any

import cocotb

from matwright.config import AcceleratorConfig, ceil_div
from matwright.memory.activation import ActivationRead, ActivationScratchpad

from ..agents.stream_source import pack
from ..agents.trace import element_of, play, start
from .core_cases import integers
from .memory_cases import Timeline, elements_to_bytes, pulses, to_beats

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
CHUNKS = 24
ROWS, BEAT = CONFIG.rows, CONFIG.bus.bytes
A_WIDTH, A_BYTES = CONFIG.precision.a_width, CONFIG.precision.a_bytes
PANELS = CONFIG.panels_per_activation_word
LATENCY = ActivationScratchpad.LATENCY
WIDTHS = {
    "w_valid": 1,
    "w_data": CONFIG.bus.data_width,
    "w_row_end": 1,
    "w_chunk_end": 1,
    "read": ActivationRead(CONFIG).size,
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

    def beats(self, rng: random.Random, row: int) -> list[int]:
        """A row as it arrives: up to the beat of its last element."""
        size = ((self.panels - 1) * CONFIG.row_pitch + self.tail) * A_BYTES
        elements = [
            ((p * CONFIG.row_pitch + r) * A_BYTES, int(self.a[row, p, r]))
            for p in range(self.panels)
            for r in range(self.tail if p == self.panels - 1 else ROWS)
        ]
        whole = ceil_div(size, BEAT) * BEAT
        return to_beats(elements_to_bytes(rng, whole, elements, A_WIDTH), BEAT)


@cocotb.test()
@cocotb.parametrize(pauses=[False, True])
async def lanes_are_exact(dut: Any, pauses: bool) -> None:
    """Chunks are written while the chunk before is read, and a half again when it is freed."""
    rng = random.Random(random.getrandbits(32))
    layout = ActivationRead(CONFIG)
    done = pack(layout, half=0, word=0, panel=0, count=0, flip=0, done=1)
    line = Timeline(rng, WIDTHS, quiet={"w_valid": 1, "read": done})

    def pause() -> int:
        return rng.choice([0, 0, 1, rng.randrange(8)]) if pauses else 0

    expected: dict[tuple[int, int], int] = {}  # (cycle, lane): element
    filled: list[int] = []
    freed: list[int] = []
    write = read = 0
    for i in range(CHUNKS):
        chunk = Chunk(rng)
        # Write: the earliest cycle is that in which the half is freed.
        write = max(write, freed[i - 2] if i >= 2 else 0)
        for row in range(chunk.rows):
            beats = chunk.beats(rng, row)
            for b, beat in enumerate(beats):
                write += pause()
                row_end = b == len(beats) - 1
                end = row_end and row == chunk.rows - 1
                line.put(write, w_valid=1, w_data=beat, w_row_end=row_end, w_chunk_end=end)
                write += 1
        filled.append(write - 1)

        # Read: the earliest cycle is that after the last beat.
        read = max(read, write)
        reads = rng.randint(1, 2 * chunk.rows * chunk.panels)
        for n in range(reads):
            read += pause()
            row, panel = rng.randrange(chunk.rows), rng.randrange(chunk.panels)
            most = chunk.tail if panel == chunk.panels - 1 else ROWS
            count = rng.choice([most, rng.randint(0, most)])
            flip = rng.randrange(2)
            command = pack(
                layout,
                half=i % 2,
                word=row * chunk.row_words + panel // PANELS,
                panel=panel % PANELS,
                count=count,
                flip=flip,
                done=n == reads - 1,
            )
            line.put(read, read=command)
            for r in range(ROWS):
                value = int(chunk.a[row, panel, r]) if r < count else 0
                if flip and r < count:
                    value += 2 ** (A_WIDTH - 1) * (1 if value < 0 else -1)
                expected[read + LATENCY + r, r] = value
            read += 1
        freed.append(read - 1 + ROWS)

    cycles = line.end + ROWS + 4
    await start(dut, WIDTHS)
    record = await play(dut, line.inputs(cycles), ["a", "filled", "freed"])

    assert pulses(record["filled"]) == filled
    assert pulses(record["freed"]) == freed
    for (cycle, r), value in expected.items():
        seen = element_of(record["a"][cycle], A_WIDTH, r)
        assert seen == value, f"cycle {cycle}, lane {r}: {seen} instead of {value}"
    dut._log.info("%d chunks, %d elements, %d cycles", CHUNKS, len(expected), cycles)
