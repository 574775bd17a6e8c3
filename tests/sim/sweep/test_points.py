# SPDX-License-Identifier: Apache-2.0
"""The points of a sweep: the whole product, illegal ones with their reason."""

from typing import Any

import pytest

from matwright.config import AcceleratorConfig, ConfigError
from matwright_sim.sweep import Sweep, SweepError, make_points

WORK: dict[str, Any] = {"workload": [{"gemms": [[1, 2, 3]]}]}


def test_the_product_in_order() -> None:
    axes = {"rows": [4, 8], "cols,bus.data_width": [[8, 32], [16, 64]], "load_rows": [1, 8]}
    points = make_points(Sweep.from_dict(WORK | {"axes": axes}))
    told = [tuple(point.settings.values()) for point in points]
    assert told == [
        (rows, cols, width, load)
        for rows in (4, 8)
        for cols, width in ((8, 32), (16, 64))
        for load in (1, 8)
    ]
    assert [point.number for point in points] == list(range(8))
    for point, (rows, cols, width, load) in zip(points, told, strict=True):
        fields = {"name": "sweep", "rows": rows, "cols": cols, "load_rows": load}
        try:
            expected = AcceleratorConfig.from_dict(fields | {"bus": {"data_width": width}})
        except ConfigError as error:
            assert (point.config, point.reason) == (None, str(error))
        else:
            assert (point.config, point.reason) == (expected, "")
    assert {point.reason for point in points} >= {
        "load_rows must be a power of two from 1 to 4, not 8"
    }


def test_fields_of_one_table_leave_each_other_alone() -> None:
    base = {"cols": 16, "rows": 8, "bus": {"max_burst": 8}}
    axes = {"bus.data_width": [32, 64], "bus.outstanding": [2, 4]}
    points = make_points(Sweep.from_dict(WORK | {"base": base, "axes": axes}))
    buses = [point.config.bus for point in points if point.config is not None]
    told = [(bus.max_burst, bus.data_width, bus.outstanding) for bus in buses]
    assert told == [(8, 32, 2), (8, 32, 4), (8, 64, 2), (8, 64, 4)]


def test_an_axis_without_a_legal_value_is_named() -> None:
    axes = {"rows": [300, 400], "cols": [4, 8]}
    with pytest.raises(SweepError) as refused:
        make_points(Sweep.from_dict(WORK | {"axes": axes}))
    sentence = (
        "axes.rows yields no legal configuration: rows must be an integer from 1 to 256, not 300"
    )
    assert str(refused.value) == sentence


def test_nothing_legal() -> None:
    with pytest.raises(SweepError) as refused:
        make_points(Sweep.from_dict(WORK | {"axes": {"rows": [4, 8]}}))
    sentence = (
        "axes yield no legal configuration: all 2 points are refused, "
        "the first because cols must be given"
    )
    assert str(refused.value) == sentence
