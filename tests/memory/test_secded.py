# SPDX-License-Identifier: Apache-2.0
"""The SECDED code as a matrix: that it is one, with the fewest check bits and the fewest ones."""

from itertools import combinations
from math import comb

import pytest

from matwright.memory.secded import hsiao, secded_bits

BITS = {1: 3, 2: 4, 4: 4, 8: 5, 11: 5, 12: 6, 16: 6, 26: 6, 27: 7, 32: 7, 57: 7, 58: 8, 64: 8}
BITS |= {120: 8, 128: 9, 256: 10, 512: 11, 1013: 11, 1024: 12}
WIDTHS = [*range(1, 130), 137, 247, 248, 256, 501, 502, 503, 512, 700, 1000, 1013, 1014, 1024]


@pytest.mark.parametrize(("data_width", "bits"), BITS.items())
def test_check_bits_by_hand(data_width: int, bits: int) -> None:
    assert secded_bits(data_width) == bits


def test_check_bits_are_least() -> None:
    """A code of distance 4 is one of distance 3 and a parity bit: the bound of Hamming, and one."""
    for data_width in range(1, 1025):
        bits = secded_bits(data_width)
        assert 2 ** (bits - 1) >= data_width + bits > 2 ** (bits - 2) + 1


@pytest.mark.parametrize("data_width", [0, -1, 1025])
def test_width_is_checked(data_width: int) -> None:
    message = f"data_width must be from 1 to 1024, not {data_width}"
    with pytest.raises(ValueError, match=message):
        secded_bits(data_width)
    with pytest.raises(ValueError, match=message):
        hsiao(data_width)


def test_columns_make_distance_four() -> None:
    """No three columns add to 0, nor do fewer: they are different, not 0, and of odd weight."""
    for data_width in WIDTHS:
        columns, bits = hsiao(data_width), secded_bits(data_width)
        assert len(columns) == len(set(columns)) == data_width
        assert all(3 <= column.bit_count() <= bits and column.bit_count() % 2 for column in columns)
        assert max(columns) < 2**bits


@pytest.mark.parametrize("data_width", [1, 4, 8, 11, 20])
def test_distance_exhaustively(data_width: int) -> None:
    columns = [*hsiao(data_width), *(1 << i for i in range(secded_bits(data_width)))]
    sums = {a ^ b for a, b in combinations(columns, 2)}
    assert 0 not in sums and not sums & set(columns)


def test_ones_are_fewest_and_balanced() -> None:
    for data_width in WIDTHS:
        columns, bits = hsiao(data_width), secded_bits(data_width)
        left, ones = data_width, 0
        for weight in range(3, bits + 1, 2):
            taken = min(left, comb(bits, weight))
            ones, left = ones + taken * weight, left - taken
        rows = [sum(column >> i & 1 for column in columns) for i in range(bits)]
        assert left == 0 and sum(rows) == ones
        assert max(rows) - min(rows) <= 1, f"{data_width} data bits: ones of the rows {rows}"


@pytest.mark.parametrize(("data_width", "ones", "widest"), [(32, 96, 14), (64, 208, 26)])
def test_published_figures(data_width: int, ones: int, widest: int) -> None:
    """The codes (39, 32) and (72, 64): ones of all data columns, and of the fullest row."""
    columns = hsiao(data_width)
    assert sum(column.bit_count() for column in columns) == ones
    assert max(sum(column >> i & 1 for column in columns) for i in range(8)) == widest
