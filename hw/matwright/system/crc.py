# SPDX-License-Identifier: Apache-2.0
"""CRC of a frame, one bit at a time."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CRC_WIDTH", "Crc"]

CRC_WIDTH = 16
"""Bits of the CRC."""

_TAPS = 0x8408
_INIT = 0xFFFF


class Crc(wiring.Component):
    """CRC-16/MCRF4XX of the bits of a line, as they go over it.

    With ``step`` the register takes ``value``; with ``start`` it takes its first value. Both a CRC that
    is sent and one that is received go through ``value``: ``next`` is the bit to send next, low byte
    first, and ``differs`` says that ``value`` is not that one. After 16 bits that did not differ the
    register is 0.

    Polynomial 0x1021, reflected, first value 0xFFFF: G. Cook, "Catalogue of parametrised CRC
    algorithms", https://reveng.sourceforge.io/crc-catalogue/16.htm#crc.cat.crc-16-mcrf4xx.
    """

    start: Signal  # In, 1
    step: Signal  # In, 1
    value: Signal  # In, 1
    next: Signal  # Out, 1
    differs: Signal  # Out, 1

    def __init__(self) -> None:
        super().__init__(
            {"start": In(1), "step": In(1), "value": In(1), "next": Out(1), "differs": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal(CRC_WIDTH, init=_INIT, reset_less=True)
        m.d.comb += [self.next.eq(register[0]), self.differs.eq(self.value ^ register[0])]
        with m.If(self.start):
            m.d.sync += register.eq(_INIT)
        with m.Elif(self.step):
            shifted = Cat(register[1:], 0)
            m.d.sync += register.eq(shifted ^ Mux(self.differs, _TAPS, 0))
        return m
