# SPDX-License-Identifier: Apache-2.0
"""Bench of the bridge, against the device of :mod:`..golden.link`.

Parameters ``DIVISOR``, ``MEMORY_BYTES``, ``CLOCK_HZ``; ``EVERY``: which share of the bytes is damaged.
"""

import os
import random
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from ..agents.clock import start_clock
from ..golden.link import (
    GAP,
    LINK,
    MEMORY,
    OK,
    PAYLOAD,
    REFUSED,
    REGISTERS,
    LinkDevice,
    crc,
    parse_answer,
    request,
)
from .system_line import SerialLine

DIVISOR = int(os.environ.get("DIVISOR", "4"))
MEMORY_BYTES = int(os.environ.get("MEMORY_BYTES", "4096"))
CLOCK_HZ = int(os.environ.get("CLOCK_HZ", "12000000"))
EVERY = int(os.environ.get("EVERY", "1"))
REGISTER_BYTES = 0x2000
SLVERR = 2

Item = int | tuple[str, float]
"""A byte, or ("pause", bit times), or ("broken", byte)."""


class Memory:
    """Behind the word port. ``late`` is the most cycles for which it lets an access wait."""

    def __init__(self, dut: Any, rng: random.Random, content: bytes) -> None:
        self.bytes = bytearray(content)
        self.late = 2 * DIVISOR - 3
        self._dut, self._rng = dut, rng
        dut.words__ready.value = 0
        dut.words__r_valid.value = 0
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut = self._dut
        while True:
            await RisingEdge(dut.words__valid)
            wait = self._rng.choice([0, 0, self._rng.randint(0, self.late)])
            if wait:
                await ClockCycles(dut.clk, wait)
            dut.words__ready.value = 1
            await FallingEdge(dut.clk)
            at = 4 * int(dut.words__addr.value)
            assert at + 4 <= MEMORY_BYTES, f"an access of byte {at:#x}"
            assert int(dut.words__valid.value)
            if int(dut.words__write.value):
                self.bytes[at : at + 4] = int(dut.words__w_data.value).to_bytes(4, "little")
                await RisingEdge(dut.clk)
                dut.words__ready.value = 0
                continue
            await RisingEdge(dut.clk)
            dut.words__ready.value = 0
            await ClockCycles(dut.clk, self._rng.choice([1, 3, self._rng.randint(1, 6 * DIVISOR)]))
            dut.words__r_data.value = int.from_bytes(self.bytes[at : at + 4], "little")
            dut.words__r_valid.value = 1
            await RisingEdge(dut.clk)
            dut.words__r_valid.value = 0
            dut.words__r_data.value = self._rng.getrandbits(32)


