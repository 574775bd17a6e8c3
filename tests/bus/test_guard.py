# SPDX-License-Identifier: Apache-2.0
"""Guard against the bytes of each burst."""

import random
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import pytest
from amaranth import ResetInserter, Signal, Value
from amaranth.sim import Simulator

from matwright.bus.guard import Guard
from matwright.bus.window import page_width, windows_layout
from matwright.config import Bus

PAGE = 4096

Permission = Literal["read", "write"]
PERMISSIONS: tuple[Permission, Permission] = ("read", "write")


class Bounds(NamedTuple):
    """A window as the registers may hold it: also with its limit below its base."""

    base: int
    limit: int
    read: bool
    write: bool


Case = tuple[list[Bounds], int, int]  # windows, address, last beat in its block


def pack(bus: Bus, windows: list[Bounds]) -> int:
    ones = (1 << page_width(bus)) - 1
    values = [
        {
            "not_base": w.base // PAGE ^ ones,
            "not_limit": w.limit // PAGE ^ ones,
            "read": w.read,
            "write": w.write,
        }
        for w in windows
    ]
    return int(windows_layout(bus).const(values).as_bits())


def allowed(bus: Bus, permission: Permission, case: Case) -> bool:
    """Whether there are beats, and all bytes of them are in one window that permits them.

    A burst that starts within a beat ends where that beat's neighbours end (IHI 0022, A3.4.1).
    """
    windows, addr, end = case
    block = addr - addr % (bus.bytes * bus.max_burst)
    last = block + (end + 1) * bus.bytes - 1
    return addr <= last and any(
        window.base <= addr and last <= window.limit
        for window in windows
        if getattr(window, permission)
    )


def check(bus: Bus, permission: Permission, cases: Iterable[Case]) -> tuple[int, int]:
    """Compare each case; how many were allowed, how many blocked."""
    dut = Guard(bus, permission)
    counts = [0, 0]

    async def bench(ctx: Any) -> None:
        before = 0
        for case in cases:
            windows, addr, end = case
            ctx.set(Value.cast(dut.windows), pack(bus, windows))
            ctx.set(dut.i.p, {"addr": addr, "end": end})
            ctx.set(dut.ready, 1)
            ctx.set(dut.i.valid, 0)
            await ctx.tick()
            assert not ctx.get(dut.valid) and not ctx.get(dut.blocked)
            assert ctx.get(dut.addr) == before, "nothing on offer, nothing changes"
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.ready, 0)
            length = ctx.get(dut.i_len)
            assert ctx.get(dut.i.ready)
            await ctx.tick().repeat(Guard.LATENCY)
            # Whatever comes next: it stays as it is until it is taken, or for ever.
            ctx.set(dut.i.p, {"addr": addr ^ 0x1000, "end": 0})
            passes = allowed(bus, permission, case)
            for _ in range(2):
                assert ctx.get(dut.valid) == passes, f"{addr:#x} to beat {end}: {windows}"
                assert ctx.get(dut.blocked) == (not passes)
                assert ctx.get(dut.addr) == addr and not ctx.get(dut.i.ready)
                if passes:
                    beats = end - addr // bus.bytes % bus.max_burst + 1
                    assert ctx.get(dut.len) == length == beats - 1
                await ctx.tick()
            ctx.set(dut.ready, 1)
            assert ctx.get(dut.i.ready) == passes, "after a blocked burst none is taken"
            counts[not passes] += 1
            before = addr
            if not passes:
                ctx.set(reset, 1)
                await ctx.tick()
                ctx.set(reset, 0)
                before = 0

    reset = Signal()
    sim = Simulator(ResetInserter(reset)(dut))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return counts[0], counts[1]


BUSES = {
    "narrow": Bus(data_width=32, addr_width=16, max_burst=256, windows=2),
    "usual": Bus(data_width=64, addr_width=32, max_burst=32, windows=4),
    "wide": Bus(data_width=512, addr_width=48, max_burst=64, windows=8),
}


