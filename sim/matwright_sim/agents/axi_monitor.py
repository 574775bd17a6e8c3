# SPDX-License-Identifier: Apache-2.0
"""Monitors of AXI4 and AXI4-Lite: watch every cycle, drive nothing, fail at the first broken rule.

Signals are looked at on the falling edge of the clock, when the whole cycle has settled: agents
drive after the rising edge.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from matwright.config import Bus

__all__ = ["AxiMonitor", "Channel"]


def _value(handle: Any) -> int:
    """Value of a signal that must be known."""
    value = handle.value
    assert value.is_resolvable, f"{handle._name} is {value}"
    return int(value)


class Channel:
    """One channel: VALID stays until READY, and the payload with it (IHI 0022, A3.2.1).

    ``sample`` looks at one cycle; then ``valid``, ``ready`` and ``fields`` (while valid) hold what
    was seen, ``opened`` says that the payload is on offer for the first time, ``fired`` that it
    was transferred.
    """

    def __init__(self, entity: Any, prefix: str, channel: str, fields: tuple[str, ...]) -> None:
        def find(name: str) -> Any:
            return getattr(entity, f"{prefix}{channel}{name}")

        self.name = f"{prefix}{channel}"
        self._valid, self._ready = find("valid"), find("ready")
        self._fields = {name: find(name) for name in fields}
        self.valid = self.ready = self.opened = self.fired = False
        self.fields: dict[str, int] = {}

    def sample(self) -> None:
        """Look at this cycle and check it against the one before."""
        waiting, before = self.valid and not self.fired, self.fields
        self.valid, self.ready = bool(_value(self._valid)), bool(_value(self._ready))
        self.fields = {}
        if self.valid:
            self.fields = {name: _value(handle) for name, handle in self._fields.items()}
        if waiting:
            assert self.valid, f"{self.name}valid fell before {self.name}ready"
            assert self.fields == before, f"{self.name} changed while it waited: {before}"
        self.opened = self.valid and not waiting
        self.fired = self.valid and self.ready

    def forget(self) -> None:
        """Reset: nothing waits."""
        self.valid = self.ready = self.opened = self.fired = False
        self.fields = {}


_ADDRESS = ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos")


class AxiMonitor:
    """Checks an AXI4 master against the protocol and against the rules of this machine.

    The rules: full beats, INCR, ID 0, constant attributes; bursts that cross no boundary of
    ``max_burst`` beats; at most ``outstanding`` of each direction, those on offer among them; no
    beat before its address is on offer; WLAST with the last beat of each burst and no other; bytes
    without strobe 0; RREADY and BREADY always high. ``prefix`` is that of the ports (``m_axi_``, or
    empty), ``read`` and ``write`` say which channels there are.

    ``reads`` and ``writes`` list the bursts in the order offered as (address, beats, cycle);
    ``cycle`` counts from the start. ``reading`` and ``unanswered`` are the bursts outstanding in
    this cycle, those on offer among them, and ``owed`` the beats that they still have to send.
    ``on_cycle`` is called once each cycle, after the checks.
    """

    def __init__(
        self,
        entity: Any,
        bus: Bus,
        *,
        prefix: str = "",
        read: bool = True,
        write: bool = True,
        on_cycle: Callable[[], None] | None = None,
    ) -> None:
        self.bus = bus
        self.cycle = 0
        self.on_cycle = on_cycle
        self.reads: list[tuple[int, int, int]] = []
        self.writes: list[tuple[int, int, int]] = []
        self._entity = entity
        self._channels: list[Channel] = []
        if read:
            self.ar = Channel(entity, prefix, "ar", _ADDRESS)
            self.r = Channel(entity, prefix, "r", ("id", "data", "resp", "last"))
            self._channels += [self.ar, self.r]
        if write:
            self.aw = Channel(entity, prefix, "aw", _ADDRESS)
            self.w = Channel(entity, prefix, "w", ("data", "strb", "last"))
            self.b = Channel(entity, prefix, "b", ("id", "resp"))
            self._channels += [self.aw, self.w, self.b]
        self._checks = [self._check_read] * read + [self._check_write] * write
        self._forget()
        cocotb.start_soon(self._run())

    def _forget(self) -> None:
        self._read_left: deque[int] = deque()
        self._write_left: deque[int] = deque()
        self._responses = 0
        self.reading = self.unanswered = self.owed = 0
        for channel in self._channels:
            channel.forget()

    async def _run(self) -> None:
        clk, rst = self._entity.clk, self._entity.rst
        while True:
            await FallingEdge(clk)
            if _value(rst):
                self._forget()
                continue
            for channel in self._channels:
                channel.sample()
            for check in self._checks:
                check()
            if self.on_cycle is not None:
                self.on_cycle()
            self.cycle += 1

    def _check_address(self, channel: Channel) -> tuple[int, int]:
        """Address and beats of a burst that is on offer for the first time."""
        seen = dict(channel.fields)
        addr, beats = seen.pop("addr"), seen.pop("len") + 1
        size = (self.bus.bytes - 1).bit_length()
        constant = {"id": 0, "size": size, "burst": 1, "lock": 0, "cache": 3, "prot": 0, "qos": 0}
        assert seen == constant, f"{channel.name} must be {constant}, not {seen}"
        assert addr % self.bus.bytes == 0, f"{channel.name}addr {addr:#x} splits a beat"
        block = self.bus.bytes * self.bus.max_burst
        assert addr % block + beats * self.bus.bytes <= block, (
            f"{channel.name}: {beats} beats from {addr:#x} cross a boundary of {block} bytes"
        )
        return addr, beats

    def _check_read(self) -> None:
        assert self.r.ready, f"{self.r.name}ready is low"
        if self.ar.opened:
            addr, beats = self._check_address(self.ar)
            self.reads.append((addr, beats, self.cycle))
            self._read_left.append(beats)
        self.reading = len(self._read_left)
        assert self.reading <= self.bus.outstanding, f"{self.reading} reads outstanding"
        if self.r.fired and self._read_left:
            self._read_left[0] -= 1
            if not self._read_left[0]:
                self._read_left.popleft()

    def _check_write(self) -> None:
        assert self.b.ready, f"{self.b.name}ready is low"
        if self.aw.opened:
            addr, beats = self._check_address(self.aw)
            self.writes.append((addr, beats, self.cycle))
            self._write_left.append(beats)
            self._responses += 1
        self.unanswered, self.owed = self._responses, sum(self._write_left)
        assert self.unanswered <= self.bus.outstanding, f"{self.unanswered} writes outstanding"
        if self.w.valid:
            assert self._write_left, f"{self.w.name}valid before the address is on offer"
            last = int(self._write_left[0] == 1)
            assert self.w.fields["last"] == last, f"{self.w.name}last must be {last}"
            if self.w.opened:
                self._check_strobes()
        if self.w.fired:
            self._write_left[0] -= 1
            if not self._write_left[0]:
                self._write_left.popleft()
        if self.b.fired and self._responses:
            self._responses -= 1

    def _check_strobes(self) -> None:
        strb, data = self.w.fields["strb"], self.w.fields["data"]
        for i in range(self.bus.bytes):
            byte = data >> 8 * i & 0xFF
            assert strb >> i & 1 or not byte, f"{self.w.name}data byte {i} is {byte:#x} unstrobed"
