# SPDX-License-Identifier: Apache-2.0
"""The words of a frame: where they are, and how many are left."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.register_map import ADDR_WIDTH
from ..config import ceil_pow2
from .frames import Phase
from .link import LINK_WORDS, Space
from .words import WORD_BITS, WORD_BYTES

__all__ = ["Span"]

_BYTE_BITS = (WORD_BYTES - 1).bit_length()
_COUNT_BITS = 8


class Span(wiring.Component):
    """Takes the first word and the number of words from a frame, and counts while they go by.

    Nothing here looks at two bits of a number at once: one adder turns the rings of ``addr`` and of
    the words left by a bit with each ``data``. ``value`` is bit ``index`` of part ``phase`` of a frame, or,
    with ``talk``, of an answer; ``ended`` marks the end of a part, and ``word`` are the last 32 bits.

    When ADDRESS ends ``outside`` says that not all words are in ``space``, that of memory having
    ``memory_bytes``. Between the parts ``addr`` is the number of the word that has just been received, or
    of the next that is sent; at the end of a WORD ``last`` says that none is left.
    """

    value: Signal  # In, 1
    data: Signal  # In, 1, pulse
    index: Signal  # In, 5
    phase: Any  # In, Phase
    talk: Signal  # In, 1
    ended: Signal  # In, 1, pulse
    word: Signal  # In, 32
    space: Any  # In, Space
    addr: Signal  # Out, a power of two of bits, enough for memory and for registers
    last: Signal  # Out, 1
    outside: Signal  # Out, 1

    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        bits = max((memory_bytes - 1).bit_length(), ADDR_WIDTH) - _BYTE_BITS
        super().__init__(
            {
                "value": In(1),
                "data": In(1),
                "index": In(5),
                "phase": In(Phase),
                "talk": In(1),
                "ended": In(1),
                "word": In(WORD_BITS),
                "space": In(Space),
                # A whole number of turns in a word.
                "addr": Out(ceil_pow2(bits)),
                "last": Out(1),
                "outside": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first = self.phase == Phase.FIRST
        # Both bits have a meaning: of the parts of four bytes that shift `word`, WORD and not ADDRESS.
        shifts, word = self.phase.as_value()[1], self.phase.as_value()[0]

        # A ring; as a port it would have a reset.
        ring = Signal.like(self.addr, reset_less=True)
        m.d.comb += self.addr.eq(ring)

        # Words after this one. Counting down, a borrow that goes all around says that there is none.
        left = Signal(_COUNT_BITS, reset_less=True)
        borrow = Signal(reset_less=True)
        joins = Signal()  # one turn of it: of an address, the bits to which it is added
        turn = Signal()
        m.d.comb += [
            joins.eq(self.index.matches(*range(_BYTE_BITS, _BYTE_BITS + _COUNT_BITS))),
            turn.eq(self.data & Mux(shifts, joins, first & ~self.talk)),
        ]
        with m.If(turn):
            m.d.sync += left.eq(Cat(left[1:], Mux(first, self.value, left[0] ^ (borrow & word))))
        m.d.sync += borrow.eq(Mux(turn, borrow & ~left[0], borrow | self.ended))

        # One adder: the address of the last word as the first is received, then the next address. A word
        # that is written is counted when the next comes, one that is sent as it goes.
        carry = Signal(reset_less=True)
        augend = Signal()
        addend = Signal()
        total = Signal()
        m.d.comb += [
            augend.eq(Mux(word, ring[0], self.value)),
            addend.eq(~word & joins & left[0]),
            total.eq(augend ^ addend ^ carry),
        ]
        with m.If(self.data):
            m.d.sync += carry.eq(Mux(augend == addend, augend, carry))
        with m.If(self.ended):
            m.d.sync += carry.eq(shifts | self.talk)
        with m.If(shifts & (self.data | ~word)):
            m.d.sync += ring.eq(
                Mux(word, Cat(ring[1:], total), self.word[_BYTE_BITS:][: len(ring)])
            )

        # The last word against the last of the space, from the lowest bit to the highest.
        limits = {
            Space.MEMORY: self.memory_bytes,
            Space.REGISTERS: 1 << ADDR_WIDTH,
            Space.LINK: LINK_WORDS * WORD_BYTES,
        }
        limit = Signal()
        above = Signal(reset_less=True)
        with m.Switch(self.space):
            for space, size in limits.items():
                with m.Case(space):
                    m.d.comb += limit.eq(
                        Const(size - WORD_BYTES, WORD_BITS).bit_select(self.index, 1)
                    )
        with m.If(self.data):
            m.d.sync += above.eq(shifts & Mux(total == limit, above, total))
        m.d.comb += [self.last.eq(borrow), self.outside.eq(above | carry)]
        return m
