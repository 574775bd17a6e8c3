# SPDX-License-Identifier: Apache-2.0
"""Lattice Nexus: multipliers of 9 x 9 bits, MULT9X9, with registers that the block has.

Source of the primitive: the model that Yosys ships (``nexus/cells_sim.v``). Yosys infers a multiplier
with its registers, but it is always a MULT18X18, which takes the place of two.
"""

from amaranth import ClockSignal, Const, Instance, Module, Signal, Value, signed

from ..core.pe import ProcessingElement
from .verilog import VerilogPlatform

__all__ = ["OPERAND_WIDTHS", "NexusPlatform"]

OPERAND_WIDTHS = (9, 18)
"""Bits of each operand of a MULT9X9, and of a MULT18X18."""

_ALWAYS, _NEVER = Const(1, 1), Const(0, 1)


class NexusPlatform(VerilogPlatform):
    """Verilog for Nexus: the multipliers of the array placed by hand, the rest inferred."""

    def get_processing_element(self, pe: ProcessingElement) -> Module:
        """Body of a :class:`.ProcessingElement` with one multiplier, of the same latency.

        The register of the activation is that at the multiplier's input, its output register is the
        first product register, and the second is in the fabric. The current weight stays in the fabric:
        with the switch as clock enable of the multiplier's other input register, as on the ECP5,
        nextpnr finds no routes.
        """
        m = Module()
        pe.forward(m)
        m.d.sync += pe.switch_out.eq(pe.switch_in)
        following = pe.next_weight(m)
        weight = Signal.like(following, name="weight")
        with m.If(pe.switch_in):
            m.d.sync += weight.eq(following)
        product = _multiplier(m, pe.a_in, weight, width=pe.product_width)
        pe.accumulate(m, product, registers=pe.build.product_registers - 1)
        return m


def _multiplier(m: Module, a: Value, b: Value, *, width: int) -> Signal:
    """Low ``width`` bits of signed ``a * b``, in the smallest block that holds both.

    Two cycles later than ``a``, and one later than ``b``; nothing is reset.
    """
    needed = max(len(a), len(b))
    bits = next(bits for bits in OPERAND_WIDTHS if needed <= bits)
    operands = []
    for letter, value in (("a", a), ("b", b)):
        operand = Signal(signed(bits), name=f"multiplier_{letter}")
        m.d.comb += operand.eq(value)
        operands.append(operand)
    full = Signal(2 * bits, name="multiplier_z")
    m.submodules.multiplier = Instance(
        f"MULT{bits}X{bits}",
        p_REGINPUTA="REGISTER",
        p_REGINPUTB="BYPASS",
        p_REGOUTPUT="REGISTER",
        p_GSR="DISABLED",
        p_RESETMODE="SYNC",
        i_CLK=ClockSignal(),
        i_A=operands[0],
        i_CEA=_ALWAYS,
        i_RSTA=_NEVER,
        i_SIGNEDA=_ALWAYS,
        i_B=operands[1],
        i_CEB=_ALWAYS,
        i_RSTB=_NEVER,
        i_SIGNEDB=_ALWAYS,
        i_CEOUT=_ALWAYS,
        i_RSTOUT=_NEVER,
        o_Z=full,
    )
    product = Signal(signed(width), name="product")
    m.d.comb += product.eq(full[:width].as_signed())
    return product
