# SPDX-License-Identifier: Apache-2.0
"""Which points get a metric that takes long: all, those named, or some at random."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .axes import Value, shown
from .errors import SweepError, check_fields, integer, table

__all__ = ["SELECTION", "Selection"]

SELECTION = ("count", "fraction", "where", "seed")
"""Fields of a selection; without any of the first three it is all points."""


@dataclass(frozen=True)
class Selection:
    """Some of the points of a sweep, always the same."""

    count: int | None = None
    fraction: float | None = None
    where: tuple[tuple[tuple[str, Value], ...], ...] = ()
    """Fields and their values; a point is taken if all of one of these are its own."""
    seed: int = 0

    @classmethod
    def parse(cls, where: str, data: Mapping[str, Any], fields: Sequence[str]) -> "Selection":
        """The selection that is part of table ``data``; ``fields`` are those of the axes."""
        ways = [name for name in SELECTION[:3] if name in data]
        if len(ways) > 1:
            raise SweepError(f"{where} must have one of {', '.join(SELECTION[:3])}, not {ways}")
        seed = integer(f"{where}.seed", data.get("seed", 0), 0)
        if "count" in data:
            return cls(count=integer(f"{where}.count", data["count"], 1), seed=seed)
        if "fraction" in data:
            part = data["fraction"]
            if isinstance(part, bool) or not isinstance(part, int | float) or not 0 < part <= 1:
                raise SweepError(
                    f"{where}.fraction must be more than 0 and at most 1, not {part!r}"
                )
            return cls(fraction=float(part), seed=seed)
        listed = data.get("where", [])
        if "where" in data and (not isinstance(listed, list) or not listed):
            raise SweepError(f"{where}.where must be a list of at least one table, not {listed!r}")
        taken = []
        for entry in listed:
            given = table(f"{where}.where", entry)
            check_fields(f"{where}.where", given, fields)
            taken.append(tuple(given.items()))
        return cls(where=tuple(taken), seed=seed)

    def of(self, points: Sequence[tuple[int, Mapping[str, Value]]]) -> set[int]:
        """Of points, each its number and what its fields are, the numbers of those taken."""
        numbers = [number for number, _ in points]
        if self.count is not None or self.fraction is not None:
            count = self.count
            if count is None:
                count = max(1, round((self.fraction or 0) * len(numbers)))
            return set(random.Random(self.seed).sample(numbers, min(count, len(numbers))))
        if not self.where:
            return set(numbers)
        return {
            number
            for number, settings in points
            if any(
                all(shown(settings[name]) == shown(value) for name, value in wanted)
                for wanted in self.where
            )
        }
