# SPDX-License-Identifier: Apache-2.0
"""Tokens: the only way in which the engines meet."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Tokens"]


class Tokens(wiring.Component):
    """Counts up to ``most`` tokens: places that are free, or places that are full.

    ``put`` adds one, ``take`` removes one; both may happen in one cycle. ``some``, a register, says
    that there is one to take, and sees both one cycle later. Whoever takes has looked at it first.
    """

    put: Signal  # In
    take: Signal  # In
    some: Signal  # Out

    def __init__(self, most: int, *, init: int = 0) -> None:
        self.most = most
        self.init = init
        some = Out(1, init=int(init > 0))  # type: ignore[call-arg]
        super().__init__({"put": In(1), "take": In(1), "some": some})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beyond = Signal(range(self.most), init=max(0, self.init - 1))  # those but one
        more = beyond != 0
        change = Cat(Const(1, 1), (~self.put).replicate(len(beyond)))[: len(beyond)]  # 1 or -1
        with m.If(self.put ^ self.take):
            m.d.sync += self.some.eq(self.put | more)
            with m.If(Mux(self.put, self.some, more)):
                m.d.sync += beyond.eq(beyond + change)
        return m
