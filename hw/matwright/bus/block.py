# SPDX-License-Identifier: Apache-2.0
"""What blocks of registers have in common: their ports, and how an access finds its register."""

from collections.abc import Mapping
from functools import reduce
from operator import or_

from amaranth import Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Member, Out

from .register_map import ADDR_WIDTH, REGISTERS

__all__ = ["OFFSETS", "Selects", "block_members"]

OFFSETS = {register.name: register.offset for register in REGISTERS}
"""Offset of each register of :data:`.register_map.REGISTERS`."""


def block_members() -> dict[str, Member]:
    """Ports of a block of registers.

    ``word`` is the offset / 4 of the register that is accessed in the next cycle, and in those after it
    until it changes. While ``write`` is high that register takes ``w_data``, bytes by ``w_strb``;
    ``r_data`` is what it reads, 0 if it is none of the block.
    """
    return {
        "word": In(ADDR_WIDTH - 2),
        "write": In(1),
        "w_data": In(32),
        "w_strb": In(4),
        "r_data": Out(32),
    }


class Selects:
    """One register for each offset that is asked for: an access is to it.

    Not reset with the block: an access may begin in the cycle of that.
    """

    def __init__(self, m: Module, word: Value) -> None:
        self._m, self._word = m, word
        self._selects: dict[int, Signal] = {}

    def __getitem__(self, offset: int) -> Signal:
        if offset not in self._selects:
            select = Signal(name=f"selects_{offset:x}", reset_less=True)
            self._m.d.sync += select.eq(self._word == offset >> 2)
            self._selects[offset] = select
        return self._selects[offset]

    def read(self, words: Mapping[int, Value]) -> Value:
        """The one of ``words``, by offset, that is accessed, else 0."""
        return reduce(or_, (Mux(self[offset], value, 0) for offset, value in words.items()))
