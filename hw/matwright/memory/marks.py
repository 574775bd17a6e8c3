# SPDX-License-Identifier: Apache-2.0
"""Marks that tell the rows of a memory that were written from those that were not."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .sram import address_width

__all__ = ["Marks"]


class Marks(wiring.Component):
    """Marks of two halves of ``depth`` rows, each written in order from row 0.

    What is written of a half is therefore a prefix, and its last row says as much as a bit per row
    would. ``w_begin`` and ``w_end`` come with the first and the last part of row ``w_row`` of ``w_half``,
    which is marked from the next cycle on; row 0 starts the half anew. From the cycle after
    ``forget`` on no row is marked, and neither a row nor a half that was begun until then gets marks
    any more. ``written[i]`` says in the same cycle whether row ``reads[i].row`` of ``reads[i].half`` is
    marked.
    """

    forget: Signal  # In
    w_begin: Signal  # In
    w_end: Signal  # In
    w_half: Signal  # In
    w_row: Signal  # In, address_width(depth)
    reads: data.View  # In, {"half", "row"} of each reader
    written: Signal  # Out, readers

    def __init__(self, depth: int, readers: int = 1) -> None:
        self.depth = depth
        self.readers = readers
        row = address_width(depth)
        place = data.StructLayout({"half": 1, "row": row})
        super().__init__(
            {
                "forget": In(1),
                "w_begin": In(1),
                "w_end": In(1),
                "w_half": In(1),
                "w_row": In(row),
                "reads": In(data.ArrayLayout(place, readers)),
                "written": Out(readers),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        begun = Signal()
        with m.If(self.w_begin):
            m.d.sync += begun.eq(1)
        with m.If(self.forget):
            m.d.sync += begun.eq(0)

        known = [Signal(name=f"known_{half}") for half in range(2)]
        last = [Signal(self.w_row.shape(), name=f"last_{half}") for half in range(2)]
        counts = Signal()  # this part ends a row that was written from its beginning
        m.d.comb += counts.eq(self.w_end & (self.w_begin | begun))
        for half in range(2):
            goes_on = known[half] | (self.w_row == 0)
            with m.If(counts & (self.w_half == half) & goes_on):
                m.d.sync += [known[half].eq(1), last[half].eq(self.w_row)]
            with m.If(self.forget):
                m.d.sync += known[half].eq(0)

        for i in range(self.readers):
            read = self.reads[i]
            # Both halves are compared: choosing the last row first would be on the way to the answer.
            marked = [known[half] & (read.row <= last[half]) for half in range(2)]
            m.d.comb += self.written[i].eq(Mux(read.half, marked[1], marked[0]))
        return m
