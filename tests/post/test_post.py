# SPDX-License-Identifier: Apache-2.0
"""Post-processing as a whole in Amaranth's simulator."""

import dataclasses
from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.config import AcceleratorConfig, Build, Bus
from matwright.post.element_queue import ElementQueue
from matwright.post.payload import beat_layout, sums_layout
from matwright.post.post import PostProcess
from matwright.post.requantize import Requantizer
from matwright.presets import PRESETS
from matwright_sim.benches.post_cases import (
    beats_of,
    bits_of,
    elements_of,
    random_rows,
    random_settings,
)


@pytest.mark.parametrize("registers", [0, 1])
@pytest.mark.parametrize("name", ["tiny", "small"])
@pytest.mark.parametrize("raw", [False, True])
def test_random(exchange: Any, name: str, raw: bool, registers: int) -> None:
    seed = 7 + 2 * registers + raw
    print(f"seed {seed}")
    preset, rng = PRESETS[name], Random(seed)
    build = dataclasses.replace(preset.build, post_registers=registers)
    config = dataclasses.replace(preset, build=build)
    lanes, beat_bytes = config.build.post_lanes, config.bus.bytes
    settings = random_settings(rng, raw)
    items = random_rows(rng, config.precision, lanes, 60)
    elements = elements_of(items, config.precision, settings)
    expected = beats_of(elements, lanes, beat_bytes, raw)
    words = [bits_of(sums_layout(config.precision, lanes), item) for item in items]
    trace = exchange(
        PostProcess(config), words, len(expected), settings.ports(), take=0.6, seed=seed
    )
    beats = [beat_layout(beat_bytes).from_bits(word) for word in trace.received]
    assert [(beat.data, beat.strb) for beat in beats] == expected


def _config(registers: int) -> AcceleratorConfig:
    build = Build(post_lanes=4, post_registers=registers, counters=False)
    return AcceleratorConfig(rows=8, cols=8, bus=Bus(data_width=32), build=build)


@pytest.mark.parametrize("registers", [0, 1])
@pytest.mark.parametrize("raw", [0, 1])
def test_latency(exchange: Any, raw: int, registers: int) -> None:
    config = _config(registers)
    item = {"sums": [1] * 4, "biases": [0] * 4, "words": [1 << 20] * 4, "count": 1, "last": 1}
    words = [bits_of(sums_layout(config.precision, 4), item)] * 10
    dut = PostProcess(config)
    trace = exchange(dut, words, 10, {"raw": raw, "use_table": 1})
    latency = dut.raw_latency if raw else dut.latency
    assert latency == (2 + 3 * registers if raw else 8 + 4 * registers)
    assert [b - a for a, b in zip(trace.entered, trace.offered, strict=True)] == [latency] * 10


@pytest.mark.parametrize("registers", [0, 1])
@pytest.mark.parametrize("raw", [0, 1])
def test_capacity(raw: int, registers: int) -> None:
    """With the bus at rest, two beats and a full requantizer or queue are taken, and no more."""
    config = _config(registers)
    dut = PostProcess(config)
    item = {"sums": [1] * 4, "biases": [0] * 4, "words": [1] * 4, "count": 1, "last": 1}
    taken = 0

    async def bench(ctx: Any) -> None:
        nonlocal taken
        ctx.set(dut.raw, raw)
        ctx.set(dut.i.payload, item)
        ctx.set(dut.i.valid, 1)
        for _ in range(60):
            ready = ctx.get(dut.i.ready)
            taken += ready
            if registers:
                ctx.set(dut.comes, ready)
                ctx.set(dut.i.valid, ready)
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    stages = Requantizer.RAW_LATENCY if raw else Requantizer.LATENCY
    assert taken == 2 + (ElementQueue.DEPTH if registers else stages)
