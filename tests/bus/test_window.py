# SPDX-License-Identifier: Apache-2.0
"""Windows: what the hardware finds inside, against plain integers; what the host writes."""

import itertools
import random
from collections.abc import Iterable
from typing import Any

import pytest
from amaranth import Value
from amaranth.sim import Simulator

from matwright.bus.register_map import MOST_WINDOWS, REGISTERS
from matwright.bus.window import Window, WindowMatch, page_width, windows_layout
from matwright.config import Bus

TOP = (1 << 48) - 1

Bounds = tuple[int, int]  # first page, last page


def pack(bus: Bus, windows: list[Bounds]) -> int:
    """Bits of the windows, each permitting nothing: a match does not look at that."""
    layout, ones = windows_layout(bus), (1 << page_width(bus)) - 1
    values = [{"not_base": base ^ ones, "not_limit": limit ^ ones} for base, limit in windows]
    return int(layout.const(values).as_bits())


def check(bus: Bus, cases: Iterable[tuple[list[Bounds], Iterable[int]]]) -> None:
    """Each case: windows, and pages to look for in them."""
    dut = WindowMatch(bus)

    async def bench(ctx: Any) -> None:
        for windows, pages in cases:
            ctx.set(Value.cast(dut.windows), pack(bus, windows))
            for page in pages:
                ctx.set(dut.page, page)
                wanted = sum(
                    (base <= page <= limit) << i for i, (base, limit) in enumerate(windows)
                )
                assert ctx.get(dut.inside) == wanted, f"page {page:#x} in {windows}"

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()


def test_every_window_and_page_of_the_smallest_space() -> None:
    """Four bits of page: all bases, limits (also below the base) and pages, in either window."""
    bus = Bus(data_width=32, addr_width=16, windows=2)
    bounds = itertools.product(range(16), repeat=2)
    check(bus, (([(base, limit), (limit, base)], range(16)) for base, limit in bounds))


@pytest.mark.parametrize(("addr_width", "windows"), [(48, 8), (48, 3), (32, 4), (17, 2)])
def test_random_windows_with_their_edges(addr_width: int, windows: int) -> None:
    bus = Bus(addr_width=addr_width, windows=windows)
    ones = (1 << page_width(bus)) - 1
    seed = addr_width + windows
    print(f"seed {seed}")
    rng = random.Random(seed)

    def pages() -> list[int]:
        """Values that a comparison may get wrong: ends of the space, neighbours, powers of two."""
        some, power = rng.randint(0, ones), 1 << rng.randrange(page_width(bus))
        near = [some - 1, some, some + 1, power - 1, power, power + 1]
        return [0, 1, ones - 1, ones, *(page & ones for page in near)]

    def case() -> tuple[list[Bounds], list[int]]:
        pool = pages()
        chosen = [(rng.choice(pool), rng.choice(pool)) for _ in range(windows)]
        return chosen, pool

    check(bus, (case() for _ in range(120)))


# What the host has of it.


@pytest.mark.parametrize(
    ("base", "limit", "message"),
    [
        (1, 0xFFF, "base of a window must be a multiple of 4096 of at most 48 bits, not 0x1"),
        (0x800, 0xFFF, "base of a window must be a multiple of 4096 of at most 48 bits, not 0x800"),
        (
            -4096,
            0xFFF,
            "base of a window must be a multiple of 4096 of at most 48 bits, not -0x1000",
        ),
        (
            TOP + 1,
            TOP + 4096,
            "base of a window must be a multiple of 4096 of at most 48 bits, not 0x1000000000000",
        ),
        (0, 0, "limit of a window must be the last byte of a page from 0x0 on, not 0x0"),
        (0, 0x1000, "limit of a window must be the last byte of a page from 0x0 on, not 0x1000"),
        (0, 0xFFE, "limit of a window must be the last byte of a page from 0x0 on, not 0xffe"),
        (
            0x2000,
            0x1FFF,
            "limit of a window must be the last byte of a page from 0x2000 on, not 0x1fff",
        ),
        (
            0x2000,
            0xFFF,
            "limit of a window must be the last byte of a page from 0x2000 on, not 0xfff",
        ),
        (0, -1, "limit of a window must be the last byte of a page from 0x0 on, not -0x1"),
        (
            0,
            TOP + 4096,
            "limit of a window must be the last byte of a page from 0x0 on, not 0x1000000000fff",
        ),
    ],
)
def test_window_refuses(base: int, limit: int, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        Window(base, limit)
    assert str(raised.value) == message


def test_the_smallest_and_the_largest_window() -> None:
    assert Window(TOP - 0xFFF, TOP) == Window(TOP - 0xFFF, TOP, read=True, write=True)
    assert Window(0, TOP).holds(0, TOP, "read")


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("write", [False, True])
def test_holds(read: bool, write: bool) -> None:
    """Against the bytes themselves."""
    window = Window(0x2000, 0x3FFF, read, write)
    inside = set(range(0x2000, 0x4000))
    edges = [0, 0x1FFF, 0x2000, 0x2001, 0x2FFF, 0x3FFE, 0x3FFF, 0x4000, 0x4001]
    for base, limit in itertools.combinations_with_replacement(edges, 2):
        within = inside.issuperset(range(base, limit + 1))
        assert window.holds(base, limit, "read") is (read and within), (base, limit)
        assert window.holds(base, limit, "write") is (write and within), (base, limit)


@pytest.mark.parametrize("index", range(MOST_WINDOWS))
def test_registers(index: int) -> None:
    seed = 60 + index
    print(f"seed {seed}")
    rng = random.Random(seed)
    names = {register.offset: register.name for register in REGISTERS}
    for read, write, lock in itertools.product([False, True], repeat=3):
        base, size = rng.randrange(1 << 35), rng.randrange(1, 1 << 35)
        window = Window(base << 12, (base + size << 12) - 1, read, write)
        writes = [(names[offset], v) for offset, v in window.registers(index, lock=lock).items()]
        assert writes == [
            (f"WINDOW{index}_BASE_LO", window.base % 2**32),
            (f"WINDOW{index}_BASE_HI", window.base // 2**32),
            (f"WINDOW{index}_LIMIT_LO", window.limit % 2**32),
            (f"WINDOW{index}_LIMIT_HI", window.limit // 2**32),
            # Last: nothing is permitted, and nothing locked, before the bounds are there.
            (f"WINDOW{index}_CONTROL", 4 * lock + 2 * write + read),
        ]
    assert Window(0, 0xFFF).registers(index) == Window(0, 0xFFF).registers(index, lock=False)
