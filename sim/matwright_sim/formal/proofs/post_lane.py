# SPDX-License-Identifier: Apache-2.0
"""A column of post-processing: its products, and how they are rounded and saturated."""

from functools import partial
from typing import Any

from amaranth import Const, Module, Mux, Signal, Value, signed

from matwright.layout import SCALE_FRACTION_BITS, SCALE_MULTIPLIER_BITS

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.post.lane"
_MULTIPLIER = "matwright.post.multiplier"


def _narrows(b: Bench, width: int | None) -> None:
    """What is behind the multipliers, for every product that there may be."""
    width = width or b.config.precision.acc_width
    registers = b.config.build.post_registers
    m = b.m
    product = b.free(signed(width + SCALE_MULTIPLIER_BITS), "product")

    class Lane(b.source(_MODULE).RequantizeLane):  # type: ignore[misc]
        """The lane, with any products instead of its own."""

        def _multiply(self, m: Module, t: Signal, u: Value) -> Any:
            return product

    dut = b.place("dut", Lane(width, registers))
    m.d.comb += [
        dut.enable.eq(1),
        dut.zero_point.eq(b.fixed(signed(8), "zero_point_any")),
        dut.d_unsigned.eq(b.fixed(1, "d_unsigned_any")),
    ]
    exponent, dropped = b.inner(dut, "exponent_4"), b.inner(dut, "dropped_4")

    # Half is added, less the least of it unless the quotient below is odd: to the nearest, or even.
    shift = SCALE_FRACTION_BITS + exponent
    below = Signal(signed(width + SCALE_MULTIPLIER_BITS))
    rounded = Signal(signed(width + SCALE_MULTIPLIER_BITS))
    half = Signal(signed(SCALE_FRACTION_BITS + 33))
    moved = Signal(signed(width + SCALE_MULTIPLIER_BITS + 1))
    result = Signal(8)
    m.d.comb += [
        below.eq(product >> shift),
        half.eq(Const(1) << (shift - 1)[:6]),
        rounded.eq((product + half - 1 + below[0]) >> shift),
        moved.eq(Mux(dropped, 0, rounded) + dut.zero_point),
        result.eq(Mux(moved > 127, 127, Mux(moved < -128, -128, moved)) + (dut.d_unsigned << 7)),
    ]
    known: Value = Const(1)
    late: Value = result
    for stage in range(3):
        since, value = Signal(name=f"known_{stage}"), Signal(8, name=f"result_{stage}")
        m.d.sync += [since.eq(known), value.eq(late)]
        known, late = since, value
    b.implies("narrow", known, dut.narrow == late)
    b.reach("half", known & (dut.narrow == 3) & ~dut.d_unsigned & (dut.zero_point == -1))


def _multiplies(b: Bench, width: int) -> None:
    """The multipliers of a narrow lane."""
    m = b.m

    class Lane(b.source(_MODULE).RequantizeLane):  # type: ignore[misc]
        """The multipliers of a lane."""

        def elaborate(self, platform: object) -> Module:
            m = Module()
            factor = Signal(signed(self.acc_width))
            m.d.comb += factor.eq(self.sum)
            product = self._multiply(m, factor, self.word[:SCALE_MULTIPLIER_BITS])
            shown = Signal(signed(len(product)), name="shown")
            m.d.comb += shown.eq(product)
            return m

    dut = b.place("dut", Lane(width))
    product = b.inner(dut, "shown")
    total: Value = Const(0)
    for bit in range(width):
        term = Mux(dut.sum[bit], dut.word[:SCALE_MULTIPLIER_BITS] << bit, 0)
        total = total - term if bit == width - 1 else total + term
    late = Signal(signed(len(product)), name="product_0")
    m.d.comb += late.eq(total)
    m.d.comb += dut.enable.eq(1)
    known: Value = Const(1)
    for stage in range(4):
        since, value = Signal(name=f"known_{stage}"), Signal.like(late, name=f"product_{stage + 1}")
        m.d.sync += [since.eq(known), value.eq(late)]
        known, late = since, value
    b.implies("product", known, product == late)
    b.reach("negative", known & (product == -3 << 14))


PROOFS = (
    *(
        Proof(
            name=name,
            block="post/lane.py: RequantizeLane",
            scale=f"every product of {sums}, every scale; moves in each cycle; "
            "the configuration's registers",
            spec=partial(_narrows, width=width),
            properties=(
                Property(
                    "narrow",
                    "A product is scaled, rounded half to even, moved by the zero point and saturated.",
                    Plant(_MODULE, "kept[0] & (sticky | kept[1])", "kept[0]"),
                ),
            ),
            quick=width is not None,
        )
        for name, width, sums in (
            ("requantize_8", 8, "sums of 8 bits"),
            ("requantize_whole", None, "sums of precision.acc_width"),
        )
    ),
    Proof(
        name="lane_multiplies",
        block="post/lane.py: RequantizeLane",
        scale="sums of 4 bits, all 27 bits of a multiplier; moves in each cycle",
        spec=partial(_multiplies, width=4),
        properties=(
            Property(
                "product",
                "The product of the two parts of the multiplier is that of the whole, with its sign.",
                Plant(
                    _MODULE, "upper = (outer >> _CUT) + cross", "upper = (outer >> _CUT) ^ cross"
                ),
            ),
        ),
        steps=6,
        quick=False,
    ),
)
