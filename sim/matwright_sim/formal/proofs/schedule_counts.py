# SPDX-License-Identifier: Apache-2.0
"""How sizes are cut: panels of a side, and the pieces that engines walk."""

from functools import partial

from amaranth import Const, Mux, Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_DIVIDER = "matwright.schedule.divider"
_PIECES = "matwright.schedule.pieces"
_LARGEST = 255


def _panels(b: Bench, side: int) -> None:
    dut = b.place("dut", b.source(_DIVIDER).PanelCount(_LARGEST, side))
    m, latency = b.m, dut.latency
    last = Signal(len(dut.last))  # what was taken
    since = Signal(range(latency + 1), init=0)  # cycles since then
    started = Signal()
    with m.If(dut.start):
        m.d.sync += [last.eq(dut.last), since.eq(1), started.eq(1)]
    with m.Elif(since != latency):
        m.d.sync += since.eq(since + 1)
    known = started & (since == latency)

    product = dut.last_panel * side
    b.implies("exact", known, (product + dut.last_item == last) & (dut.last_item < side))
    follow = b.before(known & ~dut.start)
    whole = (dut.panels == b.before(dut.last_panel) + 1) & (dut.tail == b.before(dut.last_item) + 1)
    b.implies("one_more", follow, whole)
    b.implies("latency", known, dut.done)
    if side & (side - 1):
        b.implies("not_early", started & (since != latency), ~dut.done)
        # What is divided yet, when so many bits are left.
        quotient, rest, left = (b.inner(dut, name) for name in ("quotient", "rest", "left"))
        width = latency - 1
        b.show("left", ~started | (left == latency - since))
        b.implies("fits", started, rest < side)
        for i in range(width + 1):
            divided = quotient[: width - i] * side + rest == last >> i
            waiting = quotient[width - i :] == last[:i] if i <= len(last) else Const(1)
            b.implies(f"bits_{i}", started & (left == i), divided & waiting)
    b.reach("tail", known & (last == 200) & b.before(~known))
    b.reach("largest", known & (last == _LARGEST - 1))


def _pieces(b: Bench) -> None:
    shapes = b.source("matwright.schedule.job").BlockShape(b.config)
    total_shape, piece_shape = shapes["m"].shape, shapes["tile_rows"].shape
    dut = b.place("dut", b.source(_PIECES).Pieces(total_shape, piece_shape))
    m = b.m
    total, piece = Signal(total_shape), Signal(piece_shape)  # of the walk at hand
    wide = max(len(total), len(piece)) + 1
    offset = Signal(wide)
    walks = Signal()
    more = Signal()
    m.d.comb += more.eq(offset + piece < total)
    with m.If(dut.start):
        m.d.sync += [total.eq(dut.total), piece.eq(dut.piece), offset.eq(0), walks.eq(1)]
    with m.Elif(dut.step):
        m.d.sync += offset.eq(offset + piece)
    b.assume(~dut.start | ((dut.total != 0) & (dut.piece != 0)))
    b.assume(~(dut.step | dut.look) | ((dut.total == total) & (dut.piece == piece)))
    b.assume(~dut.step | (walks & more & ~dut.look))
    b.assume(~dut.start | ~dut.look)
    looks = walks & dut.look

    size = Signal(wide)
    m.d.comb += size.eq(Mux(more, piece, total - offset))
    b.implies("offset", walks, dut.offset == offset)
    b.implies("size", looks, dut.size == size)
    b.implies("minus", looks, dut.minus == -size)
    b.implies("one", looks, dut.one == (size == 1))
    b.implies("last", looks, dut.last == ~more)
    b.implies("whole", looks & dut.last, dut.offset + dut.size == total)
    b.implies("ends", looks & b.before(dut.step & ~dut.start), dut.offset >= b.before(piece))

    b.implies("inside", walks, (offset < total) & (piece != 0))
    left = b.inner(dut, "left")
    b.implies("left", walks, left == total - offset)
    b.reach("third", looks & dut.last & (offset == 2 * piece) & (size == 3))


def _panel_count(side: int, exact: Plant, *more: Property) -> Proof:
    return Proof(
        name=f"panel_count_{side}",
        block="schedule/divider.py: PanelCount",
        scale=f"sizes to {_LARGEST}, sides of {side}",
        spec=partial(_panels, side=side),
        properties=(
            Property(
                "exact",
                "Panels and tail, both less one, are quotient and rest of the size less one.",
                exact,
            ),
            Property(
                "one_more",
                "Panels and tail are one more each, a cycle later.",
                Plant(_DIVIDER, "self.tail.eq(self.last_item + 1)", "self.tail.eq(self.last_item)"),
            ),
            *more,
        ),
        depth=12,
    )


PROOFS = (
    _panel_count(
        12,
        Plant(_DIVIDER, "trial >= self.side", "trial > self.side"),
        Property(
            "latency",
            "It is done after exactly as many cycles as it says, whatever it divides.",
            Plant(_DIVIDER, "left.eq(width)", "left.eq(width + 1)"),
        ),
        Property(
            "not_early",
            "It is not done before.",
            Plant(_DIVIDER, "self.done.eq(left == 0)", "self.done.eq(left <= 1)"),
        ),
    ),
    _panel_count(8, Plant(_DIVIDER, "self.last >> bits", "self.last[bits:-1]")),
    Proof(
        name="pieces",
        block="schedule/pieces.py: Pieces",
        scale="the configuration's limits.max_m and sram.accumulator_rows",
        spec=_pieces,
        properties=(
            Property(
                "size",
                "A piece is as long as it was asked for, the last as short as what is left.",
                Plant(
                    _PIECES, "Mux(self.last, left, self.piece)", "Mux(self.last, self.piece, left)"
                ),
            ),
            Property(
                "offset",
                "Pieces follow each other without a gap and without a common item.",
                Plant(_PIECES, "0, offset + self.piece", "0, offset + (self.piece | 1)"),
            ),
            Property(
                "last",
                "The last piece is told as such, and no other.",
                Plant(
                    _PIECES, "Cat(Const(1, 1), left_inverted)", "Cat(Const(0, 1), left_inverted)"
                ),
            ),
            Property(
                "whole",
                "The last piece ends where the whole does.",
                Plant(_PIECES, "added[1:]))", "added))"),
            ),
            Property(
                "minus",
                "The negated size is that.",
                Plant(_PIECES, "Mux(self.last, -left[", "Mux(self.last, ~left["),
            ),
            Property(
                "one",
                "A piece of one item is told as such.",
                Plant(_PIECES, "(left == 1) | (self.piece == 1)", "(left == 1)"),
            ),
            Property(
                "ends",
                "Each step goes on by a whole piece, of at least one item: a walk ends.",
                Plant(_PIECES, "0, offset + self.piece", "0, offset"),
            ),
        ),
    ),
)
