# SPDX-License-Identifier: Apache-2.0
"""Burst splitter against a list of beats that is grouped by block."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.bus.burst import BEATS_WIDTH, BurstSplitter
from matwright.config import Bus
from matwright.presets import PRESETS

Request = tuple[int, int]  # address, beats
Burst = tuple[int, int, int]  # address, len, last


def split(bus: Bus, addr: int, beats: int) -> list[Burst]:
    """The bursts of one request: its beats, one by one, grouped by aligned block."""
    first = addr // bus.bytes
    blocks = itertools.groupby(range(first, first + beats), lambda beat: beat // bus.max_burst)
    groups = [list(block) for _, block in blocks]
    bursts = [(g[0] * bus.bytes % 2**bus.addr_width, len(g) - 1, 0) for g in groups]
    return [*bursts[:-1], (*bursts[-1][:2], 1)]


def run(
    bus: Bus,
    requests: list[Request],
    *,
    seed: int = 0,
    valid: float = 1.0,
    ready: float = 1.0,
    hold: float = 0.0,
) -> tuple[list[Burst], int]:
    """Bursts that left, and cycles from the first request offered to the last burst taken."""
    dut = BurstSplitter(bus)
    rng = random.Random(seed)
    wanted = sum(len(split(bus, *request)) for request in requests)
    bursts: list[Burst] = []
    cycles = 0

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        waiting: Iterator[Request] = iter(requests)
        offered: Request | None = None
        before: tuple[bool, Burst | None] = (False, None)
        opening: Burst | None = None
        while len(bursts) < wanted:
            if offered is None and rng.random() < valid:
                offered = next(waiting, None)
            ctx.set(dut.request.valid, offered is not None)
            if offered is not None:
                ctx.set(dut.request.payload.addr, offered[0])
                ctx.set(dut.request.payload.beats, offered[1])
            ctx.set(dut.burst.ready, rng.random() < ready)
            held = rng.random() < hold
            ctx.set(dut.hold, held)

            payload = ctx.get(dut.burst.payload)
            burst = (payload.addr, payload.len, payload.last)
            on_offer = ctx.get(dut.burst.valid)
            taken = on_offer and ctx.get(dut.burst.ready)
            if opening is not None:
                assert on_offer and burst == opening, "what opens is on offer one cycle later"
            elif before[0]:
                assert on_offer and burst == before[1], "a burst on offer stays as it is"
            else:
                assert not on_offer, "no burst is offered that did not open"
            opens = ctx.get(dut.opens)
            assert not (opens and held), "nothing opens while held"
            ahead = ctx.get(dut.opening)
            opening = (ahead.addr, ahead.len, ahead.last) if opens else None
            before = (on_offer and not taken, burst)
            if taken:
                bursts.append(burst)
            if offered is not None and ctx.get(dut.request.ready):
                assert not held, "no request is accepted while held"
                offered = None
            await ctx.tick()
            cycles += 1
            assert cycles < 40 * (wanted + 10), "the splitter stopped"
        assert ctx.get(dut.idle)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return bursts, cycles


def expected(bus: Bus, requests: list[Request]) -> list[Burst]:
    return [burst for request in requests for burst in split(bus, *request)]


@pytest.mark.parametrize("max_burst", [1, 2, 4, 8])
def test_every_small_request(max_burst: int) -> None:
    """Every start within two blocks, every length up to three blocks; one burst a cycle."""
    bus = Bus(data_width=32, addr_width=16, max_burst=max_burst)
    requests = [
        (bus.bytes * start, beats)
        for start in range(2 * max_burst)
        for beats in range(1, 3 * max_burst + 2)
    ]
    bursts, cycles = run(bus, requests)
    assert bursts == expected(bus, requests)
    assert cycles == len(bursts) + BurstSplitter.LATENCY


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("seed", range(3))
def test_random_requests(name: str, seed: int) -> None:
    bus = PRESETS[name].bus
    rng = random.Random(seed)
    print(f"seed {seed}")
    space = 2**bus.addr_width // bus.bytes
    requests = [
        (rng.randrange(space) * bus.bytes, rng.choice([1, 2, rng.randrange(1, 300)]))
        for _ in range(60)
    ]
    bursts, _ = run(bus, requests, seed=seed, valid=0.7, ready=0.6, hold=0.3)
    assert bursts == expected(bus, requests)


def test_address_wraps() -> None:
    bus = Bus(data_width=64, addr_width=16, max_burst=16)
    requests = [(2**16 - 3 * bus.bytes, 40), (2**16 - bus.bytes, 1), (0, 16)]
    bursts, _ = run(bus, requests)
    assert bursts == [
        (0xFFE8, 2, 0),
        (0x0000, 15, 0),
        (0x0080, 15, 0),
        (0x0100, 4, 1),
        (0xFFF8, 0, 1),
        (0x0000, 15, 1),
    ]


@pytest.mark.parametrize(("start", "count"), [(0, 4096), (1, 4096), (2, 4097), (255, 4097)])
def test_longest_request(start: int, count: int) -> None:
    bus = Bus(data_width=32, addr_width=32, max_burst=256)
    beats = 2**BEATS_WIDTH - 1
    bursts, cycles = run(bus, [(start * bus.bytes, beats)])
    assert len(bursts) == count == cycles - BurstSplitter.LATENCY
    assert sum(length + 1 for _, length, _ in bursts) == beats
    assert [last for *_, last in bursts] == [0] * (count - 1) + [1]
