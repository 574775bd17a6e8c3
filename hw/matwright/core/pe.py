# SPDX-License-Identifier: Apache-2.0
"""Processing element: the multiply-accumulate cell of the weight-stationary array."""

from typing import Any

from amaranth import Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import Build, Precision

__all__ = ["ProcessingElement", "register", "waiting_weight"]


class ProcessingElement(wiring.Component):
    """One cell: holds the current weight and the next one, and adds ``a * weight`` to what comes by.

    Activations travel east, partial sums south (H. T. Kung, "Why Systolic Architectures?", IEEE
    Computer 15(1), 1982). The next weight shifts south through ``w_in``/``w_out`` wherever
    ``load_in`` is high. ``switch_in`` comes with the first activation that is to meet it, and makes
    the next weight the current one; in that same cycle the next weight may already be replaced.

    ``a_out``, ``switch_out`` and ``load_out`` lag their inputs by one cycle. ``psum_out`` contains
    the product of an activation :attr:`latency` cycles after it entered, and ``psum_in`` one
    cycle after that entered.

    ``held`` asks a platform to do without a clock enable at its multiplier, where it has few of them.

    Platform overrides: ``get_processing_element(pe)`` returns the module to use instead.
    """

    a_in: Signal  # In, signed(a_width)
    switch_in: Signal  # In
    load_in: Signal  # In
    w_in: Signal  # In, signed(b_width)
    psum_in: Signal  # In, signed(psum_in_width)
    a_out: Signal  # Out, signed(a_width)
    switch_out: Signal  # Out
    load_out: Signal  # Out
    w_out: Signal  # Out, signed(b_width)
    psum_out: Signal  # Out, signed(psum_out_width)

    def __init__(
        self,
        precision: Precision,
        build: Build,
        psum_in_width: int,
        psum_out_width: int,
        *,
        held: bool = False,
    ) -> None:
        self.precision = precision
        self.build = build
        self.held = held
        super().__init__(
            {
                "a_in": In(signed(precision.a_width)),
                "switch_in": In(1),
                "load_in": In(1),
                "w_in": In(signed(precision.b_width)),
                "psum_in": In(signed(psum_in_width)),
                "a_out": Out(signed(precision.a_width)),
                "switch_out": Out(1),
                "load_out": Out(1),
                "w_out": Out(signed(precision.b_width)),
                "psum_out": Out(signed(psum_out_width)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from an activation at ``a_in`` to its product in ``psum_out``."""
        return 2 + self.build.product_registers

    @property
    def product_width(self) -> int:
        """Width of the product, in bits."""
        return self.precision.product_width

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_processing_element"):
            return platform.get_processing_element(self)
        m = Module()
        a = self.forward(m)
        m.d.sync += self.switch_out.eq(self.switch_in)
        following = self.next_weight(m)
        weight = Signal(signed(self.precision.b_width))
        with m.If(self.switch_in):
            m.d.sync += weight.eq(following)
        self.accumulate(m, a * weight, registers=self.build.product_registers)
        return m

    def forward(self, m: Module) -> Signal:
        """What travels east, but for the switch; returns the activation, registered."""
        a = register(m, self.a_in, "a")
        m.d.sync += self.load_out.eq(self.load_in)
        m.d.comb += self.a_out.eq(a)
        return a

    def next_weight(self, m: Module) -> Signal:
        """The weight that waits for the switch."""
        following = waiting_weight(m, self.load_in, self.w_in, "following")
        m.d.comb += self.w_out.eq(following)
        return following

    def accumulate(self, m: Module, product: Value, registers: int) -> None:
        """Adds ``product``, delayed by ``registers`` cycles, to the partial sum that comes by."""
        for stage in range(registers):
            product = register(m, product, f"product{stage}")
        shape = self.psum_out.shape()
        m.d.comb += self.psum_out.eq(register(m, self.psum_in + product, "psum", shape))


# The registers of an element, which bodies of platforms share.


def register(m: Module, value: Value, name: str, shape: Any = None) -> Signal:
    """``value`` a cycle later."""
    # What passes through is 0 once nothing is sent, and control decides when anybody looks at it.
    later = Signal(value.shape() if shape is None else shape, name=name, reset_less=True)
    m.d.sync += later.eq(value)
    return later


def waiting_weight(m: Module, load: Value, w_in: Value, name: str) -> Signal:
    """The weight that came last while ``load`` was high."""
    # Weights stay, so they have a reset: nothing of a program may be left when it ends.
    following = Signal(signed(len(w_in)), name=name)
    with m.If(load):
        m.d.sync += following.eq(w_in)
    return following
