# SPDX-License-Identifier: Apache-2.0
"""Counter bank against a list of integers, in every cycle."""

import random
from collections import deque
from typing import Any

import pytest
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from matwright.bus.counters import CounterBank


@pytest.mark.parametrize("count", [2, 3, 8, 19])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_counts_and_clears(count: int, share: float) -> None:
    dut = CounterBank(count)
    seed = count
    print(f"seed {seed}")
    rng = random.Random(seed)
    model = [0] * count
    before = deque([model] * (1 + dut.LATENCY), maxlen=1 + dut.LATENCY)

    async def bench(ctx: Any) -> None:
        nonlocal model, before
        following = None
        for cycle in range(40 * count):
            before.append(model)
            index = ctx.get(dut.index)
            if cycle >= dut.LATENCY:
                assert index == (cycle - dut.LATENCY) % count == following
                assert ctx.get(dut.value) == before[0][index], f"counter {index} in cycle {cycle}"
            following = ctx.get(dut.next_index)
            events = [rng.random() < share for _ in range(count)]
            # Clears at random distances, closer than one round too.
            clear = rng.random() < 0.5 / count
            ctx.set(dut.events, sum(event << i for i, event in enumerate(events)))
            ctx.set(dut.clear, clear)
            await ctx.tick()
            model = [0 if clear else n + event for n, event in zip(model, events, strict=True)]
            if clear:
                before = deque([model] * (1 + dut.LATENCY), maxlen=1 + dut.LATENCY)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("count", [2, 19])
def test_a_reset_clears_the_memory_too(count: int) -> None:
    dut = CounterBank(count)
    reset = Signal()
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.events, (1 << count) - 1)
        for _ in range(5 * count):
            await ctx.tick()
        ctx.set(dut.events, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        for _ in range(3 * count):
            seen.append(ctx.get(dut.value))
            await ctx.tick()

    sim = Simulator(ResetInserter(reset)(dut))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert not any(seen), seen
