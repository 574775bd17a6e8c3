# SPDX-License-Identifier: Apache-2.0
"""The other side of a Wishbone bus: a memory that checks its master, and a host.

Source of the rules: OpenCores, "Wishbone B4", 3.1.3 (handshake) and 4.3 (incrementing bursts).
"""

import random
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from matwright.bus.wishbone import CycleType

__all__ = ["WishboneHost", "WishboneMemory"]

_OF_READS = ("we", "adr", "sel", "cti", "bte")
_PAYLOAD = (*_OF_READS, "dat_w")


class WishboneMemory:
    """Slave on the ports ``<prefix>_*`` of ``dut``: ``memory`` from address 0, ``err`` outside of it.

    Answers in the cycle of the request or, with probability ``wait``, a cycle later, and so on. An
    AssertionError in the simulation says which rule the master broke.
    """

    def __init__(
        self, dut: Any, prefix: str, memory: bytearray, rng: random.Random, wait: float = 0.0
    ) -> None:
        self.memory = memory
        self.wait = wait
        self.beats = 0
        self._dut, self._prefix, self._rng = dut, prefix, rng
        for name in ("ack", "err", "dat_r"):
            self._port(name).value = 0
        cocotb.start_soon(self._run())

    def _port(self, name: str) -> Any:
        return getattr(self._dut, f"{self._prefix}_{name}")

    async def _run(self) -> None:
        waiting: dict[str, int] | None = None
        burst: tuple[int, int] | None = None  # address and direction that must come next
        while True:
            await FallingEdge(self._dut.clk)
            for name in ("ack", "err"):
                self._port(name).value = 0
            if int(self._dut.rst.value) or not int(self._port("cyc").value):
                assert waiting is None, "cyc fell before the answer"
                assert burst is None, "cyc fell before the end of the burst"
                continue
            if not int(self._port("stb").value):
                assert waiting is None, "stb fell before the answer"
                continue
            # What a read shows as data for writing may be anything, X as well.
            used = _PAYLOAD if int(self._port("we").value) else _OF_READS
            now = {name: int(self._port(name).value) for name in used}
            assert waiting in (None, now), f"changed before the answer: {waiting} to {now}"
            if burst is not None:
                assert (now["adr"], now["we"]) == burst, "a burst goes on at the next word"
            if self._rng.random() < self.wait:
                waiting = now
                continue
            waiting = None
            self.beats += 1
            size = len(self._port("sel"))
            assert now["adr"] % size == 0 and now["bte"] == 0
            cti = CycleType(now["cti"])
            burst = (now["adr"] + size, now["we"]) if cti == CycleType.INCREMENTING else None
            self._answer(now, size)

    def _answer(self, now: dict[str, int], size: int) -> None:
        address = now["adr"]
        if address + size > len(self.memory):
            self._port("err").value = 1
            return
        self._port("ack").value = 1
        if now["we"]:
            data = now["dat_w"].to_bytes(size, "little")
            for i in range(size):
                if now["sel"] >> i & 1:
                    self.memory[address + i] = data[i]
        else:
            word = self.memory[address : address + size]
            self._port("dat_r").value = int.from_bytes(word, "little")


class WishboneHost:
    """Master on the ports ``<prefix>_*`` of ``dut``, one access at a time."""

    def __init__(self, dut: Any, prefix: str) -> None:
        self._dut, self._prefix = dut, prefix
        for name in ("cyc", "stb", *_PAYLOAD):
            self._port(name).value = 0

    def _port(self, name: str) -> Any:
        return getattr(self._dut, f"{self._prefix}_{name}")

    async def read(self, address: int) -> int:
        """Word at ``address``; raises :class:`OSError` if the slave answers ``err``."""
        return await self._access(address, 0, 0xF, 0)

    async def write(self, address: int, value: int, strobes: int = 0xF) -> None:
        """Writes the bytes of a word that ``strobes`` name; raises like :meth:`read`."""
        await self._access(address, value, strobes, 1)

    async def _access(self, address: int, value: int, strobes: int, we: int) -> int:
        for name, bits in (("adr", address), ("dat_w", value), ("sel", strobes), ("we", we)):
            self._port(name).value = bits
        self._port("cyc").value = self._port("stb").value = 1
        while True:
            await FallingEdge(self._dut.clk)
            ack, err = (int(self._port(name).value) for name in ("ack", "err"))
            if ack or err:
                break
        assert not (ack and err)
        word = 0 if we or err else int(self._port("dat_r").value)
        await RisingEdge(self._dut.clk)
        self._port("cyc").value = self._port("stb").value = 0
        if err:
            raise OSError(f"error answer at {address:#x}")
        return word
