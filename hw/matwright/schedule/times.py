# SPDX-License-Identifier: Apache-2.0
"""Products with a constant, of adders: a multiplier for one would be far away and without registers."""

from amaranth import Cat, Const, Value

__all__ = ["times"]


def times(value: Value, factor: int) -> Value:
    """``value * factor``, both not negative, as the shifts of ``value`` that add up to it: one for each
    digit of ``factor`` in non-adjacent form, so for 12 and for 15 two.

    A power of two stays a product, which Yosys makes wires of.
    """
    if factor & (factor - 1) == 0:
        return value * factor
    added: list[Value] = []
    taken: list[Value] = []
    rest = factor
    for shift in range(factor.bit_length() + 1):
        # 1 or -1, whichever leaves a multiple of four.
        digit = 2 - rest % 4 if rest & 1 else 0
        if digit:
            (added if digit > 0 else taken).append(Cat(Const(0, shift), value))
        rest = (rest - digit) // 2
    product = added[0]
    for term in added[1:]:
        product = product + term
    for term in taken:
        product = product - term
    return product[: len(value) + factor.bit_length()]
