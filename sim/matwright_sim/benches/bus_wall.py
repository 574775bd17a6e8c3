# SPDX-License-Identifier: Apache-2.0
"""Windows of the bus engines and what the machine does when a burst is blocked, for benches."""

from typing import Any, Literal

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from matwright.bus.window import page_width, windows_layout
from matwright.config import Bus

__all__ = ["Wall", "bursts", "open_below"]


def bursts(bus: Bus, addr: int, beats: int) -> list[tuple[int, int]]:
    """Address and beats of the bursts of a request: none crosses a multiple of ``max_burst`` beats."""
    found = []
    while beats:
        now = min(beats, bus.max_burst - addr // bus.bytes % bus.max_burst)
        found.append((addr, now))
        addr = (addr + now * bus.bytes) % (1 << bus.addr_width)
        beats -= now
    return found


def open_below(
    dut: Any, bus: Bus, permission: Literal["read", "write"], limit: int | None = None
) -> None:
    """Permit every address, or those below ``limit``; and the whole memory to nobody's use."""
    ones = (1 << page_width(bus)) - 1
    last = ones if limit is None else (limit >> 12) - 1
    shut = {"not_base": ones, "not_limit": 0, "read": permission != "read", "write": 0}
    shut["write"] = 1 - shut["read"]
    mine = {"not_base": ones, "not_limit": ones ^ last, permission: 1}
    if last < 0:
        mine[permission] = 0
    values = [shut] * (bus.windows - 1) + [mine]
    dut.windows.value = int(windows_layout(bus).const(values).as_bits())


class Wall:
    """An engine that may not reach addresses from ``limit`` on.

    As in the accelerator, ``halt`` rises in the second cycle after ``blocked`` did, and stays until
    :meth:`reset`. ``blocks`` counts the cycles of ``blocked``.
    """

    def __init__(
        self, dut: Any, bus: Bus, permission: Literal["read", "write"], limit: int
    ) -> None:
        self.blocks = 0
        self._dut = dut
        open_below(dut, bus, permission, limit)
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut = self._dut
        while True:
            await FallingEdge(dut.clk)
            blocked = dut.blocked.value.is_resolvable and int(dut.blocked.value)
            self.blocks += blocked
            await RisingEdge(dut.clk)
            if blocked and not int(dut.rst.value):
                dut.halt.value = 1

    async def reset(self) -> None:
        """Reset the engine for a cycle, and let it go on."""
        dut = self._dut
        await RisingEdge(dut.clk)
        dut.rst.value = 1
        await RisingEdge(dut.clk)
        dut.rst.value = 0
        dut.halt.value = 0
