# SPDX-License-Identifier: Apache-2.0
"""Tokens: the only way in which the engines meet."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Tokens"]


class Tokens(wiring.Component):
    """Counts up to ``most`` tokens: places that are free, or places that are full.

    ``put`` adds one, ``take`` removes ``amount`` (1 unless driven); both may happen in one cycle. The
    count is seen one cycle later. Whoever takes has looked at ``count`` or ``some`` first.
    """

    put: Signal  # In
    take: Signal  # In
    amount: Signal  # In
    count: Signal  # Out
    some: Signal  # Out, count is not 0

    def __init__(self, most: int, *, init: int = 0) -> None:
        self.most = most
        super().__init__(
            {
                "put": In(1),
                "take": In(1),
                "amount": In(range(most + 1), init=1),  # type: ignore[call-arg]
                "count": Out(range(most + 1), init=init),  # type: ignore[call-arg]
                "some": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.take):
            m.d.sync += self.count.eq(self.count - self.amount + self.put)
        with m.Else():
            m.d.sync += self.count.eq(self.count + self.put)
        m.d.comb += self.some.eq(self.count != 0)
        return m
