# SPDX-License-Identifier: Apache-2.0
"""The weight feeder in Amaranth's simulator, cycle by cycle."""

import dataclasses
import itertools
from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.schedule.feeder import WeightFeeder
from matwright_sim.benches.schedule_jobs import CONFIGS

TILES = 60


@pytest.mark.parametrize("load_rows", [1, 2, 4, 8])
@pytest.mark.parametrize(("fill", "go"), [(1.0, 1.0), (0.1, 1.0), (1.0, 0.1), (0.3, 0.3)])
def test_against_recurrence(load_rows: int, fill: float, go: float) -> None:
    """A tile begins with the start of the one before, or when it is seen to be there."""
    config = dataclasses.replace(CONFIGS["column"], load_rows=load_rows)
    seed = f"{load_rows} {fill} {go}"
    print(f"seed {seed}")
    rng = Random(seed)
    dut = WeightFeeder(config)
    filled: list[int] = []  # cycles
    starts: list[int] = []
    trace: list[tuple[int, int, int]] = []

    async def bench(ctx: Any) -> None:
        while len(starts) < TILES:
            room = len(filled) < min(TILES, len(starts) + config.sram.weight_tiles)
            fills = room and rng.random() < fill
            starting = ctx.get(dut.ready) and rng.random() < go
            ctx.set(dut.filled, int(fills))
            ctx.set(dut.start, int(starting))
            filled.extend([len(trace)] * fills)
            starts.extend([len(trace)] * starting)
            trace.append((ctx.get(dut.ready), ctx.get(dut.step), ctx.get(dut.last)))
            assert len(trace) < 10_000, "no progress"
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()

    assert dut.latency == config.load_cycles == 8 // load_rows
    ready, step, last = set(), set(), set()
    before = -1
    for fill_cycle, start in zip(filled, starts, strict=True):
        begin = max(fill_cycle + 1, before)
        ready |= set(range(begin + dut.latency, start + 1))
        step |= set(range(begin + 1, begin + 1 + dut.latency))
        last.add(begin + dut.latency)
        before = start
    for cycle, seen in enumerate(trace):
        assert seen == (cycle in ready, cycle in step, cycle in last), f"cycle {cycle}"
    if fill == go == 1.0:
        spacing = {b - a for a, b in itertools.pairwise(starts)}
        assert spacing == {dut.latency}
