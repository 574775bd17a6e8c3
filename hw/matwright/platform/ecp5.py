# SPDX-License-Identifier: Apache-2.0
"""Lattice ECP5: multiply-accumulates in MULT18X18D with the registers that the block has.

Source of the primitive: Lattice, "ECP5 and ECP5-5G sysDSP Usage Guide", FPGA-TN-02205. Yosys infers
the multiplier but none of its registers, without which it takes 3.9 ns.
"""

from amaranth import (
    Cat,
    ClockSignal,
    Const,
    Instance,
    Module,
    Mux,
    ResetSignal,
    Signal,
    Value,
    signed,
)

from ..config import AcceleratorConfig, Precision
from ..core.pair import PairRegisters, ProcessingElementPair
from ..core.pe import ProcessingElement, register
from ..memory.single_port import SinglePortSram
from ..memory.sram import Sram
from ..post.multiplier import Multiplier
from ..system.ram import SinglePortRam
from .ecp5_ram import dp16kd
from .ecp5_sram import SHALLOW, registered_sram
from .verilog import VerilogPlatform

__all__ = ["OPERAND_WIDTH", "Ecp5Platform", "multiplier"]

OPERAND_WIDTH = 18
"""Bits of each operand of a MULT18X18D."""

PRODUCT_WIDTH = 2 * OPERAND_WIDTH

MOST_ENABLES = 64
"""Elements with an enable of their own that an LFE5U-85F takes and leaves their places good: it has 39
blocks of four multipliers, of which about two and a half can be used so."""

_ALWAYS = Const(1, 1)


class Ecp5Platform(VerilogPlatform):
    """Verilog for the ECP5: the arithmetic of the array and the memory of a system placed by hand, the
    rest inferred."""

    def get_processing_element(self, pe: ProcessingElement) -> Module:
        """Body of a :class:`.ProcessingElement`, of the same latency as the portable one.

        The register of the activation and that of the current weight are those at the multiplier's
        inputs, the switch being the clock enable of the latter; its output register is the first
        product register, and the second is in the fabric. One that is ``held`` has the current weight in
        the fabric, from where the block takes it in every cycle. Of two product registers, the second
        then stands before the multiplier, and the adder has the product from the block; with one, the
        current weight goes by its register in the cycle of the switch.
        """
        m = Module()
        a: Value = pe.forward(m)
        m.d.sync += pe.switch_out.eq(pe.switch_in)
        weight: Value = pe.next_weight(m)
        enable: Value = _ALWAYS
        registers = pe.build.product_registers - 1
        if pe.held:
            current = Signal.like(weight, name="current")
            if registers:
                with m.If(pe.switch_in):
                    m.d.sync += current.eq(weight)
                weight, registers = current, registers - 1
            else:
                a, weight = pe.a_in, Mux(pe.switch_in, weight, current)
                m.d.sync += current.eq(weight)
        else:
            a, enable = pe.a_in, pe.switch_in
        product = multiplier(
            m,
            "multiplier",
            a,
            weight,
            enable_b=enable,
            width=pe.product_width,
            sparing=pe.held,
        )
        pe.accumulate(m, product, registers=registers)
        return m

    @classmethod
    def few_enables(cls, config: AcceleratorConfig) -> bool:
        """Whether the array is so large that its elements run out of clock enables.

        The four multipliers of a block share four enables. One is always on, and where three elements
        that switch by themselves are in a block, nextpnr finds no route to all of them.
        """
        return not cls.pairs(config.precision) and config.rows * config.cols > MOST_ENABLES

    def get_sram(self, sram: Sram) -> Module:
        """Body of an :class:`.Sram`: blocks with their output register, if it has one, else inferred."""
        if sram.registers and sram.depth > SHALLOW:
            return registered_sram(sram)
        return super().get_sram(sram)

    def get_single_port_sram(self, sram: SinglePortSram) -> Module:
        """Body of a :class:`.SinglePortSram`: blocks have two ports, and their register counts for more."""
        if sram.registers and sram.depth > SHALLOW:
            return registered_sram(sram)
        return super().get_single_port_sram(sram)

    def get_multiplier(self, part: Multiplier) -> Module:
        """Body of a :class:`.Multiplier`: both of its registers are in the block."""
        m = Module()
        product = multiplier(
            m,
            "multiplier",
            part.a,
            part.b,
            enable=part.enable,
            enable_b=part.enable,
            width=len(part.p),
        )
        m.d.comb += part.p.eq(product)
        return m

    def get_single_port_ram(self, ram: SinglePortRam) -> Module:
        """Body of a :class:`.SinglePortRam`, with the output registers of the blocks."""
        return dp16kd(ram)

    @staticmethod
    def pairs(precision: Precision) -> bool:
        """Whether two weights fit beside each other in one operand: ``a_width + 2 * b_width <= 18``."""
        return precision.product_width + precision.b_width <= OPERAND_WIDTH

    def get_pair(self, pair: ProcessingElementPair) -> Module:
        """Body of a :class:`.ProcessingElementPair` with one multiplier: ``a * (east << k) + a * west``.

        With ``k`` the width of a product, the product of the west is the low k bits, and that of the east
        the bits above, plus one where the west's is negative. The east weight is taken a cycle before
        its element's switch, so it may still be on its way into the waiting place; the east product is
        held back for a cycle.
        """
        m = Module()
        travels = PairRegisters(m, pair)
        k = pair.precision.product_width

        # The second product register stands before the multiplier, between the switch and the borrow.
        a: Value = pair.a_in
        enable: Value = pair.switch_in
        west, east = travels.west_following, travels.east_arriving
        if pair.build.product_registers == 2:
            west_weight = Signal.like(west, name="west_weight")
            east_weight = Signal.like(east, name="east_weight")
            with m.If(enable):
                m.d.sync += [west_weight.eq(west), east_weight.eq(east)]
            a, enable, west, east = travels.a_west, Const(1, 1), west_weight, east_weight

        # (east << k) + west without an adder: the low k bits are the west's, sign-extended, and a negative
        # west borrows one from the east. Spelled out bit by bit, as a carry chain takes longer.
        bits = [*east, east[-1]]
        taken = [bit ^ (west[-1] & ~Cat(bits[:i]).any()) for i, bit in enumerate(bits)]
        both = Signal(signed(OPERAND_WIDTH))
        m.d.comb += both.eq(Cat(Cat(west, west[-1].replicate(k))[:k], *taken).as_signed())
        product = multiplier(m, "multiplier", a, both, enable_b=enable, width=2 * k)
        held = register(m, product[k:].as_signed(), "held")
        borrow = register(m, product[k - 1], "held_borrow")
        travels.accumulate(m, product[:k].as_signed(), held, borrow)
        return m


