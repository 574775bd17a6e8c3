# SPDX-License-Identifier: Apache-2.0
"""Guard: the last look at an address before it is on the bus."""

from typing import Literal

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Bus
from .window import PAGE_BITS, WindowMatch, windows_layout

__all__ = ["Guard"]


class Guard(wiring.Component):
    """``blocked`` is high while ``valid`` offers a burst that is not wholly in one window that permits it.

    Combinational, and without any state: whatever is wrong before it, by a mistake of the design or
    by a flipped bit, such a burst does not reach the bus. A burst that crosses a page is blocked
    too; so the page of its first byte is that of its last.
    """

    windows: data.View  # In, windows_layout(bus)
    valid: Signal  # In
    addr: Signal  # In, addr_width
    len: Signal  # In, 8, beats less one
    blocked: Signal  # Out

    def __init__(self, bus: Bus, permission: Literal["read", "write"]) -> None:
        self.bus = bus
        self.permission = permission
        super().__init__(
            {
                "windows": In(windows_layout(bus)),
                "valid": In(1),
                "addr": In(bus.addr_width),
                "len": In(8),
                "blocked": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.match = match = WindowMatch(self.bus)
        permits = Cat(self.windows[i][self.permission] for i in range(self.bus.windows))
        beat_bits = (self.bus.bytes - 1).bit_length()
        beats_per_page = 1 << PAGE_BITS - beat_bits
        last_beat = Signal(range(beats_per_page + 256))
        m.d.comb += [
            match.windows.eq(self.windows),
            match.page.eq(self.addr[PAGE_BITS:]),
            last_beat.eq(self.addr[beat_bits:PAGE_BITS] + self.len),
            self.blocked.eq(
                self.valid & ((last_beat >= beats_per_page) | ~(match.inside & permits).any())
            ),
        ]
        return m
