# SPDX-License-Identifier: Apache-2.0
"""A segment of a row of the systolic array: a few processing elements side by side."""

from functools import partial
from typing import Any

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import Build, Precision
from ..platform.place import place
from .pair import ProcessingElementPair
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

    Platform overrides: where ``pairs(precision)`` is true, elements are placed two by two, as
    :class:`.ProcessingElementPair`. With ``few_enables`` those that are not are ``held``.
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
        *,
        few_enables: bool = False,
    ) -> None:
        self.precision = precision
        self.build = build
        self.few_enables = few_enables
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
        m = Module()
        precision = self.precision
        # An element has a partial sum to add to; in the first row it is 0.
        above, below = max(1, self.psum_in_width), self.psum_out_width
        paired = hasattr(platform, "pairs") and platform.pairs(precision)

        a, switch, load = self.a, self.switch_in, self.load
        weights: list[Signal] = []
        psums: list[Signal] = []
        c = 0
        while c < self.cols:
            cols = 2 if paired and c + 1 < self.cols else 1
            element: Any = ProcessingElementPair if cols == 2 else ProcessingElement
            kind = "pair" if cols == 2 else "pe"
            name = f"{kind}_{c}"
            if self.few_enables and cols == 1:
                element, kind = partial(element, held=True), "pe_held"
            a_out = Signal(signed(precision.a_width), name=f"a_{c}")
            switch_out = Signal(name=f"switch_{c}")
            load_out = Signal(name=f"load_{c}")
            w_out = Signal(cols * precision.b_width, name=f"w_{c}")
            psum_out = Signal(cols * below, name=f"psum_{c}")
            place(
                m,
                platform,
                name=name,
                module=f"{kind}_{self.psum_in_width}_{below}",
                make=partial(element, precision, self.build, above, below),
                inputs={
                    "a_in": a,
                    "switch_in": switch,
                    "load_in": load,
                    "w_in": self.w_in[c * precision.b_width :][: cols * precision.b_width],
                    "psum_in": self.psum_in[c * above :][: cols * above]
                    if self.psum_in_width
                    else 0,
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
            c += cols
        m.d.comb += [
            self.a_out.eq(a),
            self.switch_out.eq(switch),
            self.load_out.eq(load),
            self.w_out.eq(Cat(weights)),
            self.psum_out.eq(Cat(psums)),
        ]

        return m
