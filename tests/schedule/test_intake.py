# SPDX-License-Identifier: Apache-2.0
"""The intake in Amaranth's simulator: fields are those of the 64 bytes, in beats of any width."""

from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.config import AcceleratorConfig
from matwright.presets import preset
from matwright.schedule.descriptor import FIELDS, Descriptor
from matwright.schedule.intake import STARTS, STRIDES, Intake, descriptor_beats, params_of
from matwright_sim.benches.schedule_jobs import CONFIGS

COUNT = 60
"""Descriptors for each configuration."""
TAKEN: dict[str, AcceleratorConfig] = {
    **{name: preset(name) for name in ("tiny", "server", "decode")},
    **{name: CONFIGS[name] for name in ("packed", "odd", "split")},
}


class Bench:
    """Drives an intake."""

    def __init__(self, config: AcceleratorConfig, ctx: Any, dut: Intake, rng: Random) -> None:
        self.config, self.ctx, self.dut, self.rng = config, ctx, dut, rng
        self.count = descriptor_beats(config)

    async def send(self, content: bytes) -> None:
        """The beats of a descriptor, with pauses. ``arrives`` and ``number`` say which of them it is."""
        ctx, dut, rng, width = self.ctx, self.dut, self.rng, self.config.bus.data_width
        bits = int.from_bytes(content, "little")
        for beat in range(self.count):
            for _ in range(rng.choice([0, 0, 1, 3])):
                ctx.set(dut.beat_valid, 0)
                ctx.set(dut.beat_data, rng.getrandbits(width))
                assert (ctx.get(dut.number), ctx.get(dut.arrives)) == (beat, 0)
                await ctx.tick()
            ctx.set(dut.beat_valid, 1)
            ctx.set(dut.beat_data, bits >> beat * width & (1 << width) - 1)
            assert (ctx.get(dut.number), ctx.get(dut.arrives)) == (beat, 1 << beat)
            await ctx.tick()
        ctx.set(dut.beat_valid, 0)
        ctx.set(dut.beat_data, rng.getrandbits(width))

    def look(self, d: Descriptor, turned_starts: int = 0, turned_strides: int = 0) -> None:
        """The fields are those of ``d`` as far as they are kept, after some turns."""
        ctx, fields, bus = self.ctx, self.dut.fields, self.config.bus
        for name in ("flags", "n_panels_log2", "k_panels_log2", "m", "n", "k", "tile_rows"):
            seen = getattr(fields, name)
            assert ctx.get(seen) == getattr(d, name) & (1 << len(seen)) - 1, name
        assert ctx.get(fields.zero_point) == d.zero_point & 0xFF
        space = 1 << bus.addr_width
        for i in range(len(STARTS)):
            value = getattr(d, STARTS[(i + turned_starts) % len(STARTS)])
            assert ctx.get(fields.starts[i]) == value % space // bus.bytes, STARTS[i]
        for i in range(len(STRIDES)):
            value = getattr(d, STRIDES[(i + turned_strides) % len(STRIDES)])
            stride = fields.strides[i]
            assert ctx.get(stride.beats) == value % min(space, 1 << 32) // bus.bytes, STRIDES[i]
            assert ctx.get(stride.far) == (value >= space), STRIDES[i]
        if not turned_starts:
            params = params_of(self.config, fields)
            assert ctx.get(params) == d.params % max(space, 1 << 32)


def _simulate(config: AcceleratorConfig, rng: Random, body: Any) -> None:
    dut = Intake(config)

    async def bench(ctx: Any) -> None:
        await body(Bench(config, ctx, dut, rng))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def _random(rng: Random) -> Descriptor:
    """Any bits in any field."""
    values: dict[str, Any] = {}
    for name, place in FIELDS.items():
        ones = (1 << place.width) - 1
        values[name] = rng.choice(
            [0, ones, rng.getrandbits(place.width), 1 << rng.randrange(place.width)]
        )
    values["zero_point"] = rng.randint(-128, 127)
    return Descriptor(**values)


@pytest.mark.parametrize("name", TAKEN)
def test_fields(name: str) -> None:
    """One descriptor after the other: each is there in the cycle after its last beat, and stays."""
    config = TAKEN[name]
    seed = f"intake {name}"
    print(f"seed {seed}")
    rng = Random(seed)

    async def body(bench: Bench) -> None:
        for _ in range(COUNT):
            d = _random(rng)
            await bench.send(d.pack())
            for _ in range(rng.choice([1, 1, 3])):
                bench.look(d)
                await bench.ctx.tick()

    _simulate(config, rng, body)


@pytest.mark.parametrize("name", TAKEN)
def test_turns(name: str) -> None:
    """Starts and strides turn, alone and in the same cycle; whole turns change nothing."""
    config = TAKEN[name]
    seed = f"turns {name}"
    print(f"seed {seed}")
    rng = Random(seed)

    async def body(bench: Bench) -> None:
        for _ in range(COUNT // 4):
            d = _random(rng)
            await bench.send(d.pack())
            turns = [0, 0]
            while any(turns) or rng.random() < 0.7:
                turn = [rng.getrandbits(1), rng.getrandbits(1)]
                bench.ctx.set(bench.dut.turn_starts, turn[0])
                bench.ctx.set(bench.dut.turn_strides, turn[1])
                await bench.ctx.tick()
                turns = [(turns[0] + turn[0]) % 4, (turns[1] + turn[1]) % 3]
                bench.look(d, *turns)
            bench.ctx.set(bench.dut.turn_starts, 0)
            bench.ctx.set(bench.dut.turn_strides, 0)

    _simulate(config, rng, body)
