# SPDX-License-Identifier: Apache-2.0
"""Tally and queue of bursts against a list."""

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.bus.queue import BurstQueue, Tally

DEPTHS = [1, 2, 4, 16]


def simulate(dut: Any, bench: Any) -> None:
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("most", DEPTHS)
def test_tally(most: int) -> None:
    dut = Tally(most)
    print(f"seed {most}")
    rng = random.Random(most)
    count, seen = 0, set()

    async def bench(ctx: Any) -> None:
        nonlocal count
        share = 0.5
        for cycle in range(4000):
            said = ctx.get(dut.some), ctx.get(dut.several), ctx.get(dut.room)
            assert said == (count > 0, count > 1, count < most), f"{count} in cycle {cycle}"
            seen.add(count)
            if cycle % 50 == 0:
                share = rng.choice([0.1, 0.5, 0.9])
            put = count < most and rng.random() < share
            take = count > 0 and rng.random() > share
            ctx.set(dut.put, put)
            ctx.set(dut.take, take)
            await ctx.tick()
            count += put - take

    simulate(dut, bench)
    assert seen == set(range(most + 1))


@pytest.mark.parametrize("depth", DEPTHS)
def test_queue(depth: int) -> None:
    """The owner keeps the oldest as it is told to, and always has the right one."""
    dut = BurstQueue(8, depth)
    print(f"seed {depth}")
    rng = random.Random(depth)
    bursts: list[int] = []
    oldest, newest = None, 0

    async def bench(ctx: Any) -> None:
        nonlocal oldest, newest
        share = 0.5
        for cycle in range(4000):
            assert ctx.get(dut.some) == bool(bursts)
            assert ctx.get(dut.several) == (len(bursts) > 1)
            assert ctx.get(dut.room) == (len(bursts) < depth)
            if bursts:
                assert oldest == bursts[0], f"cycle {cycle}"
            if cycle % 50 == 0:
                share = rng.choice([0.1, 0.5, 0.9])
            push = len(bursts) < depth and rng.random() < share
            pop = bool(bursts) and rng.random() > share
            entry = rng.randrange(256)
            ctx.set(dut.push, push)
            ctx.set(dut.pop, pop)
            ctx.set(dut.entry, entry)
            ctx.set(dut.newest, newest if bursts else rng.randrange(256))
            following = ctx.get(dut.following) if ctx.get(dut.moves) else oldest
            await ctx.tick()
            if pop:
                bursts.pop(0)
            if push:
                bursts.append(entry)
                newest = entry
            oldest = following

    simulate(dut, bench)
