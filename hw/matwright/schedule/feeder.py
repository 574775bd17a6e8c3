# SPDX-License-Identifier: Apache-2.0
"""Weight feeder: shifts the next weight tile into the array, one tile ahead of the rows."""

from amaranth import Module, Signal
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

        left = Signal(range(cycles + 1))
        begin = Signal()
        under_way = left > 1 if cycles > 1 else 0
        m.d.comb += [
            tiles.put.eq(self.filled),
            tiles.take.eq(begin),
            begin.eq(tiles.some & (self.start | ~self.ready) & ~under_way),
            self.step.eq(left != 0),
            self.last.eq(left == 1),
        ]
        with m.If(self.start):
            m.d.sync += self.ready.eq(0)
        with m.If(begin):
            m.d.sync += left.eq(cycles)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(begin if cycles == 1 else left == 2):
            m.d.sync += self.ready.eq(1)

        return m
