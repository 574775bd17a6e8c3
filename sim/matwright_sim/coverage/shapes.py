# SPDX-License-Identifier: Apache-2.0
"""Classes of sizes, as the array and the memories on chip see them, and programs of such sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matwright.config import AcceleratorConfig, ceil_div

__all__ = [
    "CLASSES",
    "Classes",
    "Shape",
    "Tiling",
    "class_of",
    "draw",
    "longest",
    "missing_classes",
]

CLASSES = ("1", "below", "multiple", "other", "blocks", "beyond")
"""Of M, N and K each: 1; below the array; a multiple of it; no multiple of it; more than one block of the
descriptor's tiling; more than the largest block that the memories on chip allow."""

Classes = tuple[str, str, str]
_TRIES = 400
WORK = 24_000
"""About the most cycles that a shape takes: a regression has many."""
_SERIAL_CYCLES = 75


@dataclass(frozen=True)
class Shape:
    """Sizes of a GEMM."""

    m: int
    n: int
    k: int


@dataclass(frozen=True)
class Tiling:
    """The three fields of a descriptor that say how it is cut."""

    tile_rows: int
    n_panels_log2: int
    k_panels_log2: int


def _per_word_log2(config: AcceleratorConfig) -> int:
    return config.panels_per_activation_word.bit_length() - 1


def _units(config: AcceleratorConfig) -> tuple[int, int, int]:
    """What the array does at once: rows that pass while a tile is loaded, columns, rows of K."""
    return config.load_cycles, config.cols, config.rows


def _blocks(config: AcceleratorConfig, tiling: Tiling) -> tuple[int, int, int]:
    return (
        tiling.tile_rows,
        config.cols << tiling.n_panels_log2,
        config.rows << tiling.k_panels_log2,
    )


def _largest(config: AcceleratorConfig) -> tuple[int, int, int]:
    """The largest block in each direction, by itself."""
    return (
        min(config.sram.accumulator_rows, config.activation_words),
        config.cols * config.sram.column_panels,
        config.rows * config.activation_words * config.panels_per_activation_word,
    )


