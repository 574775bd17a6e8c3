# SPDX-License-Identifier: Apache-2.0
"""Lattice iCE40 UltraPlus: two multipliers of 8 x 8 bits in one SB_MAC16.

Source of the primitive: Lattice, "DSP Function Usage Guide for iCE40 Devices", FPGA-TN-02007 (TN1295).
Yosys infers one block for one multiplier, and an UP5K has eight blocks.
"""

from amaranth import Cat, ClockSignal, Const, Instance, Module, Signal, signed

from ..config import Precision
from ..core.pair import PairRegisters, ProcessingElementPair
from ..core.pe import register
from .verilog import VerilogPlatform

__all__ = ["OPERAND_WIDTH", "Ice40Platform"]

OPERAND_WIDTH = 8
"""Bits of each operand of half a SB_MAC16."""


class Ice40Platform(VerilogPlatform):
    """Verilog for the iCE40 UltraPlus: the multipliers of the array placed by hand, the rest inferred."""

    @staticmethod
    def pairs(precision: Precision) -> bool:
        """Whether two products fit in one block: both operands of at most 8 bits."""
        return max(precision.a_width, precision.b_width) <= OPERAND_WIDTH

    def get_pair(self, pair: ProcessingElementPair) -> Module:
        """Body of a :class:`.ProcessingElementPair` with one block, of the same latency.

        The registers inside the block are the first product register. Those of activations and weights
        stay in the fabric: activations travel on, and the two weights switch in different cycles, while
        both halves of the block share one hold.
        """
        m = Module()
        b_width = pair.precision.b_width
        travels = PairRegisters(m, pair)
        weights = [Signal(signed(b_width), name=f"weight_{side}") for side in ("west", "east")]
        with m.If(pair.switch_in):
            m.d.sync += weights[0].eq(travels.west_following)
        with m.If(travels.switch_east):
            m.d.sync += weights[1].eq(travels.east_following)

        products = _multiply(m, (travels.a_west, travels.a_east), (weights[0], weights[1]))
        k = pair.precision.product_width
        sums = []
        for side, product in zip(("west", "east"), products, strict=True):
            value = product[:k].as_signed()
            for stage in range(pair.build.product_registers - 1):
                value = register(m, value, f"product_{side}{stage}")
            sums.append(value)
        travels.accumulate(m, *sums)
        return m


def _multiply(
    m: Module, a: tuple[Signal, Signal], b: tuple[Signal, Signal]
) -> tuple[Signal, Signal]:
    """Signed products of 16 bits, a cycle later: the first in the bottom half, the second in the top."""
    operands = []
    for letter, pair in (("a", a), ("b", b)):
        halves = [Signal(signed(OPERAND_WIDTH), name=f"{letter}_{i}") for i in range(2)]
        m.d.comb += [half.eq(value) for half, value in zip(halves, pair, strict=True)]
        operands.append(Cat(halves))
    products = (Signal(2 * OPERAND_WIDTH, name="p_0"), Signal(2 * OPERAND_WIDTH, name="p_1"))
    names = ("AHOLD", "BHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT")
    names += ("OLOADTOP", "OLOADBOT", "ADDSUBTOP", "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT")
    names += ("CI", "ACCUMCI", "SIGNEXTIN")
    m.submodules.multipliers = Instance(
        "SB_MAC16",
        p_A_SIGNED=Const(1, 1),
        p_B_SIGNED=Const(1, 1),
        p_MODE_8x8=Const(1, 1),
        p_TOP_8x8_MULT_REG=Const(1, 1),
        p_BOT_8x8_MULT_REG=Const(1, 1),
        p_TOPOUTPUT_SELECT=Const(2, 2),
        p_BOTOUTPUT_SELECT=Const(2, 2),
        i_CLK=ClockSignal(),
        i_CE=Const(1, 1),
        i_A=operands[0],
        i_B=operands[1],
        i_C=Const(0, 16),
        i_D=Const(0, 16),
        o_O=Cat(products),
        **{f"i_{name}": Const(0, 1) for name in names},
    )
    return products
