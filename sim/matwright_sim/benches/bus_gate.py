# SPDX-License-Identifier: Apache-2.0
"""The guard's place between a bus engine and the bus, for benches."""

from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, Timer
from cocotb.types import Logic

from matwright.config import Bus

__all__ = ["Gate", "bursts"]


def bursts(bus: Bus, addr: int, beats: int) -> list[tuple[int, int]]:
    """Address and beats of the bursts of a request: none crosses a multiple of ``max_burst`` beats."""
    found = []
    while beats:
        now = min(beats, bus.max_burst - addr // bus.bytes % bus.max_burst)
        found.append((addr, now))
        addr = (addr + now * bus.bytes) % (1 << bus.addr_width)
        beats -= now
    return found


class _Port:
    """A port of the bus: what is written goes through ``write``, what is read comes from ``read``."""

    def __init__(self, handle: Any, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        self._name = handle._name
        self._read, self._write = read, write

    @property
    def value(self) -> Any:
        return self._read()

    @value.setter
    def value(self, value: Any) -> None:
        self._write(value)


class Gate:
    """The bus of an engine behind a guard, to be given to peers and monitors as their entity.

    An address for which ``forbids(addr)`` is not on this bus: VALID is low here and READY low at the
    engine, and the engine's ``blocked`` is high. As in the accelerator, ``halt`` rises in the cycle
    after, and it stays until :meth:`reset`. ``channel`` is ``ar`` or ``aw``. ``blocks`` counts the cycles.
    """

    def __init__(self, dut: Any, channel: str, forbids: Callable[[int], bool]) -> None:
        self.blocks = 0
        self._dut, self._forbids, self._wanted = dut, forbids, 0
        self._valid = getattr(dut, f"{channel}valid")
        self._ready = getattr(dut, f"{channel}ready")
        self._addr = getattr(dut, f"{channel}addr")
        self._ports = {
            f"{channel}valid": _Port(self._valid, self._passes, self._valid.set),
            f"{channel}ready": _Port(self._ready, lambda: self._ready.value, self._accept),
        }
        dut.blocked.value = 0
        dut.halt.value = 0
        cocotb.start_soon(self._run())

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["_ports"].get(name) or getattr(self.__dict__["_dut"], name)

    def _passes(self) -> Any:
        offered, blocked = self._valid.value, self._dut.blocked.value
        return Logic(int(offered) and not int(blocked)) if offered.is_resolvable else offered

    def _accept(self, value: Any) -> None:
        self._wanted = int(value)

    async def _run(self) -> None:
        dut = self._dut
        while True:
            await RisingEdge(dut.clk)
            if int(dut.blocked.value) and not int(dut.rst.value):
                dut.halt.value = 1
            # Peers have driven, the engine's outputs have settled.
            await Timer(1, unit="ns")
            offered = self._valid.value.is_resolvable and int(self._valid.value)
            blocked = int(offered and self._forbids(int(self._addr.value)))
            dut.blocked.value = blocked
            self._ready.value = int(self._wanted and not blocked)
            self.blocks += blocked

    async def reset(self) -> None:
        """Reset the engine for a cycle, and let it go on."""
        dut = self._dut
        await RisingEdge(dut.clk)
        dut.rst.value = 1
        await RisingEdge(dut.clk)
        dut.rst.value = 0
        dut.halt.value = 0