def multiplier(
    m: Module,
    name: str,
    a: Value,
    b: Value,
    *,
    enable_b: Value,
    enable: Value = _ALWAYS,
    width: int,
    sparing: bool = False,
) -> Signal:
    """Low ``width`` bits of signed ``a * b``, two cycles later, from an instance ``name``.

    ``b`` is taken over where ``enable_b`` is high, and reset with the domain; ``a`` and the product
    are registered where ``enable`` is, without a reset. ``sparing`` saves wires: the operands are at the
    top of the ports, above zeros, which need none as copies of the signs do, and ``b``, which must be
    reset where it comes from and taken over in every cycle, has no reset either.
    """
    product = Signal(signed(width), name=f"{name}_product")
    bits = Signal(PRODUCT_WIDTH, name=f"{name}_p")
    operands, zeros = [], 0
    for letter, value in (("a", a), ("b", b)):
        operand = Signal(signed(OPERAND_WIDTH), name=f"{name}_{letter}")
        below = OPERAND_WIDTH - len(value) if sparing else 0
        m.d.comb += operand.eq(Cat(Const(0, below), value) if sparing else value)
        operands.append(operand)
        zeros += below
    # Operand C and the shift chain are left open: they are not used, and have no route to ground.
    ports: dict[str, Value] = {f"i_A{i}": operands[0][i] for i in range(OPERAND_WIDTH)}
    ports |= {f"i_B{i}": operands[1][i] for i in range(OPERAND_WIDTH)}
    ports |= {f"o_P{i}": bits[i] for i in range(PRODUCT_WIDTH)}
    m.submodules[name] = Instance(
        "MULT18X18D",
        p_REG_INPUTA_CLK="CLK0",
        p_REG_INPUTA_CE="CE0",
        p_REG_INPUTA_RST="RST0",
        p_REG_INPUTB_CLK="CLK0",
        p_REG_INPUTB_CE="CE1",
        p_REG_INPUTB_RST="RST0" if sparing else "RST1",
        p_REG_PIPELINE_CLK="NONE",
        p_REG_OUTPUT_CLK="CLK0",
        p_REG_OUTPUT_CE="CE0",
        p_REG_OUTPUT_RST="RST0",
        p_GSR="DISABLED",
        p_RESETMODE="SYNC",
        i_CLK0=ClockSignal(),
        i_CE0=enable,
        i_CE1=enable_b,
        i_RST0=Const(0, 1),
        i_RST1=Const(0, 1) if sparing else ResetSignal(),
        i_SOURCEA=Const(0, 1),
        i_SOURCEB=Const(0, 1),
        i_SIGNEDA=Const(1, 1),
        i_SIGNEDB=Const(1, 1),
        **ports,
    )
    m.d.comb += product.eq(bits[zeros:][:width].as_signed())
    return product
