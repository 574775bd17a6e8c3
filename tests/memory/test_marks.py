# SPDX-License-Identifier: Apache-2.0
"""The marks of written rows in Amaranth's simulator, against sets of rows."""

from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.memory.marks import Marks
from matwright_sim.benches.memory_cases import WrittenRows

CYCLES = 1500


@pytest.mark.parametrize(("depth", "readers"), [(1, 1), (2, 1), (3, 2), (8, 1), (100, 2)])
@pytest.mark.parametrize("forgets", [0.0, 0.02, 0.3])
def test_against_sets(depth: int, readers: int, forgets: float) -> None:
    """Both halves are written in turn, in order and up to anywhere, in parts that take a while."""
    seed = f"{depth} {readers} {forgets}"
    print(f"seed {seed}")
    rng = Random(seed)
    dut = Marks(depth, readers)
    found = set()

    async def bench(ctx: Any) -> None:
        rows = WrittenRows()
        half, row, begun = 0, 0, False
        for cycle in range(CYCLES):
            begins, ends, forget = False, False, rng.random() < forgets
            if rng.random() < 0.7:
                begins, begun = not begun, True
                ends = rng.random() < 0.7
            ctx.set(dut.w_begin, begins)
            ctx.set(dut.w_end, ends)
            ctx.set(dut.w_half, half)
            ctx.set(dut.w_row, row)
            ctx.set(dut.forget, forget)
            for i in range(readers):
                place = (rng.randrange(2), rng.randrange(depth))
                ctx.set(dut.reads[i], {"half": place[0], "row": place[1]})
                written = ctx.get(dut.written[i])
                assert written == (place in rows), f"cycle {cycle}, reader {i}: {place}"
                found.add(written)
            await ctx.tick()
            if begins and row == 0:
                rows.begin(half)
            if ends:
                rows.add(half, row)
                row, begun = row + 1, False
                if row == depth or rng.random() < 1 / depth:
                    half, row = 1 - half, 0
            if forget:
                rows.forget()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == {0, 1}


def test_forget_by_hand() -> None:
    """What was begun before is never written, what is begun after is from the next cycle on."""
    dut = Marks(4)
    seen = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.reads[0], {"half": 1, "row": 0})
        ctx.set(dut.w_half, 1)
        # Row 0 in two parts with `forget` between them, row 1, then row 0 once more.
        for begin, end, row, forget in (
            *((1, 0, 0, 1), (0, 1, 0, 0), (1, 1, 1, 0), (1, 1, 0, 0), (0, 0, 0, 0)),
            *((0, 0, 0, 1), (0, 0, 0, 0)),
        ):
            ctx.set(dut.w_begin, begin)
            ctx.set(dut.w_end, end)
            ctx.set(dut.w_row, row)
            ctx.set(dut.forget, forget)
            seen.append(ctx.get(dut.written))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [0, 0, 0, 0, 1, 1, 0]
