# SPDX-License-Identifier: Apache-2.0
"""A segment of a row in Amaranth's simulator, and what a platform answers in its place."""

from random import Random

import pytest
from amaranth.hdl import Fragment

from matwright.config import Build, Precision
from matwright.core.pair import ProcessingElementPair
from matwright.core.segment import ArraySegment
from matwright_sim.agents.trace import element_of, join, simulate

CYCLES = 80
LOADS = {0, 10, 11, 30}
SWITCHES = {1, 11, 20, 31}


def traffic(cols: int, precision: Precision, psum_width: int) -> dict[str, list]:
    print(f"seed {cols}")
    rng = Random(cols)

    def number(width: int) -> int:
        return rng.randint(-(2 ** (width - 1)), 2 ** (width - 1) - 1)

    return {
        "a": [number(precision.a_width) for _ in range(CYCLES)],
        "above": [[number(psum_width - 1) for _ in range(cols)] for _ in range(CYCLES)],
        "w": [[number(precision.b_width) for _ in range(cols)] for _ in range(CYCLES)],
    }


@pytest.mark.parametrize("first_row", [False, True])
@pytest.mark.parametrize(
    ("cols", "registers", "widths"), [(1, 1, (8, 8)), (3, 1, (12, 5)), (8, 2, (8, 8))]
)
def test_columns_work_one_cycle_after_each_other(
    cols: int, registers: int, widths: tuple[int, int], first_row: bool
) -> None:
    precision = Precision(a_width=widths[0], b_width=widths[1])
    build = Build(product_registers=registers)
    above, below = (0, precision.psum_width(1)) if first_row else (24, 25)
    dut = ArraySegment(precision, build, above, below, cols)
    made = traffic(cols, precision, 24)
    a, w, psums = made["a"], made["w"], made["above"]
    inputs = {
        "a": a,
        "load": [int(t in LOADS) for t in range(CYCLES)],
        "switch_in": [int(t in SWITCHES) for t in range(CYCLES)],
        "w_in": [join(row, precision.b_width) for row in w],
    }
    if first_row:
        assert "psum_in" not in dut.signature.members
        psums = [[0] * cols] * CYCLES
    else:
        inputs["psum_in"] = [join(row, above) for row in psums]
    outputs = ["a_out", "switch_out", "load_out", "w_out", "psum_out"]
    record = simulate(dut, inputs, outputs)

    for t in range(cols, CYCLES):
        assert element_of(record["a_out"][t], precision.a_width, 0) == a[t - cols]
        assert int(record["switch_out"][t]) == inputs["switch_in"][t - cols]
        assert int(record["load_out"][t]) == inputs["load"][t - cols]
    lag = 2 + registers
    for c in range(cols):
        waiting = weight = 0
        for t in range(CYCLES - lag - cols):
            # What column c does in cycle t + c: the switch takes the weight that waited before.
            where = f"column {c}, cycle {t}"
            if t in SWITCHES:
                weight = waiting
            if t in LOADS:
                waiting = w[t + c][c]
            if t >= 1:
                seen = element_of(record["w_out"][t + c + 1], precision.b_width, c)
                assert seen == waiting, where
                psum = element_of(record["psum_out"][t + c + lag], below, c)
                assert psum == psums[t + c + lag - 1][c] + a[t] * weight, where


class Pairs:
    """A platform that wants elements two by two, and has no body for them."""

    @staticmethod
    def pairs(precision: Precision) -> bool:
        return True


@pytest.mark.parametrize(("cols", "kinds"), [(4, ["pair_0", "pair_2"]), (3, ["pair_0", "pe_2"])])
def test_pairs_are_placed_where_the_platform_wants_them(cols: int, kinds: list[str]) -> None:
    segment = Fragment.get(ArraySegment(Precision(), Build(), 16, 17, cols), Pairs())
    assert [name for _, name, _ in segment.subfragments] == kinds


def test_a_pair_is_two_elements_in_a_chain() -> None:
    precision, build = Precision(a_width=7, b_width=5), Build(product_registers=2)
    made = traffic(2, precision, 20)
    inputs = {
        "load": [int(t in LOADS) for t in range(CYCLES)],
        "switch_in": [int(t in SWITCHES) for t in range(CYCLES)],
        "w_in": [join(row, precision.b_width) for row in made["w"]],
        "psum_in": [join(row, 20) for row in made["above"]],
    }
    outputs = ["a_out", "switch_out", "load_out", "w_out", "psum_out"]
    segment = ArraySegment(precision, build, 20, 21, 2)
    expected = simulate(segment, inputs | {"a": made["a"]}, outputs)
    pair = ProcessingElementPair(precision, build, 20, 21)
    named = {"load": "load_in", "a": "a_in"}
    inputs = {named.get(name, name): values for name, values in (inputs | {"a": made["a"]}).items()}
    assert simulate(pair, inputs, outputs) == expected
