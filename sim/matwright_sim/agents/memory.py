# SPDX-License-Identifier: Apache-2.0
"""A memory behind an AXI4 master, for cocotb: the model of ``native/axi_memory.hpp``, in Python.

The timing is written down there; both must stay the same cycle for cycle, so that a program takes
as long here as in :class:`matwright_sim.compiled.CompiledAccelerator`. This one serves, and leaves
the watching to :mod:`.axi_monitor`.
"""

from collections import deque
from collections.abc import Iterator, MutableSequence
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

__all__ = ["MemoryModel"]

_OKAY, _SLVERR, _DECERR = 0, 2, 3
_BURSTS = 64
_BEATS_AHEAD = 4096
_STALL_UNIT = 4096
_CHANNELS = ("aw", "w", "b", "ar", "r")
_MASK = (1 << 64) - 1


@dataclass
class _Burst:
    address: int
    left: int
    id: int
    response: int = _OKAY
    injected: bool = False
    due: int = 0


def _draws(seed: int) -> Iterator[int]:
    """Xorshift64* (S. Vigna, 2016), as in the native model."""
    state = (seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) & _MASK or 1
    while True:
        state ^= state >> 12
        state ^= state << 25 & _MASK
        state ^= state >> 27
        yield state * 0x2545F4914F6CDD1D & _MASK


