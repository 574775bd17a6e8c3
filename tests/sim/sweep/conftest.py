# SPDX-License-Identifier: Apache-2.0
"""Small sweeps for tests, and results made without measuring."""

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from matwright_sim.sweep import Results, Sweep, make_points
from matwright_sim.sweep.measure import Measured
from matwright_sim.sweep.results import collate

SMALL: dict[str, Any] = {
    "name": "small_sweep",
    "base": {"build": {"post_lanes": 1}, "limits": {"max_n": 500}},
    "axes": {"rows": [4, 8, 16], "cols": [4, 8], "load_rows": [1, 8]},
    "workload": [
        {"name": "a", "gemms": [[3, 20, 9], {"m": 1, "n": 8, "k": 30, "count": 5, "name": "x"}]},
        {"name": "b", "gemms": [[3, 20, 9]], "raw": True},
    ],
}
"""12 points, two of which are no configurations."""


@pytest.fixture
def small() -> dict[str, Any]:
    """The description of a sweep."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def made_up() -> Callable[..., Results]:
    """Makes results without measuring."""
    return _made_up


def _made_up(sweep: Sweep, seed: int = 0, **kinds: Any) -> Results:
    """Results of cycles drawn at random; with an odd seed many are equal."""
    rng = random.Random(seed)
    points = make_points(sweep)
    found = {
        point.number: Measured(
            [rng.randrange(100, 103 if seed % 2 else 10**6) for _ in sweep.shapes]
        )
        for point in points
        if point.config is not None
    }
    return collate(sweep, points, {"model": found, "rtl": {}, "synth": {}} | kinds)
