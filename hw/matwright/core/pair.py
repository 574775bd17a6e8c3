# SPDX-License-Identifier: Apache-2.0
"""Two processing elements side by side, for platforms on which they share a multiplier block."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import Build, Precision
from .pe import ProcessingElement, register, waiting_weight

__all__ = ["PairRegisters", "ProcessingElementPair"]


class ProcessingElementPair(wiring.Component):
    """Columns c and c + 1 of a row. Ports and timing are those of two elements in a chain.

    ``w_in``, ``w_out``, ``psum_in`` and ``psum_out`` hold two values, the west one lower; those of the
    east element are expected, and leave, one cycle after those of the west. ``a_out``, ``switch_out`` and
    ``load_out`` lag their inputs by two cycles.

    Platform overrides: ``get_pair(pair)`` returns the module to use instead. Segments place pairs where
    the platform's ``pairs(precision)`` is true.
    """

    a_in: Signal  # In, signed(a_width)
    switch_in: Signal  # In
    load_in: Signal  # In
    w_in: Signal  # In, 2 * b_width
    psum_in: Signal  # In, 2 * psum_in_width
    a_out: Signal  # Out, signed(a_width)
    switch_out: Signal  # Out
    load_out: Signal  # Out
    w_out: Signal  # Out, 2 * b_width
    psum_out: Signal  # Out, 2 * psum_out_width

    def __init__(
        self, precision: Precision, build: Build, psum_in_width: int, psum_out_width: int
    ) -> None:
        self.precision = precision
        self.build = build
        self.psum_in_width = psum_in_width
        self.psum_out_width = psum_out_width
        super().__init__(
            {
                "a_in": In(signed(precision.a_width)),
                "switch_in": In(1),
                "load_in": In(1),
                "w_in": In(2 * precision.b_width),
                "psum_in": In(2 * psum_in_width),
                "a_out": Out(signed(precision.a_width)),
                "switch_out": Out(1),
                "load_out": Out(1),
                "w_out": Out(2 * precision.b_width),
                "psum_out": Out(2 * psum_out_width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_pair"):
            return platform.get_pair(self)
        m = Module()
        widths = (self.psum_in_width, self.psum_out_width)
        m.submodules.west = west = ProcessingElement(self.precision, self.build, *widths)
        m.submodules.east = east = ProcessingElement(self.precision, self.build, *widths)
        for i, element in enumerate((west, east)):
            m.d.comb += [
                element.w_in.eq(self.w_in.word_select(i, self.precision.b_width)),
                element.psum_in.eq(self.psum_in.word_select(i, self.psum_in_width)),
            ]
        m.d.comb += [
            west.a_in.eq(self.a_in),
            west.switch_in.eq(self.switch_in),
            west.load_in.eq(self.load_in),
            east.a_in.eq(west.a_out),
            east.switch_in.eq(west.switch_out),
            east.load_in.eq(west.load_out),
            self.a_out.eq(east.a_out),
            self.switch_out.eq(east.switch_out),
            self.load_out.eq(east.load_out),
            self.w_out.eq(Cat(west.w_out, east.w_out)),
            self.psum_out.eq(Cat(west.psum_out, east.psum_out)),
        ]
        return m


class PairRegisters:
    """All of a pair but its multipliers and product registers, for the bodies of platforms."""

    def __init__(self, m: Module, pair: ProcessingElementPair) -> None:
        self.pair = pair
        b_width = pair.precision.b_width
        self.a_west = register(m, pair.a_in, "a_west")
        """Activation of the west element."""
        self.a_east = register(m, self.a_west, "a_east")
        """Activation of the east element."""
        switch, load = Signal(), Signal()
        m.d.sync += [
            switch.eq(pair.switch_in),
            load.eq(pair.load_in),
            pair.switch_out.eq(switch),
            pair.load_out.eq(load),
        ]
        self.switch_east = switch
        """``switch_in`` of the east element."""
        west_in, east_in = (pair.w_in.word_select(i, b_width).as_signed() for i in range(2))
        self.west_following = waiting_weight(m, pair.load_in, west_in, "west_following")
        """Weight of the west that waits for the switch."""
        self.east_following = waiting_weight(m, load, east_in, "east_following")
        """Weight of the east that waits for the switch."""
        self.east_arriving = Signal(signed(b_width))
        """What ``east_following`` will be in the next cycle, that of the east's switch."""
        m.d.comb += [
            self.east_arriving.eq(Mux(load, east_in, self.east_following)),
            pair.a_out.eq(self.a_east),
            pair.w_out.eq(Cat(self.west_following, self.east_following)),
        ]

    def accumulate(self, m: Module, west: Value, east: Value, carry: Value | None = None) -> None:
        """Adds the products, each after its last register, to the partial sums that come by.

        ``carry`` is one more to add to the sum of the east; it enters its adder below the lowest bit.
        """
        pair = self.pair
        before = [pair.psum_in.word_select(i, pair.psum_in_width).as_signed() for i in range(2)]
        shape = signed(pair.psum_out_width)
        psum_west = register(m, before[0] + west, "psum_west", shape)
        total = before[1] + east
        if carry is not None:
            below = Cat(Const(1, 1), before[1]).as_signed() + Cat(carry, east).as_signed()
            total = below[1:].as_signed()
        psum_east = register(m, total, "psum_east", shape)
        m.d.comb += pair.psum_out.eq(Cat(psum_west, psum_east))
