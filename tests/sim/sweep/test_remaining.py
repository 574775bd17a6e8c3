# SPDX-License-Identifier: Apache-2.0
"""The time left: right on average, and no more exact than it is known."""

import random

import pytest

from matwright_sim.sweep.remaining import Remaining, in_words


def test_the_interval_holds_the_truth() -> None:
    """Points whose times differ by a hundredfold: in nine of ten sweeps the truth is inside."""
    rng = random.Random(7)
    inside = narrow = 0
    for _ in range(300):
        times = [10 ** rng.uniform(-2, 0) for _ in range(400)]
        remaining = Remaining({"model": 400})
        for start in range(0, 200, 4):
            remaining.done("model", 4, sum(times[start : start + 4]))
        low, high, unknown = remaining.interval(2)
        truth = sum(times[200:]) / 2
        assert unknown == []
        inside += low <= truth <= high
        narrow += high < 2 * low
    print(f"{inside} of 300 inside, {narrow} narrow")
    assert inside > 250 and narrow > 250


def test_what_is_not_timed_is_said_to_be_unknown() -> None:
    remaining = Remaining({"model": 2, "synth": 5, "rtl": 0})
    assert in_words(*remaining.interval(1)) == (
        "time left not yet known for the model and synthesis"
    )
    remaining.done("model", 1, 50.0)
    assert remaining.mean("model") == 50.0
    assert in_words(*remaining.interval(1)) == "25 to 100 s left, and synthesis, not yet timed"
    remaining.done("synth", 4, 4000.0)
    remaining.done("model", 1, 50.0)
    assert in_words(*remaining.interval(1)) == "8 to 33 min left"


def test_few_batches_are_doubted() -> None:
    remaining = Remaining({"model": 100})
    for _ in range(2):
        remaining.done("model", 10, 10.0)
        low, high, _ = remaining.interval(1)
        assert high == 4 * low
    remaining.done("model", 10, 10.0)
    low, high, _ = remaining.interval(1)
    assert low == high == 70.0


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 0.4, "less than 1 s left"),
        (3.2, 3.4, "about 3 s left"),
        (10, 17, "10 to 17 s left"),
        (49, 51, "about 50 s left"),
        (600, 660, "10 to 11 min left"),
        (50, 300, "50 s to 5 min left"),
        (7300, 15000, "2.03 to 4.17 h left"),
        (90000, 90001, "about 25 h left"),
    ],
)
def test_words(low: float, high: float, words: str) -> None:
    assert in_words(low, high, []) == words
