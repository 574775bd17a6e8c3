# SPDX-License-Identifier: Apache-2.0
"""The axes of a sweep: lists, ranges, powers of two, tied fields, and what is refused."""

from typing import Any

import pytest

from matwright.config import AcceleratorConfig
from matwright_sim.sweep import SweepError
from matwright_sim.sweep.axes import FIELDS, parse_axes


def test_the_fields_are_those_of_the_configuration() -> None:
    plain = AcceleratorConfig(rows=16, cols=16).to_dict()
    for name in FIELDS:
        section, _, field = name.rpartition(".")
        assert field in (plain[section] if section else plain)
    assert len(FIELDS) == sum(len(v) if isinstance(v, dict) else 1 for v in plain.values())


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ([4, 8], [4, 8]),
        ({"powers_of_two": [4, 64]}, [4, 8, 16, 32, 64]),
        ({"powers_of_two": [1, 1]}, [1]),
        ({"from": 3, "to": 9, "step": 3}, [3, 6, 9]),
        ({"from": 3, "to": 8, "step": 3}, [3, 6]),
        ({"from": 0, "to": 2}, [0, 1, 2]),
    ],
)
def test_values(written: Any, values: list[int]) -> None:
    (axis,) = parse_axes({"rows": written})
    assert [axis.settings(n) for n in range(len(axis.values))] == [{"rows": v} for v in values]


def test_tables_and_dotted_names_are_the_same() -> None:
    dotted = parse_axes({"build.counters": [True, False], "bus.data_width": [32]})
    assert parse_axes({"build": {"counters": [True, False]}, "bus": {"data_width": [32]}}) == dotted
    assert [axis.name for axis in dotted] == ["build.counters", "bus.data_width"]


def test_tied_fields_change_together() -> None:
    (axis,) = parse_axes({"rows, bus.data_width": [[4, 32], [8, 64]]})
    assert axis.settings(1) == {"rows": 8, "bus.data_width": 64}


def test_true_is_not_1() -> None:
    (axis,) = parse_axes({"build.counters": [True, 1]})
    assert len(axis.values) == 2


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ({}, "axes must have at least one field, not none"),
        ({"rowz": [4]}, "axes.rowz is not a field; the fields are rows, cols"),
        ({"name": ["a"]}, "axes.name is not a field"),
        ({"bus.width": [4]}, "axes.bus.width is not a field"),
        ({"bus": {"width": [4]}}, "axes.bus.width is not a field"),
        ({"rows": []}, r"axes.rows must be a list of at least one value, not \[\]"),
        ({"rows": 4}, "axes.rows must be a list of at least one value, not 4"),
        ({"rows": [4, 8, 4]}, "axes.rows must have each value once, but 4 is there twice"),
        ({"rows": [4.5]}, "axes.rows must have plain values, not 4.5"),
        ({"rows": [4], "rows,cols": [[4, 4]]}, "axes must have rows once, not twice"),
        ({"rows,cols": [[4, 4], [4]]}, r"lists of 2 values, one for each field, but one is \[4\]"),
        ({"rows,cols": [4]}, "lists of 2 values, one for each field, but one is 4"),
        ({"rows,cols": {"from": 1, "to": 2}}, "axes.rows,cols must be a list of lists, because"),
        ({"rows": {"from": 4}}, "axes.rows.to must be given"),
        ({"rows": {"to": 4}}, "axes.rows.from must be given"),
        ({"rows": {"from": 4, "to": 3}}, "axes.rows.to must be an integer from 4 on, not 3"),
        ({"rows": {"from": 4, "to": 9, "step": 0}}, "axes.rows.step must be an integer from 1 on"),
        (
            {"rows": {"from": 4, "to": 9, "stop": 1}},
            "axes.rows.stop is not a field; the fields are",
        ),
        ({"rows": {"from": 0, "to": 10**9}}, "at most 1000000 values, not 1000000001"),
        ({"rows": {"powers_of_two": [4, 9]}}, r"two powers of two, the lower first, not \[4, 9\]"),
        ({"rows": {"powers_of_two": [8, 4]}}, r"two powers of two, the lower first, not \[8, 4\]"),
        ({"rows": {"powers_of_two": 4}}, "a list of the lowest and the highest, not 4"),
        ({"rows": {"powers_of_two": [4, "x"]}}, "must be an integer from 1 to .*, not 'x'"),
        ({"rows": {"powers_of_two": [4, 8], "step": 2}}, "axes.rows.step is not a field"),
    ],
)
def test_refusals(axes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SweepError, match=sentence):
        parse_axes(axes)
