# SPDX-License-Identifier: Apache-2.0
"""Guard against the bytes of each burst."""

import random
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import pytest
from amaranth import Value
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


Case = tuple[list[Bounds], int, int]  # windows, address, beats


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
    """Whether all bytes of the burst are in one page, and all in one window that permits them.

    A burst that starts within a beat ends where that beat's neighbours end (IHI 0022, A3.4.1).
    """
    windows, addr, beats = case
    beat = addr - addr % bus.bytes
    edges = [addr, *(beat + i * bus.bytes - 1 for i in range(1, beats + 1))]
    edges += [beat + i * bus.bytes for i in range(1, beats)]
    return len({byte // PAGE for byte in edges}) == 1 and any(
        all(window.base <= byte <= window.limit for byte in edges)
        for window in windows
        if getattr(window, permission)
    )


def check(bus: Bus, permission: Permission, cases: Iterable[Case]) -> tuple[int, int]:
    """Compare each case; how many were allowed, how many blocked."""
    dut = Guard(bus, permission)
    counts = [0, 0]

    async def bench(ctx: Any) -> None:
        for case in cases:
            windows, addr, beats = case
            ctx.set(Value.cast(dut.windows), pack(bus, windows))
            ctx.set(dut.addr, addr)
            ctx.set(dut.len, beats - 1)
            ctx.set(dut.valid, 0)
            assert not ctx.get(dut.blocked), "nothing on offer, nothing to block"
            ctx.set(dut.valid, 1)
            blocks = not allowed(bus, permission, case)
            assert ctx.get(dut.blocked) == blocks, f"{beats} beats from {addr:#x}: {windows}"
            counts[blocks] += 1

    sim = Simulator(dut)
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
    """Few pages, so that windows overlap, abut and are empty; bursts at the ends of pages."""
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
        beats = rng.choice([1, 2, bus.max_burst, 256, rng.randint(1, 256)])
        place = rng.choice([0, -beats, 1 - beats, rng.randrange(PAGE // bus.bytes)]) * bus.bytes
        addr = (rng.choice(near) * PAGE + place) % (1 << bus.addr_width)
        # An address within a beat is nothing that an engine makes, but the guard trusts no engine.
        return windows, addr | (rng.random() < 0.2) * rng.randrange(bus.bytes), beats

    passed, blocked = check(bus, permission, (case() for _ in range(1200)))
    assert min(passed, blocked) > 150, "both must be met"


@pytest.mark.parametrize("permission", PERMISSIONS)
@pytest.mark.parametrize("name", BUSES)
def test_edges(name: str, permission: Permission) -> None:
    """One beat more at each end; and every way in which a window that holds the burst is no use."""
    bus = BUSES[name]
    other = PERMISSIONS[permission == "read"]
    top, beat = 1 << bus.addr_width, bus.bytes
    most = min(256, PAGE // beat)
    shut = [Bounds(0, top - 1, False, False)] * (bus.windows - 1)

    def only(base: int, limit: int, *permits: str) -> list[Bounds]:
        return [*shut, Bounds(base, limit, "read" in permits, "write" in permits)]

    mine = only(0x3000, 0x4FFF, permission)
    assert check(bus, permission, [(mine, 0x3000, 1), (mine, 0x5000 - beat, 1)]) == (2, 0)
    assert check(bus, permission, [(mine, 0x3000 - beat, 1), (mine, 0x5000, 1)]) == (0, 2)
    last = [(mine, 0x5000 - most * beat, most), (mine, 0x4000 - most * beat, most)]
    assert check(bus, permission, last) == (2, 0)
    # Out of the window, and into a page of the same window: no burst crosses a page.
    crossing = [(mine, 0x5000 - beat, 2), (mine, 0x4000 - beat, 2), (mine, 0x4000 - beat, 256)]
    assert check(bus, permission, crossing) == (0, 3)
    # Of a burst that leaves the end of the address space, what wraps is in a window too.
    everything = only(0, top - 1, "read", "write")
    assert check(bus, permission, [(everything, top - beat, 1)]) == (1, 0)
    wraps = [(everything, top - beat, beats) for beats in (2, 256)]
    assert check(bus, permission, wraps) == (0, 2)
    # The other permission, none, and a limit below the base.
    useless = [only(0, top - 1, other), only(0, top - 1), only(0x5000, 0x4FFF, permission)]
    assert check(bus, permission, [(windows, 0x4000, 1) for windows in useless]) == (0, 3)
    # What one window permits, another does not.
    mixed = [*shut[1:], *(Bounds(i * PAGE, i * PAGE + 4095, i == 1, i == 2) for i in (1, 2))]
    bursts = [(mixed, PAGE, 1), (mixed, 2 * PAGE, 1)]
    assert check(bus, permission, bursts) == (1, 1)
    assert check(bus, permission, [bursts[permission == "write"]]) == (1, 0)
