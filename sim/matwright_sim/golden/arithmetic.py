# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of one element, on whole NumPy arrays, in integers alone."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matwright.layout import SCALE_FRACTION_BITS, SCALE_MULTIPLIER_BITS

__all__ = ["narrow", "requantize", "wrap"]

Integers = NDArray[np.int64]


def wrap(x: ArrayLike, width: int) -> Integers:
    """``x`` modulo ``2**width``, as two's complement of ``width`` bits, 1 to 63."""
    half = 1 << (width - 1)
    return (np.asarray(x, np.int64) & (2 * half - 1) ^ half) - half


def requantize(t: ArrayLike, words: ArrayLike) -> Integers:
    """``round_half_even(t * u / 2**(20 + e))`` for scale words ``words``, exactly.

    ``t`` has at most 32 bits, so the product has at most 59 and fits 64.
    """
    t, words = np.asarray(t, np.int64), np.asarray(words, np.int64)
    product = t * (words & ((1 << SCALE_MULTIPLIER_BITS) - 1))
    places = SCALE_FRACTION_BITS + (words >> SCALE_MULTIPLIER_BITS)
    floor = product >> places
    rest = product - (floor << places)
    half = np.int64(1) << (places - 1)
    return floor + ((rest > half) | ((rest == half) & (floor & 1 == 1)))


def narrow(y: ArrayLike, zero_point: int = 0, *, unsigned: bool = False) -> NDArray[Any]:
    """``clip(y + zero_point, -128, 127)`` as int8, or that plus 128 as uint8."""
    clipped = np.clip(np.asarray(y, np.int64) + zero_point, -128, 127)
    return (clipped + 128).astype(np.uint8) if unsigned else clipped.astype(np.int8)
