# SPDX-License-Identifier: Apache-2.0
"""The processing element in Amaranth's simulator."""

from random import Random

import pytest

from matwright.config import Build, Precision
from matwright.core.pe import ProcessingElement
from matwright_sim.agents.trace import Record, element_of, simulate

INPUTS = ("a_in", "switch_in", "load_in", "w_in", "psum_in")


def element(registers: int, a_width: int = 8, b_width: int = 8) -> ProcessingElement:
    precision = Precision(a_width=a_width, b_width=b_width)
    width = precision.product_width
    return ProcessingElement(precision, Build(product_registers=registers), width, width + 2)


def trace(cycles: int, **events: dict[int, int]) -> dict[str, list[int]]:
    """All inputs 0 but for those events: value of a port by cycle."""
    return {name: [events.get(name, {}).get(t, 0) for t in range(cycles)] for name in INPUTS}


def sums(dut: ProcessingElement, record: Record) -> list[int]:
    return [element_of(bits, len(dut.psum_out), 0) for bits in record["psum_out"]]


@pytest.mark.parametrize("registers", [1, 2])
def test_latency(registers: int) -> None:
    dut = element(registers)
    assert dut.latency == 2 + registers
    one = trace(12, w_in={0: 7}, load_in={0: 1}, switch_in={1: 1}, a_in={4: -5}, psum_in={8: 100})
    record = simulate(dut, one, ["psum_out"])
    expected = [0] * 12
    expected[4 + dut.latency] += -35
    expected[9] += 100
    # Before the first product, what the registers hold counts for nobody.
    assert sums(dut, record)[4:] == expected[4:]


def test_what_travels_lags_by_one_cycle() -> None:
    rng, dut = Random(1), element(1)
    inputs = {
        name: [rng.getrandbits(1) for _ in range(50)] for name in ("switch_in", "load_in")
    } | {"a_in": [rng.randint(-128, 127) for _ in range(50)]}
    record = simulate(dut, inputs, ["a_out", "switch_out", "load_out"])
    for name, signed in (("a", True), ("switch", False), ("load", False)):
        width = len(getattr(dut, f"{name}_out"))
        seen = [element_of(bits, width, 0, signed=signed) for bits in record[f"{name}_out"]]
        assert seen[1:] == inputs[f"{name}_in"][:-1]


@pytest.mark.parametrize("registers", [1, 2])
def test_switch_takes_the_weight_that_waits_while_the_next_comes(registers: int) -> None:
    dut = element(registers)
    inputs = trace(
        10,
        w_in={0: 3, 1: 11},
        load_in={0: 1, 1: 1},
        switch_in={1: 1, 4: 1},
        a_in={1: 1, 2: 1, 4: 1},
    )
    record = simulate(dut, inputs, ["psum_out", "w_out"])
    lag = dut.latency
    assert [sums(dut, record)[t + lag] for t in (1, 2, 3, 4)] == [3, 3, 0, 11]
    assert [element_of(bits, 8, 0) for bits in record["w_out"][1:4]] == [3, 11, 11]


def test_weight_is_held_without_switch_and_waiting_one_without_load() -> None:
    dut, rng = element(1), Random(2)
    a = [rng.randint(-128, 127) for _ in range(200)]
    inputs = trace(200, load_in={0: 1, 100: 1}, switch_in={1: 1, 150: 1}) | {
        "a_in": a,
        "w_in": [5, *(rng.randint(-128, 127) for _ in range(199))],
    }
    waiting = inputs["w_in"][100]
    seen = sums(dut, simulate(dut, inputs, ["psum_out"]))
    for t in range(1, 200 - dut.latency):
        assert seen[t + dut.latency] == a[t] * (5 if t < 150 else waiting), f"cycle {t}"


@pytest.mark.parametrize("registers", [1, 2])
@pytest.mark.parametrize(("a_width", "b_width"), [(8, 8), (12, 5), (2, 2), (16, 16), (3, 16)])
def test_extremes(registers: int, a_width: int, b_width: int) -> None:
    dut = element(registers, a_width, b_width)
    a_ends = (-(2 ** (a_width - 1)), 2 ** (a_width - 1) - 1)
    b_ends = (-(2 ** (b_width - 1)), 2 ** (b_width - 1) - 1)
    in_width = a_width + b_width
    ends = (-(2 ** (in_width - 1)), 2 ** (in_width - 1) - 1, 0)
    cases = [(a, w, psum) for a in a_ends for w in b_ends for psum in ends]
    lag = dut.latency
    size = len(cases) + lag + 2
    inputs = trace(
        size,
        w_in={t: w for t, (_, w, _) in enumerate(cases)},
        load_in=dict.fromkeys(range(len(cases)), 1),
        switch_in={t + 1: 1 for t in range(len(cases))},
        a_in={t + 1: a for t, (a, _, _) in enumerate(cases)},
        psum_in={t + lag: psum for t, (_, _, psum) in enumerate(cases)},
    )
    seen = sums(dut, simulate(dut, inputs, ["psum_out"]))
    assert [seen[t + 1 + lag] for t in range(len(cases))] == [a * w + p for a, w, p in cases]


def test_sum_wraps_at_its_width() -> None:
    dut = ProcessingElement(Precision(acc_width=16), Build(), 16, 16)
    inputs = trace(
        8, w_in={0: -128}, load_in={0: 1}, switch_in={1: 1}, a_in={1: -128}, psum_in={3: 2**15 - 1}
    )
    seen = sums(dut, simulate(dut, inputs, ["psum_out"]))
    assert seen[4] == 2**15 - 1 + 2**14 - 2**16
