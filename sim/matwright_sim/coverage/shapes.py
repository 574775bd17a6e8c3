# SPDX-License-Identifier: Apache-2.0
"""Classes of sizes, as the array and the memories on chip see them, and programs of such sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matwright.config import AcceleratorConfig, ceil_div

__all__ = [
    "CLASSES",
    "MOST_GEMMS",
    "Classes",
    "Shape",
    "Tiling",
    "class_of",
    "draw",
    "draw_like",
    "longest",
    "memory_bytes",
    "missing_classes",
    "room",
    "share",
]

CLASSES = ("1", "below", "multiple", "other", "blocks", "beyond")
"""Of M, N and K each: 1; below the array; a multiple of it; no multiple of it; more than one block of the
descriptor's tiling; more than the largest block that the memories on chip allow."""

Classes = tuple[str, str, str]
_TRIES = 400
WORK = 24_000
"""About the most cycles that a shape takes: a regression has many."""
_SERIAL_CYCLES = 75
MOST_GEMMS = 5
"""Of a program, unless they are the smallest."""
_MEMORY_BITS = 32
_NO_LIMIT = 1 << 24


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
    for place, name in enumerate("MNK"):
        unit, largest, limit = (
            sizes[place] for sizes in (_units(config), _largest(config), _limits(config))
        )
        blocks = _extremes(config)[place]
        for one in CLASSES:
            some = [_sizes(one, unit, block, largest, limit) for block in blocks]
            if any(some):
                alone = [1, 1, 1]
                alone[place] = min(sizes[0] for sizes in some if sizes)
                if room(config, Shape(*alone)) > share(config):
                    missing[name, one] = (
                        f"memory of {memory_bytes(config)} bytes has no room for it"
                    )
            elif any(_sizes(one, unit, block, largest, _NO_LIMIT) for block in blocks):
                fit = f", and {largest} fit" if one == "beyond" else ""
                missing[name, one] = f"at most {limit} are permitted{fit}"
            elif unit <= 2 and one in ("below", "other"):
                missing[name, one] = f"the array takes {unit} at once"
            else:
                missing[name, one] = f"the largest block is {largest}"
    return missing


def _extremes(config: AcceleratorConfig) -> tuple[tuple[int, int], ...]:
    """The smallest block and the largest of M, N and K in a GEMM of several blocks."""
    per_word = _per_word_log2(config)
    least = -(-config.bus.bytes // config.col_pitch)
    tallest, widest, deepest = _largest(config)
    return (
        (1, tallest),
        (config.cols << (least - 1).bit_length(), widest),
        (config.rows << per_word, min(deepest, config.rows << 15)),
    )


def _sizes(wanted: str, unit: int, block: int, largest: int, limit: int) -> range:
    """Sizes of the class that are permitted; of those that are beyond all memory the smallest."""
    most = min(block, limit)
    if wanted == "1":
        return range(1, 2)
    if wanted == "below":
        return range(2, min(unit, most + 1))
    if wanted == "multiple":
        return range(max(unit, 2), most + 1, unit)
    if wanted == "other":
        return range(unit + 1, most + 1) if unit > 1 else range(0)
    if wanted == "blocks":
        return range(block + 1, min(largest, limit, 3 * block) + 1)
    return range(largest + 1, min(limit, largest + 2 * unit) + 1)


def memory_bytes(config: AcceleratorConfig) -> int:
    """As much memory as the machine can address, up to 4 GiB."""
    return 1 << min(config.bus.addr_width, _MEMORY_BITS)


def share(config: AcceleratorConfig) -> int:
    """The most bytes that each GEMM of a program may take: half of memory stays free."""
    return memory_bytes(config) // 2 // MOST_GEMMS


def room(config: AcceleratorConfig, shape: Shape) -> int:
    """At least the bytes of a GEMM, its code and gaps."""
    stray = 3 * config.bus.bytes
    n_panels, k_panels = ceil_div(shape.n, config.cols), ceil_div(shape.k, config.rows)
    a = shape.m * (k_panels * config.row_pitch * config.precision.a_bytes + stray)
    b = k_panels * (n_panels * config.tile_bytes + stray)
    d = shape.m * (n_panels * config.col_pitch * 4 + stray)
    return a + b + d + n_panels * config.col_pitch * 8 + 64 * config.bus.bytes + 512


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
        if _work(config, shape, tiling) > work or room(config, shape) > share(config):
            continue
        if class_of(config, shape, tiling) == tuple(wanted):
            return shape, tiling
    return None


def draw_like(
    config: AcceleratorConfig, rng: np.random.Generator, triple: Sequence[str], work: int = WORK
) -> tuple[Shape, Tiling]:
    """A shape and a tiling of these classes, or of others where a configuration does not have them."""
    absent = missing_classes(config)
    wanted = list(triple)
    for place, dimension in enumerate("MNK"):
        while (dimension, wanted[place]) in absent:
            wanted[place] = str(rng.choice(CLASSES[:5]))
    while True:
        drawn = draw(config, rng, wanted, work)
        if drawn is not None:
            return drawn
        # The largest takes longest: it stays, if it can be at all, and the others get smaller.
        places = [place for place in range(3) if wanted[place] not in ("beyond", "1")]
        place = int(rng.choice(places)) if places else wanted.index("beyond")
        wanted[place] = str(rng.choice(CLASSES[:3])) if places else "blocks"


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
            while _work(config, Shape(*sizes), tiling) > work or room(
                config, Shape(*sizes)
            ) > share(config):
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
