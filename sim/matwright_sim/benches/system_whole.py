# SPDX-License-Identifier: Apache-2.0
"""Bench of a whole system: a program and its data go in through the UART, the results come out.

Parameters ``JOB``, a NumPy archive with ``before``, the memory, and ``program`` and ``count``;
``AFTER``, where the memory is put when the program has ended; ``DIVISOR``, ``CLOCK_HZ``.
"""

import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from matwright.bus.register_map import REGISTERS as REGISTER_MAP
from matwright.bus.window import Window

from ..agents.clock import start_clock
from ..golden.link import LINK, MEMORY, OK, REGISTERS, parse_answer, request
from .system_line import SerialLine

DIVISOR = int(os.environ.get("DIVISOR", "4"))
CLOCK_HZ = int(os.environ.get("CLOCK_HZ", "12000000"))
MOST_BYTES = 1024
OFFSET = {register.name: register.offset for register in REGISTER_MAP}
IRQ_ALL, START, DONE = 3, 1, 2


class Host:
    """Frames and their answers, one after the other."""

    def __init__(self, dut: Any) -> None:
        self.line = SerialLine(dut, DIVISOR)
        self._number = 0

    async def _ask(self, space: int, address: int, words: int, payload: bytes | None) -> bytes:
        self._number = self._number % 255 + 1
        frame = request(space, address, self._number, words=words, payload=payload)
        for byte in frame:
            await self.line.send(byte)
        size = 0 if payload is not None else 4 * words
        answer = parse_answer(await self.line.take(6 + size))
        assert (answer.status, answer.number) == (OK, self._number)
        return answer.payload

    async def read(self, space: int, address: int, size: int) -> bytes:
        data = b""
        while len(data) < size:
            words = min(size - len(data), MOST_BYTES) // 4
            data += await self._ask(space, address + len(data), words, None)
        return data

    async def write(self, space: int, address: int, data: bytes) -> None:
        for at in range(0, len(data), MOST_BYTES):
            await self._ask(space, address + at, 0, data[at : at + MOST_BYTES])

    async def register(self, name: str | int) -> int:
        offset = OFFSET[name] if isinstance(name, str) else name
        return int.from_bytes(await self.read(REGISTERS, offset, 4), "little")

    async def set(self, name: str | int, value: int) -> None:
        offset = OFFSET[name] if isinstance(name, str) else name
        await self.write(REGISTERS, offset, value.to_bytes(4, "little"))


@cocotb.test()
async def program(dut: Any) -> None:
    """What a driver does, from the first byte to the last."""
    job = np.load(os.environ["JOB"])
    before = job["before"].tobytes()
    host = Host(dut)
    await start_clock(dut)
    await host.line.wait(12)
    page = np.frombuffer(await host.read(LINK, 0, 24), "<u4").tolist()
    assert page == [0x4B4C574D, 1, len(before), CLOCK_HZ, 0, round(CLOCK_HZ / DIVISOR)]

    await host.write(MEMORY, 0, before)
    assert await host.read(MEMORY, 0, len(before)) == before
    for offset, value in Window(0, max(1 << 12, len(before)) - 1).registers(0).items():
        await host.set(offset, value)
        assert await host.register(offset) == value
    await host.set("PROGRAM_LO", int(job["program"]))
    await host.set("PROGRAM_COUNT", int(job["count"]))
    await host.set("IRQ_ENABLE", IRQ_ALL)
    assert not int(dut.irq.value)
    await host.set("CONTROL", START)
    # The line is used while the accelerator works.
    polls = 0
    while not int.from_bytes(await host.read(LINK, 16, 4), "little"):
        polls += 1
        assert await host.read(MEMORY, 0, 8) == before[:8]
        assert polls < 1000
    assert int(dut.irq.value)
    assert await host.register("STATUS") == DONE
    assert await host.register("COMPLETED") == int(job["count"])
    after = await host.read(MEMORY, 0, len(before))
    Path(os.environ["AFTER"]).write_bytes(after)
    await host.set("IRQ_CAUSE", IRQ_ALL)
    await RisingEdge(dut.clk)
    assert not int(dut.irq.value)
