# SPDX-License-Identifier: Apache-2.0
"""Panels of a side: how many, and how long the last one is."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import ceil_div
from ..memory.sram import address_width

__all__ = ["PanelCount"]


class PanelCount(wiring.Component):
    """``panels = ceil(size / side)`` and ``tail = size - (panels - 1) * side`` for a constant ``side``.

    ``last_panel`` and ``last_item`` are the same, each less one. ``start`` takes ``last``, the size
    (1 to ``largest``) less one; ``done`` is high from :attr:`latency` cycles later on, with these two,
    until the next ``start``; ``panels`` and ``tail`` follow a cycle later. A power of two takes wires and
    a register, and is done at any time; any other side is divided by restoring division, a bit per cycle.
    """

    start: Signal  # In
    last: Signal  # In, address_width(largest)
    done: Signal  # Out
    panels: Signal  # Out, range(ceil(largest / side) + 1)
    tail: Signal  # Out, range(side + 1)
    last_panel: Signal  # Out
    last_item: Signal  # Out

    def __init__(self, largest: int, side: int) -> None:
        self.largest = largest
        self.side = side
        super().__init__(
            {
                "start": In(1),
                "last": In(address_width(largest)),
                "done": Out(1),
                "panels": Out(range(ceil_div(largest, side) + 1)),
                "tail": Out(range(side + 1)),
                "last_panel": Out(address_width(ceil_div(largest, side))),
                "last_item": Out(address_width(side)),
            }
        )

    @staticmethod
    def cycles(largest: int, side: int) -> int:
        """Cycles from ``start`` to ``done``."""
        if side & (side - 1) == 0:
            return 1
        return 1 + max(1, largest.bit_length())

    @property
    def latency(self) -> int:
        """Cycles from ``start`` to ``done``."""
        return self.cycles(self.largest, self.side)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += [self.panels.eq(self.last_panel + 1), self.tail.eq(self.last_item + 1)]

        if self.side & (self.side - 1) == 0:
            bits = self.side.bit_length() - 1
            m.d.comb += self.done.eq(1)
            with m.If(self.start):
                m.d.sync += [
                    self.last_panel.eq(self.last >> bits),
                    self.last_item.eq(self.last[:bits]),
                ]
            return m

        width = self.latency - 1
        quotient = Signal(width)
        rest = Signal(range(self.side))
        left = Signal(range(width + 1))
        trial = Signal(range(2 * self.side))
        m.d.comb += [
            trial.eq((rest << 1) | quotient[-1]),
            self.done.eq(left == 0),
            self.last_panel.eq(quotient),
            self.last_item.eq(rest),
        ]
        with m.If(self.start):
            m.d.sync += [quotient.eq(self.last), rest.eq(0), left.eq(width)]
        with m.Elif(left != 0):
            fits = trial >= self.side
            m.d.sync += [
                left.eq(left - 1),
                rest.eq(Mux(fits, trial - self.side, trial)),
                quotient.eq((quotient << 1) | fits),
            ]
        return m
