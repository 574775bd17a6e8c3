# SPDX-License-Identifier: Apache-2.0
"""Post-processing bit by bit in Amaranth's simulator: the results of the parallel one, and its cycles."""

from fractions import Fraction
from random import Random
from typing import Any

import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.post.payload import beat_layout, sums_layout
from matwright.post.serial import SerialPost
from matwright_sim.benches.post_cases import (
    Settings,
    beats_of,
    bits_of,
    elements_of,
    random_rows,
    random_settings,
)


def config(acc_width: int = 32, data_width: int = 32) -> AcceleratorConfig:
    return AcceleratorConfig(
        rows=8,
        cols=8,
        precision=Precision(a_width=2, b_width=2, acc_width=acc_width),
        sram=Sram(column_panels=16),
        bus=Bus(data_width=data_width, max_burst=4),
        limits=Limits(max_k=1),
        build=Build(post_lanes=1, post_multiplier="serial"),
    )


def run(
    exchange: Any, machine: AcceleratorConfig, items: list[dict], settings: Settings, **pauses: Any
) -> tuple[list[tuple[int, int]], Any]:
    """The beats, and the trace."""
    words = [bits_of(sums_layout(machine.precision, 1), item) for item in items]
    elements = elements_of(items, machine.precision, settings)
    expected = beats_of(elements, 1, machine.bus.bytes, bool(settings.raw))
    trace = exchange(SerialPost(machine), words, len(expected), settings.ports(), **pauses)
    beats = [beat_layout(machine.bus.bytes).from_bits(word) for word in trace.received]
    assert [(beat.data, beat.strb) for beat in beats] == expected, settings
    return expected, trace


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    ("acc_width", "data_width"), [(32, 32), (32, 64), (4, 32), (17, 128), (24, 32)]
)
def test_random(exchange: Any, acc_width: int, data_width: int, raw: bool) -> None:
    seed = 41 * acc_width + data_width + raw
    print(f"seed {seed}")
    rng, machine = Random(seed), config(acc_width, data_width)
    for take in (1.0, 0.5):
        settings = random_settings(rng, raw)
        items = random_rows(rng, machine.precision, 1, 20)
        run(exchange, machine, items, settings, take=take, offer=0.7, seed=seed)


HALVES = (1, 3, 255, 257, 511, 40_961)
"""Twice the results to aim at: ties within range, and some far beyond it."""


@pytest.mark.parametrize(
    ("exponent", "zero_point", "d_unsigned"),
    [(0, 0, 0), (1, -128, 1), (12, 127, 0), (13, 0, 1), (30, -128, 0), (31, 127, 1), (31, 0, 0)],
)
def test_ties_and_extremes(exchange: Any, exponent: int, zero_point: int, d_unsigned: int) -> None:
    """Sums whose scaled value is a tie, or one step beside it; both parities."""
    low, high = -(2**31), 2**31 - 1
    cases = []
    for multiplier in (1, 2**26, 2**27 - 1):
        word, unit = exponent << 27 | multiplier, 2 ** (20 + exponent)
        for halves in (*HALVES, *(-h for h in HALVES)):
            near = round(Fraction(halves * unit, 2 * multiplier))
            if low < near < high:
                cases += [(near + d, word) for d in (-1, 0, 1)]
        cases += [(total, word) for total in (low, high)]
    items = [
        {"sums": [total], "biases": [0], "words": [word], "count": 1, "last": int(not i % 4)}
        for i, (total, word) in enumerate(cases)
    ]
    items[-1]["last"] = 1
    settings = Settings(use_table=1, zero_point=zero_point, d_unsigned=d_unsigned)
    run(exchange, config(), items, settings)


@pytest.mark.parametrize("raw", [0, 1])
@pytest.mark.parametrize("acc_width", [8, 32])
def test_cycles(exchange: Any, raw: int, acc_width: int) -> None:
    """They are what they are said to be, whatever the data."""
    rng, machine = Random(5), config(acc_width, 64)
    items = [item | {"count": 1, "last": 0} for item in random_rows(rng, machine.precision, 1, 16)]
    items[-1]["last"] = 1
    settings = Settings(raw=raw, use_table=1, relu=1)
    _, trace = run(exchange, machine, items, settings)
    cycles = SerialPost.raw_cycles(acc_width) if raw else SerialPost.CYCLES
    assert trace.entered == [(i + 1) * cycles - 1 for i in range(len(items))]
    per_beat = 2 if raw else 8
    assert trace.offered[0] == per_beat * cycles


@pytest.mark.parametrize("raw", [0, 1])
def test_padding_and_ends_of_rows(exchange: Any, raw: int) -> None:
    """A group of padding takes as long as its bytes, the end of a row as long as those it lacks."""
    machine = config(32, 128)
    item = {"sums": [9], "biases": [0], "words": [1 << 20], "count": 1, "last": 0}
    items = [item, item | {"count": 0}, item | {"last": 1}, item | {"last": 1}]
    _, trace = run(exchange, machine, items, Settings(raw=raw, use_table=1))
    cycles, size = (SerialPost.raw_cycles(32), 4) if raw else (SerialPost.CYCLES, 1)
    padding, missing = 1 + 8 * size, 8 * (16 - 3 * size)
    starts = [0, cycles, cycles + padding, 2 * cycles + padding + missing]
    assert trace.entered == [s + (padding if i == 1 else cycles) - 1 for i, s in enumerate(starts)]
