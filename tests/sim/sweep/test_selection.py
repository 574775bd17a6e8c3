# SPDX-License-Identifier: Apache-2.0
"""Which points get a metric that takes long."""

from typing import Any

import pytest

from matwright_sim.sweep import SweepError
from matwright_sim.sweep.selection import Selection

POINTS = [(n, {"rows": 4 << n % 3, "build.counters": n % 2 == 0}) for n in range(30)]
FIELDS = ["rows", "build.counters"]


def _of(**data: Any) -> set[int]:
    return Selection.parse("x", data, FIELDS).of(POINTS)


def test_all_some_and_chosen() -> None:
    assert _of() == set(range(30))
    assert len(_of(count=7)) == 7 and _of(count=99) == set(range(30))
    assert len(_of(fraction=0.1)) == 3 and len(_of(fraction=0.001)) == 1
    assert _of(where=[{"rows": 8}]) == set(range(1, 30, 3))
    assert _of(where=[{"rows": 8, "build.counters": True}, {"rows": 4}]) == {
        n for n in range(30) if n % 3 == 0 or (n % 3 == 1 and n % 2 == 0)
    }
    assert _of(where=[{"build.counters": 1}]) == set()


def test_a_seed_draws_the_same_and_another_others() -> None:
    drawn = [_of(count=7, seed=seed) for seed in range(20)]
    assert drawn == [_of(count=7, seed=seed) for seed in range(20)]
    assert len({frozenset(points) for points in drawn}) > 10
    assert set().union(*drawn) == set(range(30))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"count": 1, "fraction": 0.5}, "x must have one of count, fraction, where, not"),
        ({"fraction": 0}, "x.fraction must be more than 0 and at most 1, not 0"),
        ({"fraction": 1.5}, "x.fraction must be more than 0 and at most 1, not 1.5"),
        ({"seed": -1}, "x.seed must be an integer from 0 on, not -1"),
        ({"where": []}, r"x.where must be a list of at least one table, not \[\]"),
        ({"where": [4]}, "x.where must be a table, not 4"),
        (
            {"where": [{"cols": 4}]},
            "x.where.cols is not a field; the fields are rows, build.counters",
        ),
    ],
)
def test_refusals(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SweepError, match=sentence):
        _of(**data)
