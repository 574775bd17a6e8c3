# SPDX-License-Identifier: Apache-2.0
"""The GEMM on plain matrices: the one definition of every number the machine makes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matwright.config import Precision

from .arithmetic import narrow, requantize, wrap

__all__ = ["accumulate", "gemm"]

Integers = NDArray[np.int64]


def gemm(
    precision: Precision,
    a: ArrayLike,
    b: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    scale_words: ArrayLike | None = None,
    zero_point: int = 0,
    raw: bool = False,
    relu: bool = False,
    a_unsigned: bool = False,
    d_unsigned: bool = False,
) -> NDArray[Any]:
    """``D = act(scale * (A @ B + bias))`` as the machine computes it, bit for bit.

    A (M x K) holds ``a_width`` bits, unsigned with ``a_unsigned``: then ``2**(a_width - 1)`` is
    taken from each element. B (K x N) holds ``b_width`` bits. ``bias`` is int32, a scalar or one
    per column, ``scale_words`` likewise, needed unless ``raw``. D is int32 with ``raw``, else uint8
    with ``d_unsigned``, else int8; ``raw`` ignores scale, zero point and ``d_unsigned``.
    """
    a_values = _matrix("A", a, precision.a_width, a_unsigned)
    b_values = _matrix("B", b, precision.b_width, False)
    if a_values.shape[1] != b_values.shape[0]:
        raise ValueError(
            f"A must have as many columns as B has rows ({b_values.shape[0]}), "
            f"not {a_values.shape[1]}"
        )
    columns = b_values.shape[1]
    if a_unsigned:
        a_values = a_values - (1 << (precision.a_width - 1))
    total = accumulate(precision, a_values, b_values)
    if bias is not None:
        total = wrap(
            total + _per_column("bias", bias, columns, -(2**31), 2**31 - 1), precision.acc_width
        )
    if relu:
        total = np.maximum(total, 0)
    if raw:
        return total.astype(np.int32)
    if scale_words is None:
        raise ValueError("scale_words must be given unless raw, not None")
    if not -128 <= zero_point <= 127:
        raise ValueError(f"zero_point must be from -128 to 127, not {zero_point}")
    words = _per_column("scale_words", scale_words, columns, 0, 2**32 - 1)
    return narrow(requantize(total, words), zero_point, unsigned=d_unsigned)


def accumulate(precision: Precision, a: Integers, b: Integers) -> Integers:
    """``A @ B`` of signed matrices, wrapped to ``acc_width`` bits."""
    # In double precision, for the speed of BLAS: up to `depth` products every partial sum is an
    # integer of at most 53 bits, so each is exact in whatever order they are added.
    depth = (1 << 53) >> (precision.product_width - 2)
    total = np.zeros((a.shape[0], b.shape[1]), np.int64)
    for k in range(0, a.shape[1], depth):
        part = a[:, k : k + depth].astype(np.float64) @ b[k : k + depth].astype(np.float64)
        total = wrap(total + part.astype(np.int64), precision.acc_width)
    return total


def _integers(name: str, x: ArrayLike, low: int, high: int) -> Integers:
    values = np.asarray(x)
    if not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"{name} must have an integer dtype, not {values.dtype}")
    for value in (int(values.min()), int(values.max())):
        if not low <= value <= high:
            raise ValueError(f"{name} must be from {low} to {high}, not {value}")
    return values.astype(np.int64)


def _matrix(name: str, x: ArrayLike, width: int, unsigned: bool) -> Integers:
    shape = np.shape(x)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{name} must be a matrix of at least 1 x 1, not of shape {shape}")
    half = 1 << (width - 1)
    low, high = (0, 2 * half - 1) if unsigned else (-half, half - 1)
    return _integers(name, x, low, high)


def _per_column(name: str, x: ArrayLike, columns: int, low: int, high: int) -> Integers:
    shape = np.shape(x)
    if shape not in ((), (columns,)):
        raise ValueError(f"{name} must be a scalar or of shape ({columns},), not of shape {shape}")
    return _integers(name, x, low, high)
