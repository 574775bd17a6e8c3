# SPDX-License-Identifier: Apache-2.0
"""The packer in Amaranth's simulator."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from matwright.config import Precision
from matwright.post.packer import Packer
from matwright.post.payload import beat_layout, values_layout
from matwright_sim.benches.post_cases import beats_of, bits_of, random_rows, raw_elements

SHAPES = [(4, 1), (4, 2), (4, 4), (8, 1), (8, 4), (8, 8), (64, 8), (64, 64)]


def _items(seed: int, lanes: int, count: int) -> list[dict[str, Any]]:
    return raw_elements(random_rows(Random(seed), Precision(), lanes, count))


@pytest.mark.parametrize("raw", [0, 1])
@pytest.mark.parametrize(("beat_bytes", "lanes"), SHAPES)
def test_random(exchange: Any, beat_bytes: int, lanes: int, raw: int) -> None:
    seed = 100 * beat_bytes + lanes
    print(f"seed {seed}")
    items = _items(seed, lanes, 60)
    expected = beats_of(items, lanes, beat_bytes, bool(raw))
    words = [bits_of(values_layout(lanes), item) for item in items]
    for take in (1.0, 0.5):
        trace = exchange(
            Packer(beat_bytes, lanes), words, len(expected), {"raw": raw}, take=take, seed=seed
        )
        beats = [beat_layout(beat_bytes).from_bits(word) for word in trace.received]
        assert [(beat.data, beat.strb) for beat in beats] == expected


def test_a_row_by_hand(exchange: Any) -> None:
    """Three columns of a panel padded to four, then two columns: beats of four bytes."""
    items = [
        {"values": [1, 2], "mask": 3, "last": 0},
        {"values": [3, 99], "mask": 1, "last": 0},
        {"values": [4, 5], "mask": 3, "last": 1},
        {"values": [6, 99], "mask": 1, "last": 1},
    ]
    words = [bits_of(values_layout(2), item) for item in items]
    trace = exchange(Packer(4, 2), words, 3)
    beats = [beat_layout(4).from_bits(word) for word in trace.received]
    assert [(hex(b.data), bin(b.strb)) for b in beats] == [
        ("0x30201", "0b111"),
        ("0x504", "0b11"),
        ("0x6", "0b1"),
    ]
    trace = exchange(Packer(4, 2), words, 7, {"raw": 1})
    beats = [beat_layout(4).from_bits(word) for word in trace.received]
    # The padded column keeps its beat inside a row, and has none at the end of one.
    assert [(b.data, b.strb) for b in beats] == [
        *[(1, 15), (2, 15), (3, 15), (0, 0), (4, 15), (5, 15), (6, 15)]
    ]


@pytest.mark.parametrize(("beat_bytes", "lanes", "raw"), [(8, 8, 0), (8, 1, 0), (8, 2, 1)])
def test_rate_and_latency(exchange: Any, beat_bytes: int, lanes: int, raw: int) -> None:
    """An item goes in every cycle, and a beat is on offer LATENCY cycles after its last item."""
    per_beat = beat_bytes // (4 * lanes if raw else lanes)
    items = [
        {"values": [7] * lanes, "mask": (1 << lanes) - 1, "last": 0} for _ in range(8 * per_beat)
    ]
    words = [bits_of(values_layout(lanes), item) for item in items]
    trace = exchange(Packer(beat_bytes, lanes), words, 8, {"raw": raw})
    assert trace.stalled == 0
    filled = trace.entered[per_beat - 1 :: per_beat]
    assert [b - a for a, b in zip(filled, trace.offered, strict=True)] == [Packer.LATENCY] * 8


def test_a_long_item_makes_a_beat_every_cycle(exchange: Any) -> None:
    items = [{"values": [1, 2, 3, 4], "mask": 15, "last": 0}] * 6
    words = [bits_of(values_layout(4), item) for item in items]
    trace = exchange(Packer(8, 4), words, 12, {"raw": 1})
    assert trace.offered == list(range(trace.offered[0], trace.offered[0] + 12))


def test_errors(refused: Callable[..., str]) -> None:
    assert refused(Packer, 6, 1) == "beat_bytes must be a power of two from 4 on, not 6"
    assert refused(Packer, 8, 16) == "lanes must be a power of two from 1 to 8, not 16"
    assert refused(Packer, 8, 3) == "lanes must be a power of two from 1 to 8, not 3"
