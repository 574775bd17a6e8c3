# SPDX-License-Identifier: Apache-2.0
"""Bench of the memory of a system. ``BUS`` holds the fields of the bus as JSON; ``MEMORY_BYTES``."""

import json
import logging
import os
import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiBus, AxiMaster, AxiResp

from matwright.config import Bus
from matwright.system.memory import SystemMemory

from ..agents.axi_monitor import Channel
from ..agents.clock import start_clock

BUS = Bus(**json.loads(os.environ.get("BUS", "{}")))
MEMORY_BYTES = int(os.environ.get("MEMORY_BYTES", "4096"))
BLOCK = BUS.bytes * BUS.max_burst
DECERR = 3


class Words:
    """Master of the word port; ``content`` is what the memory holds."""

    def __init__(self, dut: Any, content: bytearray) -> None:
        self._dut, self._content = dut, content
        dut.words__valid.value = 0

    async def _ask(self, word: int, write: int, value: int) -> None:
        dut = self._dut
        dut.words__addr.value, dut.words__write.value = word, write
        dut.words__w_data.value = value
        dut.words__valid.value = 1
        while True:
            await FallingEdge(dut.clk)
            if int(dut.words__ready.value):
                break
        await RisingEdge(dut.clk)
        dut.words__valid.value = 0

    async def write(self, word: int, value: int) -> None:
        await self._ask(word, 1, value)
        self._content[4 * word : 4 * word + 4] = value.to_bytes(4, "little")

    async def read(self, word: int, *, wait: bool = False) -> None:
        """Read and compare; it takes exactly its latency, unless what is read before it has to ``wait``."""
        dut = self._dut
        await self._ask(word, 0, 0)
        for _ in range(SystemMemory.READ_LATENCY - 2):
            await FallingEdge(dut.clk)
            assert not int(dut.words__r_valid.value)
        while True:
            await FallingEdge(dut.clk)
            if int(dut.words__r_valid.value):
                break
            assert wait, "a word is read in its latency"
        found = int(dut.words__r_data.value).to_bytes(4, "little")
        assert found == self._content[4 * word : 4 * word + 4]
        await FallingEdge(dut.clk)
        assert not int(dut.words__r_valid.value)
        await RisingEdge(dut.clk)


