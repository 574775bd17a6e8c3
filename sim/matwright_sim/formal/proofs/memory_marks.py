# SPDX-License-Identifier: Apache-2.0
"""Marks of written rows: nothing of a program before is ever shown."""

from amaranth import Mux, Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.memory.marks"


def _marks(b: Bench) -> None:
    depth = b.config.sram.accumulator_rows
    dut = b.place("dut", b.source(_MODULE).Marks(depth))
    m = b.m
    # Rows of each half are written in order, one after the other, in one part or several.
    opens = Signal()  # a row has begun and not ended
    place = Signal(len(dut.w_row) + 1)
    following = [Signal(range(depth + 1), name=f"following_{half}") for half in range(2)]
    now = Mux(dut.w_half, following[1], following[0])
    with m.If(dut.w_begin):
        m.d.sync += [opens.eq(1), place.eq(dut.w_row << 1 | dut.w_half)]
    with m.If(dut.w_end):
        m.d.sync += opens.eq(0)
        for half in range(2):
            with m.If(dut.w_half == half):
                m.d.sync += following[half].eq(dut.w_row + 1)
    b.assume(~dut.w_begin | ~opens)
    b.assume(~dut.w_begin | (dut.w_row == 0) | (dut.w_row == now))
    b.assume(~dut.w_end | dut.w_begin | (opens & (place == (dut.w_row << 1 | dut.w_half))))

    # One row of one half, any one: whether it was written as a whole since the half was started in this
    # program, and so were all rows before it.
    row, half = b.fixed(len(dut.w_row), "row"), b.fixed(1, "half")
    b.assume(row < depth)
    begun, started, written = Signal(), Signal(), Signal()
    m.d.sync += begun.eq((begun | dut.w_begin) & ~dut.w_end & ~dut.forget)
    whole = dut.w_end & (dut.w_begin | begun) & (dut.w_half == half)
    with m.If(whole & (dut.w_row == 0)):
        m.d.sync += [started.eq(1), written.eq(row == 0)]
    with m.Elif(whole & (dut.w_row == row)):
        m.d.sync += written.eq(started)
    with m.If(dut.forget):
        m.d.sync += [started.eq(0), written.eq(0)]

    read = dut.reads[0]
    asks = (read.half == half) & (read.row == row)
    b.implies("only_written", asks & dut.written[0], written)
    b.implies("all_written", asks & written, dut.written[0])
    b.implies("forgets", b.before(dut.forget), ~dut.written[0])
    b.implies(
        "marks", b.before(whole & started & ~dut.forget & (dut.w_row == row)) & asks, dut.written[0]
    )

    known = Mux(half, b.inner(dut, "known_1"), b.inner(dut, "known_0"))
    last = Mux(half, b.inner(dut, "last_1"), b.inner(dut, "last_0"))
    ends = Mux(half, following[1], following[0])
    b.show("known", known == started)
    b.implies("last", started, last + 1 == ends)
    b.show("prefix", written == (started & (row < ends)))
    b.implies("begun", begun, opens & b.inner(dut, "begun"))
    b.implies("open", opens & b.inner(dut, "begun"), begun)
    b.reach("several", written & (row == 2) & (ends == 3))
    b.reach("cut", whole & started & (dut.w_row == 1) & b.before(b.before(dut.forget)))


PROOFS = (
    Proof(
        name="marks",
        block="memory/marks.py: Marks",
        scale="sram.accumulator_rows of the configuration",
        spec=_marks,
        properties=(
            Property(
                "only_written",
                "A row counts as written only if this program wrote it, whole, with all rows before it.",
                Plant(_MODULE, "goes_on = known[half] | (self.w_row == 0)", "goes_on = 1"),
            ),
            Property(
                "all_written",
                "A row that this program wrote counts as written.",
                Plant(_MODULE, "read.row <= last[half]", "read.row < last[half]"),
            ),
            Property(
                "forgets",
                "In the cycle after forget no row counts as written.",
                Plant(_MODULE, "m.d.sync += known[half].eq(0)", "m.d.sync += last[half].eq(0)"),
            ),
            Property(
                "marks",
                "A row counts as written from the cycle after its last part on.",
                Plant(_MODULE, "self.w_end & (self.w_begin | begun)", "self.w_end & begun"),
            ),
        ),
    ),
)
