# SPDX-License-Identifier: Apache-2.0
"""A strip of the array in Amaranth's simulator."""

from random import Random

import pytest

from matwright.config import AcceleratorConfig, Build, Bus
from matwright.core.strip import ArrayStrip
from matwright_sim.agents.trace import simulate
from matwright_sim.benches.core_cases import ArrayCase, tiles_at


def rows_of(case: ArrayCase) -> dict[str, list[int]]:
    """Inputs of a strip, row for row, from those of an array of one band."""
    inputs = case.inputs()
    rows, last = case.config.rows, inputs["load_last"]
    switch, load = [inputs["switch_in"]], [inputs["load"]]
    for _ in range(1, rows):
        switch.append([0, *switch[-1][:-1]])
        load.append([0, *(bit and not end for bit, end in zip(load[-1], last, strict=True))][:-1])

    def packed(lines: list[list[int]]) -> list[int]:
        return [sum(bit << r for r, bit in enumerate(bits)) for bits in zip(*lines, strict=True)]

    made = {"a": inputs["a"], "w": inputs["w"]}
    return made | {"switch_in": packed(switch), "load": packed(load)}


@pytest.mark.parametrize(("rows", "cols"), [(4, 1), (1, 4), (4, 3), (5, 8)])
def test_sums_and_what_goes_east(rows: int, cols: int) -> None:
    build = Build(product_registers=2, post_lanes=1)
    config = AcceleratorConfig(rows=rows, cols=cols, bus=Bus(data_width=32), build=build)
    print(f"seed {rows}")
    rng = Random(rows)
    schedule = [(i * rows, (i + 1) * rows) for i in range(8)]
    case = ArrayCase(config, tiles_at(config, rng, schedule), 9 * rows + 40, rng)
    inputs = rows_of(case)
    east = {"a_out": "a", "switch_out": "switch_in", "load_out": "load"}
    record = simulate(ArrayStrip(config, cols), inputs, ["psum", *east])

    lag = rows + 1 + build.product_registers
    assert case.wrong(record, lag, ArrayStrip.psum_width(config, rows)) == []
    for out, come in east.items():
        assert [int(bits, 2) for bits in record[out][cols:]] == inputs[come][:-cols]


def test_psum_width() -> None:
    config = AcceleratorConfig(rows=8, cols=4, bus=Bus(data_width=32), build=Build(post_lanes=1))
    assert [ArrayStrip.psum_width(config, rows) for rows in (0, 1, 2, 8)] == [0, 16, 17, 19]
