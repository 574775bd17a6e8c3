# SPDX-License-Identifier: Apache-2.0
"""A multiplier with registers before and after it."""

from amaranth import Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Multiplier"]


class Multiplier(wiring.Component):
    """``p`` is ``a * b`` of :attr:`LATENCY` enabled cycles ago. Nothing is reset.

    Operands of at most 17 bits without sign, 18 with it, take one multiplier of an ECP5.

    Platform overrides: ``get_multiplier(multiplier)`` returns the module to use instead.
    """

    LATENCY = 2
    """Enabled cycles from operands to their product."""

    enable: Signal  # In, 1
    a: Signal  # In, a_shape
    b: Signal  # In, b_shape
    p: Signal  # Out, a_shape's width + b_shape's, signed if one of them is

    def __init__(self, a_shape: Shape, b_shape: Shape) -> None:
        self.a_shape = a_shape
        self.b_shape = b_shape
        either = a_shape.signed or b_shape.signed
        shape = Shape(a_shape.width + b_shape.width, either)
        super().__init__({"enable": In(1), "a": In(a_shape), "b": In(b_shape), "p": Out(shape)})

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_multiplier"):
            return platform.get_multiplier(self)
        m = Module()
        a, b = (Signal.like(x, name=f"{x.name}_q", reset_less=True) for x in (self.a, self.b))
        p = Signal(self.p.shape(), reset_less=True)
        with m.If(self.enable):
            m.d.sync += [a.eq(self.a), b.eq(self.b), p.eq(a * b)]
        m.d.comb += self.p.eq(p)
        return m
