# SPDX-License-Identifier: Apache-2.0
"""The golden GEMM, against Python's integers one element at a time."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from matwright.config import Precision
from matwright_sim.golden.gemm import accumulate, gemm


def _element(
    precision: Precision, row: Any, column: Any, bias: int, word: int, options: dict[str, Any]
) -> int:
    """The contract of docs/developer/machine.md, for one element."""
    offset = 2 ** (precision.a_width - 1) if options["a_unsigned"] else 0
    t = sum((int(x) - offset) * int(y) for x, y in zip(row, column, strict=True)) + bias
    half = 2 ** (precision.acc_width - 1)
    t = (t + half) % (2 * half) - half
    if options["relu"]:
        t = max(t, 0)
    if options["raw"]:
        return t
    y = round(Fraction(t * (word % 2**27), 2 ** (20 + (word >> 27))))
    y = min(max(y + options["zero_point"], -128), 127)
    return y + 128 if options["d_unsigned"] else y


@pytest.mark.parametrize("widths", [(8, 8, 32), (8, 8, 16), (4, 3, 8), (16, 16, 32), (2, 2, 4)])
def test_random(widths: tuple[int, int, int]) -> None:
    seed = sum(widths)
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    precision = Precision(a_width=widths[0], b_width=widths[1], acc_width=widths[2])
    for _ in range(12):
        m, n, k = (int(x) for x in rng.integers(1, 12, 3))
        options: dict[str, Any] = {
            name: bool(rng.integers(2)) for name in ("raw", "relu", "a_unsigned", "d_unsigned")
        }
        options["zero_point"] = int(rng.choice([-128, 0, 3, 127]))
        half = 2 ** (precision.a_width - 1)
        a = rng.integers(-half, half, (m, k)) + (half if options["a_unsigned"] else 0)
        half = 2 ** (precision.b_width - 1)
        b = rng.integers(-half, half, (k, n))
        bias = rng.integers(-(2**31), 2**31, n) >> int(rng.integers(0, 31))
        words = rng.integers(0, 2**32, n)
        got = gemm(precision, a, b, bias=bias, scale_words=words, **options)
        expected = [
            [
                _element(precision, a[i], b[:, j], int(bias[j]), int(words[j]), options)
                for j in range(n)
            ]
            for i in range(m)
        ]
        assert got.tolist() == expected
        kind = np.int32 if options["raw"] else np.uint8 if options["d_unsigned"] else np.int8
        assert got.dtype == kind


def test_accumulate_is_exact_at_the_deepest() -> None:
    """The largest products, of one sign, at a K where doubles still have to be exact."""
    precision = Precision(a_width=16, b_width=16, acc_width=32)
    a = np.full((1, 70_001), -(2**15))
    b = np.full((70_001, 1), -(2**15))
    b[::3] = 2**15 - 1
    total = sum(-(2**15) * int(x) for x in b[:, 0])
    expected = (total + 2**31) % 2**32 - 2**31
    assert accumulate(precision, a, b).tolist() == [[expected]]


def test_scalars_and_defaults() -> None:
    a, b = np.array([[3]]), np.array([[5]])
    assert gemm(Precision(), a, b, raw=True).tolist() == [[15]]
    assert gemm(Precision(), a, b, bias=-20, scale_words=1 << 19).tolist() == [[-2]]


def _message(call: Callable[[], object], kind: type[Exception] = ValueError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def test_errors() -> None:
    p, one = Precision(), np.ones((1, 1), np.int64)
    cases: list[tuple[Callable[[], object], str]] = [
        (
            lambda: gemm(p, one, np.ones((2, 1), np.int8), raw=True),
            "A must have as many columns as B has rows (2), not 1",
        ),
        (
            lambda: gemm(p, one[0], one, raw=True),
            "A must be a matrix of at least 1 x 1, not of shape (1,)",
        ),
        (lambda: gemm(p, one, one + 200, raw=True), "B must be from -128 to 127, not 201"),
        (
            lambda: gemm(p, np.full((1, 1), 256), one, raw=True, a_unsigned=True),
            "A must be from 0 to 255, not 256",
        ),
        (lambda: gemm(p, one, one), "scale_words must be given unless raw, not None"),
        (
            lambda: gemm(p, one, one, scale_words=1, zero_point=128),
            "zero_point must be from -128 to 127, not 128",
        ),
        (
            lambda: gemm(p, one, one, scale_words=np.ones(2, int)),
            "scale_words must be a scalar or of shape (1,), not of shape (2,)",
        ),
        (
            lambda: gemm(p, one, one, bias=2**31, raw=True),
            "bias must be from -2147483648 to 2147483647, not 2147483648",
        ),
    ]
    for call, message in cases:
        assert _message(call) == message
    assert (
        _message(lambda: gemm(p, one.astype(float), one, raw=True), TypeError)
        == "A must have an integer dtype, not float64"
    )
