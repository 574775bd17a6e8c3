# SPDX-License-Identifier: Apache-2.0
"""Bench of the user page of the register file. ``CONFIG`` holds the configuration as TOML."""

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, Combine, FallingEdge, RisingEdge

from matwright.bus.register_map import COUNTERS, PRIVILEGED, constants, event_names
from matwright.bus.registers import RegisterFile

from .bus_host import (
    AFTER_RESET,
    AN_ADDRESS,
    CONFIG,
    DONE,
    ERROR,
    OFFSET,
    RESET,
    START,
    WRITABLE,
    ready,
)


@cocotb.test()
async def the_whole_page(dut: Any) -> None:
    """Every word: constants of the configuration, 0 elsewhere; writes harm nothing."""
    bench = await ready(dut)
    wanted = {OFFSET[name]: value for name, value in AFTER_RESET.items()}
    offsets = [*range(0, 0x200, 4), 0x800, PRIVILEGED - 4]
    for offset in offsets:
        assert await bench.read(offset) == wanted.get(offset, 0), f"{offset:#x}"
    allowed = {OFFSET[name] for name in (*WRITABLE, "CONTROL")}
    for offset in offsets:
        if offset not in allowed:
            await bench.write(offset, 0xFFFFFFFF)
    for offset in offsets:
        assert await bench.read(offset) == wanted.get(offset, 0), f"{offset:#x}"
    assert not bench.starts and not bench.resets and not bench.doorbells


@cocotb.test()
async def random_writes_with_strobes(dut: Any) -> None:
    """Reads and writes at once, every channel pausing, against a dictionary."""
    bench = await ready(dut)
    bench.pause(aw=0.4, w=0.4, b=0.4, ar=0.4, r=0.4)
    model = {name: AFTER_RESET.get(name, 0) for name in WRITABLE}

    async def reads() -> None:
        for _ in range(60):
            assert await bench.read("ID") == constants(CONFIG)["ID"]
            assert await bench.read(0xFF8) == 0

    reader = cocotb.start_soon(reads())
    for _ in range(120):
        name = bench.rng.choice(list(WRITABLE))
        value = bench.rng.getrandbits(32)
        first = bench.rng.randrange(4)
        count = bench.rng.randrange(1, 5 - first)
        await bench.write(name, value, first, count)
        mask = (2 ** (8 * count) - 1) << 8 * first
        model[name] = (model[name] & ~mask | value & mask) & (2 ** WRITABLE[name] - 1)
        assert await bench.read(name) == model[name], name
    await reader
    assert int(dut.program_addr.value) == model["PROGRAM_HI"] << 32 | model["PROGRAM_LO"]
    assert int(dut.program_count.value) == model["PROGRAM_COUNT"]


@cocotb.test()
@cocotb.parametrize(first=["aw", "w"])
async def address_and_data_in_any_order(dut: Any, first: str) -> None:
    """One channel is far ahead of the other."""
    bench = await ready(dut)
    bench.pause(**{"w" if first == "aw" else "aw": 0.95})
    for _ in range(12):
        value = bench.rng.getrandbits(32)
        await bench.write("PROGRAM_LO", value)
        assert await bench.read("PROGRAM_LO") == value


@cocotb.test()
async def responses_may_wait(dut: Any) -> None:
    """Many writes and reads queued while the host is slow to take responses."""
    bench = await ready(dut)
    bench.pause(b=0.9, r=0.9)
    values = {name: bench.rng.getrandbits(WRITABLE[name]) for name in WRITABLE}
    writes = [cocotb.start_soon(bench.write(name, value)) for name, value in values.items()]
    reads = [cocotb.start_soon(bench.read("ID")) for _ in range(4)]
    await Combine(*writes, *reads)
    assert [task.result() for task in reads] == [constants(CONFIG)["ID"]] * 4
    for name, value in values.items():
        assert await bench.read(name) == value


@cocotb.test()
async def write_acts_after_its_latency(dut: Any) -> None:
    bench = await ready(dut)
    task = cocotb.start_soon(bench.write("CONTROL", START))
    while not bench.channels["w"].fired:
        await FallingEdge(dut.clk)
        await RisingEdge(dut.clk)
    # This edge ended the cycle of the transfer.
    for cycle in range(1, RegisterFile.WRITE_LATENCY + 2):
        await FallingEdge(dut.clk)
        assert int(dut.start.value) == (cycle == RegisterFile.WRITE_LATENCY)
    await task


