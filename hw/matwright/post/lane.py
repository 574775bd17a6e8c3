# SPDX-License-Identifier: Apache-2.0
"""One column of post-processing: bias, activation, scaling, narrowing."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..layout import SCALE_FRACTION_BITS, SCALE_MULTIPLIER_BITS
from .multiplier import Multiplier

__all__ = ["RequantizeLane"]

_CUT = 14
"""Bit at which the multiplier is cut in two, and both parts fit a 16-bit signed multiplier."""

_GUARD = SCALE_FRACTION_BITS - 1
"""Bit of the product just below the result, at exponent 0."""


class RequantizeLane(wiring.Component):
    """``clip(round_half_even((sum + bias) * u / 2**(20 + e)) + zero_point)`` in integers, exactly.

    A pipeline that moves when ``enable`` is high. ``total``, the sum with bias and activation
    wrapped to ``acc_width`` bits, lags ``sum``, ``bias`` and ``word`` by :attr:`TOTAL_LATENCY`
    enabled cycles, ``narrow`` by :attr:`LATENCY`. ``relu``, ``zero_point`` and ``d_unsigned`` act
    at once: they must not change while a value that matters is in the pipeline. ``registers`` (0 or 1)
    is the number of registers right behind the inputs, which adds to both, and of those before the
    multipliers; then ``narrow`` is no register, but as late as with one.

    The product is made of four that fit 16 x 16 and 18 x 18 multipliers. Only nine of its bits can
    reach the result, the others decide on rounding and saturation; so the shifter is as wide as
    the bits it keeps: first by 0, 8, 16 or 24 places, then by 0 to 7.
    """

    TOTAL_LATENCY = 1
    """Enabled cycles from ``sum`` to ``total``, without ``registers``."""
    LATENCY = 7
    """Enabled cycles from ``sum`` to ``narrow``, without ``registers``."""

    enable: Signal  # In, 1
    sum: Signal  # In, signed(acc_width)
    bias: Signal  # In, signed(32)
    word: Signal  # In, unsigned(32), the scale word
    relu: Signal  # In, 1
    zero_point: Signal  # In, signed(8)
    d_unsigned: Signal  # In, 1
    total: Signal  # Out, signed(acc_width)
    narrow: Signal  # Out, unsigned(8)

    def __init__(self, acc_width: int, registers: int = 0) -> None:
        self.acc_width = acc_width
        self.registers = registers
        super().__init__(
            {
                "enable": In(1),
                "sum": In(signed(acc_width)),
                "bias": In(signed(32)),
                "word": In(32),
                "relu": In(1),
                "zero_point": In(signed(8)),
                "d_unsigned": In(1),
                "total": Out(signed(acc_width)),
                "narrow": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sum_, bias, word = self.sum, self.bias, self.word
        if self.registers:
            sum_ = self._register(m, "sum_q", sum_)
            bias = self._register(m, "bias_q", bias)
            word = self._register(m, "word_q", word)

        # Stage 1: bias. The assignment to `biased` wraps.
        biased = Signal(signed(self.acc_width))
        m.d.comb += biased.eq(sum_ + bias)
        total = self._register(m, "total_q", biased)
        # A sum that the activation makes 0 goes on, and is dropped where the result is.
        dropped: Value = self.relu & (total < 0)
        m.d.comb += self.total.eq(Mux(dropped, 0, total))

        # Stages 1 to 4: multiply. Multipliers of an FPGA may be far from all else.
        exponent = word[SCALE_MULTIPLIER_BITS:]
        if self.registers:
            word = self._register(m, "word_1", word[:SCALE_MULTIPLIER_BITS])
            exponent = self._register(m, "exponent_0", exponent)
            dropped = self._register(m, "dropped_1", dropped)
        factor = total if self.registers else biased
        product = self._multiply(m, factor, word[:SCALE_MULTIPLIER_BITS])
        exponent = self._register(m, "exponent_1", exponent)
        for stage in (2, 3, 4):
            exponent = self._register(m, f"exponent_{stage}", exponent)
            dropped = self._register(m, f"dropped_{stage}", dropped)

        # Stages 5 and 6: shift.
        kept, sticky, excess, negative = self._shift(m, product, exponent, dropped)

        # Stage 7: round half to even, add the zero point, saturate. With registers the clipping comes
        # behind the register.
        round_up = kept[0] & (sticky | kept[1])
        shifted: Value = Signal(signed(10))
        m.d.comb += shifted.eq(kept[1:].as_signed() + self.zero_point + round_up)
        if self.registers:
            shifted = self._register(m, "shifted_q", shifted)
            excess = self._register(m, "excess_7", excess)
            negative = self._register(m, "negative_7", negative)
        # It fits eight bits if those above them are all its sign.
        beyond = excess | (shifted[7:].any() & ~shifted[7:].all())
        below = Mux(excess, negative, shifted[-1])
        clipped = Mux(beyond, Mux(below, 0x80, 0x7F), shifted[:8])
        narrow: Value = Signal(8)
        m.d.comb += narrow.eq(Cat(clipped[:7], clipped[7] ^ self.d_unsigned))
        if not self.registers:
            narrow = self._register(m, "narrow_q", narrow)
        m.d.comb += self.narrow.eq(narrow)

        return m

    def _register(self, m: Module, name: str, value: Value) -> Signal:
        """``value`` one enabled cycle later.

        No reset: what holds no item never matters, and an idle pipeline moves, so that the zeros of
        a machine that was reset push out what was in it.
        """
        q = Signal(value.shape(), name=name, reset_less=True)
        with m.If(self.enable):
            m.d.sync += q.eq(value)
        return q

    def _multiply(self, m: Module, t: Signal, u: Value) -> Signal:
        """``t * u`` in four stages, signed(acc_width + 27)."""
        low_u, high_u = u[:_CUT], u[_CUT:]
        if self.acc_width > 16:
            low_t, high_t = t[:16], t[16:].as_signed()
            low_low = self._product(m, "low_low", low_t, low_u)
            low_high = self._product(m, "low_high", low_t, high_u)
            high_low = self._product(m, "high_low", high_t, low_u)
            high_high = self._product(m, "high_high", high_t, high_u)
            # high_high begins at bit 16 + _CUT, where low_low ends: no adder.
            outer: Value = Cat(low_low, high_high).as_signed()
            cross: Value = (high_low << 16 - _CUT) + low_high
        else:
            outer = self._product(m, "t_low", t, low_u)
            cross = self._product(m, "t_high", t, high_u)
        outer = self._register(m, "outer", outer)
        cross = self._register(m, "cross", cross)
        upper = (outer >> _CUT) + cross
        product = Cat(outer[:_CUT], upper)[: self.acc_width + SCALE_MULTIPLIER_BITS]
        return self._register(m, "product", product.as_signed())

    def _product(self, m: Module, name: str, a: Value, b: Value) -> Signal:
        """``a * b`` two stages later."""
        m.submodules[name] = multiplier = Multiplier(a.shape(), b.shape())
        m.d.comb += [multiplier.enable.eq(self.enable), multiplier.a.eq(a), multiplier.b.eq(b)]
        return multiplier.p

    def _shift(
        self, m: Module, product: Signal, exponent: Value, dropped: Value
    ) -> tuple[Signal, Signal, Signal, Signal]:
        """``product`` down by ``_GUARD`` plus ``exponent`` places, in two stages.

        Gives the ten bits kept, the lowest of them the guard; whether a bit below them is set;
        whether a bit above them differs from the sign; and the sign.
        """
        wide = Signal(signed(_GUARD + 24 + 17))
        m.d.comb += wide.eq(product)
        sign = wide[-1]

        coarse, window = exponent[3:], Signal(17)
        with m.Switch(coarse):
            for step in range(4):
                with m.Case(step):
                    m.d.comb += window.eq(wide[_GUARD + 8 * step :][:17])
        below = [wide[:_GUARD].any()]
        above = []
        for step in range(3):
            low = _GUARD + 8 * step
            below.append((coarse > step) & wide[low:][:8].any())
            above.append((coarse <= step) & _differs(wide[low + 17 :][:8], sign))
        window = self._register(m, "window_q", window)
        sticky = self._register(m, "sticky_5", Cat(below).any())
        excess = self._register(m, "excess_5", Cat(above).any())
        negative = self._register(m, "negative_5", sign)
        fine = self._register(m, "fine", exponent[:3])
        passes = ~self._register(m, "dropped_5", dropped)

        # An even number of places, then one.
        pair, odd, even, kept = fine[1:], fine[0], Signal(11), Signal(10)
        with m.Switch(pair):
            for step in range(4):
                with m.Case(step):
                    m.d.comb += even.eq(window[2 * step :][:11])
        m.d.comb += kept.eq(Mux(odd, even[1:], even[:10]))
        below = [sticky, odd & even[0]]
        above = [excess, ~odd & (even[10] ^ negative), kept[9] ^ negative]
        for step in range(3):
            below.append((pair > step) & window[2 * step :][:2].any())
            above.append((pair <= step) & _differs(window[2 * step + 11 :][:2], negative))
        return (
            self._register(m, "kept_q", Mux(passes, kept, 0)),
            self._register(m, "sticky_6", Cat(below).any() & passes),
            self._register(m, "excess_6", Cat(above).any() & passes),
            self._register(m, "negative_6", negative),
        )


def _differs(bits: Value, sign: Value) -> Value:
    """Whether one of ``bits`` is not ``sign``."""
    return Mux(sign, ~bits.all(), bits.any())
