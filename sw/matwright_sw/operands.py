# SPDX-License-Identifier: Apache-2.0
"""Operands on the device, and the checks that arrays pass before they get there."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matwright import layout
from matwright.config import AcceleratorConfig

from .errors import OperandError
from .memory import Buffer

__all__ = [
    "MAX_SCALE",
    "Activations",
    "Resident",
    "Result",
    "Table",
    "Weights",
    "check_activations",
    "check_bias",
    "check_limit",
    "check_scales",
    "check_weights",
    "columns_agree",
    "fold_zero_point",
    "scale_words",
]

MAX_SCALE = 128.0
"""Scales must be below this."""


@dataclass(frozen=True)
class Resident:
    """Something in device memory, until :meth:`free` or the end of ``with``."""

    buffer: Buffer

    def free(self) -> None:
        """Give its memory back."""
        self.buffer.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.free()


@dataclass(frozen=True)
class Activations(Resident):
    """A, M x K. With ``unsigned`` an element q stands for ``q - 2**(a_width-1)``."""

    m: int
    k: int
    stride: int
    unsigned: bool


@dataclass(frozen=True)
class Weights(Resident):
    """B, K x N, packed in tiles."""

    k: int
    n: int
    stride: int


@dataclass(frozen=True)
class Table(Resident):
    """Bias and scale of each of N columns."""

    n: int


@dataclass(frozen=True)
class Result(Resident):
    """D, M x N: int32 with ``raw``, else uint8 with ``unsigned``, else int8."""

    m: int
    n: int
    stride: int
    raw: bool
    unsigned: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of an element."""
        return np.dtype(np.int32 if self.raw else np.uint8 if self.unsigned else np.int8)


def _integers(name: str, value: ArrayLike, ndim: int) -> NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise OperandError(f"{name} must be an array of integers, not of {array.dtype}")
    if array.ndim != ndim or array.size == 0:
        raise OperandError(
            f"{name} must have {ndim} dimension{'s' * (ndim > 1)}, none of them empty, "
            f"not shape {array.shape}"
        )
    return array


def _range(name: str, array: NDArray[Any], low: int, high: int) -> None:
    least, most = int(array.min()), int(array.max())
    if least < low or most > high:
        raise OperandError(
            f"{name} must hold values from {low} to {high}, not {least if least < low else most}"
        )


def check_limit(config: AcceleratorConfig, axis: str, size: int) -> None:
    """Refuse a size beyond the configuration's limit; ``axis`` is "m", "n" or "k"."""
    most = getattr(config.limits, f"max_{axis}")
    if size > most:
        raise OperandError(f"{axis} must be at most {most}, the limit of {config.name}, not {size}")


def check_activations(config: AcceleratorConfig, value: ArrayLike) -> NDArray[Any]:
    """A as an array; a dtype without sign makes it unsigned A."""
    array = _integers("a", value, 2)
    half = 1 << (config.precision.a_width - 1)
    unsigned = array.dtype.kind == "u"
    _range("a", array, 0 if unsigned else -half, 2 * half - 1 if unsigned else half - 1)
    check_limit(config, "m", array.shape[0])
    check_limit(config, "k", array.shape[1])
    return array


def check_weights(config: AcceleratorConfig, value: ArrayLike) -> NDArray[Any]:
    """B as an array."""
    array = _integers("b", value, 2)
    half = 1 << (config.precision.b_width - 1)
    _range("b", array, -half, half - 1)
    check_limit(config, "k", array.shape[0])
    check_limit(config, "n", array.shape[1])
    return array


def check_bias(value: ArrayLike | None, n: int) -> NDArray[np.int32]:
    """Bias of N columns, zeros for None."""
    if value is None:
        return np.zeros(n, np.int32)
    array = _integers("bias", value, 1)
    if array.shape != (n,):
        raise OperandError(f"bias must have {n} values, one a column, not {array.shape[0]}")
    _range("bias", array, -(2**31), 2**31 - 1)
    return array.astype(np.int32)


def check_scales(value: ArrayLike, n: int) -> NDArray[np.float64]:
    """Scales of N columns; a single number is the scale of all."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise OperandError(
            f"scale must be a number or an array of numbers, not {value!r}"
        ) from error
    if array.shape not in ((), (n,)):
        raise OperandError(
            f"scale must be one number or {n}, one a column, not an array of shape {array.shape}"
        )
    legal = (array > 0) & (array < MAX_SCALE)
    if not legal.all():
        raise OperandError(f"scale must be positive and below {MAX_SCALE}, not {array[~legal][0]}")
    return np.broadcast_to(array, (n,))


def scale_words(scales: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Scale words of many checked scales; :func:`matwright.layout.scale_word` of each."""
    bits = layout.SCALE_MULTIPLIER_BITS
    fraction, power = np.frexp(scales)
    # Exact in float64: a multiplier has 27 of its 53 bits. np.rint rounds half to even.
    exponent = np.minimum(bits - layout.SCALE_FRACTION_BITS - power, layout.SCALE_MAX_EXPONENT)
    shift = layout.SCALE_FRACTION_BITS + exponent + power
    multiplier = np.rint(np.ldexp(fraction, shift)).astype(np.int64)
    full = multiplier == 1 << bits
    top = full & (exponent == 0)
    multiplier = np.where(full, 1 << (bits - 1), multiplier)
    word = (exponent - full) << bits | multiplier
    return np.where(top, (1 << bits) - 1, word).astype(np.uint32)


def columns_agree(config: AcceleratorConfig, n: int) -> bool:
    """Whether a D of ``n`` columns lies in memory as an A of ``n`` columns would.

    Columns of D are grouped by ``cols``, those of A by ``rows``, both padded to powers of two.
    """
    if config.rows == config.cols:
        return True
    powers_of_two = config.rows == config.row_pitch and config.cols == config.col_pitch
    return powers_of_two or n <= min(config.rows, config.cols)


def fold_zero_point(b: ArrayLike, bias: ArrayLike | None, zero_point: int) -> NDArray[np.int32]:
    """Bias that makes the device compute ``(A - zero_point) @ B + bias`` from ``A @ B``.

    It wraps modulo 2**32, as the accumulators do.
    """
    weights = np.asarray(b)
    whole = check_bias(bias, weights.shape[1]).astype(np.int64)
    whole = whole - zero_point * weights.sum(axis=0, dtype=np.int64)
    return (whole & 0xFFFF_FFFF).astype(np.uint32).view(np.int32)