@cocotb.test()
async def start_only_when_idle(dut: Any) -> None:
    bench = await ready(dut)

    async def command(
        value: int, starts: int, resets: int, strobe: int = 0, doorbells: int = 0
    ) -> None:
        bench.starts = bench.resets = bench.doorbells = 0
        await bench.write("CONTROL", value, strobe, 1)
        await ClockCycles(dut.clk, 3)
        assert (bench.starts, bench.resets, bench.doorbells) == (starts, resets, doorbells)
        assert await bench.read("CONTROL") == 0

    await command(START, 1, 0)
    await command(0, 0, 0)
    for _ in range(4):
        await command((START | RESET) << 8, 0, 0, strobe=1)
    await command(RESET, 0, 1)
    await command(START | RESET, 0, 1)
    for name, bit in (("busy", 1), ("resetting", 8)):
        getattr(dut, name).value = 1
        await command(START, 0, 0, doorbells=int(name == "busy"))
        await command(START | RESET, 0, 1)
        await command(RESET, 0, 1)
        assert await bench.read("STATUS") == bit
        getattr(dut, name).value = 0
    await bench.pulse(error=1, error_code=16)
    await command(START, 0, 0)
    await command(RESET, 0, 1)
    await bench.pulse(clear=1)
    await command(START, 1, 0)


@cocotb.test()
async def done_and_interrupt(dut: Any) -> None:
    bench = await ready(dut)
    await bench.pulse(done=1)
    assert await bench.read("STATUS") == 2
    assert await bench.read("IRQ_CAUSE") == DONE
    assert not int(dut.irq.value)
    await bench.write("IRQ_ENABLE", ERROR)
    assert not int(dut.irq.value)
    await bench.write("IRQ_ENABLE", DONE)
    assert int(dut.irq.value)
    await bench.write("IRQ_CAUSE", ERROR)
    assert int(dut.irq.value)
    await bench.write("IRQ_CAUSE", DONE << 8, 1, 1)
    assert int(dut.irq.value)
    await bench.write("IRQ_CAUSE", DONE)
    assert not int(dut.irq.value)
    assert await bench.read("STATUS") == 2, "the cause is cleared, not the status"
    await bench.write("CONTROL", START)
    assert await bench.read("STATUS") == 0, "START clears DONE"

    # A program that ends in the very cycle in which the old cause is cleared is not missed.
    await bench.pulse(done=1)
    task = cocotb.start_soon(bench.write("IRQ_CAUSE", DONE))
    await FallingEdge(dut.clk)
    while not (int(dut.s_axil__wvalid.value) and int(dut.s_axil__wready.value)):
        await FallingEdge(dut.clk)
    dut.done.value = 1
    await RisingEdge(dut.clk)
    dut.done.value = 0
    await task
    assert await bench.read("IRQ_CAUSE") == DONE
    await bench.pulse(clear=1)
    assert await bench.read("IRQ_CAUSE") == 0
    assert await bench.read("IRQ_ENABLE") == DONE


@cocotb.test()
async def completed_is_kept_when_busy_falls(dut: Any) -> None:
    """Followed while busy, to the last busy cycle; then kept until `start` or `clear`."""
    bench = await ready(dut)
    dut.completed.value = 0xFFFF
    assert await bench.read("COMPLETED") == 0, "before the first program"
    for clearing in ("start", "clear", "start"):
        for cycles in (1, 2, 9):
            await RisingEdge(dut.clk)
            dut.busy.value = 1
            for _ in range(cycles):
                last = bench.rng.randrange(1, 1 << 16)
                dut.completed.value = last
                await RisingEdge(dut.clk)
            dut.busy.value = 0
            dut.completed.value = bench.rng.randrange(1 << 16)
            assert await bench.read("COMPLETED") == last
            dut.completed.value = bench.rng.randrange(1 << 16)
            assert await bench.read("COMPLETED") == last
        if clearing == "start":
            await bench.write("CONTROL", START)
        else:
            await bench.pulse(clear=1)
        assert await bench.read("COMPLETED") == 0, clearing
    # While a program runs the host sees it advance.
    dut.busy.value = 1
    for completed in (3, 4, 0xFFFF):
        dut.completed.value = completed
        assert await bench.read("COMPLETED") == completed


