# SPDX-License-Identifier: Apache-2.0
"""Guard: the registers through which addresses reach the bus, and the last look at each."""

from typing import Literal

from amaranth import Const, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Bus
from .burst import end_width
from .window import PAGE_BITS, WindowMatch, windows_layout

__all__ = ["Guard", "span_layout"]


def span_layout(bus: Bus) -> data.StructLayout:
    """Beats of one block: from the one at ``addr`` to number ``end`` of the block."""
    return data.StructLayout({"addr": bus.addr_width, "end": end_width(bus)})


class Guard(wiring.Component):
    """Takes bursts one by one and offers those to the bus that lie wholly in a window that permits them.

    ``valid``, ``addr`` and ``len`` are registers, :attr:`LATENCY` cycles behind ``i``, and ``valid`` is only
    set together with the answer of the comparison: whatever is wrong before, by a mistake of the design
    or by a flipped bit, no other burst reaches the bus. Instead ``blocked`` rises, ``addr`` stays that of
    the burst, and nothing is taken until a reset. A burst ends in the block in which it starts, so the
    page of its first byte is that of its last; one whose end is before its start is blocked.

    Without ``checked`` every burst passes.
    """

    LATENCY = 1
    """Cycles from a burst on offer at ``i`` to the same on the bus."""

    windows: data.View  # In, windows_layout(bus)
    i: stream.Interface  # In, span_layout(bus)
    i_len: Signal  # Out, 8, beats less one of the burst at ``i``, combinationally
    valid: Signal  # Out, 1
    addr: Signal  # Out, addr_width
    len: Signal  # Out, 8
    ready: Signal  # In, 1
    blocked: Signal  # Out, 1

    def __init__(
        self, bus: Bus, permission: Literal["read", "write"], *, checked: bool = True
    ) -> None:
        self.bus = bus
        self.permission = permission
        self.checked = checked
        super().__init__(
            {
                "windows": In(windows_layout(bus)),
                "i": In(stream.Signature(span_layout(bus))),
                "i_len": Out(8),
                "valid": Out(1),
                "addr": Out(bus.addr_width),
                "len": Out(8),
                "ready": In(1),
                "blocked": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat_bits = (self.bus.bytes - 1).bit_length()
        index_bits = (self.bus.max_burst - 1).bit_length()
        burst = self.i.p
        length = Signal(index_bits + 1)
        m.d.comb += [
            length.eq(burst.end - burst.addr[beat_bits : beat_bits + index_bits]),
            self.i_len.eq(length[:index_bits]),
        ]
        permitted = self._inside(m) & ~length[-1] if self.checked else Const(1)
        m.d.comb += self.i.ready.eq(~self.blocked & (~self.valid | self.ready))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                self.addr.eq(burst.addr),
                self.len.eq(self.i_len),
                self.valid.eq(permitted),
                self.blocked.eq(~permitted),
            ]
        with m.Elif(self.ready):
            m.d.sync += self.valid.eq(0)
        return m

    def _inside(self, m: Module) -> Value:
        """Whether the page of the burst at ``i`` is in a window that permits it."""
        m.submodules.match = match = WindowMatch(self.bus, self.permission)
        m.d.comb += [
            match.windows.eq(self.windows),
            match.page.eq(self.i.p.addr[PAGE_BITS:]),
        ]
        return match.inside.any()
