# SPDX-License-Identifier: Apache-2.0
"""Tokens in Amaranth's simulator, against an integer."""

from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.schedule.tokens import Tokens


@pytest.mark.parametrize(("most", "init"), [(1, 0), (1, 1), (2, 0), (2, 2), (8, 3), (13, 13)])
def test_random(most: int, init: int) -> None:
    """Put and take in all combinations."""
    seed = 20 * most + init
    print(f"seed {seed}")
    rng = Random(seed)
    dut = Tokens(most, init=init)
    seen = set()

    async def bench(ctx: Any) -> None:
        count = init
        for cycle in range(1500):
            assert ctx.get(dut.some) == (count > 0)
            # Phases in which it runs full and empty. As many as there are places, not one more.
            eager = 0.8 if cycle % 100 < 50 else 0.2
            take = count > 0 and rng.random() > eager
            put = count - take < most and rng.random() < eager
            ctx.set(dut.put, int(put))
            ctx.set(dut.take, int(take))
            # What is seen changes in the next cycle.
            assert ctx.get(dut.some) == (count > 0)
            seen.add((count, put, take))
            count += put - take
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert {count for count, *_ in seen} == set(range(most + 1))
    assert {(put, take) for _, put, take in seen} == {(p, t) for p in (0, 1) for t in (0, 1)}