@cocotb.test()
async def the_first_error_is_kept(dut: Any) -> None:
    bench = await ready(dut)
    await bench.write("IRQ_ENABLE", ERROR)
    await bench.write("PROGRAM_COUNT", 7)
    await bench.write("PROGRAM_HI", 0x1234)
    first = {"error_code": 17, "error_index": 0xA55A, "error_addr": AN_ADDRESS}
    await bench.pulse(error=1, **first)
    await bench.pulse(error=1, error_code=16, error_index=1, error_addr=2)

    address = AN_ADDRESS & 0xFFFF_FFFF, AN_ADDRESS >> 32

    async def seen() -> list[int]:
        names = ("STATUS", "ERROR_CODE", "ERROR_INDEX", "ERROR_ADDR_LO", "ERROR_ADDR_HI")
        return [await bench.read(name) for name in (*names, "IRQ_CAUSE")]

    assert await seen() == [4, 17, 0xA55A, *address, ERROR]
    assert int(dut.irq.value)
    await bench.write("IRQ_CAUSE", ERROR)
    await bench.pulse(error=1, error_code=9)
    assert await seen() == [4, 17, 0xA55A, *address, 0]
    await bench.pulse(clear=1)
    assert await seen() == [0] * 6
    assert await bench.read("IRQ_ENABLE") == ERROR
    assert await bench.read("PROGRAM_COUNT") == 7
    assert await bench.read("PROGRAM_HI") == 0x1234
    await bench.pulse(error=1, error_code=3)
    assert (await seen())[1] == 3


@cocotb.test()
async def counters_count_their_events(dut: Any) -> None:
    bench = await ready(dut)
    model = dict.fromkeys(COUNTERS, 0)
    names = event_names(CONFIG)

    async def count(cycles: int, share: float) -> None:
        for _ in range(cycles):
            happens = [bench.rng.random() < share for _ in names]
            dut.events.value = sum(event << i for i, event in enumerate(happens))
            await RisingEdge(dut.clk)
            for name, event in zip(names, happens, strict=True):
                model[name] += event
        dut.events.value = 0

    async def check() -> None:
        for name, value in model.items():
            wanted = value if CONFIG.build.counters else 0
            assert await bench.read(name) == wanted, name

    await count(300, 0.5)
    await check()
    await count(700, 1.0)
    await check()
    await count(5, 0.2)
    await check()
    for clearing in ("clear", "start"):
        if clearing == "clear":
            await bench.pulse(clear=1)
        else:
            await bench.write("CONTROL", START)
        model = dict.fromkeys(COUNTERS, 0)
        await check()
        await count(bench.rng.randrange(100), 0.7)
        await check()

    # Read while they count: what is read is what was counted when the address was taken.
    cycles = OFFSET["CYCLES"]
    dut.events.value = 1
    values = []
    for _ in range(40):
        values.append(await bench.read(cycles))
        await ClockCycles(dut.clk, bench.rng.randrange(70))
    if CONFIG.build.counters:
        assert values == sorted(set(values))


@cocotb.test()
async def host_and_machine_at_once(dut: Any) -> None:
    """Many programs: events in the cycle after `start` count, with the bus pausing at random."""
    bench = await ready(dut)
    bench.pause(aw=0.3, w=0.3, b=0.3, ar=0.3, r=0.3)

    async def program(cycles: int) -> None:
        while not int(dut.start.value):
            await FallingEdge(dut.clk)
        await RisingEdge(dut.clk)
        dut.busy.value = 1
        dut.events.value = 1
        await ClockCycles(dut.clk, cycles)
        dut.events.value = 0
        dut.busy.value = 0
        dut.done.value = 1
        await RisingEdge(dut.clk)
        dut.done.value = 0

    for _ in range(10):
        cycles = bench.rng.randrange(1, 150)
        running = cocotb.start_soon(program(cycles))
        await bench.write("CONTROL", START)
        while not await bench.read("STATUS") & 2:
            pass
        await Combine(running)
        assert await bench.read("CYCLES") == (cycles if CONFIG.build.counters else 0)
