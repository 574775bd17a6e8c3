# SPDX-License-Identifier: Apache-2.0
"""Bench of the UART. Parameter ``DIVISOR``."""

import os
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, First, RisingEdge
from cocotb.utils import get_sim_time

from ..agents.clock import PERIOD_NS, start_clock
from .system_line import SerialLine

DIVISOR = int(os.environ.get("DIVISOR", "4"))
GAP = 1024
MISMATCHES = (1.0, 0.98, 1.02) if DIVISOR >= 16 else (1.0,)


class Bench:
    """UART, line, and a record of what the UART says it heard."""

    def __init__(self, dut: Any, mismatch: float = 1.0) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.line = SerialLine(dut, DIVISOR, mismatch=mismatch)
        self.heard: list[int] = []
        self.broken = 0
        self.gaps: list[float] = []
        for name in ("talk", "hold", "send"):
            getattr(dut, name).value = 0
        cocotb.start_soon(self._listen())

    async def _listen(self) -> None:
        """Follow the strobes while the UART listens; each is a cycle long, or settles to 0."""
        dut, bits = self.dut, ""
        strobes = (dut.data, dut.done, dut.broken, dut.gap)
        while True:
            await First(*map(RisingEdge, strobes))
            await FallingEdge(dut.clk)
            data, done, broken, gap = (int(strobe.value) for strobe in strobes)
            assert data + done + broken + gap <= 1
            if int(dut.talk.value):
                continue
            if data:
                assert int(dut.index.value) == len(bits), "data bits come in order"
                bits += str(int(dut.value.value))
            if done or broken:
                assert len(bits) == 8, f"a byte has 8 bits, not {len(bits)}"
            if done:
                self.heard.append(int(bits[::-1], 2))
            if done or broken:
                bits = ""
            self.broken += broken
            if gap:
                self.gaps.append(get_sim_time("ps"))

    async def settle(self) -> None:
        await self.line.wait(2)
        await ClockCycles(self.dut.clk, 8)


async def ready(dut: Any, mismatch: float = 1.0) -> Bench:
    bench = Bench(dut, mismatch)
    await start_clock(dut)
    await bench.line.wait(12)
    return bench


def bits_of(data: bytes) -> Iterator[int]:
    for byte in data:
        yield from (byte >> i & 1 for i in range(8))


@cocotb.test()
async def every_byte_is_heard(dut: Any) -> None:
    """Each value, after pauses of any length and none, at a baud rate that is a little off."""
    for mismatch in MISMATCHES:
        bench = await ready(dut, mismatch)
        values = [*range(256)]
        bench.rng.shuffle(values)
        for value in values:
            await bench.line.send(value)
            if bench.rng.random() < 0.3:
                await bench.line.wait(bench.rng.random() * 3)
        await bench.settle()
        assert bench.heard == values, mismatch
        assert not bench.broken


@cocotb.test()
async def framing_errors(dut: Any) -> None:
    """A byte without its stop bit is broken and not heard, nor is the next one disturbed."""
    bench = await ready(dut)
    expected, broken = [], 0
    for _ in range(60):
        value, stop = bench.rng.randrange(256), int(bench.rng.random() < 0.6)
        await bench.line.send(value, stop=stop)
        expected += [value] * stop
        broken += 1 - stop
        if not stop:
            await bench.line.wait(1 + bench.rng.random())
    await bench.settle()
    assert bench.heard == expected
    assert bench.broken == broken


@cocotb.test()
async def a_line_that_stays_low(dut: Any) -> None:
    """Is broken again and again, and no gap, until it is high again."""
    bench = await ready(dut)
    before = len(bench.gaps)
    await bench.line.glitch(3 * GAP)
    assert bench.broken >= 5 and len(bench.gaps) == before and not bench.heard
    await bench.line.wait(12)
    broken, bench.heard = bench.broken, []
    await bench.line.send(0x3C)
    await bench.settle()
    assert bench.heard == [0x3C] and bench.broken == broken


