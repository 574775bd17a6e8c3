# SPDX-License-Identifier: Apache-2.0
"""Making a failing case smaller, of something simpler than programs."""

import random
import sys

import numpy as np
import pytest

from matwright_sim.agents.choices import recorded, repeated
from matwright_sim.fuzz import shrink
from matwright_sim.fuzz.shrink import CannotShrink, shrunk

Pairs = tuple[tuple[int, int], ...]


def draw(rng: np.random.Generator) -> Pairs:
    found = []
    while rng.integers(12):
        found.append((int(rng.integers(1, 200)), int(rng.integers(1 << 32))))
    return tuple(found)


def fails(pairs: Pairs) -> bool:
    return any(one > 17 and other > 1 << 30 for one, other in pairs)


def large() -> list[int]:
    for seed in range(1000):
        kept: list[int] = []
        if len(found := draw(recorded(seed, kept))) > 8 and fails(found):
            return kept
    raise AssertionError("one of these must fail")


def test_the_smallest_is_found_each_time() -> None:
    choices, state = large(), random.getstate()
    assert shrunk(draw, choices, fails) == ((18, (1 << 30) + 1),)
    assert shrunk(draw, choices, fails) == ((18, (1 << 30) + 1),)
    assert random.getstate() == state


def test_a_rare_failure_is_kept() -> None:
    """Nothing near it fails: Hypothesis begins with the choices it is given, and ends with them."""
    kept = [1, 150, 1 << 31, 1, 20, 77, 0]
    rare = draw(repeated(kept))
    tried = 0

    def only_this(pairs: Pairs) -> bool:
        nonlocal tried
        tried += 1
        return pairs == rare

    assert shrunk(draw, kept, only_this) == rare
    assert tried < 400


def test_without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(CannotShrink, match="without Hypothesis 6.135 or later; install"):
        shrunk(draw, large(), fails)


def test_time_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is simplest until then is kept; without time that is what fails to begin with."""
    monkeypatch.setattr(shrink, "_SECONDS", -1.0)
    choices, tried = large(), 0

    def slow(pairs: Pairs) -> bool:
        nonlocal tried
        tried += 1
        return fails(pairs)

    assert shrunk(draw, choices, slow) == draw(repeated(choices))
    assert tried == 0
