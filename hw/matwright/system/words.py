# SPDX-License-Identifier: Apache-2.0
"""Word port: single words of a memory, one after the other."""

from typing import Protocol

from amaranth import Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WORD_BITS", "WORD_BYTES", "WordPort", "word_port"]

WORD_BITS = 32
"""Bits of a word."""

WORD_BYTES = 4
"""Bytes of a word."""


class WordPort(Protocol):
    """What a component sees of a word port."""

    valid: Signal
    """An access is asked for; it stays, unchanged, until ``ready``."""
    ready: Signal
    """The access is taken in this cycle."""
    write: Signal
    """It is a write."""
    addr: Signal
    """Number of the word."""
    w_data: Signal
    """What is to be written."""
    r_valid: Signal
    """What was asked for is here, in this cycle only."""
    r_data: Signal
    """The word that was read."""


def word_port(addr_width: int) -> wiring.Signature:
    """Signature of a :class:`WordPort` with ``addr_width`` address bits, seen from who asks."""
    return wiring.Signature(
        {
            "valid": Out(1),
            "ready": In(1),
            "write": Out(1),
            "addr": Out(addr_width),
            "w_data": Out(WORD_BITS),
            "r_valid": In(1),
            "r_data": In(WORD_BITS),
        }
    )