@cocotb.test()
async def glitches(dut: Any) -> None:
    """What is shorter than half a bit is no start bit, and what comes right after it is heard."""
    bench = await ready(dut)
    expected = []
    for _ in range(100):
        await bench.line.glitch((DIVISOR // 2) / DIVISOR * bench.rng.uniform(0.01, 0.99))
        await bench.line.wait(0.5 + bench.rng.random())
        if bench.rng.random() < 0.5:
            expected.append(bench.rng.randrange(256))
            await bench.line.send(expected[-1])
    await bench.settle()
    assert bench.heard == expected
    assert not bench.broken


@cocotb.test()
async def gaps(dut: Any) -> None:
    """Comes when no byte has begun for GAP bit times, and again after each GAP."""
    bench = await ready(dut)
    for idle in (GAP - 1.5, GAP + 1.5, 2 * GAP - 1.5, 3 * GAP + 1.5):
        await bench.line.send(bench.rng.randrange(256))
        bench.gaps.clear()
        end = get_sim_time("ps")
        await bench.line.wait(idle)
        expected = int(idle // GAP)
        await bench.line.send(bench.rng.randrange(256))
        assert len(bench.gaps) == expected, idle
        for i, time in enumerate(bench.gaps):
            assert abs((time - end) / bench.line.bit - GAP * (i + 1)) < 1.5


@cocotb.test()
async def receiving(dut: Any) -> None:
    """Is high from a start bit to the middle of the stop bit."""
    bench = await ready(dut)
    for _ in range(10):
        assert not int(dut.receiving.value)
        cocotb.start_soon(bench.line.send(bench.rng.randrange(256)))
        for _ in range(9):
            await bench.line.wait(1)
            assert int(dut.receiving.value)
        await bench.line.wait(1.5)


async def talk(bench: Bench, data: bytes, hold: float = 0.0) -> int:
    """Send ``data`` after a byte that was heard; the picosecond at which that was."""
    dut = bench.dut
    bits = bits_of(data)
    sender = cocotb.start_soon(bench.line.send(bench.rng.randrange(256)))
    await RisingEdge(dut.done)
    bench.line.starts.clear()
    heard = round(get_sim_time("ps"))
    await RisingEdge(dut.clk)
    dut.talk.value = 1
    dut.send.value = next(bits)
    done = 0
    while done < len(data):
        await FallingEdge(dut.clk)
        dut.hold.value = int(bench.rng.random() < hold)
        if int(dut.data.value):
            dut.send.value = bench.rng.randrange(2)
            await ClockCycles(dut.clk, 3)
            dut.send.value = next(bits, 0)
        elif int(dut.done.value):
            done += 1
    await RisingEdge(dut.clk)
    dut.talk.value = 0
    dut.hold.value = 0
    await sender
    return heard


def steps(bench: Bench) -> list[float]:
    """Bit times from each byte that came to the next."""
    times = bench.line.starts
    return [(b - a) / (DIVISOR * PERIOD_NS * 1000) for a, b in pairwise(times)]


@cocotb.test()
async def what_is_sent(dut: Any) -> None:
    """Each value, without a pause between bytes, and the first one bit time after what was heard."""
    bench = await ready(dut)
    data = bytes(bench.rng.sample(range(256), 256))
    heard = await talk(bench, data)
    assert await bench.line.take(len(data)) == data
    assert bench.line.starts[0] - heard == (DIVISOR + 1) * PERIOD_NS * 1000
    assert set(steps(bench)) == {10.0}, "a byte takes ten bit times"


@cocotb.test()
async def hold_puts_a_byte_off(dut: Any) -> None:
    """By whole bit times, and never in the middle of a byte."""
    bench = await ready(dut)
    data = bench.rng.randbytes(40)
    await talk(bench, data, 0.7)
    assert await bench.line.take(len(data)) == data
    taken = steps(bench)
    assert all(step >= 10 and step == int(step) for step in taken) and max(taken) > 10


@cocotb.test()
async def listen_and_talk(dut: Any) -> None:
    """What comes while it talks is not heard, what comes right after it is."""
    bench = await ready(dut)
    for _ in range(20):
        answer = bench.rng.randbytes(3)
        talking = cocotb.start_soon(talk(bench, answer))
        await bench.line.wait(10)
        await bench.line.send(bench.rng.randrange(256))
        await talking
        assert await bench.line.take(3) == answer
        value = bench.rng.randrange(256)
        bench.heard.clear()
        await bench.line.send(value)
        await bench.settle()
        assert bench.heard == [value]
    assert not bench.broken
