# SPDX-License-Identifier: Apache-2.0
"""Random programs with something that goes wrong, for checks that reset and stop the accelerator."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matwright.config import AcceleratorConfig

from ..agents.configurations import operand_bytes
from ..agents.programs import build_program
from ..golden.machine import GoldenMachine
from .check import NotRun

__all__ = ["TROUBLES", "Episode", "draw", "fitted", "memory_size"]

TROUBLES = ("none", "refused", "read error", "write error", "soft reset", "reset")
"""What happens: nothing; the last descriptor is refused; the memory answers a burst with an error; the
host resets in the middle, by CONTROL or by ``rst``. After the last four the program runs again."""

Shape = tuple[int, int, int]

_GEMMS = 2
_LEAST_MEMORY = 1 << 16
_SHARE = 2
"""Operands take one in so many bytes of memory, gaps between them the others."""
_LONGEST_CYCLES = 600
_LAST_BURST = 4
_LONGEST_RESET = 4


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A program, what goes wrong in it, and how it must end when it is run to its end."""

    trouble: str
    at: int
    """Cycles after the doorbell, or number of the burst, at which trouble comes."""
    edges: int
    """Cycles of ``rst``."""
    program: int
    count: int
    result: dict[str, int]
    """Registers at the end."""
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]


def memory_size(config: AcceleratorConfig) -> int:
    """Bytes of memory in which short programs have room, if the machine can address as many."""
    wanted = 4 * _SHARE * _GEMMS * operand_bytes(config, 1, 1, 1)
    size = max(_LEAST_MEMORY, config.rows * config.cols * 64, 1 << (wanted - 1).bit_length())
    return min(size, 1 << config.bus.addr_width)


def fitted(config: AcceleratorConfig, shapes: Sequence[Shape], memory_bytes: int) -> list[Shape]:
    """``shapes`` within the limits of a configuration, those halved for which memory has no room.

    Raises :class:`.NotRun` if there is none for the smallest.
    """
    limits = config.limits
    room = memory_bytes // _SHARE // len(shapes)
    found = []
    for m, n, k in shapes:
        sizes = [min(m, limits.max_m), min(n, limits.max_n), min(k, limits.max_k)]
        while operand_bytes(config, *sizes) > room:
            if max(sizes) == 1:
                raise NotRun(
                    f"memory must have room for a program, and with addresses of "
                    f"{config.bus.addr_width} bits it is of {memory_bytes} bytes"
                )
            largest = sizes.index(max(sizes))
            sizes[largest] = -(-sizes[largest] // 2)
        found.append((sizes[0], sizes[1], sizes[2]))
    return found


def draw(config: AcceleratorConfig, seed: int, number: int) -> Episode:
    """Episode ``number`` of ``seed``: troubles take turns, all else is random.

    What it must leave in memory is NumPy's; only of a refused descriptor, which leaves nothing, the golden
    machine says which one it is and why. Raises :class:`.NotRun` if no program finds room.
    """
    rng = np.random.default_rng([seed, number])
    trouble = TROUBLES[number % len(TROUBLES)]
    high = 2 * max(config.rows, config.cols)
    shapes = [
        (int(rng.integers(1, 7)), int(rng.integers(1, high)), int(rng.integers(1, high)))
        for _ in range(_GEMMS)
    ]
    size = memory_size(config)
    shapes = fitted(config, shapes, size)
    image = build_program(config, rng, shapes, memory_bytes=size, dependent=True)
    after = image.after
    completed, error, index = image.count, 0, 0
    if trouble == "refused":
        last = image.count - 1
        code = bytearray(image.descriptors[last].pack())
        code[0] ^= 1 << int(rng.integers(8))
        image.put(last, bytes(code))
        after = image.before.copy()
        completed, error, index, _ = GoldenMachine(config, after).run(image.address, image.count)
    return Episode(
        trouble=trouble,
        at=int(rng.integers(_LAST_BURST if trouble.endswith("error") else _LONGEST_CYCLES)) + 1,
        edges=int(rng.integers(1, _LONGEST_RESET)),
        program=image.address,
        count=image.count,
        result={
            "STATUS": 4 if error else 2,
            "COMPLETED": completed,
            "ERROR_CODE": int(error),
            "ERROR_INDEX": index,
        },
        before=image.before,
        after=after,
    )
