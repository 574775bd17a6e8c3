# SPDX-License-Identifier: Apache-2.0
"""The check of descriptors in Amaranth's simulator, against the golden machine's."""

import dataclasses
from collections import Counter
from random import Random
from typing import Any

import pytest
from amaranth import Module
from amaranth.sim import Simulator

from matwright.config import AcceleratorConfig, Bus, Limits, Sram
from matwright.presets import preset
from matwright.schedule.check import DescriptorCheck
from matwright.schedule.descriptor import FIELDS, Descriptor, Error, Flag, reserved_mask
from matwright.schedule.intake import Intake, descriptor_beats
from matwright_sim.benches.schedule_jobs import CONFIGS, random_gemm
from matwright_sim.golden.machine import check

COUNT = 1_500
"""Random descriptors for each configuration."""
CHECKED: dict[str, AcceleratorConfig] = {
    **{name: preset(name) for name in ("tiny", "server", "decode")},
    **{name: CONFIGS[name] for name in ("packed", "odd", "column", "least")},
    # A column panel fills a beat, but only with its padding.
    "padded": dataclasses.replace(CONFIGS["odd"], bus=Bus(data_width=64, addr_width=24)),
    # All that the fields can say, and limits around a power of two.
    "deep": dataclasses.replace(
        CONFIGS["square"],
        sram=Sram(
            activation_rows=1 << 16,
            weight_tiles=256,
            accumulator_rows=1 << 15,
            column_panels=256,
        ),
        limits=Limits(max_m=1000, max_n=4096, max_k=4097),
    ),
}
RESERVED = [bit for bit in range(512) if reserved_mask() >> bit & 1]