class Registers:
    """Behind AXI4-Lite. Words of ``bad`` answer SLVERR; ``writes`` are those that were done."""

    def __init__(self, dut: Any, rng: random.Random, content: dict[int, int]) -> None:
        self.content = dict(content)
        self.bad: set[int] = set()
        self.writes: list[tuple[int, int]] = []
        self._dut, self._rng = dut, rng
        for name in ("awready", "wready", "arready", "bvalid", "rvalid", "bresp", "rresp"):
            getattr(dut, f"axil__{name}").value = 0

    def start(self) -> None:
        """Serve, once the clock runs."""
        cocotb.start_soon(self._write())
        cocotb.start_soon(self._read())

    async def _take(self, channel: str, field: str) -> int:
        """Accept a transfer after a while; VALID and the payload have to stay."""
        dut, rng = self._dut, self._rng
        valid, ready = (getattr(dut, f"axil__{channel}{name}") for name in ("valid", "ready"))
        payload = getattr(dut, f"axil__{channel}{field}")
        if not int(valid.value):
            await RisingEdge(valid)
        await FallingEdge(dut.clk)
        before = int(payload.value)
        await ClockCycles(dut.clk, rng.choice([1, 1, rng.randint(1, 60)]))
        assert int(valid.value) and int(payload.value) == before
        ready.value = 1
        await RisingEdge(dut.clk)
        ready.value = 0
        return before

    async def _answer(self, channel: str, **fields: int) -> None:
        dut = self._dut
        await ClockCycles(dut.clk, self._rng.choice([1, self._rng.randint(1, 200)]))
        for name, value in fields.items():
            getattr(dut, f"axil__{channel}{name}").value = value
        valid, ready = (getattr(dut, f"axil__{channel}{name}") for name in ("valid", "ready"))
        valid.value = 1
        while True:
            await FallingEdge(dut.clk)
            if int(ready.value):
                break
        await RisingEdge(dut.clk)
        valid.value = 0
        for name in fields:
            port = getattr(dut, f"axil__{channel}{name}")
            port.value = self._rng.getrandbits(32) if name == "data" else 0

    async def _write(self) -> None:
        while True:
            both = [("aw", "addr"), ("w", "data")]
            if self._rng.random() < 0.5:
                both.reverse()
            found = {}
            for channel, field in both:
                found[channel] = await self._take(channel, field)
            assert int(self._dut.axil__wstrb.value) == 0xF
            bad = found["aw"] in self.bad
            if not bad:
                self.content[found["aw"]] = found["w"]
                self.writes.append((found["aw"], found["w"]))
            await self._answer("b", resp=SLVERR * bad)

    async def _read(self) -> None:
        while True:
            at = await self._take("ar", "addr")
            bad = at in self.bad
            await self._answer("r", data=self.content[at], resp=SLVERR * bad)


class Bench:
    """Bridge, what is behind it, the line, and the golden device in the same state."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = rng = random.Random(cocotb.RANDOM_SEED)
        self.line = SerialLine(dut, DIVISOR)
        content = rng.randbytes(MEMORY_BYTES)
        registers = {at: rng.getrandbits(32) for at in range(0, REGISTER_BYTES, 4)}
        self.memory = Memory(dut, rng, content)
        self.registers = Registers(dut, rng, registers)
        self.expected = dict(registers)
        self.writes: list[tuple[int, int]] = []
        self.golden = LinkDevice(
            bytearray(content),
            lambda at: None if at in self.registers.bad else self.expected[at],
            self._written,
            clock_hz=CLOCK_HZ,
            bits_per_second=round(CLOCK_HZ / DIVISOR),
        )
        self.number = 0
        dut.irq.value = 0

    def _written(self, at: int, value: int) -> bool:
        if at in self.registers.bad:
            return False
        self.expected[at] = value
        self.writes.append((at, value))
        return True

    def next(self) -> int:
        """The next sequence number."""
        self.number = (self.number + 1) % 256
        return self.number

    async def play(self, items: Sequence[Item]) -> list[bytes]:
        """Send all this, and compare what comes with what should; the answers."""
        answers: list[bytes] = []
        unheard = 0  # bytes that follow a frame at once, while the device talks
        for i, item in enumerate(items):
            if isinstance(item, tuple):
                what, value = item
                if what == "pause":
                    await self.line.wait(value)
                    self.golden.pause(value)
                else:
                    await self.line.send(int(value), stop=0)
                    await self.line.wait(1)
                    self.golden.broken()
                continue
            await self.line.send(item)
            if unheard:
                unheard -= 1
            elif answer := self.golden.byte(item):
                answers.append(answer)
                bytes_after = takewhile(lambda later: isinstance(later, int), items[i + 1 :])
                unheard = len(list(bytes_after))
                assert unheard <= len(answer) - 2
            else:
                continue
            if not unheard:
                await self._compare(answers[-1])
        return answers

    async def _compare(self, answer: bytes) -> None:
        came = await self.line.take(len(answer))
        assert came == answer, f"the answer must be {answer.hex(' ')}, not {came.hex(' ')}"

    async def ask(self, frame: bytes) -> Any:
        """Send a frame and return what the answer says."""
        answers = await self.play(frame)
        assert len(answers) == 1
        return parse_answer(answers[0])

    async def check(self) -> None:
        """Nothing more comes, and memory and registers are as they should be."""
        assert not await self.line.take(1, silence=60), "nobody asked"
        self.golden.pause(60)
        assert self.memory.bytes == self.golden.memory
        assert self.registers.writes == self.writes
        assert self.registers.content == self.expected

    def frames(self) -> list[bytes]:
        """A write and a read of memory, a write and a read of registers, a read of the link page."""
        rng = self.rng
        at = rng.randrange(MEMORY_BYTES // 4 - 3) * 4
        register = rng.randrange(REGISTER_BYTES // 4 - 2) * 4
        return [
            request(MEMORY, at, self.next(), payload=rng.randbytes(12)),
            request(MEMORY, at, self.next(), words=3),
            request(REGISTERS, register, self.next(), payload=rng.randbytes(4)),
            request(REGISTERS, register, self.next(), words=2),
            request(LINK, 8, self.next(), words=2),
        ]


async def ready(dut: Any) -> Bench:
    bench = Bench(dut)
    await start_clock(dut)
    bench.registers.start()
    # What the receiver took for a start bit before it was clocked is over.
    await bench.line.wait(12)
    return bench


@cocotb.test()
async def link_page(dut: Any) -> None:
    """Each word alone and all at once; the interrupt is what it is when its word is sent."""
    bench = await ready(dut)
    for irq in (0, 1, 0):
        dut.irq.value = bench.golden.irq = irq
        page = (await bench.ask(request(LINK, 0, bench.next(), words=6))).payload
        words = [int.from_bytes(page[at : at + 4], "little") for at in range(0, 24, 4)]
        bits_per_second = round(CLOCK_HZ / DIVISOR)
        assert words == [0x4B4C574D, 1, MEMORY_BYTES, CLOCK_HZ, irq, bits_per_second]
        for i in range(6):
            alone = await bench.ask(request(LINK, 4 * i, bench.next()))
            assert alone.payload == page[4 * i :][:4]
    await bench.check()


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Each frame as soon as the answer before is here."""
    bench = await ready(dut)
    for _ in range(8):
        for frame in bench.frames():
            assert (await bench.ask(frame)).status == OK
    await bench.check()


