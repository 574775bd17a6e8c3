# SPDX-License-Identifier: Apache-2.0
"""Bench of the privileged page of the register file. ``CONFIG`` holds the configuration as TOML."""

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from matwright.bus.privileged import Injection
from matwright.bus.register_map import (
    COUNTERS,
    MOST_WINDOWS,
    PRIVILEGED,
    REGISTERS,
    WINDOW,
    event_names,
    window_offset,
)
from matwright.bus.window import page_width, windows_layout

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
    Bench,
    ready,
)

BUS = CONFIG.bus
PROTECTED = CONFIG.build.protected
END, FORGET, ARM = 1, 1 << 30, 1 << 31
READ, WRITE, LOCK = 1, 2, 4
ONES = 0xFFFF_FFFF
RESETTING = 8
USER_PAGE = range(0, 0x200, 4)


class Windows:
    """The registers of the windows as their documentation has them: words by offset.

    Bits beyond the address width are not there.
    """

    def __init__(self) -> None:
        space = (1 << BUS.addr_width) - 1
        low, high = space & 0xFFFF_F000, space >> 32
        self.mask = dict(zip(WINDOW, (low, high, low, high, READ | WRITE | LOCK), strict=True))
        self.words: dict[int, int] = {}
        self.places = {
            window_offset(i, name): (i, name) for i in range(BUS.windows) for name in WINDOW
        }

    def locked(self, i: int) -> bool:
        return bool(self.words.get(window_offset(i, "CONTROL"), 0) & LOCK)

    def write(self, offset: int, value: int) -> None:
        if offset in self.places and not self.locked(self.places[offset][0]):
            name = self.places[offset][1]
            self.words[offset] = value & self.mask[name] | 0xFFF * (name == "LIMIT_LO")
            if name != "CONTROL" and self.mask[name]:
                self.words[window_offset(self.places[offset][0], "CONTROL")] = 0

    def close(self) -> None:
        for i in range(BUS.windows):
            if not self.locked(i):
                self.words[window_offset(i, "CONTROL")] = 0

    def seen(self, i: int) -> tuple[int, int, int, int]:
        """First page, last page, and the permissions of window ``i``."""
        words = {name: self.words[window_offset(i, name)] for name in WINDOW}
        base, limit = (
            (words[f"{bound}_HI"] << 32 | words[f"{bound}_LO"]) >> 12 for bound in ("BASE", "LIMIT")
        )
        return base, limit, words["CONTROL"] & 1, words["CONTROL"] >> 1 & 1


async def fill(bench: Bench, windows: Windows, *, control: int | None = None) -> None:
    """Write all windows at random."""
    for offset, (_, name) in windows.places.items():
        value = bench.rng.getrandbits(32)
        if name == "CONTROL":
            value = value & ~LOCK if control is None else control
        elif bench.rng.random() < 0.3:
            value = bench.rng.choice([0, ONES, 0xFFF, 0x1000, 1 << 31])
        await bench.write(offset, value)
        windows.write(offset, value)


async def check(bench: Bench, windows: Windows) -> None:
    """What the host reads, and what the guards are given."""
    for offset, value in windows.words.items():
        assert await bench.read(offset) == value, windows.places[offset]
    given: Any = windows_layout(BUS).from_bits(int(bench.dut.windows.value))
    ones = (1 << page_width(BUS)) - 1
    for i in range(BUS.windows):
        w = given[i]
        assert (w.not_base ^ ones, w.not_limit ^ ones, w.read, w.write) == windows.seen(i), i


async def hard_reset(dut: Any) -> None:
    await RisingEdge(dut.clk)
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


async def machine(dut: Any, cycles: int) -> None:
    """Reset as the accelerator does: ``resetting`` for some cycles, with ``clear`` in the last.

    What asks for a reset meanwhile, or in that last cycle, is done with it.
    """
    left = 0
    while True:
        await FallingEdge(dut.clk)
        reset = bool(int(dut.reset.value))
        await RisingEdge(dut.clk)
        left = left - 1 if left else cycles * reset
        dut.resetting.value = int(left > 0)
        dut.frozen.value = int(left > 0)
        dut.clear.value = int(left == 1)


