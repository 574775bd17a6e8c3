# SPDX-License-Identifier: Apache-2.0
"""Selecting a register by its address with few multiplexers."""

from collections.abc import Mapping

from amaranth import Module, Mux, Signal, Value

__all__ = ["select"]


def select(m: Module, words: Mapping[int, Value], address: Value, name: str) -> tuple[Value, Value]:
    """The one of ``words`` that ``address`` names, and whether it names one.

    Where it names none the word is any of them: only address bits in which the words differ are
    looked at, which takes one two-way multiplexer per word.
    """
    named = Signal(name=f"{name}_named")
    with m.Switch(address):
        with m.Case(*words):
            m.d.comb += named.eq(1)

    def tree(numbers: list[int], bit: int) -> Value:
        if len(numbers) == 1:
            return words[numbers[0]]
        low = [number for number in numbers if not number >> bit & 1]
        high = [number for number in numbers if number >> bit & 1]
        if not low or not high:
            return tree(numbers, bit - 1)
        return Mux(address[bit], tree(high, bit - 1), tree(low, bit - 1))

    return tree(sorted(words), len(address) - 1), named
