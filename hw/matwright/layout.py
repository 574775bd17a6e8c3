# SPDX-License-Identifier: Apache-2.0
"""Layouts in memory: matrices to the bytes the machine reads and writes, and back.

Everything is little-endian. A ``panel`` is ``rows`` elements of K or ``cols`` elements of N; panels
stand at pitches padded to a power of two (``row_pitch``, ``col_pitch``). Bytes that hold no element
are 0 when packed here, and have no influence when the machine reads them. Strides are in bytes.

The functions that pack return a flat ``uint8`` array; those that unpack take any flat ``uint8``
array that starts at the matrix. Both raise :class:`ValueError` for a shape, range or stride, and
:class:`TypeError` for a dtype, that does not fit.
"""

import math
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from .config import PARAMETER_BYTES, AcceleratorConfig, ceil_div

__all__ = [
    "SCALE_FRACTION_BITS",
    "SCALE_MAX_EXPONENT",
    "SCALE_MULTIPLIER_BITS",
    "a_row_bytes",
    "a_stride",
    "b_stride",
    "d_row_bytes",
    "d_stride",
    "pack_a",
    "pack_b",
    "pack_d",
    "pack_table",
    "scale_value",
    "scale_word",
    "table_bytes",
    "unpack_a",
    "unpack_b",
    "unpack_d",
    "unpack_table",
]

Bytes: TypeAlias = NDArray[np.uint8]
Integers: TypeAlias = NDArray[Any]

SCALE_MULTIPLIER_BITS = 27
"""Bits of a scale word's multiplier, ``word[26:0]``."""
SCALE_FRACTION_BITS = 20
"""Fraction bits of the multiplier at exponent 0: the scale is ``u * 2**-(20 + e)``."""
SCALE_MAX_EXPONENT = 31
"""Largest exponent, ``word[31:27]``."""


# Strides.


def a_stride(config: AcceleratorConfig, k: int) -> int:
    """Smallest stride of A at which a row, read in whole panels, stays clear of the next."""
    panels = ceil_div(_size("k", k), config.rows)
    return _to_beats(config, panels * config.panel_bytes)


def a_row_bytes(config: AcceleratorConfig, k: int) -> int:
    """Bytes that the machine reads of a row of A: of its last panel, the beats that hold elements."""
    panel, element = divmod(_size("k", k) - 1, config.rows)
    tail = (element + 1) * config.precision.a_bytes
    if config.panel_bytes <= config.bus.bytes:
        tail = config.panel_bytes
    return _to_beats(config, panel * config.panel_bytes + tail)


def b_stride(config: AcceleratorConfig, n: int) -> int:
    """Smallest stride of B, from one row of weight tiles to the next; a multiple of the beat."""
    return ceil_div(_size("n", n), config.cols) * config.tile_bytes


def d_row_bytes(config: AcceleratorConfig, n: int, raw: bool = False) -> int:
    """Bytes from the start of a row of D to the end of its last element."""
    panel, column = divmod(_size("n", n) - 1, config.cols)
    return (panel * config.col_pitch + column + 1) * (4 if raw else 1)


def d_stride(config: AcceleratorConfig, n: int, raw: bool = False) -> int:
    """Smallest stride of D at which rows do not overlap; a multiple of the beat."""
    return _to_beats(config, d_row_bytes(config, n, raw))


def table_bytes(config: AcceleratorConfig, n: int) -> int:
    """Bytes of the parameter table of ``n`` columns, whole panels."""
    return ceil_div(_size("n", n), config.cols) * config.col_pitch * PARAMETER_BYTES


# Matrices.


def pack_a(
    config: AcceleratorConfig, a: Integers, stride: int | None = None, *, unsigned: bool = False
) -> Bytes:
    """Bytes of A (M x K): ``M * stride`` of them, ``stride`` at its smallest unless given.

    Elements must fit ``a_width`` bits: two's complement, or unsigned with ``unsigned``.
    """
    m, k = _matrix("A", a)
    _range("A", a, config.precision.a_width, unsigned)
    smallest = a_stride(config, k)
    rows = _rows("A", config, m, smallest, stride)
    width = config.precision.a_bytes
    panels = ceil_div(k, config.rows)
    padded = np.zeros((m, panels * config.rows), np.int64)
    padded[:, :k] = a
    view = rows[:, : panels * config.panel_bytes].reshape(m, panels, config.row_pitch, width)
    view[:, :, : config.rows] = _to_bytes(padded.reshape(m, panels, config.rows), width)
    return rows.reshape(-1)