@cocotb.test()
async def every_window_reads_back(dut: Any) -> None:
    """Bits 11 to 0 as documented, all others as written, up to the address width."""
    bench = await ready(dut)
    windows = Windows()
    for i in range(BUS.windows):
        assert await bench.read(window_offset(i, "CONTROL")) == 0, "closed after reset"
        assert await bench.read(window_offset(i, "BASE_LO")) & 0xFFF == 0
        assert await bench.read(window_offset(i, "LIMIT_LO")) & 0xFFF == 0xFFF
    for value in (ONES, 0):
        for offset in windows.places:
            value_here = value & ~LOCK if windows.places[offset][1] == "CONTROL" else value
            await bench.write(offset, value_here)
            windows.write(offset, value_here)
        await check(bench, windows)
    for _ in range(4):
        await fill(bench, windows)
        await check(bench, windows)


@cocotb.test()
async def nothing_elsewhere(dut: Any) -> None:
    """Offsets without a register, windows that were not built: they read 0, and writes do nothing."""
    bench = await ready(dut)
    windows = Windows()
    await fill(bench, windows)
    user = {offset: await bench.read(offset) for offset in USER_PAGE}
    mapped = {*windows.places, OFFSET["CONTEXT"]}
    if PROTECTED:
        mapped |= {OFFSET["INJECT_BITS"], OFFSET["INJECT"]}
    places = set(range(PRIVILEGED, 0x1240, 4)) | {0x1800, 0x1FFC}
    places |= {window_offset(MOST_WINDOWS - 1, name) for name in WINDOW}
    places |= {bench.rng.randrange(0x1240, 0x2000, 4) for _ in range(40)}
    for offset in sorted(places - mapped):
        await bench.write(offset, ONES)
    for offset in sorted(places - mapped):
        assert await bench.read(offset) == 0, f"{offset:#x}"
    await check(bench, windows)
    for offset in USER_PAGE:
        assert await bench.read(offset) == user[offset], f"{offset:#x}"
    for name in ("PROGRAM_LO", "CONTROL"):
        await bench.write(OFFSET[name] + PRIVILEGED, ONES)
    assert await bench.read("PROGRAM_LO") == 0
    assert not bench.starts and not bench.resets


@cocotb.test()
async def part_writes_do_nothing(dut: Any) -> None:
    """These registers are written as a whole: every strobe but the full one."""
    bench = await ready(dut)
    windows = Windows()
    await fill(bench, windows)
    offsets = [*windows.places][:5] + [*windows.places][-5:]
    offsets += [OFFSET[name] for name in ("CONTEXT", "INJECT_BITS", "INJECT")]
    for strobe in range(15):
        for offset in offsets:
            await bench.write_strobed(
                offset, bench.rng.getrandbits(32) | ARM | FORGET | END, strobe
            )
            if PROTECTED:
                assert not int(dut.forget.value)
    await check(bench, windows)
    for name in ("CONTEXT", "INJECT_BITS", "INJECT"):
        assert await bench.read(name) == 0
    await ClockCycles(dut.clk, 3)
    assert not bench.resets


@cocotb.test()
async def windows_hold_still_while_frozen(dut: Any) -> None:
    """Not a cycle longer, and not one shorter: a write is taken or ignored in its own cycle."""
    bench = await ready(dut)
    windows = Windows()
    await fill(bench, windows)
    dut.frozen.value = 1
    for offset in windows.places:
        await bench.write(offset, bench.rng.getrandbits(32) | LOCK)
    await check(bench, windows)
    for frozen in (0, 1):
        for offset in windows.places:
            value = bench.rng.getrandbits(32) & ~LOCK
            dut.frozen.value = 1 - frozen
            task = cocotb.start_soon(bench.write(offset, value))
            await FallingEdge(dut.clk)
            while not (int(dut.s_axil__wvalid.value) and int(dut.s_axil__wready.value)):
                await FallingEdge(dut.clk)
            dut.frozen.value = frozen
            await RisingEdge(dut.clk)
            dut.frozen.value = 1 - frozen
            await task
            if not frozen:
                windows.write(offset, value)
        await check(bench, windows)


