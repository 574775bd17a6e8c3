# SPDX-License-Identifier: Apache-2.0
"""The processing element, and elements beside each other in a segment of a row."""

from functools import partial

from amaranth import Cat, Module, Mux, Signal, Value, signed

from matwright.config import Precision

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_PE = "matwright.core.pe"
_PAIR = "matwright.core.pair"
_SEGMENT = "matwright.core.segment"


def _later(m: Module, value: Value, name: str) -> Signal:
    """``value`` a cycle later; a reset does not clear it."""
    past = Signal(value.shape(), name=name, reset_less=True)
    m.d.sync += past.eq(value)
    return past


def _times(a: Value, w: Value, width: int) -> Value:
    """``a * w`` by adding and taking away what the bits of ``w`` stand for."""
    total: Value = Signal(signed(width))  # 0
    for bit in range(len(w)):
        term = Mux(w[bit], a << bit, 0)
        total = (total - term if bit == len(w) - 1 else total + term)[:width].as_signed()
    return total


class _Element:
    """What an element should do: its registers as the specification has them."""

    def __init__(
        self, m: Module, name: str, a: Value, switch: Value, load: Value, w: Value
    ) -> None:
        self.a = _later(m, a, f"{name}_a")
        self.following = Signal(signed(len(w)), name=f"{name}_following")
        self.weight = Signal(signed(len(w)), name=f"{name}_weight")
        self.switch = Signal(name=f"{name}_switch")
        self.load = Signal(name=f"{name}_load")
        m.d.sync += [self.switch.eq(switch), self.load.eq(load)]
        with m.If(load):
            m.d.sync += self.following.eq(w)
        with m.If(switch):
            m.d.sync += self.weight.eq(self.following)


def _element(b: Bench, precision: Precision) -> None:
    build = b.config.build
    above, below = precision.product_width, precision.product_width + 1
    source = b.source(_PE)
    dut = b.place("dut", source.ProcessingElement(precision, build, above, below))
    m = b.m
    spec = _Element(m, "spec", dut.a_in, dut.switch_in, dut.load_in, dut.w_in)
    b.show("travels", (dut.a_out == spec.a) & (dut.load_out == spec.load))
    b.show("switch", dut.switch_out == spec.switch)
    b.show("shifts", dut.w_out == spec.following)
    weight = b.inner(dut, "weight")
    b.show("weight", weight == spec.weight)
    b.implies("stays", ~b.before(dut.switch_in), weight == b.before(weight))

    product = _times(spec.a, spec.weight, precision.product_width)
    for stage in range(build.product_registers):
        product = _later(m, product, f"spec_product{stage}")
        b.show(f"product_{stage}", b.inner(dut, f"product{stage}") == product)
    total = _later(m, (dut.psum_in + product)[:below].as_signed(), "spec_psum")
    b.show("sum", dut.psum_out == total)

    b.reach("negative", (dut.psum_out == -3) & (spec.weight == -1))
    b.reach("replaced", spec.switch & spec.load & (spec.following != spec.weight))


def _segment(b: Bench, cols: int) -> None:
    precision = Precision(a_width=3, b_width=2, acc_width=8)
    above, below = 5, 6
    build = b.config.build
    source = b.source(_SEGMENT)
    dut = b.place("dut", source.ArraySegment(precision, build, above, below, cols))
    m = b.m
    a, switch, load = dut.a, dut.switch_in, dut.load
    for c in range(cols):
        w_in = dut.w_in.word_select(c, 2).as_signed()
        spec = _Element(m, f"spec_{c}", a, switch, load, w_in)
        part = f"pe_{c}"
        product = _times(spec.a, spec.weight, precision.product_width)
        for stage in range(build.product_registers):
            product = _later(m, product, f"spec_product_{c}")
            b.show(f"product_{c}_{stage}", b.inner(dut, f"{part}.product{stage}") == product)
        psum_in = dut.psum_in.word_select(c, above).as_signed()
        total = _later(m, (psum_in + product)[:below].as_signed(), f"spec_psum_{c}")
        b.show(f"sum_{c}", dut.psum_out.word_select(c, below).as_signed() == total)
        b.show(f"shifts_{c}", dut.w_out.word_select(c, 2).as_signed() == spec.following)
        b.show(f"a_{c}", b.inner(dut, f"{part}.a") == spec.a)
        b.show(f"weight_{c}", b.inner(dut, f"{part}.weight") == spec.weight)
        a, switch, load = spec.a, spec.switch, spec.load
        at = Cat(b.inner(dut, f"{part}.switch_out"), b.inner(dut, f"{part}.load_out"))
        b.show(f"at_{c}", at == Cat(switch, load))
    b.show("travels", (dut.a_out == a) & (dut.switch_out == switch) & (dut.load_out == load))
    b.show(
        "skew",
        (dut.switch_out == _delayed(m, dut.switch_in, cols))
        & (dut.load_out == _delayed(m, dut.load, cols)),
    )
    b.reach("switches", dut.switch_out & (dut.psum_out.word_select(cols - 1, below) == 3))


