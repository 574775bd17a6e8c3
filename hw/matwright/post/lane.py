# SPDX-License-Identifier: Apache-2.0
"""One column of post-processing: bias, activation, scaling, narrowing."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..layout import SCALE_FRACTION_BITS, SCALE_MULTIPLIER_BITS

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
    at once: they must not change while a value that matters is in the pipeline.

    The product is made of four that fit 16 x 16 and 18 x 18 multipliers. Only nine of its bits can
    reach the result, the others decide on rounding and saturation; so the shifter is as wide as
    the bits it keeps: first by 0, 8, 16 or 24 places, then by 0 to 7.
    """

    TOTAL_LATENCY = 1
    """Enabled cycles from ``sum`` to ``total``."""
    LATENCY = 7
    """Enabled cycles from ``sum`` to ``narrow``."""

    enable: Signal  # In, 1
    sum: Signal  # In, signed(acc_width)
    bias: Signal  # In, signed(32)
    word: Signal  # In, unsigned(32), the scale word
    relu: Signal  # In, 1
    zero_point: Signal  # In, signed(8)
    d_unsigned: Signal  # In, 1
    total: Signal  # Out, signed(acc_width)
    narrow: Signal  # Out, unsigned(8)

    def __init__(self, acc_width: int) -> None:
        self.acc_width = acc_width
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

        # Stage 1: bias and activation. The assignment to `biased` wraps.
        biased = Signal(signed(self.acc_width))
        m.d.comb += biased.eq(self.sum + self.bias)
        total = self._register(m, "total_q", Mux(self.relu & (biased < 0), 0, biased))
        word = self._register(m, "word_q", self.word)
        m.d.comb += self.total.eq(total)

        # Stages 2 to 4: multiply.
        product = self._multiply(m, total, word[:SCALE_MULTIPLIER_BITS])
        exponent: Value = word[SCALE_MULTIPLIER_BITS:]
        for stage in (2, 3, 4):
            exponent = self._register(m, f"exponent_{stage}", exponent)

        # Stages 5 and 6: shift.
        kept, sticky, excess, negative = self._shift(m, product, exponent)

        # Stage 7: round half to even, add the zero point, saturate.
        round_up = kept[0] & (sticky | kept[1])
        shifted = Signal(signed(10))
        low, high = Signal(), Signal()
        clipped = Signal(8)
        m.d.comb += [
            shifted.eq(kept[1:].as_signed() + self.zero_point + round_up),
            low.eq(Mux(excess, negative, shifted < -128)),
            high.eq(Mux(excess, ~negative, shifted > 127)),
            clipped.eq(Mux(low, 0x80, Mux(high, 0x7F, shifted[:8]))),
        ]
        narrow = Cat(clipped[:7], clipped[7] ^ self.d_unsigned)
        m.d.comb += self.narrow.eq(self._register(m, "narrow_q", narrow))

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
        """``t * u`` in three stages, signed(acc_width + 27)."""
        low_u, high_u = u[:_CUT], u[_CUT:]
        if self.acc_width > 16:
            low_t, high_t = t[:16], t[16:].as_signed()
            low_low = self._register(m, "low_low", low_t * low_u)
            low_high = self._register(m, "low_high", low_t * high_u)
            high_low = self._register(m, "high_low", high_t * low_u)
            high_high = self._register(m, "high_high", high_t * high_u)
            # high_high begins at bit 16 + _CUT, where low_low ends: no adder.
            outer = Cat(low_low, high_high).as_signed()
            cross = (high_low << 16 - _CUT) + low_high
        else:
            outer = self._register(m, "t_low", t * low_u)
            cross = self._register(m, "t_high", t * high_u)
        outer = self._register(m, "outer", outer)
        cross = self._register(m, "cross", cross)
        upper = (outer >> _CUT) + cross
        product = Cat(outer[:_CUT], upper)[: self.acc_width + SCALE_MULTIPLIER_BITS]
        return self._register(m, "product", product.as_signed())

    def _shift(
        self, m: Module, product: Signal, exponent: Value
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
            self._register(m, "kept_q", kept),
            self._register(m, "sticky_6", Cat(below).any()),
            self._register(m, "excess_6", Cat(above).any()),
            self._register(m, "negative_6", negative),
        )


def _differs(bits: Value, sign: Value) -> Value:
    """Whether one of ``bits`` is not ``sign``."""
    return Mux(sign, ~bits.all(), bits.any())