@cocotb.test()
async def a_lock_holds_until_rst(dut: Any) -> None:
    """Against writes, `clear` and the end of a context. What is not locked goes on."""
    bench = await ready(dut)
    windows = Windows()
    await fill(bench, windows)
    for i in range(BUS.windows - 1):
        control = LOCK | bench.rng.choice([0, READ, WRITE, READ | WRITE])
        await bench.write(window_offset(i, "CONTROL"), control)
        windows.write(window_offset(i, "CONTROL"), control)
        await fill(bench, windows)
        await fill(bench, windows, control=0)
        await check(bench, windows)
    await fill(bench, windows, control=READ | WRITE)
    await bench.pulse(clear=1)
    await check(bench, windows)
    await bench.write("CONTEXT", END)
    await ClockCycles(dut.clk, 3)
    await bench.pulse(clear=1)
    windows.close()
    assert windows.locked(0) and not windows.locked(BUS.windows - 1)
    await check(bench, windows)
    await fill(bench, windows)
    await check(bench, windows)

    await hard_reset(dut)
    for i in range(BUS.windows):
        assert await bench.read(window_offset(i, "CONTROL")) == 0, "rst closes and unlocks"
    again = Windows()
    await fill(bench, again)
    await check(bench, again)


async def use(bench: Bench) -> None:
    """Leave something in every register of the user page."""
    dut = bench.dut
    for name, width in WRITABLE.items():
        await bench.write(name, bench.rng.randrange(1, 1 << width))
    dut.busy.value = 1
    dut.completed.value = bench.rng.randrange(1, 1 << 16)
    dut.events.value = (1 << len(dut.events)) - 1
    await ClockCycles(dut.clk, 40)
    dut.busy.value = 0
    dut.events.value = 0
    fault = {"error_code": 17, "error_index": 0xA55A, "error_addr": AN_ADDRESS}
    await bench.pulse(done=1, error=1, **fault)
    names = [register.name for register in REGISTERS if register.offset < PRIVILEGED]
    counted = event_names(CONFIG) if CONFIG.build.counters else []
    empty = [name for name in names if not await bench.read(name)]
    high = ["ERROR_ADDR_HI"] if BUS.addr_width <= 32 else []
    assert empty == ["CONTROL", *high, *(name for name in COUNTERS if name not in counted)]
    assert await bench.read("IRQ_CAUSE") == DONE | ERROR


async def check_wiped(bench: Bench) -> None:
    wanted = {OFFSET[name]: value for name, value in AFTER_RESET.items()}
    for offset in USER_PAGE:
        assert await bench.read(offset) == wanted.get(offset, 0), f"{offset:#x}"
    assert not int(bench.dut.irq.value)


@cocotb.test()
async def the_end_of_a_context(dut: Any) -> None:
    """A reset is asked for; with its `clear` nothing of the tenant is left, and not before."""
    bench = await ready(dut)
    windows = Windows()
    for busy in (0, 1):
        await fill(bench, windows, control=READ | WRITE)
        await use(bench)
        await bench.write("CONTEXT", ONES & ~END)
        await ClockCycles(dut.clk, 3)
        assert bench.resets == 0, "only END does anything"
        before = {offset: await bench.read(offset) for offset in USER_PAGE}
        dut.frozen.value = busy
        await bench.write("CONTEXT", END)
        await ClockCycles(dut.clk, 3)
        assert bench.resets == 1
        dut.frozen.value = 1
        before[OFFSET["STATUS"]] |= RESETTING
        for offset in USER_PAGE:
            assert await bench.read(offset) == before[offset], f"{offset:#x}"
        await check(bench, windows)
        await bench.pulse(clear=1)
        dut.frozen.value = 0
        windows.close()
        await check(bench, windows)
        await check_wiped(bench)
        assert await bench.read("CONTEXT") == 0

        # A soft reset does none of it: END was for one.
        await fill(bench, windows, control=READ)
        await use(bench)
        kept = {name: await bench.read(name) for name in WRITABLE}
        await bench.write("CONTROL", RESET)
        await bench.pulse(clear=1)
        await check(bench, windows)
        assert {name: await bench.read(name) for name in WRITABLE} == kept
        await bench.write("CONTROL", START)
        await ClockCycles(dut.clk, 3)
        assert (bench.starts, bench.resets) == (1, 2)
        bench.starts = bench.resets = 0


@cocotb.test()
@cocotb.parametrize(first=["CONTROL", "CONTEXT"], cycles=range(1, 8))
async def end_beside_a_soft_reset(dut: Any, first: str, cycles: int) -> None:
    """Wherever END meets the `clear` of another reset, nothing is left when all is done."""
    bench = await ready(dut)
    windows = Windows()
    await fill(bench, windows, control=READ | WRITE)
    await bench.write("PROGRAM_COUNT", 77)
    cocotb.start_soon(machine(dut, cycles))
    names = ("CONTROL", "CONTEXT") if first == "CONTROL" else ("CONTEXT", "CONTROL")
    writes = [
        cocotb.start_soon(bench.write(name, RESET if name == "CONTROL" else END)) for name in names
    ]
    for write in writes:
        await write
    await ClockCycles(dut.clk, 2 * cycles + 6)
    assert not int(dut.resetting.value) and 1 <= bench.resets <= 2
    windows.close()
    await check(bench, windows)
    assert await bench.read("PROGRAM_COUNT") == 0