def _delayed(m: Module, value: Value, cycles: int) -> Value:
    """``value`` some cycles ago, 0 after a reset."""
    for _ in range(cycles):
        past = Signal(name="delayed")
        m.d.sync += past.eq(value)
        value = past
    return value


def _pe(name: str, a: int, w: int, *, quick: bool, bug: Plant) -> Proof:
    precision = Precision(a_width=a, b_width=w)
    return Proof(
        name=name,
        block="core/pe.py: ProcessingElement",
        scale=f"activations of {a} bits, weights of {w}, all values; the configuration's registers",
        spec=partial(_element, precision=precision),
        properties=(
            Property(
                "sum",
                "Its sum is the one that came by plus activation times weight, signed and exact.",
                bug,
            ),
            Property(
                "weight",
                "The waiting weight becomes the current one with the switch, and meets its activation.",
                Plant(_PE, "m.d.sync += weight.eq(following)", "m.d.sync += weight.eq(self.w_in)"),
            ),
            Property(
                "stays",
                "Without a switch the weight stays.",
                Plant(
                    _PE, "with m.If(self.switch_in):", "with m.If(self.switch_in | self.load_in):"
                ),
            ),
            Property(
                "shifts",
                "The waiting weight is the one that came last with load.",
                Plant(_PE, "with m.If(load):", "with m.If(1):"),
            ),
            Property(
                "switch",
                "The switch travels with the activation, a cycle an element.",
                Plant(
                    _PE,
                    "m.d.sync += self.switch_out.eq(self",
                    "m.d.comb += self.switch_out.eq(self",
                ),
            ),
            Property(
                "travels",
                "Activation and load travel east, a cycle an element.",
                Plant(_PE, "self.a_out.eq(a)", "self.a_out.eq(self.a_in)"),
            ),
        ),
        steps=2,
        depth=8,
        quick=quick,
    )


_UNSIGNED = Plant(_PE, "a * weight,", "a * weight.as_unsigned(),")
_NARROW = Plant(_PE, "self.psum_in + product, ", "self.psum_in + product[:-1], ")
_LATE = Plant(_PE, "for stage in range(registers):", "for stage in range(registers + 1):")

PROOFS = (
    Proof(
        name="segment",
        block="core/segment.py: ArraySegment",
        scale="three columns, activations of 3 bits, weights of 2; the configuration's registers",
        spec=partial(_segment, cols=3),
        properties=(
            Property(
                "skew",
                "Switch and load leave for the next segment a cycle later for each column.",
                Plant(_SEGMENT, "self.load_out.eq(load)", "self.load_out.eq(self.load)"),
            ),
            Property(
                "travels",
                "Activation, switch and load leave together, in the order in which they came.",
                Plant(_SEGMENT, "self.a_out.eq(a)", "self.a_out.eq(self.a)"),
            ),
            Property(
                "sum_2",
                "Column c adds the product of what came c cycles before and its own weight to its own sum.",
                Plant(
                    _SEGMENT,
                    "a, switch, load = a_out, switch_out, load_out",
                    "a, switch, load = a_out, switch_out, load",
                ),
            ),
            Property(
                "shifts_1",
                "Column c shifts its own weights on, c cycles after column 0.",
                Plant(_SEGMENT, "Cat(weights)", "Cat(*weights[:1], *weights[:1], *weights[2:])"),
            ),
        ),
        steps=2,
    ),
    _pe("element_4_4", 4, 4, quick=True, bug=_UNSIGNED),
    _pe("element_6_6", 6, 6, quick=True, bug=_NARROW),
    _pe("element_8_4", 8, 4, quick=True, bug=_LATE),
    _pe("element_8_8", 8, 8, quick=False, bug=_UNSIGNED),
)
