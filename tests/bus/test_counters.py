# SPDX-License-Identifier: Apache-2.0
"""Counter bank against a list of integers, in every cycle."""

import random
from typing import Any

import pytest
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

    async def bench(ctx: Any) -> None:
        for cycle in range(40 * count):
            index = ctx.get(dut.index)
            assert index == cycle % count
            assert ctx.get(dut.value) == model[index], f"counter {index} in cycle {cycle}"
            events = [rng.random() < share for _ in range(count)]
            # Clears at random distances, closer than one round too.
            clear = rng.random() < 0.5 / count
            ctx.set(dut.events, sum(event << i for i, event in enumerate(events)))
            ctx.set(dut.clear, clear)
            await ctx.tick()
            for i, event in enumerate(events):
                model[i] = 0 if clear else model[i] + event

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