@cocotb.test()
async def many_words(dut: Any) -> None:
    """The longest frames, at both ends of the memory and of the registers."""
    bench = await ready(dut)
    for at in (0, MEMORY_BYTES - 1024):
        data = bench.rng.randbytes(1024)
        assert (await bench.ask(request(MEMORY, at, bench.next(), payload=data))).status == OK
        answer = await bench.ask(request(MEMORY, at, bench.next(), words=256))
        assert (answer.status, answer.payload) == (OK, data)
    at = REGISTER_BYTES - 4 * 20
    assert (await bench.ask(request(REGISTERS, at, bench.next(), words=20))).status == OK
    await bench.check()


def places(size: int) -> list[tuple[int, int]]:
    """Addresses and numbers of words at and beyond the end of a space of ``size`` bytes."""
    found = []
    for words in (1, 2, 3, 255, 256):
        end = size - 4 * words
        found += [(at, words) for at in (end, end + 4, end + 8) if at >= 0]
    found += [(1 << k, 1) for k in range(32) if 1 << k >= size]
    found += [(at, 2) for at in (2**32 - 4, 2**32 - 8, size - 4)]
    found += [(at, 1) for at in (1, 2, 3, size + 1, size - 3, size - 2)]
    return found


@cocotb.test()
async def what_is_refused(dut: Any) -> None:
    """Reads and writes at the ends of the spaces, within words, and of spaces that are not there."""
    bench = await ready(dut)
    rng = bench.rng
    statuses = set()
    for space, size in ((MEMORY, MEMORY_BYTES), (REGISTERS, REGISTER_BYTES), (LINK, 24), (3, 64)):
        for at, words in places(size):
            if words < 100 or rng.random() < 0.1:
                statuses.add(
                    (await bench.ask(request(space, at, bench.next(), words=words))).status
                )
            if words < 100:
                data = rng.randbytes(4 * words)
                frame = request(space, at, bench.next(), payload=data)
                statuses.add((await bench.ask(frame)).status)
    assert statuses == {OK, REFUSED}
    for bit in range(3, 8):
        for write in (0, 1):
            header = bytes([1 << bit | write, bench.next(), 0, 0, 0, 0, 0])
            frame = b"\xa5" + header + crc(header)
            if write:
                frame += bytes(4) + crc(bytes(4))
            assert (await bench.ask(frame)).status == REFUSED
    await bench.check()


