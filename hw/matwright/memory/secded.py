# SPDX-License-Identifier: Apache-2.0
"""SECDED code: with its check bits one flipped bit of a word is corrected and two are detected.

Ref: M. Y. Hsiao, "A Class of Optimal Minimum Odd-weight-column SEC-DED Codes", IBM Journal of
Research and Development 14(4), 1970.
"""

from functools import cache
from itertools import combinations, count

__all__ = ["hsiao", "secded_bits"]

_MAX_WIDTH = 1024


def secded_bits(data_width: int) -> int:
    """Least number of check bits for 1 to 1024 data bits."""
    if not 1 <= data_width <= _MAX_WIDTH:
        raise ValueError(f"data_width must be from 1 to {_MAX_WIDTH}, not {data_width}")
    # Columns are of odd weight, and those of weight 1 are the check bits' own.
    return next(r for r in count(3) if 2 ** (r - 1) - r >= data_width)


@cache
def hsiao(data_width: int) -> tuple[int, ...]:
    """For each data bit its column of the parity-check matrix, bit i of a column in row i.

    All are different and of odd weight of at least 3. They are the lightest that there are, and the
    weights of the rows differ by at most 1. The column of check bit i is ``1 << i``.
    """
    rows = secded_bits(data_width)
    columns: list[int] = []
    for weight in range(3, rows + 1, 2):
        group = [sum(1 << row for row in ones) for ones in combinations(range(rows), weight)]
        columns += _balanced(group[: data_width - len(columns)], rows)
    return tuple(columns)


def _balanced(columns: list[int], rows: int) -> list[int]:
    """As many columns of the same weight, of which the weights of the rows differ by at most 1."""
    chosen = set(columns)
    while True:
        weights = [sum(column >> row & 1 for column in chosen) for row in range(rows)]
        heavy, light = weights.index(max(weights)), weights.index(min(weights))
        if weights[heavy] - weights[light] <= 1:
            return sorted(chosen)
        # More columns have only the heavy row of the two than only the light one, so that there is
        # one whose counterpart is not chosen yet.
        both = 1 << heavy | 1 << light
        moved = next(c for c in sorted(chosen) if c & both == 1 << heavy and c ^ both not in chosen)
        chosen ^= {moved, moved ^ both}
