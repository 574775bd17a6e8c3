# SPDX-License-Identifier: Apache-2.0
"""Fresh pairs of ``scripts/check_cycles.py``, on four of its configurations: no cycle differs."""

import numpy as np
import pytest

import check_cycles

CONFIGS = (0, 5, 8, 11)
"""Of seed 1. Compiled once, in some ten seconds of CPU each: among them are rectangles whose sides are
no powers of two, four weight rows a cycle, one descriptor at a time, a serial multiplier, single
bursts of single beats, registers of every kind, check bits, and no checks at all."""


@pytest.mark.parametrize("index", CONFIGS)
@pytest.mark.parametrize(("stall", "count"), [(False, 50), (True, 20)])
def test_fresh_pairs(index: int, stall: bool, count: int) -> None:
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    config = check_cycles.configuration(1, index)
    for number in range(count):
        made = check_cycles.pair(config, (seed, index, number), stall)
        differ, counters = check_cycles.check(made)
        assert not differ, (number, made.shapes, made.program.descriptors, differ)
        assert counters["CYCLES"] > made.read_latency