def _bounds(config: AcceleratorConfig, rng: Random) -> dict[str, list[int]]:
    """For each field, values on both sides of what is legal."""
    sram, limits, beat = config.sram, config.limits, config.bus.bytes
    powers = [1 << rng.randrange(48) for _ in range(3)]
    near = [*(p + rng.choice([-1, 0, 1]) for p in powers), beat, beat - 1, beat // 2, 3 * beat]
    rows = [sram.accumulator_rows >> rng.randrange(9), config.activation_words >> rng.randrange(9)]
    columns = config.cols << rng.randrange(5)
    found = {
        "opcode": [0, 1, 2, 3, 255],
        "n_panels_log2": [*range(16)],
        "k_panels_log2": [*range(16)],
        "m": [0, 1, limits.max_m, limits.max_m + 1, 2**32 - 1],
        "n": [0, 1, limits.max_n, limits.max_n + 1, 2**32 - 1, columns, columns + 1],
        "k": [0, 1, limits.max_k, limits.max_k + 1, 2**31],
        "tile_rows": [0, 1, 2, 2**16 - 1, *rows, *(r + 1 for r in rows)],
    }
    for name in ("a_stride", "b_stride", "d_stride"):
        found[name] = [0, 2**32 - beat, 2**32 - 1, *near]
    for name in ("a_addr", "b_addr", "d_addr", "params"):
        top = 1 << config.bus.addr_width
        found[name] = [0, top - beat, top, top - 1, 2**48 - beat, *near]
    return found


def _descriptor(config: AcceleratorConfig, rng: Random, legal: Descriptor) -> bytes:
    """``legal`` with up to three fields changed, most often to a value on a boundary."""
    values: dict[str, Any] = dataclasses.asdict(legal)
    bounds = _bounds(config, rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        name = rng.choice([*FIELDS])
        mask = (1 << FIELDS[name].width) - 1
        values[name] = rng.getrandbits(48) & mask
        if name in bounds and rng.random() < 0.9:
            values[name] = rng.choice(bounds[name]) & mask
        if name == "zero_point":
            values[name] -= 128
    bits = int.from_bytes(Descriptor(**values).pack(), "little")
    if rng.random() < 0.1:
        bits ^= 1 << rng.choice(RESERVED)
    return bits.to_bytes(64, "little")


def _errors(config: AcceleratorConfig, descriptors: list[bytes]) -> list[int]:
    """What the component says of each, LATENCY cycles after its last beat and later."""
    check, intake = DescriptorCheck(config), Intake(config)
    m = Module()
    m.submodules += [check, intake]
    m.d.comb += [check.number.eq(intake.number), check.fields.eq(intake.fields)]
    for name in ("beat_valid", "beat_data"):
        m.d.comb += getattr(intake, name).eq(getattr(check, name))
    rng = Random(len(descriptors))
    width = config.bus.data_width
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        for data in descriptors:
            ctx.set(check.clear, 1)
            await ctx.tick()
            ctx.set(check.clear, 0)
            bits = int.from_bytes(data, "little")
            ctx.set(check.beat_valid, 1)
            for beat in range(descriptor_beats(config)):
                if rng.random() < 0.05:
                    ctx.set(check.beat_valid, 0)
                    ctx.set(check.beat_data, rng.getrandbits(width))
                    await ctx.tick().repeat(rng.randint(1, 3))
                    ctx.set(check.beat_valid, 1)
                ctx.set(check.beat_data, bits >> beat * width & (1 << width) - 1)
                await ctx.tick()
            ctx.set(check.beat_valid, 0)
            ctx.set(check.beat_data, rng.getrandbits(width))
            await ctx.tick().repeat(DescriptorCheck.LATENCY - 1)
            found.append(ctx.get(check.error))
            if rng.random() < 0.05:
                await ctx.tick().repeat(rng.randint(1, 3))
                assert ctx.get(check.error) == found[-1]

    sim = Simulator(m)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return found


@pytest.mark.parametrize("name", CHECKED)
def test_against_golden(name: str) -> None:
    config = CHECKED[name]
    seed = f"check {name}"
    print(f"seed {seed}")
    rng = Random(seed)
    legal = [random_gemm(rng, config, 1 << 20) for _ in range(50)]
    descriptors = [_descriptor(config, rng, rng.choice(legal)) for _ in range(COUNT)]
    expected = [check(config, data) for data in descriptors]
    found = _errors(config, descriptors)
    for data, error, wanted in zip(descriptors, found, expected, strict=True):
        assert error == wanted, f"{error}, not {wanted!r}: {Descriptor.unpack(data)}"
    counts = Counter(expected)
    possible = {error for error in Error if error <= Error.ADDRESS}
    if config.bus.addr_width == FIELDS["a_addr"].width:
        possible.remove(Error.ADDRESS)
    assert all(counts[error] >= COUNT // 100 for error in possible), counts


@pytest.mark.parametrize("name", CHECKED)
def test_every_bit_alone(name: str) -> None:
    """Each bit of a legal descriptor flipped alone, so also each reserved one."""
    config = CHECKED[name]
    seed = f"bits {name}"
    print(f"seed {seed}")
    rng = Random(seed)
    for flags in (0, Flag.TABLE):
        legal = int.from_bytes(random_gemm(rng, config, 1000, flags).pack(), "little")
        descriptors = [(legal ^ 1 << bit).to_bytes(64, "little") for bit in range(512)]
        expected = [int(check(config, data)) for data in descriptors]
        assert _errors(config, descriptors) == expected
        assert all(expected[bit] == Error.RESERVED for bit in RESERVED)


@pytest.mark.parametrize("name", CHECKED)
def test_shapes_of_tiles(name: str) -> None:
    """Every pair of panel counts, with the most rows that fit and one more."""
    config = CHECKED[name]
    rng = Random(f"tiles {name}")
    legal = dataclasses.asdict(random_gemm(rng, config, 1000))
    descriptors = []
    for n_log2 in range(16):
        for k_log2 in range(16):
            words = config.activation_words * config.panels_per_activation_word >> k_log2
            most = min(words, config.sram.accumulator_rows >> n_log2)
            width = config.cols << n_log2
            for rows in {0, 1, most, most + 1}:
                for n in (1, min(width, config.limits.max_n), min(width + 1, config.limits.max_n)):
                    shape = {"tile_rows": rows, "n": n}
                    shape |= {"n_panels_log2": n_log2, "k_panels_log2": k_log2}
                    descriptors.append(Descriptor(**(legal | shape)).pack())
    expected = [int(check(config, data)) for data in descriptors]
    assert _errors(config, descriptors) == expected
    assert set(expected) == {Error.NONE, Error.TILE}
