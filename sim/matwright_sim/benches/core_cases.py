# SPDX-License-Identifier: Apache-2.0
"""Schedules of weight tiles and rows for the systolic array, and every sum they must give."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from matwright.config import AcceleratorConfig

from ..agents.trace import Record, element_of, join

__all__ = ["ArrayCase", "Tile", "integers", "tiles_at"]

Integers = NDArray[np.int64]


def integers(rng: Random, width: int, shape: tuple[int, ...]) -> Integers:
    """Two's complement integers of ``width`` bits, one in four an extreme."""
    low, high = -(2 ** (width - 1)), 2 ** (width - 1) - 1
    extremes = (low, high, -1, 0)
    flat = [
        rng.choice(extremes) if rng.random() < 0.25 else rng.randint(low, high)
        for _ in range(int(np.prod(shape)))
    ]
    return np.array(flat, np.int64).reshape(shape)


@dataclass(frozen=True)
class Tile:
    """A tile of weights: shifted in from cycle ``load`` on, at work from cycle ``switch`` on."""

    load: int
    switch: int
    weights: Integers


def tiles_at(config: AcceleratorConfig, rng: Random, schedule: list[tuple[int, int]]) -> list[Tile]:
    """Random tiles at the given cycles of ``load`` and ``switch``."""
    shape = (config.rows, config.cols)
    width = config.precision.b_width
    return [Tile(load, switch, integers(rng, width, shape)) for load, switch in schedule]


class ArrayCase:
    """Tiles and ``cycles`` cycles of random activations, in the skew that the array expects.

    What is not said by a tile is random: the weights that no lane takes, and the activations of
    every cycle, so that the sums of every cycle are determined and compared.
    """

    def __init__(
        self, config: AcceleratorConfig, tiles: list[Tile], cycles: int, rng: Random
    ) -> None:
        self.config = config
        self.tiles = tiles
        self.cycles = cycles
        precision, band = config.precision, config.load_cycles
        rows, cols, lanes = config.rows, config.cols, config.load_rows
        self.a = integers(rng, precision.a_width, (cycles, rows))
        self._w = integers(rng, precision.b_width, (cycles, lanes, cols))
        self._load = [0] * cycles
        self._last = [0] * cycles
        self._switch = [0] * cycles
        for tile in tiles:
            self._switch[tile.switch] = 1
            self._last[tile.load + band - 1] = 1
            for step in range(band):
                self._load[tile.load + step] = 1
                for lane in range(lanes):
                    row = lane * band + band - 1 - step
                    for c in range(cols):
                        cycle = tile.load + step + lane * band + c
                        self._w[cycle, lane, c] = tile.weights[row, c]

    def inputs(self) -> dict[str, list[int]]:
        """A value of each input for each cycle."""
        precision = self.config.precision
        return {
            "a": [join(row, precision.a_width) for row in self.a],
            "switch_in": self._switch,
            "load": self._load,
            "load_last": self._last,
            "w": [join(lanes.flat, precision.b_width) for lanes in self._w],
            "clear": [0] * self.cycles,
        }

    def sums(self, latency: int) -> Iterator[tuple[int, int, int, int]]:
        """Cycle, column and sum of all that the schedule determines; and the row's cycle."""
        rows, cols = self.config.rows, self.config.cols
        width = self.config.precision.acc_width
        for first in range(self.tiles[0].switch, self.cycles - rows - latency - cols):
            weights = [t.weights for t in self.tiles if t.switch <= first][-1]
            skewed = np.array([self.a[first + r, r] for r in range(rows)], np.int64)
            for c, total in enumerate(skewed @ weights):
                wrapped = (int(total) + 2 ** (width - 1)) % 2**width - 2 ** (width - 1)
                yield first + latency + c, c, wrapped, first

    def wrong(self, record: Record, latency: int, psum_width: int) -> list[str]:
        """What is wrong with a record of ``psum``."""
        found = []
        for cycle, c, total, first in self.sums(latency):
            seen = element_of(record["psum"][cycle], psum_width, c)
            if seen != total:
                found.append(
                    f"cycle {cycle}, column {c}: the row that entered in cycle {first} must sum to "
                    f"{total}, not {seen}"
                )
        return found
