# SPDX-License-Identifier: Apache-2.0
"""What the streams of post-processing carry."""

from amaranth import signed, unsigned
from amaranth.lib import data

from ..config import Precision

__all__ = ["beat_layout", "sums_layout", "values_layout"]


def sums_layout(precision: Precision, lanes: int) -> data.StructLayout:
    """``lanes`` neighbouring columns of a row of accumulators, with their parameters.

    ``count`` is the number of lanes that hold a column of D, from the first on; ``last`` marks the
    end of a row of D, and comes with a ``count`` of at least 1.
    """
    return data.StructLayout(
        {
            "sums": data.ArrayLayout(signed(precision.acc_width), lanes),
            "biases": data.ArrayLayout(signed(32), lanes),
            "words": data.ArrayLayout(unsigned(32), lanes),
            "count": range(lanes + 1),
            "last": 1,
        }
    )


def values_layout(lanes: int) -> data.StructLayout:
    """``lanes`` neighbouring elements of a row of D: 32 bits with RAW, else the low 8.

    ``mask`` has a one for each lane that holds one, from the first on; ``last`` marks the end of a row,
    and comes with at least one.
    """
    return data.StructLayout(
        {
            "values": data.ArrayLayout(unsigned(32), lanes),
            "mask": lanes,
            "last": 1,
        }
    )


def beat_layout(beat_bytes: int) -> data.StructLayout:
    """A beat of the bus: ``data``, and in ``strb`` a one for each byte of it to write."""
    return data.StructLayout({"data": 8 * beat_bytes, "strb": beat_bytes})