def _limits(config: AcceleratorConfig) -> tuple[int, int, int]:
    # Sums of more products than this could leave the accumulator, whose wrapping is tested elsewhere.
    precision = config.precision
    products = 1 << precision.a_width + precision.b_width - 2
    sums = max(1, ((1 << precision.acc_width - 1) - (1 << 21)) // products)
    limits = config.limits
    return limits.max_m, limits.max_n, min(limits.max_k, sums)


def _class(size: int, unit: int, block: int, largest: int) -> str:
    if size == 1:
        return "1"
    if size > largest:
        return "beyond"
    if size > block:
        return "blocks"
    if size < unit:
        return "below"
    return "other" if size % unit else "multiple"


def class_of(config: AcceleratorConfig, shape: Shape, tiling: Tiling) -> Classes:
    """Class of M, of N and of K."""
    sizes = (shape.m, shape.n, shape.k)
    m, n, k = (
        _class(*item)
        for item in zip(
            sizes, _units(config), _blocks(config, tiling), _largest(config), strict=True
        )
    )
    return m, n, k


def missing_classes(config: AcceleratorConfig) -> dict[tuple[str, str], str]:
    """Classes of a dimension that a configuration cannot have, and why."""
    missing = {}
    rows = zip("MNK", _units(config), _largest(config), _limits(config), strict=True)
    for name, unit, largest, limit in rows:
        if unit <= 2:
            missing[name, "below"] = f"the array takes {unit} at once"
        if unit == 1:
            missing[name, "other"] = "the array takes 1 at once"
        if limit <= largest:
            reason = f"at most {limit} are permitted, and {largest} fit"
            missing[name, "beyond"] = reason
        if largest <= unit:
            missing[name, "other"] = f"the largest block is {largest}"
    return missing


def _sizes(wanted: str, unit: int, block: int, largest: int, limit: int) -> range:
    """Sizes of the class; of those that are beyond all memory the smallest."""
    if wanted == "1":
        return range(1, 2)
    if wanted == "below":
        return range(2, min(unit, block + 1))
    if wanted == "multiple":
        return range(max(unit, 2 if unit == 1 else unit), block + 1, unit)
    if wanted == "other":
        return range(unit + 1, block + 1) if unit > 1 else range(0)
    if wanted == "blocks":
        return range(block + 1, min(largest, limit, 3 * block) + 1)
    return range(largest + 1, min(limit, largest + 2 * unit) + 1)


def draw(
    config: AcceleratorConfig, rng: np.random.Generator, wanted: Sequence[str], work: int = WORK
) -> tuple[Shape, Tiling] | None:
    """A shape and a tiling of these classes of M, N and K, of at most about ``work`` cycles; None if none
    was found."""
    per_word = _per_word_log2(config)
    deepest = min(config.activation_words.bit_length() - 1, 15 - per_word)
    for _ in range(_TRIES):
        n_log2 = int(rng.integers(config.sram.column_panels.bit_length()))
        k_log2 = per_word + int(rng.integers(min(deepest, 1 + int(rng.integers(12))) + 1))
        tallest = min(
            config.sram.accumulator_rows >> n_log2, config.activation_words >> k_log2 - per_word
        )
        if not tallest:
            continue
        if wanted[0] != "beyond":
            tallest = min(tallest, int(rng.choice([4, 16, 40])))
        tiling = Tiling(int(rng.integers(1, tallest + 1)), n_log2, k_log2)
        sizes = []
        rows = zip(
            wanted,
            _units(config),
            _blocks(config, tiling),
            _largest(config),
            _limits(config),
            strict=True,
        )
        for item in rows:
            some = _sizes(*item)
            if not some:
                break
            size = int(rng.choice(some)) if len(some) < 1 << 16 else some[0]
            sizes.append(size)
        if len(sizes) < 3:
            continue
        shape = Shape(*sizes)
        split = shape.n > config.cols << n_log2
        if split and config.col_pitch << n_log2 < config.bus.bytes:
            continue
        if _work(config, shape, tiling) > work:
            continue
        if class_of(config, shape, tiling) == tuple(wanted):
            return shape, tiling
    return None


def longest(config: AcceleratorConfig, work: int) -> list[tuple[Shape, Tiling]]:
    """For M, N and K the largest that takes at most about ``work`` cycles, the others being 1: in the
    smallest blocks, and in the largest."""
    found = []
    per_word = _per_word_log2(config)
    least = -(-config.bus.bytes // config.col_pitch)
    rows = _largest(config)[0]
    depth = min(15, per_word + config.activation_words.bit_length() - 1)
    smallest = Tiling(1, (least - 1).bit_length(), per_word)
    large = (
        Tiling(rows, 0, per_word),
        Tiling(1, config.sram.column_panels.bit_length() - 1, per_word),
        Tiling(1, 0, depth),
    )
    for place in range(3):
        for tiling in (smallest, large[place]):
            sizes = [1, 1, 1]
            sizes[place] = _limits(config)[place]
            while _work(config, Shape(*sizes), tiling) > work:
                sizes[place] = -(-sizes[place] // 2)
            found.append((Shape(*sizes), tiling))
    return found


def _work(config: AcceleratorConfig, shape: Shape, tiling: Tiling) -> int:
    """About the cycles that it takes."""
    blocks = ceil_div(shape.m, tiling.tile_rows)
    tiles = ceil_div(shape.n, config.cols) * ceil_div(shape.k, config.rows)
    serial = config.build.post_multiplier == "serial"
    element = _SERIAL_CYCLES if serial else 1
    a_beats = shape.m * ceil_div(shape.n, config.cols << tiling.n_panels_log2)
    a_beats *= ceil_div(shape.k * config.precision.a_bytes, config.bus.bytes)
    b_beats = blocks * tiles * (config.tile_bytes // config.bus.bytes)
    return tiles * shape.m + a_beats + b_beats + shape.m * shape.n * element