@cocotb.test()
async def a_number_that_comes_again(dut: Any) -> None:
    """Is answered and not done again; a refused write does not count, a damaged one neither."""
    bench = await ready(dut)
    number = bench.next()
    ring = request(REGISTERS, 0x10, number, payload=b"\1\0\0\0")
    for _ in range(3):
        answer = await bench.ask(ring)
        assert (answer.status, answer.done) == (OK, number)
    assert len(bench.writes) == 1
    # Other words under the same number are not written.
    assert (await bench.ask(request(MEMORY, 0, number, payload=b"\7" * 8))).status == OK
    assert (await bench.ask(request(REGISTERS, 0x14, number, payload=b"\7" * 4))).status == OK
    assert (await bench.ask(request(REGISTERS, 0x14, number))).done == number
    # The number of a write that was not done is free.
    number = bench.next()
    refused = request(REGISTERS, REGISTER_BYTES, number, payload=bytes(4))
    assert (await bench.ask(refused)).status == REFUSED
    damaged = request(REGISTERS, 0x10, number, payload=b"\2\0\0\0")
    damaged = damaged[:11] + b"\3" + damaged[12:]
    assert (await bench.ask(damaged)).status == PAYLOAD
    answer = await bench.ask(request(REGISTERS, 0x10, number, payload=b"\4\0\0\0"))
    assert (answer.status, answer.done) == (OK, number)
    assert len(bench.writes) == 2
    await bench.check()


@cocotb.test()
async def errors_of_the_bus(dut: Any) -> None:
    """Of a write and of the first register read: refused. Of a later one: a wrong CRC."""
    bench = await ready(dut)
    bench.registers.bad = {0x40}
    for _ in range(3):
        frame = request(REGISTERS, 0x40, bench.next(), payload=bytes(4))
        assert (await bench.ask(frame)).status == REFUSED
        assert (await bench.ask(request(REGISTERS, 0x40, bench.next(), words=3))).status == REFUSED
        assert (await bench.ask(request(REGISTERS, 0x44, bench.next(), words=3))).status == OK
        for at, words in ((0x3C, 2), (0x38, 5)):
            frame = request(REGISTERS, at, bench.next(), words=words)
            for byte in frame:
                await bench.line.send(byte)
            answer = await bench.line.take(6 + 4 * words)
            assert len(answer) == 6 + 4 * words and answer[1] == OK
            assert crc(answer[1:-2]) != answer[-2:]
    await bench.check()


def damage(kind: str, frame: bytes, i: int, rng: random.Random) -> list[Item]:
    """The frame with something wrong at byte ``i``."""
    items: list[Item] = list(frame)
    if kind == "lost":
        del items[i]
    elif kind == "twice":
        items.insert(i, frame[i])
    elif kind == "changed":
        items[i] = frame[i] ^ rng.randrange(1, 256)
    elif kind == "broken":
        items[i] = ("broken", frame[i])
    elif kind == "inserted":
        items.insert(i, rng.randrange(256))
    elif kind == "late":
        items.insert(i, ("pause", GAP - 3.0))
    elif kind == "too late":
        items.insert(i, ("pause", GAP + 4.0))
    return items


