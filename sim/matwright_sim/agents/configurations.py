# SPDX-License-Identifier: Apache-2.0
"""Random legal configurations, and random sizes of GEMMs at which something changes on one."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from matwright import layout
from matwright.config import (
    AcceleratorConfig,
    Build,
    Bus,
    ConfigError,
    Limits,
    Precision,
    Sram,
    ceil_div,
)

__all__ = ["array_steps", "fitted_shape", "operand_bytes", "random_config", "random_shape"]

_T = TypeVar("_T")

_SIDES = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16)
_WIDTHS = ((8, 8, 32), (8, 8, 32), (8, 4, 32), (4, 4, 24), (12, 5, 30), (16, 8, 32))
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 53, 61, 67, 79, 97, 113, 127, 131)
_LARGEST = 200
_PIPELINE = 24
"""Steps that a row takes through the machine, beside those through the array's sides."""
_SPARE_BEATS = 3
"""Beats by which a row in memory may be longer than it must."""


def _pick(rng: np.random.Generator, values: Sequence[_T]) -> _T:
    return values[int(rng.integers(len(values)))]


def random_config(rng: np.random.Generator, name: str) -> AcceleratorConfig:
    """A small legal configuration with counters, every field of which that costs cycles is random.

    Sides to 16, small memories and short queues, so that everything waits for everything, and the
    compiled Verilog is small.
    """
    while True:
        a_width, b_width, acc_width = _pick(rng, _WIDTHS)
        precision = Precision(a_width=a_width, b_width=b_width, acc_width=acc_width)
        serial = rng.random() < 0.2
        try:
            return AcceleratorConfig(
                name=name,
                rows=_pick(rng, _SIDES),
                cols=_pick(rng, _SIDES),
                load_rows=_pick(rng, (1, 2, 4)),
                precision=precision,
                sram=Sram(
                    activation_rows=_pick(rng, (16, 32, 64, 128, 512)),
                    weight_tiles=_pick(rng, (2, 4, 8, 16, 64)),
                    accumulator_rows=_pick(rng, (2, 4, 16, 32, 128)),
                    column_panels=_pick(rng, (1, 2, 4, 8)),
                ),
                bus=Bus(
                    data_width=_pick(rng, (32, 64, 128, 256, 512)),
                    addr_width=_pick(rng, (20, 32, 40)),
                    max_burst=_pick(rng, (1, 2, 4, 8, 16, 32)),
                    outstanding=_pick(rng, (1, 2, 4, 8, 16)),
                    windows=_pick(rng, (2, 4, 8)),
                ),
                limits=Limits(
                    max_m=_pick(rng, (1000, 100_000)),
                    max_n=_pick(rng, (1000, 100_000)),
                    max_k=min(_pick(rng, (1000, 60_000)), precision.max_depth),
                ),
                build=Build(
                    product_registers=_pick(rng, (1, 2)),
                    sram_registers=_pick(rng, (0, 1)),
                    activation_ports=_pick(rng, (1, 2)),
                    post_lanes=1 if serial else _pick(rng, (1, 2, 4, 8, 16)),
                    descriptors=_pick(rng, (1, 4, 4)),
                    post_multiplier="serial" if serial else "parallel",
                    post_registers=_pick(rng, (0, 1)),
                    request_registers=_pick(rng, (0, 1, 2)),
                    sram_protection=_pick(rng, ("none", "none", "parity", "secded")),
                    unsafe_unchecked=bool(rng.random() < 0.15),
                ),
            )
        except ConfigError:
            continue  # such as more lanes than columns


def random_shape(
    config: AcceleratorConfig, rng: np.random.Generator, *, steps: int, memory_bytes: int
) -> tuple[int, int, int]:
    """M, N, K: ones, primes, multiples of the array's sides and their neighbours, M below the depth of
    every pipeline, and any sizes between.

    The array takes at most ``steps`` steps on it, or post-processing if that takes longer; all its
    operands are in ``memory_bytes``, however its rows are spaced.
    """
    while True:
        shape = _sizes(config, rng)
        if array_steps(config, *shape) <= steps and operand_bytes(config, *shape) <= memory_bytes:
            return shape


def fitted_shape(
    config: AcceleratorConfig, rng: np.random.Generator, *, steps: int, memory_bytes: int
) -> tuple[int, int, int]:
    """Like :func:`random_shape`, with as many random numbers each time: what is too large is halved."""
    sizes = list(_sizes(config, rng))
    while max(sizes) > 1 and (
        array_steps(config, *sizes) > steps or operand_bytes(config, *sizes) > memory_bytes
    ):
        largest = sizes.index(max(sizes))
        sizes[largest] = (sizes[largest] + 1) // 2
    m, n, k = sizes
    return m, n, k


def _sizes(config: AcceleratorConfig, rng: np.random.Generator) -> tuple[int, int, int]:
    limits = config.limits
    return (
        min(_size(rng, config.rows + config.cols + _PIPELINE, 1), limits.max_m),
        min(_size(rng, config.cols, config.cols), limits.max_n),
        min(_size(rng, config.rows, config.rows), limits.max_k),
    )


def _size(rng: np.random.Generator, small: int, side: int) -> int:
    kind = rng.integers(6)
    if kind == 0:
        return 1
    if kind == 1:
        return _pick(rng, _PRIMES)
    if kind == 2:
        return int(rng.integers(1, small + 2))
    if kind in (3, 4):
        return max(
            1, side * int(rng.integers(1, 1 + max(1, _LARGEST // side))) + int(rng.integers(-1, 2))
        )
    return int(np.exp2(rng.uniform(0, np.log2(_LARGEST + 1))))


def array_steps(config: AcceleratorConfig, m: int, n: int, k: int) -> int:
    """Steps of the array, or elements stored by a lane, that a GEMM takes."""
    tiles = ceil_div(n, config.cols) * ceil_div(k, config.rows)
    element = 100 if config.build.post_multiplier == "serial" else 1
    return max(tiles * max(m, config.load_cycles), m * n * element // config.build.post_lanes)


def operand_bytes(config: AcceleratorConfig, m: int, n: int, k: int) -> int:
    """Bytes of all operands of a GEMM, however its rows are spaced."""
    spare = _SPARE_BEATS * config.bus.bytes
    a = m * (layout.a_stride(config, k) + spare)
    b = ceil_div(k, config.rows) * (layout.b_stride(config, n) + spare)
    return a + b + m * (layout.d_stride(config, n, True) + spare) + layout.table_bytes(config, n)
