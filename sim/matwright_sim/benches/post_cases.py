# SPDX-License-Identifier: Apache-2.0
"""Random work for post-processing, and what it must give; for every simulator the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from amaranth.lib import data

from matwright.config import Precision

from ..golden.arithmetic import narrow, requantize, wrap

__all__ = [
    "Settings",
    "beats_of",
    "bits_of",
    "elements_of",
    "random_rows",
    "random_settings",
    "raw_elements",
]

Item = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of :class:`matwright.post.requantize.Requantizer`."""

    raw: int = 0
    relu: int = 0
    use_table: int = 0
    scale: int = 0
    zero_point: int = 0
    d_unsigned: int = 0

    def ports(self) -> dict[str, int]:
        """Value of each port."""
        return dict(vars(self))


def random_settings(rng: Random, raw: bool) -> Settings:
    """Settings with a fair share of extremes."""
    return Settings(
        raw=int(raw),
        relu=rng.randrange(2),
        use_table=rng.randrange(2),
        scale=_word(rng, 0),
        zero_point=rng.choice([0, -128, 127, rng.randint(-128, 127)]),
        d_unsigned=rng.randrange(2),
    )


def bits_of(layout: data.StructLayout, item: Mapping[Any, Any]) -> int:
    """The payload ``item`` as the port sees it."""
    return layout.const(item).as_bits()


@dataclass
class _Shape:
    columns: int
    """Columns of a panel, padded to a multiple of the lanes."""
    padding: int
    """Columns of them that are padding."""
    panels: int = field(default=1)


def random_rows(rng: Random, precision: Precision, lanes: int, items: int) -> list[Item]:
    """At least ``items`` items of whole rows: panels with padded columns, groups of padding alone."""
    work: list[Item] = []
    while len(work) < items:
        groups = rng.randint(1, 4)
        columns = groups * lanes
        shape = _Shape(columns, rng.choice([0, 0, rng.randrange(columns)]), rng.randint(1, 3))
        for _ in range(rng.randint(1, 3)):
            work += _row(rng, precision, lanes, shape)
    return work


def _row(rng: Random, precision: Precision, lanes: int, shape: _Shape) -> list[Item]:
    real = shape.columns - shape.padding
    tail = rng.randint(1, real)
    items: list[Item] = []
    for panel in range(shape.panels):
        final = panel == shape.panels - 1
        columns = tail if final else real
        for first in range(0, shape.columns, lanes):
            if final and first >= tail:
                break
            last = final and first + lanes >= tail
            items.append(
                _lanes(rng, precision, lanes)
                | {"count": max(0, min(lanes, columns - first)), "last": int(last)}
            )
    return items


def _lanes(rng: Random, precision: Precision, lanes: int) -> Item:
    low, high = -(1 << (precision.acc_width - 1)), (1 << (precision.acc_width - 1)) - 1
    sums, biases, words = [], [], []
    for _ in range(lanes):
        small = max(low, min(high, rng.randint(-4096, 4096)))
        total = rng.choice([low, high, 0, -1, rng.randint(low, high), small])
        bias = rng.choice([0, 0, -(2**31), 2**31 - 1, rng.randint(-(2**31), 2**31 - 1)])
        sums.append(total)
        biases.append(bias)
        words.append(_word(rng, int(wrap(total + bias, precision.acc_width))))
    return {"sums": sums, "biases": biases, "words": words}


def _word(rng: Random, total: int) -> int:
    """A scale word: any, an extreme, one that brings ``total`` into range, or one that makes ties."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.getrandbits(32)
    if kind == 1:
        return rng.choice([0, 1, (1 << 27) - 1, 1 << 26]) | rng.choice([0, 31]) << 27
    if kind == 2 and total:
        # The scale that gives a result of -300 to 300.
        wanted = rng.uniform(0, 300) / abs(total)
        exponent = rng.randrange(32)
        return exponent << 27 | min((1 << 27) - 1, round(wanted * 2.0 ** (20 + exponent)))
    # Half an odd number of times the sum: a power of two that leaves one fraction bit.
    fraction = (total & -total).bit_length() if total else 1
    exponent = min(31, fraction)
    return exponent << 27 | (1 << 20) * rng.choice([1, 3, 5])


def elements_of(items: list[Item], precision: Precision, settings: Settings) -> list[Item]:
    """What a requantizer makes of ``items``: values of the valid lanes, mask, last."""
    out = []
    for item in items:
        count = item["count"]
        total = np.array(item["sums"][:count], np.int64)
        words: Any = settings.scale
        if settings.use_table:
            total = wrap(total + np.array(item["biases"][:count], np.int64), precision.acc_width)
            words = np.array(item["words"][:count], np.int64)
        if settings.relu:
            total = np.maximum(total, 0)
        if settings.raw:
            values = [int(t) & 0xFFFF_FFFF for t in total]
        else:
            y = requantize(total, words)
            d = narrow(y, settings.zero_point, unsigned=bool(settings.d_unsigned))
            values = [int(v) & 0xFF for v in d]
        out.append({"values": values, "mask": (1 << count) - 1, "last": item["last"]})
    return out


def raw_elements(items: list[Item]) -> list[Item]:
    """Work for a packer alone: the scale words of ``items`` as elements."""
    return [
        {"values": item["words"], "mask": (1 << item["count"]) - 1, "last": item["last"]}
        for item in items
    ]


def beats_of(items: list[Item], lanes: int, beat_bytes: int, raw: bool) -> list[tuple[int, int]]:
    """Data and strobe of each beat that a packer makes of elements ``items``."""
    size = 4 if raw else 1
    beats: list[tuple[int, int]] = []
    content, strobe = bytearray(), bytearray()
    for item in items:
        for lane in range(lanes):
            valid = bool(item["mask"] >> lane & 1)
            value = item["values"][lane] if valid else 0
            content += (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
            strobe += bytes([valid] * size)
        if item["last"]:
            end = strobe.rindex(1) + 1
            for first in range(0, end, beat_bytes):
                word = int.from_bytes(content[first : first + beat_bytes], "little")
                ones = strobe[first : first + beat_bytes]
                beats.append((word, sum(bit << n for n, bit in enumerate(ones))))
            content, strobe = bytearray(), bytearray()
    return beats
