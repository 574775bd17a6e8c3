# SPDX-License-Identifier: Apache-2.0
"""Panel counts in Amaranth's simulator, against Python's division."""

from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.schedule.divider import PanelCount


def _check(dut: PanelCount, sizes: list[int]) -> None:
    """Every size: done in cycle ``latency`` after its start, not before, with the right results;
    panels and tail a cycle later."""

    async def bench(ctx: Any) -> None:
        rng = Random(dut.side)
        for number, size in enumerate(sizes):
            ctx.set(dut.start, 1)
            ctx.set(dut.last, size - 1)
            await ctx.tick()
            # The size is taken with the start.
            ctx.set(dut.start, 0)
            ctx.set(dut.last, rng.randrange(dut.largest))
            for cycle in range(1, dut.latency):
                assert not ctx.get(dut.done), f"done after {cycle} of {dut.latency} cycles"
                await ctx.tick()
            panels = -(-size // dut.side)
            tail = size - (panels - 1) * dut.side
            for cycle in range(4 if number % 16 == 0 else 2):
                assert ctx.get(dut.done), f"size {size}: not done after {dut.latency} cycles"
                last = (ctx.get(dut.last_panel), ctx.get(dut.last_item))
                assert last == (panels - 1, tail - 1), f"size {size}"
                if cycle:
                    assert (ctx.get(dut.panels), ctx.get(dut.tail)) == (panels, tail), size
                await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("side", range(1, 18))
def test_exhaustive(side: int) -> None:
    for largest in (1, side, 2 * side + 1, 70):
        _check(PanelCount(largest, side), list(range(1, largest + 1)))


@pytest.mark.parametrize("side", [*range(1, 18), 63, 64, 100, 255, 256])
@pytest.mark.parametrize("largest", [131_071, (1 << 24) - 1])
def test_random(largest: int, side: int) -> None:
    seed = largest + side
    print(f"seed {seed}")
    rng = Random(seed)
    near = [rng.randrange(1, largest // side) * side + rng.choice([-1, 0, 1]) for _ in range(15)]
    sizes = [1, largest, largest - 1, *near, *(rng.randint(1, largest) for _ in range(15))]
    _check(PanelCount(largest, side), [max(1, size) for size in sizes])


@pytest.mark.parametrize("side", [4, 5])
def test_start_again(side: int) -> None:
    """A start in the middle of a count, or at its end, begins anew."""
    dut = PanelCount(1000, side)

    async def bench(ctx: Any) -> None:
        for gap in range(1, dut.latency + 2):
            for size in (997, 41):
                ctx.set(dut.start, 1)
                ctx.set(dut.last, size - 1)
                await ctx.tick()
                ctx.set(dut.start, 0)
                for _ in range(gap - 1 if size == 997 else dut.latency - 1):
                    await ctx.tick()
            last = divmod(40, side)
            found = (ctx.get(dut.done), ctx.get(dut.last_panel), ctx.get(dut.last_item))
            assert found == (1, *last), f"gap {gap}"

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize(("largest", "side", "latency"), [(70, 8, 1), (70, 9, 8), (1, 3, 2)])
def test_latency_by_hand(largest: int, side: int, latency: int) -> None:
    """A register for a power of two; else that and a cycle per bit of the largest size."""
    dut = PanelCount(largest, side)
    assert dut.latency == latency
    _check(dut, [1])