@cocotb.test()
@cocotb.parametrize(name=["CONTROL", "CONTEXT"], gap=range(4))
async def start_behind_a_reset_is_ignored(dut: Any, name: str, gap: int) -> None:
    """The doorbell of one host right behind the END of another, on the next free cycle of the bus."""
    bench = await ready(dut)
    cocotb.start_soon(machine(dut, 40))
    reset = cocotb.start_soon(bench.write(name, RESET if name == "CONTROL" else END))
    await ClockCycles(dut.clk, 1 + gap)
    await bench.write("CONTROL", START)
    await reset
    await ClockCycles(dut.clk, 3)
    assert int(dut.resetting.value)
    assert (bench.starts, bench.resets, bench.doorbells) == (0, 1, 0)


@cocotb.test()
async def random_use(dut: Any) -> None:
    """Host and machine do anything in any order, with the bus pausing."""
    bench = await ready(dut)
    bench.pause(aw=0.3, w=0.3, b=0.3, ar=0.3, r=0.3)
    windows = Windows()
    await fill(bench, windows)
    frozen = ending = False
    for _ in range(250):
        action = bench.rng.random()
        offset = bench.rng.choice([*windows.places, window_offset(MOST_WINDOWS - 1, "CONTROL")])
        value = bench.rng.getrandbits(32)
        if action < 0.6:
            if bench.rng.random() < 0.9:
                value &= ~LOCK
            strobe = bench.rng.choice([15, 15, 15, bench.rng.randrange(16)])
            await bench.write_strobed(offset, value, strobe)
            if strobe == 15 and not frozen:
                windows.write(offset, value)
        elif action < 0.9:
            wanted = windows.words.get(offset, 0)
            assert await bench.read(offset) == wanted, f"{offset:#x}"
        elif action < 0.93:
            frozen = not frozen
            dut.frozen.value = int(frozen)
        elif action < 0.95:
            await bench.write("CONTEXT", END)
            ending = True
        elif action < 0.98:
            await bench.pulse(clear=1)
            if ending:
                windows.close()
            ending = False
        else:
            await check(bench, windows)
    await check(bench, windows)


@cocotb.test()
async def faults_on_purpose(dut: Any) -> None:
    """INJECT and INJECT_BITS, or neither."""
    bench = await ready(dut)
    if not PROTECTED:
        for name in ("INJECT_BITS", "INJECT"):
            await bench.write(name, ONES)
            assert await bench.read(name) == 0
        for name in ("inject", "injected", "forget"):
            assert not hasattr(dut, name), name
        return

    forgets = 0

    async def count() -> None:
        nonlocal forgets
        while True:
            await FallingEdge(dut.clk)
            forgets += int(dut.forget.value)

    cocotb.start_soon(count())

    def inject() -> tuple[int, int, int, int, int]:
        seen: Any = Injection().from_bits(int(dut.inject.value))
        return seen.armed, seen.memory, seen.bank, seen.first, seen.second

    for value in (ONES, 0, *(bench.rng.getrandbits(32) for _ in range(6))):
        where = bench.rng.getrandbits(32)
        await bench.write("INJECT_BITS", value)
        await bench.write("INJECT", where)
        assert await bench.read("INJECT_BITS") == value & 0x03FF_03FF
        assert await bench.read("INJECT") == where & 0x8003_FFFF
        bits = value & 0x3FF, value >> 16 & 0x3FF
        assert inject() == (where >> 31, where >> 16 & 3, where & 0xFFFF, *bits)
        await ClockCycles(dut.clk, 2)
        assert forgets == where >> 30 & 1, "FORGET acts once"
        forgets = 0
    # Once it has happened it is disarmed, and the rest can still be read.
    dut.frozen.value = 1
    await bench.write("INJECT", ARM | 0x2_0005)
    assert await bench.read("INJECT") == ARM | 0x2_0005
    await bench.pulse(injected=1)
    assert await bench.read("INJECT") == 0x2_0005
    assert inject()[:3] == (0, 2, 5)
    assert not bench.resets and not forgets
