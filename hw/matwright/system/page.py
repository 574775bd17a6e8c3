# SPDX-License-Identifier: Apache-2.0
"""The link page, bit by bit."""

from amaranth import Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .link import link_words
from .words import WORD_BITS

__all__ = ["LinkPage"]


class LinkPage(wiring.Component):
    """Bit ``index`` of word ``word`` of the link page.

    A ROM, in a block of memory where there are such: as logic it would be a tenth of the whole link.
    """

    LATENCY = 2
    """Cycles from ``word``, ``index`` and ``irq`` to ``value``."""

    word: Signal  # In, 3
    index: Signal  # In, 5
    irq: Signal  # In, 1
    value: Signal  # Out, 1

    def __init__(self, memory_bytes: int, divisor: int, clock_hz: int) -> None:
        self.memory_bytes = memory_bytes
        self.divisor = divisor
        self.clock_hz = clock_hz
        super().__init__({"word": In(3), "index": In(5), "irq": In(1), "value": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = []
        for irq in (0, 1):
            words = link_words(self.memory_bytes, self.divisor, self.clock_hz, irq)
            for word in (*words, *[0] * ((1 << len(self.word)) - len(words))):
                bits += [word >> i & 1 for i in range(WORD_BITS)]
        attributes: dict = {"ram_style": "block"}
        rom: Memory = Memory(shape=unsigned(1), depth=len(bits), init=bits, attrs=attributes)
        m.submodules.rom = rom
        port = rom.read_port()
        m.d.comb += port.addr.eq(Cat(self.index, self.word, self.irq))
        m.d.sync += self.value.eq(port.data)  # blocks of memory are slow
        return m
