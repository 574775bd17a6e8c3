# SPDX-License-Identifier: Apache-2.0
"""Windows: the parts of memory that the machine may reach."""

from dataclasses import dataclass
from typing import Literal

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Bus
from .register_map import PAGE_BYTES, window_offset

__all__ = ["PAGE_BITS", "Window", "WindowMatch", "page_width", "windows_layout"]

PAGE_BITS = PAGE_BYTES.bit_length() - 1
"""Address bits within a page."""


@dataclass(frozen=True)
class Window:
    """Bytes ``base`` to ``limit`` of memory, ``limit`` included: whole pages of 4 KiB."""

    base: int
    limit: int
    read: bool = True
    write: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.base < 1 << 48 or self.base % PAGE_BYTES:
            raise ValueError(
                f"base of a window must be a multiple of {PAGE_BYTES} of at most 48 bits, "
                f"not {self.base:#x}"
            )
        if not self.base < self.limit < 1 << 48 or (self.limit + 1) % PAGE_BYTES:
            raise ValueError(
                f"limit of a window must be the last byte of a page from {self.base:#x} on, "
                f"not {self.limit:#x}"
            )

    def holds(self, base: int, limit: int, permission: str) -> bool:
        """Whether bytes ``base`` to ``limit`` lie in it, and it permits to ``read`` or ``write`` them."""
        return bool(getattr(self, permission)) and self.base <= base and limit <= self.limit

    def registers(self, index: int, *, lock: bool = False) -> dict[int, int]:
        """Offsets and values that open it as window ``index``, in the order to write them."""
        values = {
            "BASE_LO": self.base & 0xFFFF_FFFF,
            "BASE_HI": self.base >> 32,
            "LIMIT_LO": self.limit & 0xFFFF_FFFF,
            "LIMIT_HI": self.limit >> 32,
            "CONTROL": self.read | self.write << 1 | lock << 2,
        }
        return {window_offset(index, name): value for name, value in values.items()}


def page_width(bus: Bus) -> int:
    """Bits of a page's number."""
    return bus.addr_width - PAGE_BITS


def windows_layout(bus: Bus) -> data.ArrayLayout:
    """All windows: the first and the last page of each, bit by bit inverted, and what it permits.

    Inverted, because a comparison then is the carry of a sum without further logic.
    """
    page = page_width(bus)
    window = data.StructLayout({"not_base": page, "not_limit": page, "read": 1, "write": 1})
    return data.ArrayLayout(window, bus.windows)


class WindowMatch(wiring.Component):
    """Bit i of ``inside``: ``page`` lies in window i, which has the ``permission`` if one is named.

    Combinational. Each sum is wider than a page's number, and its top bit is the answer: nothing wraps.
    """

    windows: data.View  # In, windows_layout(bus)
    page: Signal  # In, page_width(bus)
    inside: Signal  # Out, bus.windows

    def __init__(self, bus: Bus, permission: Literal["read", "write"] | None = None) -> None:
        self.bus = bus
        self.permission = permission
        super().__init__(
            {
                "windows": In(windows_layout(bus)),
                "page": In(page_width(bus)),
                "inside": Out(bus.windows),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = page_width(self.bus)
        for i in range(self.bus.windows):
            window = self.windows[i]
            # page - base and page - limit - 1; the carry says that the difference is not negative.
            # With a permission it goes on through one more bit, which stops it if that is missing.
            permits = [] if self.permission is None else [window[self.permission]]
            from_base = Signal(width + 2 + len(permits), name=f"from_base_{i}")
            from_limit = Signal(width + 1, name=f"from_limit_{i}")
            m.d.comb += [
                from_base.eq(Cat(1, self.page, *permits) + Cat(1, window.not_base)),
                from_limit.eq(self.page + window.not_limit),
                self.inside[i].eq(from_base[-1] & ~from_limit[-1]),
            ]
        return m
