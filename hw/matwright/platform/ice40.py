# SPDX-License-Identifier: Apache-2.0
"""Lattice iCE40 UltraPlus: two multipliers of 8 x 8 bits, or one of 16 x 16, in an SB_MAC16.

Source of the primitive: Lattice, "DSP Function Usage Guide for iCE40 Devices", FPGA-TN-02007 (TN1295).
Yosys infers one block for one multiplier, and a UP5K has eight blocks.
"""

from amaranth import Cat, ClockSignal, Const, Instance, Module, Signal, Value, signed

from ..config import Precision
from ..core.pair import PairRegisters, ProcessingElementPair
from ..core.pe import ProcessingElement, register
from ..memory.single_port import SinglePortSram
from ..system.ram import SinglePortRam
from .ice40_spram import SPRAM_WIDTH, fits_spram, spram, spram_sram
from .verilog import VerilogPlatform

__all__ = ["OPERAND_WIDTH", "Ice40Platform"]

OPERAND_WIDTH = 8
"""Bits of each operand of half an SB_MAC16."""

WIDE_OPERAND_WIDTH = 16
"""Bits of each operand of a whole SB_MAC16."""


class Ice40Platform(VerilogPlatform):
    """Verilog for the iCE40 UltraPlus: the multipliers of the array and the SPRAM placed by hand, the
    rest inferred."""

    @staticmethod
    def pairs(precision: Precision) -> bool:
        """Whether two products fit in one block: both operands of at most 8 bits."""
        return max(precision.a_width, precision.b_width) <= OPERAND_WIDTH

    def get_processing_element(self, pe: ProcessingElement) -> Module:
        """Body of a :class:`.ProcessingElement` with one block, of the same latency.

        The register inside the block is the first product register.
        """
        m = Module()
        a = pe.forward(m)
        m.d.sync += pe.switch_out.eq(pe.switch_in)
        following = pe.next_weight(m)
        weight = Signal(signed(pe.precision.b_width))
        with m.If(pe.switch_in):
            m.d.sync += weight.eq(following)
        product = _block(m, _operands(m, "a", (a,)), _operands(m, "b", (weight,)), _WIDE)
        pe.accumulate(
            m, product[: pe.product_width].as_signed(), registers=pe.build.product_registers - 1
        )
        return m

    def get_single_port_sram(self, sram: SinglePortSram) -> Module:
        """Body of a :class:`.SinglePortSram`: in SPRAM, or inferred if a word does not fit a block.

        A UP5K has four blocks, too few for words of several.
        """
        return spram_sram(sram) if sram.width <= SPRAM_WIDTH else super().get_single_port_sram(sram)

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

        a = _operands(m, "a", (travels.a_west, travels.a_east))
        product = _block(m, a, _operands(m, "b", (weights[0], weights[1])), _NARROW)
        k = pair.precision.product_width
        sums = []
        for i, side in enumerate(("west", "east")):
            value = product[16 * i :][:k].as_signed()
            for stage in range(pair.build.product_registers - 1):
                value = register(m, value, f"product_{side}{stage}")
            sums.append(value)
        travels.accumulate(m, *sums)
        return m

    def get_single_port_ram(self, ram: SinglePortRam) -> Module:
        """Body of a :class:`.SinglePortRam`: of SPRAM where whole blocks make it up."""
        return spram(ram) if fits_spram(ram) else super().get_single_port_ram(ram)


def _operands(m: Module, letter: str, values: tuple[Signal, ...]) -> Value:
    """Signed values, each widened to its share of an operand of 16 bits."""
    width = WIDE_OPERAND_WIDTH // len(values)
    parts = [Signal(signed(width), name=f"{letter}_{i}") for i in range(len(values))]
    m.d.comb += [part.eq(value) for part, value in zip(parts, values, strict=True)]
    return Cat(parts)


def _block(m: Module, a: Value, b: Value, parameters: dict[str, Const]) -> Signal:
    """An SB_MAC16 that only multiplies; what its 32 outputs mean, the parameters say."""
    product = Signal(2 * WIDE_OPERAND_WIDTH, name="p")
    m.submodules.multiplier = Instance(
        "SB_MAC16",
        p_A_SIGNED=Const(1, 1),
        p_B_SIGNED=Const(1, 1),
        i_CLK=ClockSignal(),
        i_CE=Const(1, 1),
        i_A=a,
        i_B=b,
        i_C=Const(0, 16),
        i_D=Const(0, 16),
        o_O=product,
        **{f"i_{name}": Const(0, 1) for name in _LOW},
        **{f"p_{name}": value for name, value in parameters.items()},
    )
    return product


_LOW = (
    *("AHOLD", "BHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "OLOADTOP"),
    *("OLOADBOT", "ADDSUBTOP", "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT", "CI", "ACCUMCI", "SIGNEXTIN"),
)
"""Inputs of the accumulators, which are not used."""

_NARROW = {
    "MODE_8x8": Const(1, 1),
    "TOP_8x8_MULT_REG": Const(1, 1),
    "BOT_8x8_MULT_REG": Const(1, 1),
    "TOPOUTPUT_SELECT": Const(2, 2),
    "BOTOUTPUT_SELECT": Const(2, 2),
}
"""Two products of 8 x 8 bits, a cycle later."""

_WIDE = {
    "PIPELINE_16x16_MULT_REG2": Const(1, 1),
    "TOPOUTPUT_SELECT": Const(3, 2),
    "BOTOUTPUT_SELECT": Const(3, 2),
}
"""One product of 16 x 16 bits, a cycle later."""
