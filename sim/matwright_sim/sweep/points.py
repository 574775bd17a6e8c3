# SPDX-License-Identifier: Apache-2.0
"""The points of a sweep: the product of its axes, each a configuration or the reason why it is none."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matwright.config import AcceleratorConfig, ConfigError

from .axes import Axis, Value
from .errors import SweepError
from .spec import Sweep

__all__ = ["Point", "make_points"]


@dataclass(frozen=True)
class Point:
    """One place in the product of the axes."""

    number: int
    """From 0 on; the last axis runs fastest."""
    settings: Mapping[str, Value]
    """What the fields of the axes are."""
    config: AcceleratorConfig | None
    """None where there is no such configuration."""
    reason: str = ""
    """Why there is none."""


def make_points(sweep: Sweep) -> list[Point]:
    """All points; raises :class:`.SweepError` where none of them is legal."""
    points = []
    for number, places in enumerate(itertools.product(*(range(len(a.values)) for a in sweep.axes))):
        settings: dict[str, Value] = {}
        for axis, place in zip(sweep.axes, places, strict=True):
            settings |= axis.settings(place)
        config, reason = _configuration(sweep.base, settings)
        points.append(Point(number, settings, config, reason))
    if all(point.config is None for point in points):
        raise SweepError(_none_legal(sweep.axes, points))
    return points


def _configuration(
    base: Mapping[str, Any], settings: Mapping[str, Value]
) -> tuple[AcceleratorConfig | None, str]:
    fields = dict(base)
    for name, value in settings.items():
        section, _, field = name.rpartition(".")
        if section:
            fields[section] = {**fields.get(section, {}), field: value}
        else:
            fields[field] = value
    try:
        return AcceleratorConfig.from_dict(fields), ""
    except ConfigError as error:
        return None, str(error)


def _none_legal(axes: tuple[Axis, ...], points: list[Point]) -> str:
    """Names the axis that is to blame, if the sentences of all points are about one."""
    for axis in axes:
        if all(any(point.reason.startswith(f"{f} ") for f in axis.fields) for point in points):
            return f"axes.{axis.name} yields no legal configuration: {points[0].reason}"
    return (
        f"axes yield no legal configuration: all {len(points)} points are refused, "
        f"the first because {points[0].reason}"
    )
