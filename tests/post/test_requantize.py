# SPDX-License-Identifier: Apache-2.0
"""The requantizer in Amaranth's simulator, against fractions."""

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from matwright.config import Precision
from matwright.post.payload import sums_layout, values_layout
from matwright.post.requantize import Requantizer
from matwright_sim.benches.post_cases import (
    Settings,
    bits_of,
    elements_of,
    random_rows,
    random_settings,
)

HALVES = (1, 3, 5, 255, 257, 511, 513, 1025, 1281, 2561, 5121, 10_241, 20_481, 40_961)
"""Twice the results to aim at: ties within range, and each bit above it alone."""


def _exact(total: int, word: int, settings: Settings) -> int:
    """The contract's arithmetic in fractions, apart from the golden model."""
    scale = Fraction(word % 2**27, 2 ** (20 + (word >> 27)))
    y = min(max(round(total * scale) + settings.zero_point, -128), 127)
    return (y + 128 if settings.d_unsigned else y) % 256


def _run(
    exchange: Any,
    acc_width: int,
    lanes: int,
    items: list[dict[str, Any]],
    settings: Settings,
    registers: int = 0,
) -> list[dict[str, Any]]:
    precision = Precision(a_width=2, b_width=2, acc_width=acc_width)
    source, sink = sums_layout(precision, lanes), values_layout(lanes)
    words = [bits_of(source, item) for item in items]
    dut = Requantizer(precision, lanes, registers)
    trace = exchange(dut, words, len(items), settings.ports())
    mask = 0xFFFF_FFFF if settings.raw else 0xFF
    out = []
    for word in trace.received:
        got = sink.from_bits(word)
        values = [got.values[lane] & mask for lane in range(got.mask.bit_length())]
        out.append({"values": values, "mask": got.mask, "last": got.last})
    return out


@pytest.mark.parametrize("registers", [0, 1])
@pytest.mark.parametrize("acc_width", [4, 16, 17, 20, 32])
@pytest.mark.parametrize("raw", [False, True])
def test_random(exchange: Any, acc_width: int, raw: bool, registers: int) -> None:
    seed = 31 * acc_width + 2 * registers + raw
    print(f"seed {seed}")
    rng = Random(seed)
    precision = Precision(a_width=2, b_width=2, acc_width=acc_width)
    for lanes in (1, 4):
        settings = random_settings(rng, raw)
        items = random_rows(rng, precision, lanes, 80)
        assert _run(exchange, acc_width, lanes, items, settings, registers) == elements_of(
            items, precision, settings
        )


def test_ties_and_extremes_of_every_exponent(exchange: Any) -> None:
    """Sums whose scaled value is a tie, or one step beside it, at each shift; both parities."""
    low, high = -(2**31), 2**31 - 1
    cases = []
    for exponent in range(32):
        for multiplier in (0, 1, 2**26, 3 << 25, 2**27 - 1):
            word = exponent << 27 | multiplier
            unit = 2 ** (20 + exponent)
            for halves in (*HALVES, *(-h for h in HALVES)):
                # The sum at which total * u / unit is nearest to halves / 2.
                near = round(Fraction(halves * unit, 2 * max(1, multiplier)))
                cases += [(min(max(near + d, low), high), word) for d in (-1, 0, 1)]
            cases += [(total, word) for total in (low, low + 1, -1, 0, 1, high - 1, high)]
    for zero_point, d_unsigned in ((0, 0), (-128, 1), (127, 0)):
        settings = Settings(use_table=1, zero_point=zero_point, d_unsigned=d_unsigned)
        lanes = 8
        padded = cases + [(0, 0)] * (-len(cases) % lanes)
        items = []
        for first in range(0, len(padded), lanes):
            sums, words = zip(*padded[first : first + lanes], strict=True)
            items.append(
                {"sums": sums, "biases": [0] * lanes, "words": words, "count": lanes, "last": 0}
            )
        found = [v for item in _run(exchange, 32, lanes, items, settings) for v in item["values"]]
        assert found == [_exact(total, word, settings) for total, word in padded]
    ties = sum(
        (total * (word % 2**27)) % 2 ** (20 + (word >> 27)) == 2 ** (19 + (word >> 27))
        for total, word in cases
    )
    assert ties > 200


@pytest.mark.parametrize("registers", [0, 1])
@pytest.mark.parametrize("raw", [0, 1])
def test_latency(exchange: Any, raw: int, registers: int) -> None:
    """One item per cycle, each on offer exactly latency cycles after it went in."""
    precision = Precision()
    items = [
        {"sums": [n], "biases": [0], "words": [1 << 20], "count": 1, "last": 0} for n in range(20)
    ]
    words = [bits_of(sums_layout(precision, 1), item) for item in items]
    dut = Requantizer(precision, 1, registers)
    trace = exchange(dut, words, len(items), {"raw": raw, "use_table": 1})
    latency = dut.raw_latency if raw else dut.latency
    assert latency == (1 + registers if raw else 7 + 2 * registers)
    assert [b - a for a, b in zip(trace.entered, trace.offered, strict=True)] == [latency] * 20
    assert trace.stalled == 0
    assert trace.idle == trace.offered[-1] + 1


def test_without_table_parameters_have_no_influence(exchange: Any) -> None:
    item = {"sums": [1000], "biases": [77], "words": [5], "count": 1, "last": 1}
    settings = Settings(use_table=0, scale=1 << 27 | 1 << 17)
    assert _run(exchange, 32, 1, [item], settings)[0]["values"] == [62]  # 62.5 rounds to even


def test_lanes_below_one_are_refused(refused: Callable[..., str]) -> None:
    assert refused(Requantizer, Precision(), 0) == "lanes must be at least 1, not 0"
