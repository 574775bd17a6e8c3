# SPDX-License-Identifier: Apache-2.0
"""One row of the array in Amaranth's simulator."""

from random import Random

import pytest

from matwright.config import AcceleratorConfig, Build, Bus
from matwright.core.row import ArrayRow
from matwright_sim.agents.trace import element_of, join, simulate


@pytest.mark.parametrize(("cols", "registers"), [(1, 1), (3, 1), (4, 2)])
def test_columns_work_one_cycle_after_each_other(cols: int, registers: int) -> None:
    config = AcceleratorConfig(
        rows=4,
        cols=cols,
        bus=Bus(data_width=32),
        build=Build(product_registers=registers, post_lanes=1),
    )
    rng, cycles = Random(cols), 60
    a = [rng.randint(-128, 127) for _ in range(cycles)]
    above = [[rng.randint(-1000, 1000) for _ in range(cols)] for _ in range(cycles)]
    w = [[rng.randint(-128, 127) for _ in range(cols)] for _ in range(cycles)]
    loads = {0, 10, 11, 30}
    switches = {1, 11, 20, 31}
    inputs = {
        "a": a,
        "load": [int(t in loads) for t in range(cycles)],
        "switch_in": [int(t in switches) for t in range(cycles)],
        "w_in": [join(row, 8) for row in w],
        "psum_in": [join(row, 18) for row in above],
    }
    record = simulate(ArrayRow(config, 18, 19), inputs, ["w_out", "psum_out"])

    lag = 2 + registers
    for c in range(cols):
        waiting = weight = 0
        for t in range(cycles - lag - cols):
            # What column c does in cycle t + c: the switch takes the weight that waited before.
            if t in switches:
                weight = waiting
            if t in loads:
                waiting = w[t + c][c]
            if t >= 1:
                assert element_of(record["w_out"][t + c + 1], 8, c) == waiting, (
                    f"column {c}, cycle {t}"
                )
                psum = element_of(record["psum_out"][t + c + lag], 19, c)
                expected = above[t + c + lag - 1][c] + a[t] * weight
                assert psum == expected, f"column {c}, cycle {t}"
