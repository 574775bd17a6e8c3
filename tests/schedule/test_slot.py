# SPDX-License-Identifier: Apache-2.0
"""The slot in Amaranth's simulator."""

from random import Random
from typing import Any

import pytest
from amaranth.lib import data
from amaranth.sim import Simulator

from matwright.schedule.slot import Slot

LAYOUT = data.StructLayout({"a": 5, "b": data.StructLayout({"c": 1, "d": 11})})


def _run(
    offer: float, take: float, seed: int = 0, cut: bool = False
) -> tuple[list[int], list[int]]:
    """Send 100 jobs; gives the cycles in which they went in and in which each came on offer."""
    print(f"seed {seed}")
    rng = Random(seed)
    dut = Slot(LAYOUT, cut)
    jobs = [rng.getrandbits(17) for _ in range(100)]
    received: list[int] = []
    entered: list[int] = []
    offered: list[int] = []

    async def bench(ctx: Any) -> None:
        cycle, offering, waiting = 0, False, False
        while len(received) < len(jobs):
            left = len(entered) < len(jobs)
            offering = left and (offering or rng.random() < offer)
            taking = rng.random() < take
            ctx.set(dut.i.valid, int(offering))
            bits = jobs[len(entered)] if offering else rng.getrandbits(17)
            ctx.set(dut.i.p.as_value(), bits)
            before = (ctx.get(dut.o.valid), ctx.get(dut.o.p.as_value()))
            ctx.set(dut.o.ready, int(taking))
            ready, valid, payload = (
                *(ctx.get(dut.i.ready), ctx.get(dut.o.valid)),
                ctx.get(dut.o.p.as_value()),
            )
            # Of a job that comes nothing is seen within the cycle.
            assert before == (valid, payload)
            assert ready == (not valid or (taking and not cut))
            if valid:
                assert payload == jobs[len(received)]
                if not waiting:
                    offered.append(cycle)
                waiting = not taking
                if taking:
                    received.append(payload)
            else:
                assert not waiting, "an offer was withdrawn"
            if offering and ready:
                entered.append(cycle)
                offering = False
            cycle += 1
            assert cycle < 10_000, "no progress"
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert received == jobs
    return entered, offered


def test_latency_and_rate() -> None:
    """Each job is on offer LATENCY cycles after it was taken, a job every cycle."""
    entered, offered = _run(1.0, 1.0)
    assert [b - a for a, b in zip(entered, offered, strict=True)] == [Slot.LATENCY] * 100
    assert entered == list(range(100))


def test_rate_of_a_cut_one() -> None:
    """A job every other cycle."""
    entered, offered = _run(1.0, 1.0, cut=True)
    assert [b - a for a, b in zip(entered, offered, strict=True)] == [Slot.LATENCY] * 100
    assert entered == list(range(0, 200, 2))


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(("offer", "take"), [(1.0, 0.2), (0.2, 1.0), (0.5, 0.5), (0.8, 0.6)])
def test_random(offer: float, take: float, cut: bool) -> None:
    entered, offered = _run(offer, take, seed=round(100 * offer + 10 * take), cut=cut)
    assert all(b - a == Slot.LATENCY for a, b in zip(entered, offered, strict=True))
