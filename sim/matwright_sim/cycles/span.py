# SPDX-License-Identifier: Apache-2.0
"""What an engine does for some cycles."""

from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["Span", "overlap"]


class Span(NamedTuple):
    """Cycles ``first`` to ``last``, both among them."""

    name: str
    first: int
    last: int
    place: dict[str, Any]
    """What it is about; a pair of numbers is from and up to, that one not among them."""

    @property
    def cycles(self) -> int:
        """How many."""
        return self.last - self.first + 1


def overlap(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> int:
    """Cycles that are in both; each is in order and without overlaps of its own."""
    total = i = j = 0
    while i < len(one) and j < len(other):
        total += max(0, min(one[i][1], other[j][1]) - max(one[i][0], other[j][0]) + 1)
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return total