def unpack_a(
    config: AcceleratorConfig, data: Bytes, m: int, k: int, stride: int, *, unsigned: bool = False
) -> NDArray[np.int32]:
    """A (M x K) from its bytes; bits of an element above ``a_width`` are ignored."""
    width = config.precision.a_bytes
    column = np.arange(_size("k", k))
    offset = (column // config.rows * config.row_pitch + column % config.rows) * width
    rows = _view("A", data, m, int(offset[-1]) + width, stride)
    return _from_bytes(rows, offset, width, config.precision.a_width, unsigned)


def pack_b(config: AcceleratorConfig, b: Integers, stride: int | None = None) -> Bytes:
    """Bytes of B (K x N) in tiles, in the order in which rows enter the load chains.

    Elements must fit ``b_width`` bits, two's complement.
    """
    k, n = _matrix("B", b)
    _range("B", b, config.precision.b_width, False)
    rows = _rows("B", config, ceil_div(k, config.rows), b_stride(config, n), stride)
    width = config.precision.b_bytes
    k_panels, n_panels = ceil_div(k, config.rows), ceil_div(n, config.cols)
    padded = np.zeros((k_panels * config.rows, n_panels * config.cols), np.int64)
    padded[:k, :n] = b
    tiles = padded.reshape(k_panels, config.rows, n_panels, config.cols).transpose(0, 2, 1, 3)
    tiles = tiles[:, :, _load_order(config)]
    shape = (k_panels, n_panels, config.rows, config.col_pitch, width)
    view = rows[:, : n_panels * config.tile_bytes].reshape(shape)
    view[:, :, :, : config.cols] = _to_bytes(tiles, width)
    return rows.reshape(-1)


def unpack_b(
    config: AcceleratorConfig, data: Bytes, k: int, n: int, stride: int
) -> NDArray[np.int32]:
    """B (K x N) from its packed bytes; bits of an element above ``b_width`` are ignored."""
    width = config.precision.b_bytes
    k_panels = ceil_div(_size("k", k), config.rows)
    n_panels = ceil_div(_size("n", n), config.cols)
    rows = _view("B", data, k_panels, n_panels * config.tile_bytes, stride)
    offset = np.arange(n_panels * config.rows * config.col_pitch) * width
    stored = _from_bytes(rows, offset, width, config.precision.b_width, False)
    tiles = stored.reshape(k_panels, n_panels, config.rows, config.col_pitch)
    # Entry p of the load order is the weight row stored at place p: its argsort undoes it.
    tiles = tiles[:, :, np.argsort(_load_order(config)), : config.cols]
    plain = tiles.transpose(0, 2, 1, 3).reshape(k_panels * config.rows, n_panels * config.cols)
    return np.ascontiguousarray(plain[:k, :n])


def pack_d(
    config: AcceleratorConfig, d: Integers, stride: int | None = None, *, raw: bool = False
) -> Bytes:
    """Bytes of D (M x N): int32 with ``raw``, else int8 or uint8 as its values need."""
    m, n = _matrix("D", d)
    if raw:
        _range("D", d, 32, False)
    else:
        _range("D", d, 8, bool(d.max() > 127))
    rows = _rows("D", config, m, d_stride(config, n, raw), stride)
    width = 4 if raw else 1
    offset = _column_offsets(config, n) * width
    rows[:, offset[:, None] + np.arange(width)] = _to_bytes(np.asarray(d, np.int64), width)
    return rows.reshape(-1)


def unpack_d(
    config: AcceleratorConfig,
    data: Bytes,
    m: int,
    n: int,
    stride: int,
    *,
    raw: bool = False,
    unsigned: bool = False,
) -> Integers:
    """D (M x N) from its bytes: int32 with ``raw``, else uint8 with ``unsigned``, else int8."""
    width = 4 if raw else 1
    rows = _view("D", data, m, d_row_bytes(config, n, raw), stride)
    offset = _column_offsets(config, n) * width
    values = _from_bytes(rows, offset, width, 8 * width, unsigned and not raw)
    return values.astype(np.int32 if raw else np.uint8 if unsigned else np.int8)


# The parameter table and the scale word.


def pack_table(config: AcceleratorConfig, bias: Integers, words: Integers) -> Bytes:
    """Bytes of the parameter table: for each column an int32 bias and a scale word."""
    bias, words = np.asarray(bias), np.asarray(words)
    if bias.ndim != 1 or bias.size == 0 or bias.shape != words.shape:
        raise ValueError(
            "bias and scale words must be vectors of one length >= 1, "
            f"not of shapes {bias.shape} and {words.shape}"
        )
    _range("bias", bias, 32, False)
    _range("scale words", words, 32, True)
    table = np.zeros((table_bytes(config, bias.size) // PARAMETER_BYTES, 2), "<u4")
    place = _column_offsets(config, bias.size)
    table[place, 0] = bias.astype(np.int64) & 0xFFFF_FFFF
    table[place, 1] = words
    return table.reshape(-1).view(np.uint8)


def unpack_table(
    config: AcceleratorConfig, data: Bytes, n: int
) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """Biases and scale words of ``n`` columns."""
    place = _column_offsets(config, n)
    rows = _view("the parameter table", data, 1, int(place[-1] + 1) * PARAMETER_BYTES, 0)
    table = np.ascontiguousarray(rows).view("<u4").reshape(-1, 2)
    return table[place, 0].astype(np.uint32).view(np.int32), table[place, 1].astype(np.uint32)


def scale_word(scale: float | np.floating[Any] | Fraction) -> int:
    """The scale word nearest to a positive real scale, ties to the even multiplier.

    The multiplier is normalised to ``2**26 <= u < 2**27`` wherever the exponent allows it, that is
    from 2**-25 on; below, precision fades out, and up to 2**-52 the multiplier is 0.
    """
    if not math.isfinite(scale):
        raise ValueError(f"scale must be finite, not {scale}")
    exact = scale if isinstance(scale, Fraction) else Fraction(float(scale))
    if exact <= 0:
        raise ValueError(f"scale must be positive, not {scale}")
    if exact >= 128:
        raise ValueError(f"scale must be below 128, not {scale}")
    largest = (1 << SCALE_MULTIPLIER_BITS) - 1
    for exponent in range(SCALE_MAX_EXPONENT, -1, -1):
        # round() of a Fraction is exact, half to even.
        multiplier = round(exact * (1 << (SCALE_FRACTION_BITS + exponent)))
        if multiplier <= largest:
            return exponent << SCALE_MULTIPLIER_BITS | multiplier
    return largest


def scale_value(word: int) -> Fraction:
    """The scale of a scale word, exactly."""
    if not 0 <= word < 1 << 32:
        raise ValueError(f"a scale word must be from 0 to {2**32 - 1}, not {word}")
    multiplier = word & ((1 << SCALE_MULTIPLIER_BITS) - 1)
    return Fraction(multiplier, 1 << (SCALE_FRACTION_BITS + (word >> SCALE_MULTIPLIER_BITS)))


# Helpers.


def _size(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
    return value


def _to_beats(config: AcceleratorConfig, size: int) -> int:
    return ceil_div(size, config.bus.bytes) * config.bus.bytes


def _column_offsets(config: AcceleratorConfig, n: int) -> NDArray[np.intp]:
    """Element offset in memory of each column of D and of the parameter table."""
    column = np.arange(_size("n", n))
    return column // config.cols * config.col_pitch + column % config.cols


def _load_order(config: AcceleratorConfig) -> NDArray[np.intp]:
    """Row of the panel at each place of a packed tile: step by step, lane by lane."""
    step, lane = np.divmod(np.arange(config.rows), config.load_rows)
    return lane * config.load_cycles + (config.load_cycles - 1 - step)


def _matrix(name: str, x: Integers) -> tuple[int, int]:
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name} must be a matrix of at least 1 x 1, not of shape {x.shape}")
    return x.shape[0], x.shape[1]


def _range(name: str, x: Integers, width: int, unsigned: bool) -> None:
    if not np.issubdtype(x.dtype, np.integer):
        raise TypeError(f"{name} must have an integer dtype, not {x.dtype}")
    low, high = (0, 2**width - 1) if unsigned else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    for value in (int(x.min()), int(x.max())):
        if not low <= value <= high:
            raise ValueError(f"{name} must be from {low} to {high}, not {value}")


def _rows(
    name: str, config: AcceleratorConfig, count: int, smallest: int, stride: int | None
) -> Bytes:
    """Zeroed rows of ``stride`` bytes, ``smallest`` unless given."""
    stride = smallest if stride is None else stride
    if stride < smallest or stride % config.bus.bytes:
        raise ValueError(
            f"stride of {name} must be a multiple of {config.bus.bytes} from {smallest} on, "
            f"not {stride}"
        )
    return np.zeros((count, stride), np.uint8)


def _view(name: str, data: Bytes, count: int, length: int, stride: int) -> Bytes:
    """``count`` rows of ``length`` bytes, ``stride`` apart, without a copy."""
    if data.dtype != np.uint8 or data.ndim != 1:
        raise TypeError(
            f"{name} must be unpacked from a flat uint8 array, "
            f"not from {data.dtype} of shape {data.shape}"
        )
    if stride < 0:
        raise ValueError(f"stride of {name} must not be negative, not {stride}")
    needed = (_size("rows", count) - 1) * stride + length
    if data.size < needed:
        raise ValueError(f"{name} must have at least {needed} bytes, not {data.size}")
    data = np.ascontiguousarray(data)
    return as_strided(data, (count, length), (stride, 1), writeable=False)


def _to_bytes(x: NDArray[np.int64], width: int) -> Bytes:
    """Little-endian bytes of each element, along a new last axis."""
    return x.astype("<i8").view(np.uint8).reshape(*x.shape, 8)[..., :width]


def _from_bytes(
    rows: Bytes, offset: NDArray[np.intp], size: int, width: int, unsigned: bool
) -> NDArray[np.int32]:
    """Elements of ``size`` bytes at ``offset`` in each row, cut to ``width`` bits."""
    value = rows[:, offset].astype(np.int64)
    for byte in range(1, size):
        value |= rows[:, offset + byte].astype(np.int64) << 8 * byte
    value &= (1 << width) - 1
    if not unsigned:
        value -= (value >> (width - 1)) << width
    return value.astype(np.int32)
