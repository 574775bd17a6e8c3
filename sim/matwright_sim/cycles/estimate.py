# SPDX-License-Identifier: Apache-2.0
"""The cycles of many GEMMs on many designs, each as :func:`.exact` tells them."""

import ctypes
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from matwright.config import AcceleratorConfig
from matwright.core.array import SystolicArray
from matwright.memory.activation import ActivationScratchpad
from matwright.post.element_queue import ElementQueue
from matwright.post.requantize import Requantizer
from matwright.post.serial import SerialPost
from matwright.schedule.descriptor import FIELDS
from matwright.schedule.divider import PanelCount
from matwright.schedule.executor import ExecuteEngine
from matwright.schedule.intake import descriptor_beats
from matwright.schedule.region import RegionCheck
from matwright.schedule.storer import StoreEngine
from matwright_sw.driver import ALIGNMENT
from matwright_sw.tiling import Tiling

from . import native
from .memory import Memory

__all__ = ["REFUSED", "estimate", "tilings"]

How = Tiling | Literal["rule", "search"]

_HOW = ("rule", "search")  # as numbered in native/cycles/estimate.cpp

REFUSED = -1
"""In place of cycles: the GEMM is beyond the design's limits, its operands beyond its addresses, or the
tiling that is asked for beyond its memories."""


def estimate(
    configs: Sequence[AcceleratorConfig],
    shapes: Sequence[tuple[int, int, int]] | NDArray[np.int64],
    memory: Memory | None = None,
    *,
    raw: bool = False,
    table: bool | None = None,
    tiling: How = "search",
    threads: int = 1,
) -> NDArray[np.int64]:
    """Cycles of each GEMM (M, N, K) on each configuration: ``len(configs)`` x ``len(shapes)``.

    They are those of the program that :func:`.gemm_program` makes, to the cycle, and
    :data:`REFUSED` where it makes none. ``raw`` and ``table`` are as there. ``tiling`` is one for all, or how
    each is found: by a ``search`` as the driver does, or by its ``rule``, which is many times faster and
    some percent worse where a GEMM is small.

    Nothing is estimated about a cycle: the machine is followed as :func:`.exact` does, but what repeats
    is skipped. Raises :class:`..toolchain.ToolError` where there is no compiler.
    """
    return _run(configs, shapes, memory, raw, table, tiling, threads)[0]


def tilings(
    configs: Sequence[AcceleratorConfig],
    shapes: Sequence[tuple[int, int, int]] | NDArray[np.int64],
    memory: Memory | None = None,
    *,
    raw: bool = False,
    table: bool | None = None,
    tiling: How = "search",
) -> NDArray[np.int64]:
    """Tilings (rows, n_panels_log2, k_panels_log2) of the same programs, along a third axis."""
    return _run(configs, shapes, memory, raw, table, tiling, 1)[1]


def _run(
    configs: Sequence[AcceleratorConfig],
    shapes: Sequence[tuple[int, int, int]] | NDArray[np.int64],
    memory: Memory | None,
    raw: bool,
    table: bool | None,
    tiling: How,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    memory = Memory() if memory is None else memory
    if memory.recording is not None:
        raise ValueError("estimate must have a memory of fixed latency, not a recording")
    sizes = np.ascontiguousarray(shapes, np.int64).reshape(-1, 3)
    if sizes.size and sizes.min() < 1:
        raise ValueError(f"sizes of a GEMM must be at least 1, not {sizes.min()}")
    # Those that store alike follow each other: what they store is followed once.
    order = sorted(range(len(configs)), key=lambda i: _stores(configs[i]))
    designs = np.array([_fields(configs[i]) for i in order], np.int64)
    library = native.load()
    latencies = np.array([memory.read_latency, memory.write_latency], np.int64)
    cycles = np.empty((len(configs), len(sizes)), np.int64)
    cuts = np.zeros((len(configs), len(sizes), 3), np.int64)
    if isinstance(tiling, Tiling):
        cuts[:] = tiling.tile_rows, tiling.n_panels_log2, tiling.k_panels_log2

    def part(chosen: slice) -> None:
        library.estimate(
            _pointer(designs[chosen]),
            ctypes.c_int64(len(designs[chosen])),
            _pointer(sizes),
            ctypes.c_int64(len(sizes)),
            ctypes.c_int64(raw),
            ctypes.c_int64(not raw if table is None else table),
            _pointer(latencies),
            ctypes.c_int64(_HOW.index(tiling) if isinstance(tiling, str) else len(_HOW)),
            _pointer(cycles[chosen]),
            _pointer(cuts[chosen]),
        )

    if threads == 1:
        part(slice(None))
    else:
        step = max(1, len(configs) // (8 * threads))
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, [slice(i, i + step) for i in range(0, len(configs), step)]))
    back = np.argsort(np.array(order, np.int64))
    return cycles[back], cuts[back]


def _stores(config: AcceleratorConfig) -> tuple[int, str, str]:
    """What the time of a store depends on, and more."""
    return config.cols, repr(config.bus), repr(config.build)


def _pointer(array: NDArray[np.int64]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def _fields(config: AcceleratorConfig) -> list[int]:
    """A configuration as ``Design`` in native/cycles/design.hpp, in the order of its fields."""
    build, bus, sram, limits = config.build, config.bus, config.sram, config.limits
    lanes = bus.data_width // 32
    n_divides, k_divides = (
        PanelCount.cycles(most, side) if side & (side - 1) else 0
        for most, side in ((limits.max_n, config.cols), (limits.max_k, config.rows))
    )
    bits = (8, 32)
    runs = (SerialPost.CYCLES, SerialPost.raw_cycles(config.precision.acc_width))
    serial, serial_raw = (cycles - own - 1 for cycles, own in zip(runs, bits, strict=True))
    load_cycles = config.load_cycles
    sums_done = ActivationScratchpad.latency(build) + SystolicArray.cycles(config) + config.cols
    return [
        *(config.rows, config.cols, config.col_pitch, load_cycles),
        *(config.panel_bytes, config.tile_bytes, config.precision.a_bytes),
        *(config.panels_per_activation_word, config.beats_per_activation_word),
        config.activation_words,
        *(sram.weight_tiles, sram.accumulator_rows, sram.column_panels),
        *(bus.bytes, bus.max_burst, bus.outstanding, bus.addr_width, max(ALIGNMENT, bus.bytes)),
        *(limits.max_m, limits.max_n, limits.max_k),
        *(load_cycles + (config.load_rows - 1) * load_cycles + config.cols, sums_done),
        descriptor_beats(config),
        *(FIELDS["n"].word // lanes, FIELDS["k"].word // lanes, n_divides, k_divides),
        *(RegionCheck.COUNT_LATENCY, RegionCheck.LATENCY),
        *(ExecuteEngine.JOB_SETUP, ExecuteEngine.BLOCK_SETUP),
        StoreEngine.stages(build),
        Requantizer.LATENCY + 2 * build.post_registers,
        Requantizer.RAW_LATENCY + build.post_registers,
        *(serial, serial_raw, ElementQueue.DEPTH),
        *(build.post_lanes, build.queued_results, build.post_multiplier == "serial"),
        *(build.descriptors == 1, build.request_registers, build.sram_registers),
        build.unsafe_unchecked,
    ]
