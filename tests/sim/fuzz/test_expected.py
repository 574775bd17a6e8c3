# SPDX-License-Identifier: Apache-2.0
"""What is due at the end of a program: the golden machine's answer, and what has no defined value."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from matwright.bus.window import Window
from matwright.layout import a_stride, b_stride, d_stride
from matwright.presets import PRESETS
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Error, Flag
from matwright_sim.agents.choices import recorded
from matwright_sim.fuzz.draw import draw_case
from matwright_sim.fuzz.expected import Expected, expected
from matwright_sim.golden.machine import GoldenMachine

CONFIG = PRESETS["small"]
MEMORY = 1 << 14
ALL = (Window(0, MEMORY - 1),)


def gemm(a: int, b: int, d: int, **fields: Any) -> Descriptor:
    shape = {"m": 4, "n": 8, "k": 8} | {k: fields.pop(k) for k in ("m", "n", "k") if k in fields}
    strides = {
        "a_stride": a_stride(CONFIG, shape["k"]),
        "b_stride": b_stride(CONFIG, shape["n"]),
        "d_stride": d_stride(CONFIG, shape["n"]),
    }
    values = {"tile_rows": 4, **shape, **strides, "params": 1 << 26, **fields}
    return Descriptor(a_addr=a, b_addr=b, d_addr=d, **values)


def due(*program: Descriptor, most_steps: int = 1000) -> Expected:
    memory = np.random.default_rng(1).integers(0, 256, MEMORY, dtype=np.uint8)
    for index, descriptor in enumerate(program):
        code = np.frombuffer(descriptor.pack(), np.uint8)
        memory[DESCRIPTOR_BYTES * index :][:DESCRIPTOR_BYTES] = code
    return expected(CONFIG, memory, 0, len(program), ALL, most_steps=most_steps)


def undefined(*program: Descriptor) -> list[int]:
    found = due(*program).undefined
    assert found is not None
    return sorted({int(place) // 1024 for place in np.flatnonzero(found)})


@pytest.mark.parametrize(
    ("program", "pages"),
    [
        ([gemm(1024, 2048, 3072), gemm(4096, 5120, 6144)], []),
        ([gemm(1024, 2048, 3072), gemm(3072, 5120, 6144)], [6]),  # reads what may not be there yet
        ([gemm(1024, 2048, 3072), gemm(3072, 5120, 6144, flags=Flag.FENCE)], []),
        ([gemm(1024, 2048, 3072), gemm(4096, 5120, 3072)], [3]),  # who is last?
        ([gemm(1024, 2048, 3072), gemm(4096, 5120, 3072, flags=Flag.FENCE)], []),
        ([gemm(1024, 2048, 3072), gemm(4096, 5120, 2048)], []),  # read before it is written
        ([gemm(1024, 2048, 1024)], [1]),  # over its own A
        ([gemm(1024, 2048, 3072, d_stride=0)], [3]),  # rows over each other
        ([gemm(1024, 2048, 1024), gemm(1024, 5120, 6144, flags=Flag.FENCE)], [1, 6]),
    ],
)
def test_what_is_undefined(program: list[Descriptor], pages: list[int]) -> None:
    assert undefined(*program) == pages


def test_other_ends() -> None:
    over = due(gemm(1024, 2048, 64), gemm(1024, 2048, 3072))
    assert not over.known and over.after is None
    large = gemm(1024, 2048, 3072, m=100, a_stride=0, d_stride=0, tile_rows=1)
    far = due(large, gemm(1024, 2048, 3072 + 1), most_steps=100)
    assert (far.long, far.error, far.index, far.after) == (True, Error.ALIGNMENT, 1, None)


def test_the_golden_machine_says_the_same() -> None:
    """Of random programs as a whole: error, index, address, and every defined byte."""
    seen: Counter[Error] = Counter()
    for index in range(12):
        case = draw_case(CONFIG, recorded((8, index), []))
        for program in case.programs:
            memory = program.image(case.world.memory_bytes)
            windows = program.windows
            found = expected(
                CONFIG, memory, program.address, program.count, windows, most_steps=6000
            )
            if found.long or not found.known:
                continue
            golden = GoldenMachine(CONFIG, memory.copy(), windows)
            outcome = golden.run(program.address, program.count)
            assert outcome[1:] == (found.error, found.index, found.address)
            assert found.after is not None and found.undefined is not None
            differ = (found.after != golden.memory) & ~found.undefined
            assert not differ.any()
            seen[outcome.error] += 1
    assert seen[Error.NONE] > 30 and seen[Error.WINDOW] > 5 and len(seen) >= 5, seen
