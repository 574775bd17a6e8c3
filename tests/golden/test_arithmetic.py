# SPDX-License-Identifier: Apache-2.0
"""The golden arithmetic, against Python's integers and fractions."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matwright_sim.golden.arithmetic import narrow, requantize, wrap

INT32 = st.integers(-(2**31), 2**31 - 1)
WORD = st.integers(0, 2**32 - 1)


def _exact(t: int, word: int) -> int:
    return round(Fraction(t * (word % 2**27), 2 ** (20 + (word >> 27))))


@settings(derandomize=True, max_examples=300)
@given(INT32, WORD)
def test_requantize(t: int, word: int) -> None:
    assert int(requantize(t, word)) == _exact(t, word)


def test_requantize_ties_of_both_parities_at_every_shift() -> None:
    cases = []
    for exponent in range(32):
        for odd in range(-9, 10, 2):
            # t * u = odd * 2**(19 + exponent), so the result is odd / 2.
            fits = min(26, 19 + exponent)
            cases.append((odd << (19 + exponent - fits), exponent << 27 | 1 << fits))
    t, words = (np.array(x) for x in zip(*cases, strict=True))
    expected = [_exact(*case) for case in cases]
    assert requantize(t, words).tolist() == expected
    assert set(expected) == {-4, -2, 0, 2, 4}


def test_requantize_extremes() -> None:
    for t in (-(2**31), -1, 0, 1, 2**31 - 1):
        for exponent in (0, 31):
            for u in (0, 1, 2**27 - 1):
                word = exponent << 27 | u
                assert int(requantize(t, word)) == _exact(t, word)


def test_requantize_broadcasts() -> None:
    rng = Random(3)
    t = np.array([[rng.randrange(-(2**31), 2**31) for _ in range(5)] for _ in range(4)])
    words = np.array([rng.randrange(2**32) for _ in range(5)])
    expected = [[_exact(int(v), int(w)) for v, w in zip(row, words, strict=True)] for row in t]
    assert requantize(t, words).tolist() == expected


@settings(derandomize=True)
@given(st.integers(-(2**62), 2**62), st.integers(1, 63))
@example(-1, 63)
@example(-1, 1)
def test_wrap(x: int, width: int) -> None:
    expected = (x + 2 ** (width - 1)) % 2**width - 2 ** (width - 1)
    assert int(wrap(x, width)) == expected


@pytest.mark.parametrize("zero_point", [-128, 0, 5, 127])
def test_narrow(zero_point: int) -> None:
    y = np.arange(-600, 600)
    expected = [min(max(int(v) + zero_point, -128), 127) for v in y]
    signed = narrow(y, zero_point)
    unsigned = narrow(y, zero_point, unsigned=True)
    assert signed.dtype == np.int8
    assert unsigned.dtype == np.uint8
    assert signed.tolist() == expected
    assert unsigned.tolist() == [v + 128 for v in expected]
