# SPDX-License-Identifier: Apache-2.0
"""Random numbers as a list of choices, which can be kept, repeated, and made smaller by Hypothesis."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Below", "Choices", "contents", "recorded", "repeated"]

Below = Callable[[int], int]
"""A choice: an integer from 0 to one less than its argument. The smaller, the simpler is what comes of it."""

_SEEDS = 1 << 32
_STEPS = 1 << 16
"""Values that a real number has."""


class Choices(np.random.Generator):
    """A generator for whom every scalar is one choice and every array is another, the seed of its values.

    It has of NumPy's generator what the makers of random programs call, so that they take either. A
    choice of 0 gives the simplest: 0 of a range that has it, else its lower end; False of a comparison
    ``random() < p``; of an array, zeros.
    """

    def __init__(self, below: Below) -> None:
        super().__init__(np.random.PCG64(0))
        self.below = below

    def integers(  # type: ignore[override]
        self, low: int, high: int | None = None, size: Any = None, dtype: Any = np.int64
    ) -> Any:
        if high is None:
            low, high = 0, low
        if size is not None:
            return contents(self.below(_SEEDS), int(low), int(high), size, dtype)
        value = self.below(int(high) - int(low))
        if low >= 0 or high <= 0:
            return int(low) + value
        return value if value < high else int(high) - 1 - value

    def random(self) -> float:  # type: ignore[override]
        return 1 - (1 + self.below(_STEPS)) / _STEPS

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:  # type: ignore[override]
        return low + (high - low) * self.below(_STEPS) / _STEPS

    def choice(  # type: ignore[override]
        self, values: Sequence[Any], size: int | None = None, replace: bool = True
    ) -> Any:
        left = list(values)
        if size is None:
            return left[self.below(len(left))]
        found = []
        for _ in range(size):
            index = self.below(len(left))
            found.append(left[index] if replace else left.pop(index))
        return found

    def bytes(self, length: int) -> bytes:
        data: NDArray[np.uint8] = contents(self.below(_SEEDS), 0, 256, length, np.uint8)
        return data.tobytes()


def contents(seed: int, low: int, high: int, size: Any, dtype: Any = np.int64) -> NDArray[Any]:
    """An array that a seed stands for: 0 is zeros and 1 ones, as near as the range allows; else random."""
    if seed < 2:
        return np.full(size, min(max(seed, low), high - 1), dtype)
    return np.random.default_rng(seed).integers(low, high, size, dtype)


def recorded(key: Sequence[int] | int, kept: list[int]) -> Choices:
    """Choices that follow from ``key``; each is added to ``kept``."""
    rng = np.random.default_rng(key)

    def below(count: int) -> int:
        kept.append(int(rng.integers(count)))
        return kept[-1]

    return Choices(below)


def repeated(kept: Sequence[int]) -> Choices:
    """The choices that were kept; when they are used up, or too large, the simplest."""
    left = iter(kept)

    def below(count: int) -> int:
        value = next(left, 0)
        return value if value < count else 0

    return Choices(below)
