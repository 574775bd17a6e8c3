# SPDX-License-Identifier: Apache-2.0
"""Row stream: issues the rows of one weight tile, one per cycle."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..memory.accumulator import AccumulateCommand
from ..memory.activation import ActivationRead
from .pieces import counted

__all__ = ["RowStream", "Tile"]


class Tile(data.StructLayout):
    """The rows that meet one weight tile.

    ``rows`` rows are read from ``read``'s place, ``pitch`` words apart, and added from ``sum``'s bank:
    from row 0 on with ``top``, else where the tile before ended. ``read.done`` and ``sum.done`` are
    given with the last row alone. ``pitch`` alone is not seen with ``start``, but from the cycle after
    until the last row.
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
        tile = self.tile
        read: Any = Signal(ActivationRead(self.config), reset_less=True)
        sums: Any = Signal(AccumulateCommand(self.config), reset_less=True)
        valid = Signal()
        first = Signal(reset_less=True)
        left = Signal.like(tile.rows, reset_less=True)
        m.d.sync += [
            valid.eq(self.start | self.busy),
            self.busy.eq(Mux(self.start, tile.rows != 1, self.busy & (left != 2))),
            first.eq(self.start),
            # Loaded whether or not a tile starts: `start` comes late in its cycle.
            left.eq(counted(left, self.busy, tile.rows)),
            read.word.eq(Mux(self.busy, read.word + tile.pitch, tile.read.word)),
        ]
        with m.If(~self.busy):
            m.d.sync += [
                *(read[name].eq(tile.read[name]) for name in ("half", "panel", "count")),
                *(read[name].eq(tile.read[name]) for name in ("flip", "done")),
                *(sums[name].eq(tile.sum[name]) for name in ("bank", "first", "done")),
            ]
        top = self.start & tile.top
        with m.If(top | valid):
            m.d.sync += sums.addr.eq(Mux(top, 0, sums.addr + 1))

        last = valid & ~self.busy
        m.d.comb += [
            self.free.eq(~self.busy),
            self.row.eq(read),
            self.row.valid.eq(valid),
            self.row.done.eq(last & read.done),
            self.switch_out.eq(valid & first),
            self.sum.eq(sums),
            self.sum.valid.eq(valid),
            self.sum.done.eq(last & sums.done),
        ]
        return m
