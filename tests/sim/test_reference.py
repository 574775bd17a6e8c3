# SPDX-License-Identifier: Apache-2.0
"""The second opinion, against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from matwright.layout import scale_value
from matwright_sim.reference import reference_gemm

SEED = 6


@pytest.mark.parametrize("unsigned", [False, True])
def test_every_element_as_a_fraction(unsigned: bool) -> None:
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    a, b = rng.integers(-128, 128, (6, 9)), rng.integers(-128, 128, (9, 7))
    bias = rng.integers(-(2**20), 2**20, 7)
    words = rng.integers(0, 2**32, 7)
    # Halves occur: a scale of 1/2 and one of 1/4.
    words[:2] = (1 << 26) | (7 << 27), (1 << 26) | (8 << 27)
    got = reference_gemm(a, b, bias=bias, words=words, relu=True, zero_point=-3, unsigned=unsigned)
    for i in range(6):
        for j in range(7):
            total = max(sum(int(a[i, k]) * int(b[k, j]) for k in range(9)) + int(bias[j]), 0)
            y = round(Fraction(total) * scale_value(int(words[j]))) - 3
            assert got[i, j] == min(max(y, -128), 127) + (128 if unsigned else 0)


def test_half_goes_to_even() -> None:
    half = (1 << 26) | (7 << 27)
    a = np.array([[1], [3], [5], [-1], [-3]])
    assert scale_value(half) == Fraction(1, 2)
    got = reference_gemm(a, np.array([[1]]), words=half)
    assert got.ravel().tolist() == [0, 2, 2, 0, -2]


def test_sums_beyond_32_bits_are_refused() -> None:
    big = np.full((1, 1), 1 << 16)
    with pytest.raises(ValueError, match="sums must fit 32 bits, not 4294967296"):
        reference_gemm(big, big)
