# SPDX-License-Identifier: Apache-2.0
"""Choices: what they make is in range, can be repeated, and is simplest at 0."""

import numpy as np

from matwright_sim.agents.choices import Choices, contents, recorded, repeated


def made(rng: np.random.Generator) -> list[object]:
    return [
        [int(rng.integers(3, 9)) for _ in range(50)],
        [int(rng.integers(-3, 4)) for _ in range(50)],
        [int(rng.integers(-9, -2)) for _ in range(50)],
        [int(rng.integers(5)) for _ in range(50)],
        [rng.random() < 0.4 for _ in range(200)],
        [float(rng.uniform(2, 3)) for _ in range(50)],
        list(rng.choice(["a", "b", "c"], 3, replace=False)),
        rng.integers(0, 256, (2, 3), dtype=np.uint8).tolist(),
        rng.bytes(5),
    ]


def test_repeated() -> None:
    kept: list[int] = []
    first = made(recorded((1, 2), kept))
    assert made(repeated(kept)) == first
    assert made(recorded((1, 2), [])) == first != made(recorded((1, 3), []))


def test_ranges() -> None:
    high, mixed, low, plain, shares, reals, letters, *_ = made(recorded(7, []))
    assert set(high) == set(range(3, 9)) and set(mixed) == set(range(-3, 4))
    assert set(low) == set(range(-9, -2)) and set(plain) == set(range(5))
    assert 50 < sum(shares) < 110 and all(2 <= x < 3 for x in reals)
    assert sorted(letters) == ["a", "b", "c"]


def test_simplest() -> None:
    rng = Choices(lambda count: 0)
    assert (rng.integers(-128, 128), rng.integers(3, 9), rng.integers(-9, -2)) == (0, 3, -9)
    assert not rng.random() < 0.99 and rng.uniform(-18, 2) == -18
    assert not rng.integers(-9, 9, 5).any() and rng.bytes(3) == bytes(3)
    assert contents(1, -5, 9, 3).tolist() == [1, 1, 1]
    assert contents(0, 4, 9, 2).tolist() == [4, 4]
