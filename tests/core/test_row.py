# SPDX-License-Identifier: Apache-2.0
"""One row of the array in Amaranth's simulator: the same as one segment of all columns."""

from random import Random

import pytest

from matwright.config import AcceleratorConfig, Build, Bus
from matwright.core.row import ArrayRow
from matwright.core.segment import ArraySegment
from matwright_sim.agents.trace import join, simulate

CYCLES = 60
WIDTH = ArraySegment.WIDTH


@pytest.mark.parametrize("above", [0, 18])
@pytest.mark.parametrize("cols", [1, WIDTH - 1, WIDTH, WIDTH + 1, 2 * WIDTH + 3])
def test_segments_are_as_one(cols: int, above: int) -> None:
    config = AcceleratorConfig(rows=4, cols=cols, bus=Bus(data_width=32), build=Build(post_lanes=1))
    print(f"seed {cols}")
    rng = Random(cols)
    inputs = {
        "a": [rng.randint(-128, 127) for _ in range(CYCLES)],
        "load": [int(rng.random() < 0.3) for _ in range(CYCLES)],
        "switch_in": [int(rng.random() < 0.3) for _ in range(CYCLES)],
        "w_in": [join((rng.getrandbits(8) for _ in range(cols)), 8) for _ in range(CYCLES)],
    }
    if above:
        inputs["psum_in"] = [
            join((rng.getrandbits(above) for _ in range(cols)), above) for _ in range(CYCLES)
        ]
    outputs = ["w_out", "psum_out"]
    segment = ArraySegment(config.precision, config.build, above, 19, cols)
    seen = simulate(ArrayRow(config, above, 19), inputs, outputs)
    assert seen == simulate(segment, inputs, outputs)
    assert len(set(seen["psum_out"])) > CYCLES // 4