@cocotb.test()
async def damage_everywhere(dut: Any) -> None:
    """Each kind of damage at each byte of each frame; the frame that comes again is done, once."""
    bench = await ready(dut)
    kinds = ("lost", "twice", "changed", "broken", "inserted", "late", "too late")
    done = dict.fromkeys(kinds, 0)
    tried = 0
    for which in range(5):
        for i in range(40):
            for kind in kinds:
                frame = bench.frames()[which]
                if i >= len(frame) or (which + i) % EVERY:
                    continue
                tried += kind == "too late" and i == 0
                answers = await bench.play(damage(kind, frame, i, bench.rng))
                done[kind] += any(parse_answer(answer).status == OK for answer in answers)
                await bench.play([("pause", GAP + 8.0)])
                assert (await bench.ask(frame)).status == OK
    assert done["late"] and not done["lost"] + done["broken"]
    assert done["too late"] == tried, "only a pause before the first byte is none too late"
    await bench.check()


@cocotb.test()
async def frames_within_frames(dut: Any) -> None:
    """What a damaged frame contains is not obeyed, whatever it is, until there is a gap."""
    bench = await ready(dut)
    for within in bench.frames():
        padding = bytes(-len(within) % 4)
        outer = request(MEMORY, 0, bench.next(), payload=within + padding)
        for damaged in (
            damage("changed", outer, 5, bench.rng),
            damage("broken", outer, 5, bench.rng),
        ):
            assert not await bench.play(damaged)
            assert not await bench.play(within)
            await bench.play([("pause", GAP + 8.0)])
            assert (await bench.ask(within)).status == OK
        assert (await bench.ask(outer)).status == OK
    await bench.check()


@cocotb.test()
async def random_frames(dut: Any) -> None:
    """Random commands with and without noise between and in them, at any distance."""
    bench = await ready(dut)
    rng = bench.rng
    for _ in range(150):
        space = rng.choice([MEMORY, MEMORY, REGISTERS, REGISTERS, LINK, rng.randrange(64)])
        words = rng.choice([1, 1, 2, 3, rng.randrange(1, 12)])
        size = {MEMORY: MEMORY_BYTES, REGISTERS: REGISTER_BYTES}.get(space, 24)
        end = max(0, size - 4 * words)
        at = rng.choice([0, 4 * rng.randrange(size // 4), end, rng.getrandbits(32)])
        number = rng.choice([bench.next(), bench.number, bench.golden.done])
        data = rng.randbytes(4 * words) if rng.random() < 0.5 else None
        frame = request(space, at, number, words=words, payload=data)
        items: list[Item] = list(frame)
        for _ in range(rng.choice([0, 0, 1, 2])):
            kind = rng.choice(["changed", "broken", "lost", "twice"])
            whole = bytes(item for item in items if isinstance(item, int))
            if whole:
                items = damage(kind, whole, rng.randrange(len(whole)), rng)
        noise = [rng.choice([0xA5, rng.randrange(256)]) for _ in range(rng.choice([0, 0, 3]))]
        if noise and rng.random() < 0.5:
            await bench.play([*noise, ("pause", GAP + 8.0)])
            noise = []
        await bench.play([*noise, *items])
        if bench.golden.waiting or bench.golden.deaf or rng.random() < 0.3:
            await bench.play([("pause", GAP + 4 + 30 * rng.random())])
    await bench.play([("pause", GAP + 8.0)])
    await bench.check()


@cocotb.test()
async def reset_forgets(dut: Any) -> None:
    """A reset in the middle of anything: number 0 is the last one done, and all works."""
    bench = await ready(dut)
    for i in range(12):
        frame = bench.frames()[i % 5]
        for byte in frame[: bench.rng.randrange(len(frame) + 1)]:
            await bench.line.send(byte)
        await bench.line.wait(bench.rng.random() * 20)
        dut.rst.value = 1
        await ClockCycles(dut.clk, 2)
        dut.rst.value = 0
        await bench.line.wait(50)
        while not bench.line.received.empty():
            bench.line.received.get_nowait()
        bench.golden.done = 0
        bench.golden.pause(GAP)
        answer = await bench.ask(request(LINK, 0, 200))
        assert (answer.status, answer.done) == (OK, 0)
