# SPDX-License-Identifier: Apache-2.0
"""Row stream: issues the rows of one weight tile, one per cycle."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..memory.accumulator import AccumulateCommand
from ..memory.activation import ActivationRead
from ..memory.sram import address_width

__all__ = ["RowStream", "Tile"]


class Tile(data.StructLayout):
    """The rows that meet one weight tile.

    ``rows`` rows are read from ``read``'s place, ``pitch`` words apart, and added from ``sum``'s bank:
    from row 0 on with ``top``, else where the tile before ended. ``read.done`` and ``sum.done`` are
    given with the last row alone.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "rows": range(config.sram.accumulator_rows + 1),
                "pitch": range(config.activation_words + 1),
                "top": 1,
                "read": ActivationRead(config),
                "sum": AccumulateCommand(config),
            }
        )


class RowStream(wiring.Component):
    """Takes ``tile`` with ``start``, which may come while ``free``, and issues its rows.

    The first row goes out in the next cycle, with ``switch_out``; ``free`` is high again with the
    last row, so that tiles follow each other without a gap. ``busy`` says that the next cycle has a
    row of the same tile.
    """

    start: Signal  # In
    tile: data.View  # In, Tile
    free: Signal  # Out
    busy: Signal  # Out
    row: data.View  # Out, ActivationRead
    switch_out: Signal  # Out
    sum: data.View  # Out, AccumulateCommand

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "tile": In(Tile(config)),
                "free": Out(1),
                "busy": Out(1),
                "row": Out(ActivationRead(config)),
                "switch_out": Out(1),
                "sum": Out(AccumulateCommand(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tile = Signal(Tile(self.config))
        word = Signal(address_width(self.config.activation_words))
        addr = Signal(address_width(self.config.sram.accumulator_rows))
        first = Signal()
        left = Signal.like(tile.rows)
        last = Signal()
        m.d.comb += [
            last.eq(left == 1),
            self.free.eq(left <= 1),
            self.busy.eq(left > 1),
        ]
        with m.If(left != 0):
            m.d.sync += [
                left.eq(left - 1),
                word.eq(word + tile.pitch),
                addr.eq(addr + 1),
                first.eq(0),
            ]
        with m.If(self.start):
            m.d.sync += [
                tile.eq(self.tile),
                left.eq(self.tile.rows),
                word.eq(self.tile.read.word),
                first.eq(1),
            ]
            with m.If(self.tile.top):
                m.d.sync += addr.eq(0)

        m.d.comb += [
            self.row.valid.eq(left != 0),
            self.row.half.eq(tile.read.half),
            self.row.word.eq(word),
            self.row.panel.eq(tile.read.panel),
            self.row.count.eq(tile.read.count),
            self.row.flip.eq(tile.read.flip),
            self.row.done.eq(last & tile.read.done),
            self.switch_out.eq((left != 0) & first),
            self.sum.valid.eq(left != 0),
            self.sum.bank.eq(tile.sum.bank),
            self.sum.addr.eq(addr),
            self.sum.first.eq(tile.sum.first),
            self.sum.done.eq(last & tile.sum.done),
        ]
        return m
