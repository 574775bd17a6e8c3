# SPDX-License-Identifier: Apache-2.0
"""The queue behind a pipeline of any length, against a list."""

from collections import deque
from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.post.element_queue import ElementQueue

LONGEST = 13
"""Cycles on the way after which items still follow each other without a gap."""


@pytest.mark.parametrize("way", [0, 1, 6, LONGEST])
@pytest.mark.parametrize("take", [1.0, 0.5, 0.1])
def test_nothing_is_lost(way: int, take: float) -> None:
    seed = 100 * way + int(10 * take)
    print(f"seed {seed}")
    rng = Random(seed)
    dut = ElementQueue(12)
    announced = 0
    received: list[int] = []
    stalls = 0

    async def bench(ctx: Any) -> None:
        nonlocal announced, stalls
        # Items on their way, by the cycle in which they come.
        coming: deque[tuple[int, int]] = deque()
        for cycle in range(800):
            room = ctx.get(dut.room)
            comes = cycle < 600 and room and (take == 1.0 or rng.random() < 0.9)
            stalls += cycle < 600 and not room
            ctx.set(dut.comes, int(comes))
            if comes:
                coming.append((cycle + way, announced))
                announced += 1
            here = bool(coming) and coming[0][0] == cycle
            ctx.set(dut.i_valid, int(here))
            ctx.set(dut.i_payload, coming.popleft()[1] if here else rng.getrandbits(12))
            taking = rng.random() < take or cycle >= 600
            ctx.set(dut.o.ready, int(taking))
            if ctx.get(dut.o.valid) and taking:
                received.append(ctx.get(dut.o.p))
            assert bool(ctx.get(dut.idle)) <= (announced - comes == len(received)), "idle too early"
            assert announced - len(received) <= ElementQueue.DEPTH
            await ctx.tick()
        assert ctx.get(dut.idle)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert received == list(range(announced))
    assert announced > 500 * take / 2
    assert bool(stalls) == (take < 1.0)


def test_latency_and_capacity() -> None:
    dut = ElementQueue(4)
    offered: list[int] = []

    async def bench(ctx: Any) -> None:
        for cycle in range(30):
            comes = ctx.get(dut.room)
            ctx.set(dut.comes, comes)
            ctx.set(dut.i_valid, comes)
            if ctx.get(dut.o.valid):
                offered.append(cycle)
            await ctx.tick()
            if cycle < ElementQueue.DEPTH:
                assert comes
            else:
                assert not comes

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert offered[0] == ElementQueue.LATENCY
