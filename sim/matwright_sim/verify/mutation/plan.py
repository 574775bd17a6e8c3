# SPDX-License-Identifier: Apache-2.0
"""The acts that every mutant is put through, the short ones that find most first.

The work is that of the regression: random GEMMs of odd shapes, whole and in several descriptors, on fast
and on slow memory, with pauses; programs that must be refused, at the edges of what is legal; regions at
the edges of windows; a bus that breaks each of its rules; programs that the host stops.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import Flag

from .acts import Act, Registers
from .author import FAST, Author
from .netlist import MEMORIES

__all__ = ["Part", "parts"]

_RAW, _TABLE = int(Flag.RAW), int(Flag.TABLE)
_SCHEDULER, _BUS = ("scheduler",), ("scheduler", "dma")


@dataclass
class Part:
    """Acts on one machine, from reset."""

    name: str
    timing: dict[str, Any]
    """Latencies and pauses of its memory, as :class:`.CompiledAccelerator` takes them."""
    acts: list[Act]


def parts(config: AcceleratorConfig, block: str, seed: int) -> list[Part]:
    """All parts for mutants of a block; what is random in them follows from ``seed`` and their names."""
    found = []
    for name, timing, write, blocks in _PARTS:
        if block in (blocks or (block,)):
            author = Author(config, [seed, zlib.crc32(name.encode())])
            acts = list(write(author, block))
            if acts:
                found.append(Part(name, timing, acts))
    return found


# What is written for each part.


def _first(author: Author, block: str) -> Iterator[Act]:
    r, c = author.r, author.c
    yield from author.good("one", [(3, c + 1, r + 2)], _TABLE | _RAW, data="bytes")
    yield from author.good("two", [(2, 2, 2 * r), (2, c + 2, 3)], _TABLE, data="bytes")
    yield author.changed("no opcode", opcode=0)
    yield author.changed("no rows", m=0)
    yield author.changed("odd", a_addr=author.memory_bytes // 2 + 1)


def _pauses(author: Author, block: str) -> Iterator[Act]:
    r, c = author.r, author.c
    flags = _RAW | _TABLE | int(Flag.RELU) | int(Flag.A_UNSIGNED)
    yield from author.good("flags", [(3, c + 1, 3 * r + 1)], flags, data="bytes")
    yield from author.good("chain", [(2, c, r), (3, 2, c), (2, c + 1, 2)], dependent=True)
    yield from author.good("edges", [(4, 3, 2 * r)], int(Flag.D_UNSIGNED), data="edges")


def _refused(author: Author, block: str) -> Iterator[Act]:
    yield Registers("registers", int(author.rng.integers(1 << 16)))
    yield from author.between(author.bad_fields(), 30)


def _scales(author: Author, block: str) -> Iterator[Act]:
    for i in range(3):
        yield author.scaled(f"scales {i}", 12 * author.c)
    for name in ("one scale", "another scale"):
        yield author.one_scale(name)


def _long(author: Author, block: str) -> Iterator[Act]:
    r, c, sram = author.r, author.c, author.config.sram
    rows, tiles = sram.accumulator_rows, sram.weight_tiles
    panels_log2 = sram.column_panels.bit_length() - 1
    wide = [(2, (c << panels_log2) + c + 1, 2)]
    deep = [(2, c, (tiles + 3) * r + 1)]
    yield from author.good("deep", deep, _RAW, data="edges", tiling=(2, 0, 3))
    yield from author.good("tall", [(rows + 2, 1, r + 1)], _RAW, tiling=(rows, 0, 1))
    yield from author.good("wide", wide, _RAW | _TABLE, data="bytes", tiling=(2, panels_log2, 0))
    yield from author.good("least", [(1, 2, 1023)], _RAW, data="least", tiling=(1, 0, 8))
    flags = _RAW | int(Flag.A_UNSIGNED)
    yield from author.good("chunks", [(5, c + 1, 7 * r + 3)], flags, data="bytes", tiling=(3, 1, 1))


def _long_with_pauses(author: Author, block: str) -> Iterator[Act]:
    r, c, tiles = author.r, author.c, author.config.sram.weight_tiles
    quarter = max(1, author.config.activation_words // 4)
    deep = [(3, c + 1, (tiles + 3) * r // 2 + 1)]
    yield from author.good("deep", deep, _RAW | _TABLE, data="bytes")
    chain = [(4, c + 3, 2 * r + 1), (5, 3, c + 3), (4, 6, 5)]
    yield from author.good("chain", chain, dependent=True)
    yield from author.good("whole", [(quarter + 1, 1, 3)], _RAW, tiling=(quarter, 0, 0))


def _counts(author: Author, block: str) -> Iterator[Act]:
    """Programs in which counters come far, each beyond some power of two."""
    r, c, sram = author.r, author.c, author.config.sram
    tall = min(sram.accumulator_rows, 45)
    panels_log2 = sram.column_panels.bit_length() - 1
    for name, shape, tiling in (
        ("columns", (1, 37 * c + 1, 1), (1, 0, 0)),
        ("more columns", (1, 101 * c + 1, 1), (1, 0, 0)),
        ("rows", (64, 1, 1), (1, 0, 0)),
        ("more rows", (193, 1, 1), (3, 0, 0)),
        ("tile", (tall, 1, 2), (tall, 0, 0)),
        ("depth", (1, 1, 37 * r + 1), (1, 0, 0)),
        *(
            (f"chunks of {1 << log2}", (2, 1, (3 << log2) * r - 1), (2, 0, log2))
            for log2 in (2, 4, 6)
        ),
        ("chunks of 128", (2, 1, 255 * r), (2, 0, 7)),
        *((f"row of {k}", (2, 1, k), (2, 0, 8)) for k in (77, 147, 311, 541, 797, 1021)),
        # Weights are loaded ahead, until their ring is full.
        *((f"ring {n}", (2, n * c, 4 * r), (2, panels_log2, 3)) for n in (27, 28)),
        ("ring 30", (2, 30 * c, 3 * r), (2, panels_log2, 3)),
        ("ring 45", (2, 45 * c, 5 * r), (2, 1, 3)),
        *((f"deep ring {n}", (32, n * c, 150 * r), (32, panels_log2, 2)) for n in (1, 2, 3)),
    ):
        yield from author.good(name, [shape], _RAW, tiling=tiling)
    yield from author.good("descriptors", [(1, 1, 1)] * 300, _RAW)


def _more(author: Author, block: str) -> Iterator[Act]:
    r, c = author.r, author.c
    for i, data in enumerate(("bytes", "random", "edges", "random")):
        shapes = [(3, c + i, r + i), (2, 2 * i + 1, 2 * r - 1)]
        yield from author.good(f"more {i}", shapes, dependent=bool(i % 2), data=data)


Write = Callable[[Author, str], Iterable[Act]]

_PARTS: tuple[tuple[str, dict[str, Any], Write, tuple[str, ...]], ...] = (
    ("first", FAST, _first, ()),
    ("pauses", {"read_latency": 7, "write_latency": 13, "stall": 0.4, "seed": 5}, _pauses, ()),
    ("windows", FAST, lambda a, _: a.between(a.edged(40), 20), _BUS),
    ("refused", FAST, _refused, _BUS),
    (
        "faults",
        {"read_latency": 9, "write_latency": 6},
        lambda a, _: a.between(a.faulty(), 4),
        (),
    ),
    (
        "stops",
        {"read_latency": 12, "write_latency": 20, "stall": 0.3, "seed": 9},
        lambda a, _: a.between(a.stopped(), 2),
        (),
    ),
    ("unchecked", FAST, lambda a, _: a.between(a.unchecked(60), 20), _BUS),
    ("forgotten", FAST, lambda a, block: a.between(a.forgotten(block, 60), 15), MEMORIES),
    ("scales", {"read_latency": 2, "write_latency": 2}, _scales, ()),
    ("long", {"read_latency": 40, "write_latency": 40}, _long, ()),
    (
        "long with pauses",
        {"read_latency": 1, "write_latency": 1, "stall": 0.5, "seed": 21},
        _long_with_pauses,
        (),
    ),
    ("more forgotten", FAST, lambda a, block: a.between(a.forgotten(block, 150), 50), MEMORIES),
    (
        "more faults",
        {"read_latency": 6, "write_latency": 4, "stall": 0.3, "seed": 2},
        lambda a, _: a.between(a.more_faults(150), 20),
        ("dma",),
    ),
    ("more windows", FAST, lambda a, _: a.between(a.edged(150), 30), _BUS),
    ("counts", FAST, _counts, _BUS),
    ("tilings", FAST, lambda a, _: a.between(a.tilings(100), 30), _SCHEDULER),
    ("wraps", FAST, lambda a, _: a.between(a.wrapping(20), 30), _SCHEDULER),
    ("beyond", FAST, lambda a, _: a.beyond_memory(), _BUS),
    ("more", {"read_latency": 25, "write_latency": 3, "stall": 0.2, "seed": 33}, _more, ()),
)
"""Name, timing of the memory, what writes the acts, and the blocks that get them if not all do."""
