# SPDX-License-Identifier: Apache-2.0
"""AXI4 memories for benches that need faults, an exact latency, or a stubborn subordinate.

For well-behaved memory with random pauses, take ``AxiRam`` of cocotbext-axi.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from matwright.config import Bus

__all__ = ["ReadPeer", "WritePeer", "never"]


def never() -> bool:
    """For a ``pause``: never."""
    return False


class ReadPeer:
    """Answers bursts in order; ``beat(addr, index, last)`` gives the fields of a burst's beats.

    ``addr`` is the address of the beat, ``index`` its number in the burst. A beat comes
    ``latency`` >= 1 cycles after its address was accepted, or when the bus is free. ``length`` turns
    the beats asked for into those sent. What is put into ``extra`` is put on R though nobody asked.
    """

    def __init__(
        self,
        entity: Any,
        bus: Bus,
        beat: Callable[[int, int, bool], dict[str, int]],
        *,
        latency: int = 1,
        pause: Callable[[], bool] = never,
        length: Callable[[int], int] = lambda beats: beats,
    ) -> None:
        self.extra: deque[dict[str, int]] = deque()
        self.pause = pause
        self._dut, self._bus, self._beat, self._latency = entity, bus, beat, latency
        self._length = length
        self._due: deque[tuple[int, dict[str, int]]] = deque()
        self._cycle = 0
        entity.rvalid.value = 0
        entity.arready.value = 0
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut = self._dut
        while True:
            await RisingEdge(dut.clk)
            self._cycle += 1
            fields: dict[str, int] | None = None
            if self.extra:
                fields = self.extra.popleft()
            elif self._due and self._due[0][0] <= self._cycle and not self.pause():
                fields = self._due.popleft()[1]
            dut.rvalid.value = int(fields is not None)
            for name, value in (fields or {}).items():
                getattr(dut, f"r{name}").value = value
            dut.arready.value = int(not self.pause())
            await FallingEdge(dut.clk)
            if int(dut.arvalid.value) and int(dut.arready.value):
                self._accept(int(dut.araddr.value), self._length(int(dut.arlen.value) + 1))

    def _accept(self, addr: int, beats: int) -> None:
        for i in range(beats):
            fields = {"id": 0, "data": 0, "resp": 0, "last": int(i == beats - 1)}
            fields |= self._beat(addr + i * self._bus.bytes, i, i == beats - 1)
            self._due.append((self._cycle + self._latency, fields))


class WritePeer:
    """Takes bursts into ``memory`` (address to byte); ``respond(burst)`` gives the fields of B.

    A subordinate may take its time in either order (IHI 0022, A3.3.1). With ``order`` "address
    after data" AWREADY stays low until WVALID is high, and WREADY until an address is accepted;
    with "address last" AWREADY stays low until every beat of the burst was taken. A response comes
    ``latency`` >= 1 cycles after the last transfer of its burst.
    """

    def __init__(
        self,
        entity: Any,
        bus: Bus,
        *,
        respond: Callable[[int], dict[str, int]] = lambda burst: {},
        latency: int = 1,
        pause: Callable[[], bool] = never,
        order: Literal["any", "address after data", "address last"] = "any",
    ) -> None:
        self.memory: dict[int, int] = {}
        self.extra: deque[dict[str, int]] = deque()
        self.pause = pause
        self.beats = 0
        self._dut, self._bus, self._respond = entity, bus, respond
        self._latency, self._order = latency, order
        self._addresses: deque[tuple[int, int]] = deque()
        self._beats: deque[tuple[int, int]] = deque()
        self._due: deque[tuple[int, dict[str, int]]] = deque()
        self._cycle = self._bursts = 0
        for name in ("awready", "wready", "bvalid"):
            getattr(entity, name).value = 0
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut = self._dut
        may_accept = self._order == "any"
        while True:
            await RisingEdge(dut.clk)
            self._cycle += 1
            fields: dict[str, int] | None = None
            if self.extra:
                fields = self.extra.popleft()
            elif self._due and self._due[0][0] <= self._cycle and not self.pause():
                fields = self._due.popleft()[1]
            dut.bvalid.value = int(fields is not None)
            for name, value in (fields or {}).items():
                getattr(dut, f"b{name}").value = value
            may_take = self._order != "address after data" or bool(self._addresses)
            dut.awready.value = int(may_accept and not self.pause())
            dut.wready.value = int(may_take and not self.pause())
            await FallingEdge(dut.clk)
            offered = bool(int(dut.awvalid.value))
            accepted = offered and bool(int(dut.awready.value))
            if accepted:
                self._addresses.append((int(dut.awaddr.value), int(dut.awlen.value) + 1))
            if int(dut.wvalid.value) and int(dut.wready.value):
                self._beats.append((int(dut.wdata.value), int(dut.wstrb.value)))
                self.beats += 1
            self._complete()
            if self._order == "address after data":
                may_accept = bool(int(dut.wvalid.value))
            elif self._order == "address last":
                beats = int(dut.awlen.value) + 1
                may_accept = offered and not accepted and len(self._beats) >= beats

    def _complete(self) -> None:
        while self._addresses and len(self._beats) >= self._addresses[0][1]:
            addr, beats = self._addresses.popleft()
            for i in range(beats):
                data, strb = self._beats.popleft()
                for lane in range(self._bus.bytes):
                    if strb >> lane & 1:
                        self.memory[addr + i * self._bus.bytes + lane] = data >> 8 * lane & 0xFF
            fields = {"id": 0, "resp": 0} | self._respond(self._bursts)
            self._due.append((self._cycle + self._latency, fields))
            self._bursts += 1
