# SPDX-License-Identifier: Apache-2.0
"""Pieces: how the engines cut rows, columns and depth of a job, and count down in what they cut."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig

__all__ = ["Pieces", "counted", "cut_blocks"]


class Pieces(wiring.Component):
    """Walks a ``total`` in pieces of ``piece``; the last is as short as it must be.

    ``start`` goes to the first piece, ``step`` to the next one. From the cycle after, ``offset`` is
    what lies before the piece, and in cycles with ``look`` the other outputs say of it what they say;
    ``look`` and ``step`` exclude each other. ``total`` and ``piece``, each at least 1, are seen in all
    of these cycles.
    """

    total: Signal  # In
    piece: Signal  # In
    start: Signal  # In
    step: Signal  # In
    look: Signal  # In
    offset: Signal  # Out, shape of total
    size: Signal  # Out, shape of piece
    minus: Signal  # Out, -size
    one: Signal  # Out, size is 1
    last: Signal  # Out, nothing lies beyond it

    def __init__(self, total: ShapeLike, piece: ShapeLike) -> None:
        super().__init__(
            {
                "total": In(total),
                "piece": In(piece),
                "start": In(1),
                "step": In(1),
                "look": In(1),
                "offset": Out(total),
                "size": Out(piece),
                "minus": Out(signed(Shape.cast(piece).width + 1)),
                "one": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = max(len(self.total), len(self.piece))

        # ~left is kept: ~(left - piece) is ~left + piece, and one more than that carries when
        # left <= piece. So one adder, without inverters, is both the next value and the comparison.
        total = Signal(width)
        left = Signal(width)
        left_inverted = Signal(width, reset_less=True)
        added = Signal(width + 2)
        offset = Signal.like(self.total, reset_less=True)
        m.d.comb += [
            total.eq(self.total),
            left.eq(~left_inverted),
            added.eq(Cat(Const(1, 1), left_inverted) + Cat(self.look, self.piece)),
            self.offset.eq(offset),
            self.last.eq(added[-1]),
            self.size.eq(Mux(self.last, left, self.piece)),
            # Beside the comparison, not after it.
            self.minus.eq(Mux(self.last, -left[: len(self.piece)], -self.piece)),
            self.one.eq((left == 1) | (self.piece == 1)),
        ]
        with m.If(self.start | self.step):
            m.d.sync += [
                left_inverted.eq(Mux(self.start, ~total, added[1:])),
                offset.eq(Mux(self.start, 0, offset + self.piece)),
            ]
        return m


def cut_blocks(m: Module, config: AcceleratorConfig, blocks: Any, look: Value) -> tuple:
    """Rows and column panels of a job's blocks, a :class:`.BlockShape`, both looked at with ``look``."""
    rows = Pieces(blocks.m.shape(), blocks.tile_rows.shape())
    columns = Pieces(blocks.panels.shape(), range(config.sram.column_panels + 1))
    m.submodules.rows = rows
    m.submodules.columns = columns
    m.d.comb += [
        rows.total.eq(blocks.m),
        rows.piece.eq(blocks.tile_rows),
        rows.look.eq(look),
        columns.total.eq(blocks.panels),
        columns.piece.eq(1 << blocks.n_panels_log2),
        columns.look.eq(look),
    ]
    return rows, columns


def counted(value: Signal, on: Signal, load: Value) -> Value:
    """``value - 1`` when ``on``, else ``load``.

    With ``on`` as the summand, adder and multiplexer of a bit go into one logic cell of an iCE40.
    """
    return Mux(on, value + on.replicate(len(value)), load)[: len(value)]
