# SPDX-License-Identifier: Apache-2.0
"""A segment of a row of the systolic array: a few processing elements side by side."""

from functools import partial

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import Build, Precision
from ..platform.place import place
from .pe import ProcessingElement

__all__ = ["ArraySegment"]


class ArraySegment(wiring.Component):
    """``cols`` columns of one row. Activations, switch and load travel east one column per cycle.

    Per-column values are packed in one vector, column 0 lowest. Column c sees ``a``, ``switch_in`` and
    ``load`` c cycles after column 0, so ``w_in`` and ``psum_in`` of column c are expected c cycles
    after those of column 0, and ``w_out`` and ``psum_out`` leave in the same skew. ``a_out``,
    ``switch_out`` and ``load_out`` are for the segment to the east, ``cols`` cycles after they came.

    With a ``psum_in_width`` of 0 it is of the first row, to which nothing is added: then there is no
    port ``psum_in``.

    Platform overrides: ``get_segment(segment)`` returns the module to use instead.
    """

    WIDTH = 8
    """Columns of a segment; the last of a row has what is left."""

    a: Signal  # In, signed(a_width)
    switch_in: Signal  # In
    load: Signal  # In
    w_in: Signal  # In, cols * b_width
    psum_in: Signal  # In, cols * psum_in_width
    a_out: Signal  # Out, signed(a_width)
    switch_out: Signal  # Out
    load_out: Signal  # Out
    w_out: Signal  # Out, cols * b_width
    psum_out: Signal  # Out, cols * psum_out_width

    def __init__(
        self,
        precision: Precision,
        build: Build,
        psum_in_width: int,
        psum_out_width: int,
        cols: int = WIDTH,
    ) -> None:
        self.precision = precision
        self.build = build
        self.psum_in_width = psum_in_width
        self.psum_out_width = psum_out_width
        self.cols = cols
        weights = cols * precision.b_width
        members = {
            "a": In(signed(precision.a_width)),
            "switch_in": In(1),
            "load": In(1),
            "w_in": In(weights),
            "psum_in": In(cols * psum_in_width),
            "a_out": Out(signed(precision.a_width)),
            "switch_out": Out(1),
            "load_out": Out(1),
            "w_out": Out(weights),
            "psum_out": Out(cols * psum_out_width),
        }
        if not psum_in_width:
            del members["psum_in"]
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_segment"):
            return platform.get_segment(self)
        m = Module()
        precision = self.precision
        # An element has a partial sum to add to; in the first row it is 0.
        above = max(1, self.psum_in_width)

        a, switch, load = self.a, self.switch_in, self.load
        weights: list[Signal] = []
        psums: list[Signal] = []
        for c in range(self.cols):
            a_out = Signal(signed(precision.a_width), name=f"a_{c}")
            switch_out = Signal(name=f"switch_{c}")
            load_out = Signal(name=f"load_{c}")
            w_out = Signal(signed(precision.b_width), name=f"w_{c}")
            psum_out = Signal(signed(self.psum_out_width), name=f"psum_{c}")
            place(
                m,
                platform,
                name=f"pe_{c}",
                module=f"pe_{self.psum_in_width}_{self.psum_out_width}",
                make=partial(ProcessingElement, precision, self.build, above, self.psum_out_width),
                inputs={
                    "a_in": a,
                    "switch_in": switch,
                    "load_in": load,
                    "w_in": self.w_in.word_select(c, precision.b_width),
                    "psum_in": self.psum_in.word_select(c, above) if self.psum_in_width else 0,
                },
                outputs={
                    "a_out": a_out,
                    "switch_out": switch_out,
                    "load_out": load_out,
                    "w_out": w_out,
                    "psum_out": psum_out,
                },
            )
            a, switch, load = a_out, switch_out, load_out
            weights.append(w_out)
            psums.append(psum_out)
        m.d.comb += [
            self.a_out.eq(a),
            self.switch_out.eq(switch),
            self.load_out.eq(load),
            self.w_out.eq(Cat(weights)),
            self.psum_out.eq(Cat(psums)),
        ]

        return m
