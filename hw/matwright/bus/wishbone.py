# SPDX-License-Identifier: Apache-2.0
"""Signature of a Wishbone bus: classic cycles with the burst hints of registered feedback.

Source: OpenCores, "Wishbone B4", chapters 3 (classic) and 4 (registered feedback).
"""

from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CycleType", "wishbone"]


class CycleType(enum.Enum, shape=3):
    """``cti``: what follows the cycle."""

    CLASSIC = 0b000
    INCREMENTING = 0b010
    END = 0b111


def wishbone(addr_width: int, data_width: int) -> wiring.Signature:
    """Signature seen from the master.

    ``adr`` is a byte address whose bits below a word are 0. ``cti`` is :class:`CycleType`; ``bte`` is 0, a
    linear burst.
    """
    return wiring.Signature(
        {
            "cyc": Out(1),
            "stb": Out(1),
            "we": Out(1),
            "adr": Out(addr_width),
            "sel": Out(data_width // 8),
            "dat_w": Out(data_width),
            "cti": Out(3),
            "bte": Out(2),
            "dat_r": In(data_width),
            "ack": In(1),
            "err": In(1),
        }
    )