class MemoryModel:
    """Serves the master ``prefix`` of ``dut`` from ``memory``, which it changes in place.

    Latencies are cycles, at least 1. While ``reset`` is high, or is not driven yet, all work is
    forgotten and all outputs are low. ``stall`` is the probability with which each channel pauses
    in a cycle. ``counts`` has bursts and beats moved.
    """

    def __init__(
        self,
        dut: Any,
        clock: Any,
        memory: MutableSequence[int] | np.ndarray,
        read_latency: int = 40,
        write_latency: int = 40,
        prefix: str = "m_axi",
        *,
        reset: Any = None,
        stall: float = 0.0,
        seed: int = 0,
    ) -> None:
        for name, value in (("read_latency", read_latency), ("write_latency", write_latency)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1 cycle, not {value}")
        self._memory = memoryview(memory).cast("B")  # type: ignore[arg-type]
        self._clock, self._reset = clock, reset
        self._read_latency, self._write_latency = read_latency, write_latency
        self._stall, self._seed = round(stall * _STALL_UNIT), seed
        self._bus = _Signals(dut, prefix)
        self._bytes = len(self._bus.rdata) // 8
        self._errors: dict[tuple[str, int], int] = {}
        self.counts: dict[str, int] = dict.fromkeys(
            ("read_bursts", "read_beats", "write_bursts", "write_beats"), 0
        )
        self._forget()
        cocotb.start_soon(self._run())

    def inject_error(self, channel: str, burst: int, response: str = "SLVERR") -> None:
        """Answer burst number ``burst`` (from 0) of ``channel``, read or write, with ``response``."""
        self._errors[channel, burst] = {"SLVERR": _SLVERR, "DECERR": _DECERR}[response]

    def forget_errors(self) -> None:
        """Take back the errors that have not been answered."""
        self._errors.clear()

    def _forget(self) -> None:
        self._addresses: deque[_Burst] = deque()
        self._beats: deque[tuple[int, int]] = deque()
        self._responses: deque[_Burst] = deque()
        self._reads: deque[_Burst] = deque()
        self._draws = _draws(self._seed)
        self._driven: dict[str, int] = {}
        for name in ("awready", "wready", "arready", "bvalid", "rvalid"):
            self._drive(name, 0)

    def _drive(self, name: str, value: int) -> None:
        if self._driven.get(name) != value:
            getattr(self._bus, name).value = value
            self._driven[name] = value

    async def _run(self) -> None:
        cycle = 0
        edge = RisingEdge(self._clock)
        while True:
            await edge
            cycle += 1
            if self._reset is not None and self._reset.value != 0:
                self._forget()
            else:
                b_done, r_done = self._sample(cycle)
                self._offer(cycle + 1, b_done, r_done)

    def _sample(self, cycle: int) -> tuple[bool, bool]:
        """Take what was handed over in the cycle that ends."""
        bus, on = self._bus, self._driven
        b_done = bool(on["bvalid"] and bus.bready.value)
        r_done = bool(on["rvalid"] and bus.rready.value)
        if b_done:
            self._responses.popleft()
        if r_done:
            self.counts["read_beats"] += 1
            if self._reads[0].left == 0:
                self._reads.popleft()
        if on["awready"] and bus.awvalid.value:
            self._addresses.append(self._burst("aw", "write"))
        if on["wready"] and bus.wvalid.value:
            self._beats.append((bus.wdata.value.to_unsigned(), bus.wstrb.value.to_unsigned()))
            self.counts["write_beats"] += 1
        while self._beats and self._addresses:
            self._write(cycle)
        if on["arready"] and bus.arvalid.value:
            burst = self._burst("ar", "read")
            burst.due = cycle + self._read_latency
            self._reads.append(burst)
        return b_done, r_done

    def _burst(self, channel: str, kind: str) -> _Burst:
        bus = self._bus
        address = getattr(bus, f"{channel}addr").value.to_unsigned()
        length = getattr(bus, f"{channel}len").value.to_unsigned()
        burst_id = getattr(bus, f"{channel}id").value.to_unsigned()
        burst = _Burst(address - address % self._bytes, length + 1, burst_id)
        error = self._errors.get((kind, self.counts[f"{kind}_bursts"]))
        if error is not None:
            burst.response, burst.injected = error, True
        self.counts[f"{kind}_bursts"] += 1
        return burst

    def _inside(self, address: int) -> bool:
        return address + self._bytes <= len(self._memory)

    def _write(self, cycle: int) -> None:
        """Write the oldest beat, which belongs to the oldest address."""
        burst = self._addresses[0]
        data, strobe = self._beats.popleft()
        if not burst.injected:
            if self._inside(burst.address):
                for i, byte in enumerate(data.to_bytes(self._bytes, "little")):
                    if strobe >> i & 1:
                        self._memory[burst.address + i] = byte
            else:
                burst.response = _DECERR
        burst.address += self._bytes
        burst.left -= 1
        if burst.left == 0:
            burst.due = cycle + self._write_latency
            self._responses.append(self._addresses.popleft())

    def _offer(self, cycle: int, b_done: bool, r_done: bool) -> None:
        """Drive the outputs of ``cycle``, the one that begins."""
        draw = next(self._draws) >> 4 if self._stall else 0
        go = {
            channel: (draw >> 12 * i & 0xFFF) >= self._stall for i, channel in enumerate(_CHANNELS)
        }
        writes = len(self._addresses) + len(self._responses)
        self._drive("awready", int(writes < _BURSTS and go["aw"]))
        self._drive("wready", int(len(self._beats) < _BEATS_AHEAD and go["w"]))
        self._drive("arready", int(len(self._reads) < _BURSTS and go["ar"]))
        if b_done or not self._driven["bvalid"]:
            offer = bool(self._responses) and self._responses[0].due <= cycle and go["b"]
            self._drive("bvalid", int(offer))
            if offer:
                self._drive("bid", self._responses[0].id)
                self._drive("bresp", self._responses[0].response)
        if r_done or not self._driven["rvalid"]:
            offer = bool(self._reads) and self._reads[0].due <= cycle and go["r"]
            self._drive("rvalid", int(offer))
            if offer:
                self._offer_read(self._reads[0])

    def _offer_read(self, burst: _Burst) -> None:
        inside = self._inside(burst.address)
        data = self._memory[burst.address : burst.address + self._bytes]
        good = inside and not burst.injected
        self._drive("rdata", int.from_bytes(data, "little") if good else 0)
        self._drive("rid", burst.id)
        self._drive("rresp", burst.response if inside or burst.injected else _DECERR)
        self._drive("rlast", int(burst.left == 1))
        burst.address += self._bytes
        burst.left -= 1


class _Signals:
    """The signals of a bus by their AXI names; looked up once, because looking up is slow."""

    def __init__(self, dut: Any, prefix: str) -> None:
        names = [f"{c}{n}" for c in ("aw", "ar") for n in ("id", "addr", "len", "valid", "ready")]
        names += ["wdata", "wstrb", "wvalid", "wready", "bid", "bresp", "bvalid", "bready"]
        names += ["rid", "rdata", "rresp", "rlast", "rvalid", "rready"]
        for name in names:
            setattr(self, name, getattr(dut, f"{prefix}_{name}"))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)
