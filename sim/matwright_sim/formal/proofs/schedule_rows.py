# SPDX-License-Identifier: Apache-2.0
"""The row stream: the rows that meet one weight tile."""

from amaranth import Signal
from amaranth.lib import data

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.schedule.rows"


def _rows(b: Bench) -> None:
    dut = b.place("dut", b.source(_MODULE).RowStream(b.config))
    m, tile, row, sums = b.m, dut.tile, dut.row, dut.sum
    left = Signal(len(tile.rows))  # rows of the tile at hand, the one that is issued among them
    first = Signal()
    word = Signal(len(row.word))
    addr = Signal(len(sums.addr), reset_less=True)  # goes on after a reset, where nobody looks
    same = [(row, tile.read, n) for n in ("half", "panel", "count", "flip") if hasattr(row, n)]
    same += [(sums, tile.sum, n) for n in ("bank", "first")]
    kept = [Signal(len(now[name]), name=f"kept_{name}") for now, _, name in same]
    done_read, done_sum = Signal(), Signal()
    b.assume(~dut.start | (dut.free & (tile.rows != 0)))
    pitch_stays = tile.pitch == b.before(tile.pitch)
    b.assume((left <= 1) | first | pitch_stays)
    m.d.sync += first.eq(dut.start)
    with m.If(dut.start):
        m.d.sync += [
            left.eq(tile.rows),
            word.eq(tile.read.word),
            done_read.eq(tile.read.done),
            done_sum.eq(tile.sum.done),
            *(keep.eq(given[name]) for keep, (_, given, name) in zip(kept, same, strict=True)),
        ]
    with m.Elif(left != 0):
        m.d.sync += [left.eq(left - 1), word.eq(word + tile.pitch)]
    with m.If(dut.start & tile.top):
        m.d.sync += addr.eq(0)
    with m.Elif(left != 0):
        m.d.sync += addr.eq(addr + 1)

    b.show("rows", (row.valid == (left != 0)) & (sums.valid == (left != 0)))
    b.show("free", dut.free == (left <= 1))
    b.show("busy", dut.busy == (left > 1))
    b.implies("words", row.valid, row.word == word)
    b.implies("sums", row.valid, sums.addr == addr)
    fields = 1
    for keep, (now, _, name) in zip(kept, same, strict=True):
        fields &= now[name] == keep
    b.implies("fields", row.valid, fields)
    ends = left == 1
    b.show("done", (row.done == (ends & done_read)) & (sums.done == (ends & done_sum)))
    b.show("switch", dut.switch_out == first)

    b.implies("ends", ~dut.free, first | (left < b.before(left)))
    # What is kept for the last row.
    read = data.View(row.shape(), b.inner(dut, "read"))
    own = data.View(sums.shape(), b.inner(dut, "sums"))
    b.implies("kept", left != 0, (read.done == done_read) & (own.done == done_sum))
    b.show("addr", sums.addr == addr)
    b.implies("left", dut.busy, b.inner(dut, "left") == left)
    b.implies("first", first, (left != 0) & b.before(dut.start))
    b.reach("follows", first & b.before(b.before(dut.busy) & (left == 1)))


PROOFS = (
    Proof(
        name="row_stream",
        block="schedule/rows.py: RowStream",
        scale="the configuration's tiles",
        spec=_rows,
        properties=(
            Property(
                "rows",
                "A tile issues as many rows as it has, one a cycle, from the next cycle on.",
                Plant(_MODULE, "self.busy & (left != 2)", "self.busy & (left != 3)"),
            ),
            Property(
                "free",
                "It is free again with the last row.",
                Plant(_MODULE, "self.free.eq(~self.busy)", "self.free.eq(~self.busy & ~valid)"),
            ),
            Property(
                "words",
                "Each row is read a pitch after the one before.",
                Plant(_MODULE, "read.word + tile.pitch", "read.word + 1"),
            ),
            Property(
                "sums",
                "Sums go to rows that follow each other, from row 0 or from where the tile before ended.",
                Plant(_MODULE, "Mux(top, 0, sums.addr + 1)", "Mux(self.start, 0, sums.addr + 1)"),
            ),
            Property(
                "fields",
                "All rows carry what the tile does.",
                Plant(_MODULE, "with m.If(~self.busy):", "with m.If(1):"),
            ),
            Property(
                "done",
                "The last row alone is told as done.",
                Plant(_MODULE, "last & sums.done", "valid & sums.done"),
            ),
            Property(
                "switch",
                "The first row alone switches the weights.",
                Plant(_MODULE, "first.eq(self.start)", "first.eq(self.start | self.busy)"),
            ),
        ),
    ),
)
