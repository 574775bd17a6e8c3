# SPDX-License-Identifier: Apache-2.0
"""Random programs with something that goes wrong, for checks that reset and stop the accelerator."""

import numpy as np

from matwright.config import AcceleratorConfig

from ..agents.programs import build_program
from ..benches.unknowns import TROUBLES, Episode
from ..golden.machine import GoldenMachine

__all__ = ["MEMORY_BYTES", "draw"]

MEMORY_BYTES = 1 << 16
"""Of every episode's memory, at least; more for large configurations."""

_GEMMS = 2
_LONGEST_CYCLES = 600
_LAST_BURST = 4
_LONGEST_RESET = 4


def draw(config: AcceleratorConfig, seed: int, number: int) -> Episode:
    """Episode ``number`` of ``seed``: troubles take turns, all else is random.

    What it must leave in memory is NumPy's; only of a refused descriptor, which leaves nothing, the golden
    machine says which one it is and why.
    """
    rng = np.random.default_rng([seed, number])
    trouble = TROUBLES[number % len(TROUBLES)]
    high = 2 * max(config.rows, config.cols)
    shapes = [
        (int(rng.integers(1, 7)), int(rng.integers(1, high)), int(rng.integers(1, high)))
        for _ in range(_GEMMS)
    ]
    size = max(MEMORY_BYTES, config.rows * config.cols * 64)
    size = min(size, 1 << config.bus.addr_width)
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
