# SPDX-License-Identifier: Apache-2.0
"""The numbers of the link between a host and the system, docs/reference/link.md."""

from amaranth.lib import enum

__all__ = [
    "ANSWER",
    "GAP",
    "LINK_WORDS",
    "MAGIC",
    "REQUEST",
    "VERSION",
    "WRITE",
    "Space",
    "Status",
    "link_words",
]

REQUEST = 0xA5
"""First byte of a frame of the host."""

ANSWER = 0x5A
"""First byte of an answer: each bit is the opposite of that of :data:`REQUEST`."""

GAP = 1024
"""Bit times of an idle line after which the next byte begins a frame; a power of two, at least 32. USB
adapters pause within a frame: for a millisecond, which these are at 1,000,000 bits per second."""

MAGIC = 0x4B4C_574D
"""Word 0 of the link page: "MWLK"."""

VERSION = 1
"""Word 1 of the link page."""

LINK_WORDS = 6
"""Words of the link page."""

WRITE = 1
"""Bit 0 of a command; its :class:`Space` is bits 2:1, and the others are 0."""


class Space(enum.Enum, shape=2):
    """What an address is an address of."""

    MEMORY = 0
    """The memory, as the accelerator's ``m_axi`` sees it."""
    REGISTERS = 1
    """The accelerator's registers: offsets of its ``s_axil``."""
    LINK = 2
    """The link page, which says what is at this end."""


class Status(enum.Enum, shape=2):
    """What became of a frame."""

    OK = 0
    PAYLOAD = 1
    """The CRC of a write's words was wrong."""
    REFUSED = 2
    """No such command, space or address."""


def link_words(memory_bytes: int, divisor: int, clock_hz: int, irq: int) -> tuple[int, ...]:
    """The words of the link page."""
    bits_per_second = round(clock_hz / divisor)
    return (MAGIC, VERSION, memory_bytes, clock_hz, irq, bits_per_second)