@pytest.mark.parametrize("permission", PERMISSIONS)
@pytest.mark.parametrize("name", BUSES)
def test_random_bursts(name: str, permission: Permission) -> None:
    """Few pages, so that windows overlap, abut and are empty; any two beats of a block."""
    bus = BUSES[name]
    seed = len(name)
    print(f"seed {seed}")
    rng = random.Random(seed)
    pages = 1 << page_width(bus)

    def case() -> Case:
        start = rng.choice([0, pages - 8, rng.randrange(pages)])
        near = [(start + i) % pages for i in range(8)]
        windows = [
            Bounds(
                rng.choice(near) * PAGE,
                rng.choice(near) * PAGE + PAGE - 1,
                rng.random() < 0.7,
                rng.random() < 0.7,
            )
            for _ in range(bus.windows)
        ]
        place = rng.choice([0, PAGE - bus.bytes, rng.randrange(PAGE // bus.bytes) * bus.bytes])
        addr = rng.choice(near) * PAGE + place
        start = addr // bus.bytes % bus.max_burst
        # An end before the start, or an address within a beat, is nothing that an engine makes, but
        # the guard trusts no engine.
        end = rng.choice([start, bus.max_burst - 1, rng.randrange(bus.max_burst)])
        return windows, addr | (rng.random() < 0.2) * rng.randrange(bus.bytes), end

    passed, blocked = check(bus, permission, (case() for _ in range(1200)))
    assert min(passed, blocked) > 150, "both must be met"


@pytest.mark.parametrize("permission", PERMISSIONS)
@pytest.mark.parametrize("name", BUSES)
def test_edges(name: str, permission: Permission) -> None:
    """The first and the last beat of a window, and of the next pages; and every way in which a window
    that holds the burst is no use."""
    bus = BUSES[name]
    other = PERMISSIONS[permission == "read"]
    top, beat, most = 1 << bus.addr_width, bus.bytes, bus.max_burst
    shut = [Bounds(0, top - 1, False, False)] * (bus.windows - 1)

    def only(base: int, limit: int, *permits: str) -> list[Bounds]:
        return [*shut, Bounds(base, limit, "read" in permits, "write" in permits)]

    mine = only(0x3000, 0x4FFF, permission)
    inside = [(mine, 0x3000, 0), (mine, 0x3000, most - 1), (mine, 0x5000 - beat, most - 1)]
    assert check(bus, permission, inside) == (3, 0)
    outside = [(mine, 0x3000 - beat, most - 1), (mine, 0x5000, 0), (mine, 0x5000, most - 1)]
    assert check(bus, permission, outside) == (0, 3)
    # Backwards: as a length it would be a burst that leaves its block, and its page.
    backwards = [(mine, 0x4000 - beat, most - 2), (mine, 0x3000 + beat, 0)]
    assert check(bus, permission, backwards) == (0, 2)
    everything = only(0, top - 1, "read", "write")
    assert check(bus, permission, [(everything, top - beat, most - 1)]) == (1, 0)
    assert check(bus, permission, [(everything, top - beat, 0)]) == (0, 1)
    # The other permission, none, and a limit below the base.
    useless = [only(0, top - 1, other), only(0, top - 1), only(0x5000, 0x4FFF, permission)]
    assert check(bus, permission, [(windows, 0x4000, 0) for windows in useless]) == (0, 3)
    # What one window permits, another does not.
    mixed = [*shut[1:], *(Bounds(i * PAGE, i * PAGE + 4095, i == 1, i == 2) for i in (1, 2))]
    bursts = [(mixed, PAGE, 0), (mixed, 2 * PAGE, 0)]
    assert check(bus, permission, bursts) == (1, 1)
    assert check(bus, permission, [bursts[permission == "write"]]) == (1, 0)


def test_a_burst_a_cycle() -> None:
    """As long as they are taken; and without a check all pass."""
    bus = BUSES["usual"]
    dut = Guard(bus, "read", checked=False)
    taken = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.ready, 1)
        for i in range(20):
            ctx.set(dut.i.p, {"addr": i * PAGE, "end": i})
            assert ctx.get(dut.i.ready)
            await ctx.tick()
            assert ctx.get(dut.valid) and not ctx.get(dut.blocked)
            taken.append((ctx.get(dut.addr), ctx.get(dut.len)))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert taken == [(i * PAGE, i) for i in range(20)]
