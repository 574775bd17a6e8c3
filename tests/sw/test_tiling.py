# SPDX-License-Identifier: Apache-2.0
"""The tiling rule: always legal, and good where it is known what good is."""

import time

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Descriptor, Error
from matwright_sim.golden.machine import check
from matwright_sw import tiling
from matwright_sw.tiling import Tiling, choose, estimate, legal

SEED = 20


def device_check(config: AcceleratorConfig, n: int, cut: Tiling) -> Error:
    """What the golden machine says of the tiling."""
    descriptor = Descriptor(
        m=1,
        n=n,
        k=1,
        tile_rows=cut.tile_rows,
        n_panels_log2=cut.n_panels_log2,
        k_panels_log2=cut.k_panels_log2,
        a_stride=0,
        b_stride=0,
        d_stride=0,
        a_addr=0,
        b_addr=0,
        d_addr=0,
    )
    return check(config, descriptor.pack())


ODD = AcceleratorConfig(
    name="odd",
    rows=5,
    cols=3,
    sram=Sram(activation_rows=64, weight_tiles=16, accumulator_rows=16, column_panels=16),
    bus=Bus(data_width=32, addr_width=20, max_burst=4, outstanding=1),
    precision=Precision(a_width=12, b_width=4),
    build=Build(post_lanes=1),
)
HUGE = AcceleratorConfig(
    name="huge",
    rows=2,
    cols=2,
    sram=Sram(
        activation_rows=1 << 20, weight_tiles=256, accumulator_rows=1 << 16, column_panels=256
    ),
    bus=Bus(data_width=32),
    build=Build(post_lanes=1),
)
NARROW = AcceleratorConfig(
    name="narrow",
    rows=64,
    cols=1,
    sram=Sram(activation_rows=8, weight_tiles=64, accumulator_rows=64, column_panels=64),
    bus=Bus(data_width=64, max_burst=8),
    limits=Limits(max_k=1000),
    build=Build(post_lanes=1),
)
CONFIGS = [*PRESETS.values(), ODD, HUGE]


def random_size(rng: np.random.Generator, most: int) -> int:
    """1 to ``most``, every order of magnitude as likely."""
    return int(np.exp(rng.uniform(0, np.log(most))))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_choice_passes_the_devices_check(config: AcceleratorConfig) -> None:
    rng = np.random.default_rng(SEED)
    shapes = [(1, 1, 1), (config.limits.max_m, config.limits.max_n, config.limits.max_k)]
    shapes += [
        (
            random_size(rng, config.limits.max_m),
            random_size(rng, config.limits.max_n),
            random_size(rng, config.limits.max_k),
        )
        for _ in range(60)
    ]
    for m, n, k in shapes:
        cut = choose(config, m, n, k, bool(rng.integers(2)))
        assert device_check(config, n, cut) == Error.NONE, (config.name, m, n, k, cut, SEED)
        assert cut.tile_rows <= m


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_legal_is_the_devices_check(config: AcceleratorConfig) -> None:
    rng = np.random.default_rng(SEED)
    seen = set()
    for _ in range(2000):
        cut = Tiling(random_size(rng, 2000) - 1, int(rng.integers(10)), int(rng.integers(1 << 4)))
        n = random_size(rng, 300)
        expected = device_check(config, n, cut) == Error.NONE
        assert legal(config, cut, n) == expected, (config.name, n, cut, SEED)
        seen.add(expected)
    assert seen == {True, False}


def test_row_narrower_than_a_beat_is_never_split() -> None:
    """One column a panel and a beat of eight: a second column block needs eight panels."""
    for n in (1, 7, 8, 9, 63, 64, 65, 1000):
        cut = choose(NARROW, 100, n, 300)
        assert device_check(NARROW, n, cut) == Error.NONE, (n, cut)


@pytest.mark.parametrize("name", ["tiny", "small", "edge", "decode", "wide", "server"])
def test_large_gemm_reads_less_than_it_computes(name: str) -> None:
    """At 1024^3 the bus must not be what bounds the array."""
    config = PRESETS[name]
    size = 1024
    cut = choose(config, size, size, size)
    columns = config.cols << cut.n_panels_log2
    whole = size <= config.rows << cut.k_panels_log2
    a_bytes = size * size * (1 if whole else -(-size // columns))
    b_bytes = size * size * -(-size // cut.tile_rows)
    ideal = size**3 // config.peak_macs
    assert (a_bytes + b_bytes) / config.bus.bytes <= ideal
    assert estimate(config, size, size, size, cut) < 1.02 * ideal


def test_one_row_takes_long_chunks() -> None:
    cut = choose(PRESETS["edge"], 1, 4096, 4096)
    assert cut.tile_rows == 1
    assert 1 << cut.k_panels_log2 >= 16


def test_row_segment_of_a_large_gemm_is_at_least_four_beats() -> None:
    config = PRESETS["edge"]
    cut = choose(config, 512, 512, 512)
    assert (config.panel_bytes << cut.k_panels_log2) >= 4 * config.bus.bytes


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_choice_is_near_the_least_estimate_of_all(config: AcceleratorConfig) -> None:
    """Against every legal tiling of power-of-two heights, found by brute force."""
    rng = np.random.default_rng(SEED)
    for _ in range(5):
        m, n, k = (int(x) for x in rng.integers(1, 200, 3))
        every = [
            Tiling(1 << r, p, c)
            for r in range(9)
            for p in range(9)
            for c in range(10)
            if legal(config, Tiling(1 << r, p, c), n)
        ]
        least = min(estimate(config, m, n, k, cut) for cut in every)
        chosen = estimate(config, m, n, k, choose(config, m, n, k))
        assert chosen <= 1.1 * least, (config.name, m, n, k, SEED)


def test_raw_results_are_four_times_as_long() -> None:
    config, cut = PRESETS["edge"], Tiling(64, 3, 2)
    shape = (64, 128, 16)
    assert estimate(config, *shape, cut, raw=True) > estimate(config, *shape, cut)


def test_a_chunk_of_all_k_is_loaded_once() -> None:
    """All blocks of the same rows share it: narrow blocks then cost no more loading."""
    config, shape = PRESETS["edge"], (32, 512, 512)
    narrow, wide = Tiling(32, 0, 5), Tiling(32, 4, 5)
    cut_in_two = Tiling(32, 0, 4)
    assert estimate(config, *shape, narrow) <= estimate(config, *shape, wide)
    assert estimate(config, *shape, cut_in_two) > 1.5 * estimate(config, *shape, narrow)


def test_table_is_loaded_for_every_block() -> None:
    config, cut = PRESETS["edge"], Tiling(8, 4, 1)
    shape = (64, 512, 16)
    assert estimate(config, *shape, cut, table=True) > estimate(config, *shape, cut)


def test_choice_is_quick() -> None:
    choose.cache_clear()
    start = time.process_time()
    for m in range(1, 101):
        choose(PRESETS["edge"], 40 * m, 4096, 4096)
    assert time.process_time() - start < 1.0, "ten times the aim of 1 ms a choice"
    assert tiling.choose.cache_info().misses == 100
