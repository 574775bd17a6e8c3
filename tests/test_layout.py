# SPDX-License-Identifier: Apache-2.0
"""Layouts in memory, against the formulas of docs/developer/machine.md one element at a time."""

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest

from matwright import layout
from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision


def _config(
    rows: int, cols: int, load_rows: int = 1, a_width: int = 8, b_width: int = 8, bus: int = 32
) -> AcceleratorConfig:
    return AcceleratorConfig(
        rows=rows,
        cols=cols,
        load_rows=load_rows,
        precision=Precision(a_width=a_width, b_width=b_width, acc_width=32),
        bus=Bus(data_width=bus),
        limits=Limits(max_k=1),
        build=Build(post_lanes=1),
    )


CONFIGS = [
    _config(4, 4),
    _config(16, 16, 4, bus=128),
    _config(6, 5, 2),
    _config(3, 7, bus=64),
    _config(12, 10, 4, 16, 16, bus=64),
    _config(8, 3, 8, 5, 3),
    _config(4, 1),
    _config(5, 9, 1, 12, 7, bus=128),
]
SIZES = [(1, 1, 1), (3, 7, 5), (5, 33, 18), (2, 16, 32)]


@pytest.fixture(params=CONFIGS, ids=lambda c: f"{c.rows}x{c.cols}x{c.load_rows}")
def config(request: pytest.FixtureRequest) -> AcceleratorConfig:
    return request.param


def _random(rng: np.random.Generator, shape: tuple[int, ...], width: int) -> Any:
    return rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), shape)


