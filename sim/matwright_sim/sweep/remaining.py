# SPDX-License-Identifier: Apache-2.0
"""How long a sweep will yet take, told no more exactly than it is known.

Points are measured in an order drawn at random, so those done are a fair sample of those to come. The
mean time of a point is the ratio of sums over batches, and its error that of a ratio estimator
(W. G. Cochran, "Sampling Techniques", 3rd ed., 1977, chapter 6); two standard errors each way are told.
A kind of measurement of which nothing is done has no estimate, and is said to have none.
"""

import math
from dataclasses import dataclass, field

__all__ = ["Remaining", "in_words"]

_LEAST = 3
"""Batches from which on a spread is known."""


@dataclass
class _Kind:
    left: int
    batches: list[tuple[int, float]] = field(default_factory=list)

    def interval(self) -> tuple[float, float] | None:
        """Least and most seconds of work that are left; None: unknown."""
        if not self.left:
            return 0.0, 0.0
        if not self.batches:
            return None
        points = sum(count for count, _ in self.batches)
        mean = sum(seconds for _, seconds in self.batches) / points
        if len(self.batches) < _LEAST:
            return self.left * mean / 2, self.left * mean * 2
        n = len(self.batches)
        squares = sum((seconds - count * mean) ** 2 for count, seconds in self.batches)
        error = math.sqrt(squares * n / (n - 1)) / points
        return self.left * max(mean - 2 * error, mean / 4), self.left * (mean + 2 * error)


class Remaining:
    """Learns from batches how long the rest takes."""

    def __init__(self, points: dict[str, int]) -> None:
        self._kinds = {kind: _Kind(count) for kind, count in points.items()}

    def done(self, kind: str, points: int, seconds: float) -> None:
        """A batch has ended after that much work."""
        self._kinds[kind].left -= points
        self._kinds[kind].batches.append((points, seconds))

    def mean(self, kind: str) -> float | None:
        """Seconds of a point, on average; None: unknown."""
        batches = self._kinds[kind].batches[-20:]
        points = sum(count for count, _ in batches)
        return sum(seconds for _, seconds in batches) / points if points else None

    def interval(self, slots: int) -> tuple[float, float, list[str]]:
        """Least and most seconds that are left with so many workers, and the kinds not known."""
        low = high = 0.0
        unknown = []
        for name, kind in self._kinds.items():
            found = kind.interval()
            if found is None:
                unknown.append(name)
            else:
                low, high = low + found[0], high + found[1]
        return low / max(slots, 1), high / max(slots, 1), unknown


_NAMES = {"model": "the model", "rtl": "the Verilog", "synth": "synthesis"}


def in_words(low: float, high: float, unknown: list[str]) -> str:
    """An interval of seconds for people."""
    names = " and ".join(_NAMES.get(name, name) for name in unknown)
    if unknown and high == 0:
        return f"time left not yet known for {names}"
    if high < 1:
        text = "less than 1 s left"
    else:
        ends = [_clock(low), _clock(high)]
        if ends[0] == ends[1]:
            text = f"about {' '.join(ends[1])} left"
        elif ends[0][1] == ends[1][1]:
            text = f"{ends[0][0]} to {' '.join(ends[1])} left"
        else:
            text = f"{' '.join(ends[0])} to {' '.join(ends[1])} left"
    return f"{text}, and {names}, not yet timed" if unknown else text


def _clock(seconds: float) -> tuple[str, str]:
    """Number and unit, to what a reader can use: seconds, fives, minutes, then hours."""
    if seconds < 20:
        return str(max(1, round(seconds))), "s"
    if seconds < 120:
        return str(round(seconds / 5) * 5), "s"
    if seconds < 7200:
        return str(round(seconds / 60)), "min"
    return f"{seconds / 3600:.3g}", "h"
