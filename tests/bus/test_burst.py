# SPDX-License-Identifier: Apache-2.0
"""Burst splitter against a list of beats that is grouped by block."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.bus.burst import BEATS_WIDTH, BurstSplitter
from matwright.config import LARGEST_REQUEST, Bus
from matwright.presets import PRESETS

Request = tuple[int, int]  # address, beats
Burst = tuple[int, int, int]  # address, last beat in its block, last
REGISTERS = (0, 1, 2)


def split(bus: Bus, addr: int, beats: int) -> list[Burst]:
    """The bursts of one request: its beats, one by one, grouped by aligned block."""
    first = addr // bus.bytes
    blocks = itertools.groupby(range(first, first + beats), lambda beat: beat // bus.max_burst)
    groups = [list(block) for _, block in blocks]
    bursts = [(g[0] * bus.bytes % 2**bus.addr_width, g[-1] % bus.max_burst, 0) for g in groups]
    return [*bursts[:-1], (*bursts[-1][:2], 1)]


def run(
    bus: Bus,
    requests: list[Request],
    *,
    registers: int = 0,
    most_beats: int = LARGEST_REQUEST,
    seed: int = 0,
    valid: float = 1.0,
    ready: float = 1.0,
    hold: float = 0.0,
) -> tuple[list[Burst], int]:
    """Bursts that left, and cycles from the first request offered to the last burst taken."""
    dut = BurstSplitter(bus, 7, most_beats=most_beats, registers=registers)
    rng = random.Random(seed)
    wanted = [len(split(bus, *request)) for request in requests]
    tags = [rng.randrange(128) for _ in requests]
    tags_of_bursts = [tag for tag, count in zip(tags, wanted, strict=True) for _ in range(count)]
    bursts: list[Burst] = []
    cycles = 0

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        waiting: Iterator[tuple[Request, int]] = iter(zip(requests, tags, strict=True))
        offered: tuple[Request, int] | None = None
        before: Burst | None = None
        while len(bursts) < sum(wanted):
            if offered is None and rng.random() < valid:
                offered = next(waiting, None)
            ctx.set(dut.request.valid, offered is not None)
            if offered is not None:
                (addr, beats), tag = offered
                ctx.set(dut.request.payload, {"addr": addr, "beats": beats, "tag": tag})
            held = rng.random() < hold
            ctx.set(dut.hold, held)
            ctx.set(dut.burst.ready, 0)
            accepts = ctx.get(dut.request.ready)
            takes = rng.random() < ready
            ctx.set(dut.burst.ready, takes)
            assert ctx.get(dut.request.ready) == accepts, "ready of a request is a register's"

            payload = ctx.get(dut.burst.payload)
            burst = (payload.addr, payload.end, payload.last)
            on_offer = ctx.get(dut.burst.valid)
            assert not (on_offer and held), "nothing is offered while held"
            if before is not None and not held:
                assert on_offer and burst == before, "a burst on offer stays as it is"
            if on_offer:
                assert payload.tag == tags_of_bursts[len(bursts)]
                before = None if takes else burst
                if takes:
                    bursts.append(burst)
            if offered is not None and accepts:
                assert registers or not held, "no request is accepted while held"
                offered = None
            await ctx.tick()
            cycles += 1
            assert cycles < 40 * (sum(wanted) + 10), "the splitter stopped"
        ctx.set(dut.hold, 0)
        ctx.set(dut.request.valid, 0)
        assert not ctx.get(dut.burst.valid)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return bursts, cycles


def expected(bus: Bus, requests: list[Request]) -> list[Burst]:
    return [burst for request in requests for burst in split(bus, *request)]


@pytest.mark.parametrize("registers", REGISTERS)
@pytest.mark.parametrize("max_burst", [1, 2, 4, 8])
def test_every_small_request(max_burst: int, registers: int) -> None:
    """Every start within two blocks, every length up to three blocks; one burst a cycle."""
    bus = Bus(data_width=32, addr_width=16, max_burst=max_burst)
    requests = [
        (bus.bytes * start, beats)
        for start in range(2 * max_burst)
        for beats in range(1, 3 * max_burst + 2)
    ]
    for most_beats in (LARGEST_REQUEST, 3 * max_burst + 1):
        bursts, cycles = run(bus, requests, registers=registers, most_beats=most_beats)
        assert bursts == expected(bus, requests)
        assert cycles == len(bursts) + registers


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("registers", REGISTERS)
def test_random_requests(name: str, registers: int) -> None:
    bus = PRESETS[name].bus
    seed = len(name) + registers
    print(f"seed {seed}")
    rng = random.Random(seed)
    space = 2**bus.addr_width // bus.bytes
    requests = [
        (rng.randrange(space) * bus.bytes, rng.choice([1, 2, rng.randrange(1, 300)]))
        for _ in range(60)
    ]
    pauses = {"valid": 0.7, "ready": 0.6, "hold": 0.3}
    bursts, _ = run(bus, requests, registers=registers, seed=seed, **pauses)
    assert bursts == expected(bus, requests)


def test_address_wraps() -> None:
    bus = Bus(data_width=64, addr_width=16, max_burst=16)
    requests = [(2**16 - 3 * bus.bytes, 40), (2**16 - bus.bytes, 1), (0, 16)]
    bursts, _ = run(bus, requests)
    assert bursts == [
        (0xFFE8, 15, 0),
        (0x0000, 15, 0),
        (0x0080, 15, 0),
        (0x0100, 4, 1),
        (0xFFF8, 15, 1),
        (0x0000, 15, 1),
    ]


@pytest.mark.parametrize(("start", "count"), [(0, 4096), (1, 4096), (2, 4097), (255, 4097)])
def test_longest_request(start: int, count: int) -> None:
    bus = Bus(data_width=32, addr_width=32, max_burst=256)
    beats = 2**BEATS_WIDTH - 1
    bursts, cycles = run(bus, [(start * bus.bytes, beats)])
    assert len(bursts) == count == cycles
    starts = [addr // bus.bytes % bus.max_burst for addr, _, _ in bursts]
    lengths = [end - start + 1 for start, (_, end, _) in zip(starts, bursts, strict=True)]
    assert min(lengths) > 0 and sum(lengths) == beats
    assert [last for *_, last in bursts] == [0] * (count - 1) + [1]
