# SPDX-License-Identifier: Apache-2.0
"""Tokens in Amaranth's simulator, against an integer."""

from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.schedule.tokens import Tokens


@pytest.mark.parametrize(("most", "init"), [(1, 0), (1, 1), (2, 2), (8, 3), (13, 13)])
@pytest.mark.parametrize("amounts", [False, True])
def test_random(most: int, init: int, amounts: bool) -> None:
    """Put and take in all combinations; ``amount`` is 1 where nobody drives it."""
    seed = 20 * most + init
    print(f"seed {seed}")
    rng = Random(seed)
    dut = Tokens(most, init=init)
    seen = set()

    async def bench(ctx: Any) -> None:
        count = init
        for _ in range(1500):
            assert (ctx.get(dut.count), ctx.get(dut.some)) == (count, int(count > 0))
            amount = rng.randint(0, count) if amounts else 1
            take = amount <= count and rng.random() < 0.5
            after = count - amount * take
            # As many as there are places, and not one more.
            put = after < most and rng.random() < 0.6
            ctx.set(dut.put, int(put))
            ctx.set(dut.take, int(take))
            if amounts:
                ctx.set(dut.amount, amount if take else rng.randint(0, most))
            # What is seen changes in the next cycle.
            assert ctx.get(dut.count) == count
            seen.add((put, take))
            count = after + put
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert len(seen) == 4
