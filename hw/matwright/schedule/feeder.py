# SPDX-License-Identifier: Apache-2.0
"""Weight feeder: shifts the next weight tile into the array, one tile ahead of the rows."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .tokens import Tokens

__all__ = ["WeightFeeder"]


class WeightFeeder(wiring.Component):
    """Keeps the tile that follows ready in the array.

    ``start`` says that the rows of the tile held ready begin in the next cycle; in the same cycle
    the feeder begins with the tile after it, if the ring has one: ``step`` is high for
    ``load_cycles`` cycles from the next cycle on, ``last`` in the last of them. ``ready`` is high
    from :attr:`latency` cycles after that beginning until the next ``start``.
    """

    filled: Signal  # In, a tile is whole in the weight ring
    start: Signal  # In, only while ready
    ready: Signal  # Out
    step: Signal  # Out
    last: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {"filled": In(1), "start": In(1), "ready": Out(1), "step": Out(1), "last": Out(1)}
        )

    @property
    def latency(self) -> int:
        """Cycles from the beginning of a tile to ``ready``: the least between two starts."""
        return self.config.load_cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cycles = self.config.load_cycles
        m.submodules.tiles = tiles = Tokens(self.config.sram.weight_tiles)

        left = Signal(range(cycles + 1), reset_less=True)
        begin = Signal()
        m.d.comb += [
            tiles.put.eq(self.filled),
            tiles.take.eq(begin),
            begin.eq(tiles.some & (self.start | ~(self.ready | self.step))),
        ]
        ends = begin if cycles == 1 else self.step & (left == 2)
        m.d.sync += [
            self.step.eq(begin | (self.step & ~self.last)),
            self.last.eq(ends),
            self.ready.eq(ends | (self.ready & ~self.start)),
            left.eq(Mux(begin, cycles, left - 1)),
        ]

        return m
