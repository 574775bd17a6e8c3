# SPDX-License-Identifier: Apache-2.0
"""Benches of the bridges between AXI and Wishbone. ``BRIDGE`` says which: ``master`` or ``slave``."""

import os
import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, Combine
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteRam, AxiMaster, AxiResp

from ..agents.clock import start_clock
from ..agents.wishbone import WishboneHost, WishboneMemory

BRIDGE = os.environ["BRIDGE"]
MEMORY_BYTES = 1 << 14
ACCESSES = 60


def _pauses(rng: random.Random, probability: float) -> Any:
    while True:
        yield rng.random() < probability


@cocotb.test(skip=BRIDGE != "master")
@cocotb.parametrize(pause=[0.0, 0.4], wait=[0.0, 0.5])
async def bursts_read_and_write_what_they_should(dut: Any, pause: float, wait: float) -> None:
    """Random bursts of a master written by others, reads and writes at once, against a copy."""
    rng = random.Random(cocotb.RANDOM_SEED)
    contents = rng.randbytes(MEMORY_BYTES)
    memory = WishboneMemory(dut, "wb", bytearray(contents), rng, wait)
    master = AxiMaster(AxiBus.from_prefix(dut, "axi"), dut.clk, dut.rst)
    for channel in (
        master.write_if.aw_channel,
        master.write_if.w_channel,
        master.write_if.b_channel,
        master.read_if.ar_channel,
        master.read_if.r_channel,
    ):
        channel.set_pause_generator(_pauses(rng, pause))
    await start_clock(dut)
    size = len(dut.wb_sel)
    copy = bytearray(contents)
    half = MEMORY_BYTES // 2

    async def reads() -> None:
        """From the half that nobody writes."""
        for _ in range(ACCESSES):
            beats = rng.randrange(1, 40)
            address = rng.randrange(half // size - beats) * size
            answer = await master.read(address, beats * size)
            assert answer.data == contents[address : address + beats * size]

    async def writes() -> None:
        for _ in range(ACCESSES):
            beats = rng.randrange(1, 40)
            first = half + rng.randrange(half - beats * size)
            data = rng.randbytes(rng.randrange(1, beats * size))
            copy[first : first + len(data)] = data
            await master.write(first, data)

    await Combine(cocotb.start_soon(reads()), cocotb.start_soon(writes()))
    assert memory.memory == copy
    answer = await master.read(half, half)
    assert answer.data == copy[half:]


@cocotb.test(skip=BRIDGE != "master")
async def a_beat_each_cycle(dut: Any) -> None:
    """Memory and master that never wait: a burst takes its beats and a fixed number of cycles more."""
    rng = random.Random(cocotb.RANDOM_SEED)
    memory = WishboneMemory(dut, "wb", bytearray(rng.randbytes(MEMORY_BYTES)), rng)
    master = AxiMaster(AxiBus.from_prefix(dut, "axi"), dut.clk, dut.rst)
    await start_clock(dut)
    size = len(dut.wb_sel)

    async def cycles(beats: int, write: bool) -> int:
        start = cocotb.utils.get_sim_time("ns")
        if write:
            await master.write(0, bytes(beats * size))
        else:
            await master.read(0, beats * size)
        return int(cocotb.utils.get_sim_time("ns") - start) // 10

    for write in (False, True):
        short, long = await cycles(2, write), await cycles(32, write)
        assert long - short == 30, f"{short} and {long} cycles"
    assert memory.beats == 2 * 34


@cocotb.test(skip=BRIDGE != "master")
async def errors_come_back(dut: Any) -> None:
    """Outside of the memory, and inside right after it."""
    rng = random.Random(cocotb.RANDOM_SEED)
    contents = rng.randbytes(MEMORY_BYTES)
    WishboneMemory(dut, "wb", bytearray(contents), rng, 0.3)
    master = AxiMaster(AxiBus.from_prefix(dut, "axi"), dut.clk, dut.rst)
    await start_clock(dut)
    size = len(dut.wb_sel)
    for _ in range(5):
        assert (await master.read(MEMORY_BYTES, 4 * size)).resp == AxiResp.SLVERR
        inside = await master.read(0, 4 * size)
        assert (inside.resp, inside.data) == (AxiResp.OKAY, contents[: 4 * size])
        assert (await master.write(MEMORY_BYTES - size, bytes(2 * size))).resp == AxiResp.SLVERR
        assert (await master.write(64, contents[64 : 64 + size])).resp == AxiResp.OKAY


@cocotb.test(skip=BRIDGE != "slave")
@cocotb.parametrize(pause=[0.0, 0.5])
async def registers_are_reached(dut: Any, pause: float) -> None:
    """Random words with strobes, against a copy; the AXI4-Lite side is written by others."""
    rng = random.Random(cocotb.RANDOM_SEED)
    ram = AxiLiteRam(AxiLiteBus.from_prefix(dut, "axil"), dut.clk, dut.rst, size=1 << 13)
    for channel in (
        ram.write_if.aw_channel,
        ram.write_if.w_channel,
        ram.write_if.b_channel,
        ram.read_if.ar_channel,
        ram.read_if.r_channel,
    ):
        channel.set_pause_generator(_pauses(rng, pause))
    host = WishboneHost(dut, "wb")
    await start_clock(dut)
    copy = bytearray(1 << 13)
    for _ in range(300):
        address = rng.randrange(64) * 4
        if rng.random() < 0.5:
            value, strobes = rng.getrandbits(32), rng.randrange(16)
            await host.write(address, value, strobes)
            for i in range(4):
                if strobes >> i & 1:
                    copy[address + i] = value >> 8 * i & 0xFF
        else:
            assert await host.read(address) == int.from_bytes(copy[address : address + 4], "little")
        if rng.random() < 0.3:
            await ClockCycles(dut.clk, rng.randrange(1, 4))
    assert ram.read(0, 1 << 13) == copy


@cocotb.test(skip=BRIDGE != "slave")
async def an_access_given_up_is_not_the_next_ones_answer(dut: Any) -> None:
    """The master drops its request; what comes for it is for nobody."""
    rng = random.Random(cocotb.RANDOM_SEED)
    ram = AxiLiteRam(AxiLiteBus.from_prefix(dut, "axil"), dut.clk, dut.rst, size=1 << 13)
    ram.read_if.r_channel.set_pause_generator(_pauses(rng, 0.8))
    ram.write(0, bytes(range(1, 33)))
    host = WishboneHost(dut, "wb")
    await start_clock(dut)
    for _ in range(40):
        dut.wb_adr.value, dut.wb_we.value = 0, 0
        dut.wb_cyc.value = dut.wb_stb.value = 1
        await ClockCycles(dut.clk, rng.randrange(1, 4))
        if int(dut.wb_ack.value):
            await ClockCycles(dut.clk, 1)
        dut.wb_cyc.value = dut.wb_stb.value = 0
        await ClockCycles(dut.clk, 1)
        assert await host.read(16) == 0x14131211
