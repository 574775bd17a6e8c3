# SPDX-License-Identifier: Apache-2.0
"""A second opinion on every number: the GEMM in plain NumPy int64, sharing no line with golden."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["reference_gemm"]

_MULTIPLIER = 1 << 27
_FRACTION_BITS = 20


def reference_gemm(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    bias: NDArray[Any] | int = 0,
    words: NDArray[Any] | int | None = None,
    relu: bool = False,
    zero_point: int = 0,
    unsigned: bool = False,
    width: int | None = None,
) -> NDArray[np.int64]:
    """``act(scale * (a @ b + bias)) + zero_point`` for signed a and b, exact.

    ``words`` are the scale words, one or one a column; without them the sums themselves, as raw
    results hold them. Sums wrap to ``width`` bits; without it none may exceed 32.
    """
    total = a.astype(np.int64) @ b.astype(np.int64) + np.asarray(bias, np.int64)
    if width is not None:
        total = (total + (1 << width - 1)) % (1 << width) - (1 << width - 1)
    elif np.abs(total).max() >= 1 << 31:
        raise ValueError(f"sums must fit 32 bits, not {np.abs(total).max()}")
    if relu:
        total[total < 0] = 0
    if words is None:
        return total
    exponent, multiplier = np.divmod(np.asarray(words, np.int64), _MULTIPLIER)
    unit = np.int64(1) << (_FRACTION_BITS + exponent)
    whole, rest = np.divmod(total * multiplier, unit)
    # Half to even: up when above the half, or on it with an odd quotient.
    whole += (2 * rest > unit) | ((2 * rest == unit) & (whole % 2 == 1))
    shift = 128 if unsigned else 0
    return np.clip(whole + zero_point, -128, 127) + shift