@pytest.mark.parametrize(("m", "n", "k"), SIZES)
@pytest.mark.parametrize("extra", [0, 2])
def test_a(config: AcceleratorConfig, m: int, n: int, k: int, extra: int) -> None:
    rng = np.random.default_rng(1)
    width, size = config.precision.a_width, config.precision.a_bytes
    a = _random(rng, (m, k), width)
    stride = layout.a_stride(config, k) + extra * config.bus.bytes
    data = layout.pack_a(config, a, stride)
    expected = np.zeros(m * stride, np.uint8)
    r, pitch = config.rows, config.row_pitch
    for i in range(m):
        for j in range(k):
            at = i * stride + ((j // r) * pitch + j % r) * size
            expected[at : at + size] = list(int(a[i, j]).to_bytes(size, "little", signed=True))
    assert np.array_equal(data, expected)
    assert np.array_equal(layout.unpack_a(config, data, m, k, stride), a)
    # Bits above the width have no influence.
    if width < 8:
        noisy = data | np.uint8(0xFF << width & 0xFF)
        assert np.array_equal(layout.unpack_a(config, noisy, m, k, stride), a)


def test_a_row_bytes(config: AcceleratorConfig) -> None:
    """Of a row of A, the beats up to the one that holds the last byte of the last element."""
    r, size, beat = config.rows, config.precision.a_bytes, config.bus.bytes
    for k in range(1, 5 * r + 2):
        places = [((j // r) * config.row_pitch + j % r) * size for j in range(k)]
        beats = {(place + byte) // beat for place in places for byte in range(size)}
        assert layout.a_row_bytes(config, k) == (max(beats) + 1) * beat
        assert layout.a_row_bytes(config, k) <= layout.a_stride(config, k)


@pytest.mark.parametrize(("m", "n", "k"), SIZES)
@pytest.mark.parametrize("extra", [0, 3])
def test_b(config: AcceleratorConfig, m: int, n: int, k: int, extra: int) -> None:
    rng = np.random.default_rng(2)
    size, pitch, lanes = config.precision.b_bytes, config.col_pitch, config.load_rows
    b = _random(rng, (k, n), config.precision.b_width)
    stride = layout.b_stride(config, n) + extra * config.bus.bytes
    data = layout.pack_b(config, b, stride)
    steps = config.rows // lanes
    expected = np.zeros(-(-k // config.rows) * stride, np.uint8)
    for i in range(-(-k // config.rows)):
        for j in range(-(-n // config.cols)):
            tile = i * stride + j * config.tile_bytes
            for t in range(steps):
                for lane in range(lanes):
                    row = i * config.rows + lane * steps + (steps - 1 - t)
                    for c in range(config.cols):
                        column = j * config.cols + c
                        if row < k and column < n:
                            at = tile + ((t * lanes + lane) * pitch + c) * size
                            word = int(b[row, column]).to_bytes(size, "little", signed=True)
                            expected[at : at + size] = list(word)
    assert np.array_equal(data, expected)
    assert np.array_equal(layout.unpack_b(config, data, k, n, stride), b)


@pytest.mark.parametrize(("m", "n", "k"), SIZES)
@pytest.mark.parametrize("kind", ["raw", "signed", "unsigned"])
def test_d(config: AcceleratorConfig, m: int, n: int, k: int, kind: str) -> None:
    rng = np.random.default_rng(3)
    raw, size = kind == "raw", 4 if kind == "raw" else 1
    d = _random(rng, (m, n), 8 * size) + (128 if kind == "unsigned" else 0)
    stride = layout.d_stride(config, n, raw) + config.bus.bytes
    data = layout.pack_d(config, d, stride, raw=raw)
    expected = np.zeros(m * stride, np.uint8)
    for i in range(m):
        for j in range(n):
            at = i * stride + ((j // config.cols) * config.col_pitch + j % config.cols) * size
            word = int(d[i, j]) % 2 ** (8 * size)
            expected[at : at + size] = list(word.to_bytes(size, "little"))
    assert np.array_equal(data, expected)
    back = layout.unpack_d(config, data, m, n, stride, raw=raw, unsigned=kind == "unsigned")
    assert np.array_equal(back, d)
    assert back.dtype == {"raw": np.int32, "signed": np.int8, "unsigned": np.uint8}[kind]
    # Just enough bytes for the last element.
    enough = data[: (m - 1) * stride + layout.d_row_bytes(config, n, raw)]
    again = layout.unpack_d(config, enough, m, n, stride, raw=raw, unsigned=kind == "unsigned")
    assert np.array_equal(again, d)


@pytest.mark.parametrize("n", [1, 5, 18])
def test_table(config: AcceleratorConfig, n: int) -> None:
    rng = np.random.default_rng(4)
    bias, words = _random(rng, (n,), 32), rng.integers(0, 2**32, n)
    data = layout.pack_table(config, bias, words)
    assert data.size == layout.table_bytes(config, n)
    assert data.size % (8 * config.col_pitch) == 0
    for j in range(n):
        at = 8 * ((j // config.cols) * config.col_pitch + j % config.cols)
        assert int.from_bytes(data[at : at + 4].tobytes(), "little", signed=True) == bias[j]
        assert int.from_bytes(data[at + 4 : at + 8].tobytes(), "little") == words[j]
    back = layout.unpack_table(config, data, n)
    assert np.array_equal(back[0], bias)
    assert np.array_equal(back[1], words)
    assert (back[0].dtype, back[1].dtype) == (np.int32, np.uint32)


def test_unsigned_a_keeps_its_bits() -> None:
    a = np.array([[0, 127, 128, 255]], np.uint8)
    data = layout.pack_a(CONFIGS[0], a, unsigned=True)
    assert data.tolist() == [0, 127, 128, 255]
    assert np.array_equal(layout.unpack_a(CONFIGS[0], data, 1, 4, 4, unsigned=True), a)


def test_power_of_two_a_is_row_major() -> None:
    a = np.arange(-24, 24, dtype=np.int8).reshape(4, 12)
    assert layout.pack_a(CONFIGS[0], a).tobytes() == a.tobytes()


def test_strides_are_smallest() -> None:
    config = _config(6, 5, 2)  # pitches of 8, beats of 4
    assert [layout.a_stride(config, k) for k in (1, 6, 7)] == [8, 8, 16]
    assert [layout.a_row_bytes(config, k) for k in (1, 4, 5, 6, 7)] == [4, 4, 8, 8, 12]
    assert [layout.b_stride(config, n) for n in (1, 5, 6)] == [48, 48, 96]
    assert [layout.d_stride(config, n) for n in (1, 5, 6, 10)] == [4, 8, 12, 16]
    assert [layout.d_stride(config, n, True) for n in (1, 5, 6)] == [4, 20, 36]


# Scale words.


def test_scale_word_is_nearest() -> None:
    seed = 5
    print(f"seed {seed}")
    rng = Random(seed)
    scales = [2.0**e * m for e in range(-60, 7) for m in (1.0, 1.0 + 2**-27, 1.5, 2 - 2.0**-50)]
    scales += [rng.uniform(1, 2) * 2.0 ** rng.uniform(-56, 6) for _ in range(500)]
    for scale in scales:
        word = layout.scale_word(scale)
        error = abs(layout.scale_value(word) - Fraction(scale))
        multiplier, exponent = word % 2**27, word >> 27
        if scale >= 2.0**-25:
            assert multiplier >= 2**26
        for other in range(32):
            # The two neighbours of the scale with any other exponent are no nearer.
            base = int(Fraction(scale) * 2 ** (20 + other))
            for u in (base, base + 1):
                if u < 2**27:
                    assert error <= abs(Fraction(u, 2 ** (20 + other)) - Fraction(scale)), scale
        assert 0 <= exponent < 32


def test_scale_word_ties_go_to_even() -> None:
    unit = Fraction(1, 2**20)
    assert layout.scale_word((2**26 + Fraction(1, 2)) * unit) == 2**26
    assert layout.scale_word((2**26 + Fraction(3, 2)) * unit) == 2**26 + 2


def test_scale_word_limits() -> None:
    assert layout.scale_word(1.0) == 6 << 27 | 2**26
    assert layout.scale_word(1) == layout.scale_word(Fraction(1))
    assert layout.scale_word(float(np.nextafter(128.0, 0))) == 2**27 - 1
    assert layout.scale_word(2.0**-51) == 31 << 27 | 1
    assert layout.scale_value(layout.scale_word(2.0**-52)) == 0
    assert layout.scale_word(np.float32(0.1)) == layout.scale_word(float(np.float32(0.1)))


# Errors.


def _message(call: Callable[[], object], kind: type[Exception] = ValueError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_scale_errors() -> None:
    assert _message(lambda: layout.scale_word(0.0)) == "scale must be positive, not 0.0"
    assert _message(lambda: layout.scale_word(-1.5)) == "scale must be positive, not -1.5"
    assert _message(lambda: layout.scale_word(128.0)) == "scale must be below 128, not 128.0"
    assert _message(lambda: layout.scale_word(float("inf"))) == "scale must be finite, not inf"
    assert _message(lambda: layout.scale_word(float("nan"))) == "scale must be finite, not nan"
    assert (
        _message(lambda: layout.scale_value(-1))
        == "a scale word must be from 0 to 4294967295, not -1"
    )


def test_matrix_errors() -> None:
    config = CONFIGS[0]
    good = np.zeros((2, 4), np.int8)
    assert (
        _message(lambda: layout.pack_a(config, good.astype(float)), TypeError)
        == "A must have an integer dtype, not float64"
    )
    assert (
        _message(lambda: layout.pack_a(config, np.zeros(4, np.int8)))
        == "A must be a matrix of at least 1 x 1, not of shape (4,)"
    )
    assert (
        _message(lambda: layout.pack_b(config, np.zeros((0, 4), np.int8)))
        == "B must be a matrix of at least 1 x 1, not of shape (0, 4)"
    )
    assert (
        _message(lambda: layout.pack_b(config, np.full((1, 1), 128)))
        == "B must be from -128 to 127, not 128"
    )
    assert (
        _message(lambda: layout.pack_a(config, np.full((1, 1), -1), unsigned=True))
        == "A must be from 0 to 255, not -1"
    )
    assert (
        _message(lambda: layout.pack_d(config, np.full((1, 1), 256)))
        == "D must be from 0 to 255, not 256"
    )
    assert (
        _message(lambda: layout.pack_a(config, good, 0))
        == "stride of A must be a multiple of 4 from 4 on, not 0"
    )
    assert (
        _message(lambda: layout.pack_d(config, good, 6))
        == "stride of D must be a multiple of 4 from 4 on, not 6"
    )


def test_unpack_errors() -> None:
    config = CONFIGS[0]
    data: Any = np.zeros(8, np.uint8)
    assert (
        _message(lambda: layout.unpack_a(config, data, 2, 5, 8))
        == "A must have at least 13 bytes, not 8"
    )
    assert _message(lambda: layout.unpack_d(config, data, 1, 0, 8)) == "n must be at least 1, not 0"
    assert _message(lambda: layout.a_row_bytes(config, 0)) == "k must be at least 1, not 0"
    assert (
        _message(lambda: layout.unpack_d(config, data, 0, 1, 8)) == "rows must be at least 1, not 0"
    )
    assert (
        _message(lambda: layout.unpack_b(config, data, 1, 1, -4))
        == "stride of B must not be negative, not -4"
    )
    assert (
        _message(lambda: layout.unpack_a(config, data.view(np.int8), 1, 1, 4), TypeError)
        == "A must be unpacked from a flat uint8 array, not from int8 of shape (8,)"
    )


def test_table_errors() -> None:
    config = CONFIGS[0]
    assert (
        _message(lambda: layout.pack_table(config, np.zeros(2, int), np.zeros(3, int)))
        == "bias and scale words must be vectors of one length >= 1, not of shapes (2,) and (3,)"
    )
    assert (
        _message(lambda: layout.pack_table(config, np.full(1, 2**31), np.zeros(1, int)))
        == "bias must be from -2147483648 to 2147483647, not 2147483648"
    )
    assert (
        _message(lambda: layout.pack_table(config, np.zeros(1, int), np.full(1, -1)))
        == "scale words must be from 0 to 4294967295, not -1"
    )