class Bench:
    """Memory, both masters, and what the memory should hold."""

    def __init__(self, dut: Any, *, axi: bool) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.content = bytearray(MEMORY_BYTES)
        self.words = Words(dut, self.content)
        if not axi:
            for name in ("arvalid", "rready", "awvalid", "wvalid", "bready"):
                getattr(dut, f"axi__{name}").value = 0
            return
        logging.getLogger(f"cocotb.{dut._name}.axi_").setLevel(logging.WARNING)
        self.axi: Any = AxiMaster(AxiBus.from_prefix(dut, "axi_"), dut.clk, dut.rst)
        self.masks: list[int] = []
        self._strobe_at_random(self.axi.write_if.w_channel)
        cocotb.start_soon(self._watch())

    def _strobe_at_random(self, w_channel: Any) -> None:
        """Leave bytes out of the beats of a write, and put anything in their place."""
        send = w_channel.send

        async def strobed(beat: Any) -> None:
            mask = self.rng.choice([(1 << BUS.bytes) - 1, self.rng.getrandbits(BUS.bytes)])
            beat.wstrb = int(beat.wstrb) & mask
            for lane in range(BUS.bytes):
                if not int(beat.wstrb) >> lane & 1:
                    beat.wdata = int(beat.wdata) & ~(0xFF << 8 * lane)
                    beat.wdata |= self.rng.randrange(256) << 8 * lane
            self.masks.append(int(beat.wstrb))
            await send(beat)

        w_channel.send = strobed

    async def _watch(self) -> None:
        channels = [
            Channel(self.dut, "axi__", "r", ("id", "data", "resp", "last")),
            Channel(self.dut, "axi__", "b", ("id", "resp")),
        ]
        while True:
            await FallingEdge(self.dut.clk)
            if not int(self.dut.rst.value):
                for channel in channels:
                    channel.sample()
                    assert not channel.fields.get("id")

    def pause(self, **shares: float) -> None:
        """Pause channels at random."""
        for name, share in shares.items():
            interface = self.axi.read_if if name in ("ar", "r") else self.axi.write_if
            getattr(interface, f"{name}_channel").set_pause_generator(self._pauses(share))

    def _pauses(self, share: float) -> Iterator[bool]:
        while True:
            yield self.rng.random() < share

    def burst(self, first: int, last: int) -> tuple[int, int]:
        """Address and bytes of a burst in one of the blocks ``first`` to ``last - 1``."""
        begin = self.rng.randrange(BUS.max_burst)
        beats = self.rng.choice([1, BUS.max_burst - begin])
        beats = self.rng.choice([beats, self.rng.randint(1, BUS.max_burst - begin)])
        return self.rng.randrange(first, last) * BLOCK + begin * BUS.bytes, beats * BUS.bytes

    async def write(self, addr: int, size: int) -> None:
        """Write anything there, in whole beats, and keep in mind what was strobed."""
        data = self.rng.randbytes(size)
        self.masks.clear()
        answer = await self.axi.write(addr, data, awid=0)
        if addr >= MEMORY_BYTES:
            assert answer.resp == AxiResp.DECERR
            return
        assert answer.resp == AxiResp.OKAY
        assert len(self.masks) == size // BUS.bytes
        for i in range(size):
            if self.masks[i // BUS.bytes] >> i % BUS.bytes & 1:
                self.content[addr + i] = data[i]

    async def read(self, addr: int, size: int) -> None:
        answer = await self.axi.read(addr, size, arid=0)
        if addr >= MEMORY_BYTES:
            assert answer.resp == AxiResp.DECERR and answer.data == bytes(size)
            return
        assert answer.resp == AxiResp.OKAY
        assert answer.data == self.content[addr : addr + size], hex(addr)

    async def read_all(self) -> None:
        """All through one port, some through the other."""
        for _ in range(300):
            await self.words.read(self.rng.randrange(MEMORY_BYTES // 4))
        for addr in range(0, MEMORY_BYTES, BLOCK):
            await self.read(addr, BLOCK)


async def ready(dut: Any, *, axi: bool = True) -> Bench:
    bench = Bench(dut, axi=axi)
    await start_clock(dut)
    for word in range(MEMORY_BYTES // 4):
        await bench.words.write(word, bench.rng.getrandbits(32))
    return bench


@cocotb.test()
async def one_after_the_other(dut: Any) -> None:
    """Bursts of reads and writes, and words, each after the one before."""
    bench = await ready(dut)
    await bench.read_all()
    blocks = MEMORY_BYTES // BLOCK
    for _ in range(60):
        action = bench.rng.choice([bench.read, bench.write])
        await action(*bench.burst(0, blocks))
        word = bench.rng.randrange(MEMORY_BYTES // 4)
        if bench.rng.random() < 0.5:
            await bench.words.write(word, bench.rng.getrandbits(32))
        await bench.words.read(word)
    await bench.read_all()


@cocotb.test()
async def all_at_once(dut: Any) -> None:
    """Reads, writes and words together, each in its own part, with pauses everywhere."""
    bench = await ready(dut)
    rng, blocks = bench.rng, MEMORY_BYTES // BLOCK
    parts = (0, blocks // 3, 2 * blocks // 3, blocks)
    words = MEMORY_BYTES // 4

    async def reads() -> None:
        for _ in range(60):
            await bench.read(*bench.burst(parts[0], parts[1]))

    async def writes() -> None:
        for _ in range(60):
            await bench.write(*bench.burst(parts[1], parts[2]))

    async def singles(paused: bool) -> None:
        first = parts[2] * BLOCK // 4
        for _ in range(120):
            word = rng.randrange(first, words)
            if rng.random() < 0.5:
                await bench.words.write(word, rng.getrandbits(32))
            else:
                await bench.words.read(word, wait=paused)
            if rng.random() < 0.3:
                await ClockCycles(dut.clk, rng.randint(1, 30))

    for share in (0.0, 0.0, 0.4):
        bench.pause(**dict.fromkeys(("ar", "r", "aw", "w", "b"), share))
        tasks = (reads(), writes(), singles(share > 0))
        for task in [cocotb.start_soon(one) for one in tasks]:
            await task
    bench.pause(**dict.fromkeys(("ar", "r", "aw", "w", "b"), 0.0))
    await bench.read_all()


@cocotb.test()
async def outside(dut: Any) -> None:
    """Beyond the memory all is DECERR, nothing is written, and what is read is 0."""
    bench = await ready(dut)
    end = (1 << BUS.addr_width) // BLOCK
    first = MEMORY_BYTES // BLOCK
    if first == end:
        return
    edges = [first * BLOCK, (end - 1) * BLOCK, 1 << (BUS.addr_width - 1)]
    for _ in range(30):
        addr, size = bench.burst(first, end)
        if bench.rng.random() < 0.3:
            addr = max(bench.rng.choice(edges), MEMORY_BYTES) + addr % BLOCK
        await bench.rng.choice([bench.read, bench.write])(addr, size)
        await bench.read(*bench.burst(0, first))
    await bench.read_all()


@cocotb.test()
async def a_beat_in_each_cycle(dut: Any) -> None:
    """Bursts of reads follow each other without a pause, the first beat after READ_LATENCY."""
    bench = await ready(dut, axi=False)
    asked = [bench.burst(0, MEMORY_BYTES // BLOCK) for _ in range(20)]
    beats = [addr + at for addr, size in asked for at in range(0, size, BUS.bytes)]
    dut.axi__rready.value = 1

    async def ask() -> None:
        for addr, size in asked:
            dut.axi__araddr.value = addr
            dut.axi__arlen.value = size // BUS.bytes - 1
            dut.axi__arvalid.value = 1
            while True:
                await FallingEdge(dut.clk)
                if int(dut.axi__arready.value):
                    break
            await RisingEdge(dut.clk)
        dut.axi__arvalid.value = 0

    cocotb.start_soon(ask())
    for _ in range(SystemMemory.READ_LATENCY):
        await FallingEdge(dut.clk)
        assert not int(dut.axi__rvalid.value)
    for i, addr in enumerate(beats):
        await FallingEdge(dut.clk)
        assert int(dut.axi__rvalid.value), f"beat {i} of {len(beats)} is late"
        found = int(dut.axi__rdata.value).to_bytes(BUS.bytes, "little")
        assert found == bench.content[addr : addr + BUS.bytes]
    await FallingEdge(dut.clk)
    assert not int(dut.axi__rvalid.value)


@cocotb.test()
async def a_write_in_each_cycle(dut: Any) -> None:
    """Beats of a burst are taken one after the other, the address with the last, then the response."""
    bench = await ready(dut, axi=False)
    dut.axi__bready.value = 1
    for _ in range(10):
        addr, size = bench.burst(0, MEMORY_BYTES // BLOCK)
        data = bench.rng.randbytes(size)
        await RisingEdge(dut.clk)
        dut.axi__awaddr.value, dut.axi__awlen.value = addr, size // BUS.bytes - 1
        dut.axi__awvalid.value = dut.axi__wvalid.value = 1
        dut.axi__wstrb.value = (1 << BUS.bytes) - 1
        dut.axi__wlast.value = int(size == BUS.bytes)
        dut.axi__wdata.value = int.from_bytes(data[: BUS.bytes], "little")
        await FallingEdge(dut.clk)
        assert not int(dut.axi__wready.value)
        for at in range(0, size, BUS.bytes):
            await RisingEdge(dut.clk)
            dut.axi__wdata.value = int.from_bytes(data[at : at + BUS.bytes], "little")
            last = at + BUS.bytes == size
            dut.axi__wlast.value = int(last)
            await FallingEdge(dut.clk)
            assert int(dut.axi__wready.value) and int(dut.axi__awready.value) == last
        await RisingEdge(dut.clk)
        dut.axi__awvalid.value = dut.axi__wvalid.value = 0
        await FallingEdge(dut.clk)
        assert int(dut.axi__bvalid.value) and not int(dut.axi__bresp.value)
        bench.content[addr : addr + size] = data
        # Later reads see it.
        await RisingEdge(dut.clk)
        for word in (addr // 4, (addr + size) // 4 - 1):
            await bench.words.read(word)


@cocotb.test()
async def a_response_waits(dut: Any) -> None:
    """No beat is taken while it does, so each burst has its own."""
    bench = await ready(dut, axi=False)
    dut.axi__awaddr.value = dut.axi__awlen.value = 0
    dut.axi__wstrb.value = 0
    dut.axi__wdata.value = 0
    dut.axi__wlast.value = dut.axi__wvalid.value = dut.axi__awvalid.value = 1
    responses = bursts = 0
    for _ in range(200):
        dut.axi__bready.value = int(bench.rng.random() < 0.3)
        await FallingEdge(dut.clk)
        waits = int(dut.axi__bvalid.value) and not int(dut.axi__bready.value)
        assert not (waits and int(dut.axi__wready.value))
        bursts += int(dut.axi__awready.value)
        responses += int(dut.axi__bvalid.value) and int(dut.axi__bready.value)
        assert bursts - responses == int(dut.axi__awready.value) or waits
        await RisingEdge(dut.clk)
    assert responses > 30
