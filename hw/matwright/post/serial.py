# SPDX-License-Identifier: Apache-2.0
"""Post-processing bit by bit: the results of :class:`.PostProcess` with no multiplier and little logic."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..layout import SCALE_FRACTION_BITS, SCALE_MAX_EXPONENT, SCALE_MULTIPLIER_BITS
from .payload import beat_layout, sums_layout

__all__ = ["SerialPost"]

_ROUNDS = 32 - SCALE_FRACTION_BITS
"""Where a count of bits starts, so that the one just below a result of exponent e is at 32 + e."""

_LAST = _ROUNDS + SCALE_FRACTION_BITS + SCALE_MAX_EXPONENT + 10
"""The count at which all that a result can depend on has been seen: ten bits of the largest shift."""


class SerialPost(wiring.Component):
    """The ports and results of :class:`.PostProcess` with one lane; a bit of an element per cycle.

    An item is accepted when its element is in the beat: nothing of it is kept here. An element takes
    :attr:`CYCLES` (:meth:`raw_cycles` with ``raw``), a group of padding 1 + 8 (1 + 32), the end of a row 8
    more for each byte missing in its last beat, if beats are taken. None of that depends on the data.

    The lowest bit of ``sum + bias`` comes first, and each adds the multiplier to a sum that then moves
    down by one place, so that a bit of the product leaves per cycle, the lowest first. Rounding needs
    the bits below the result, which have come by then; adding the zero point needs a carry; what
    does not fit shows in the bits above.
    """

    CYCLES = 1 + (_LAST - _ROUNDS + 1) + 8
    """Cycles of an element: one to begin, the bits of the product, and its own."""

    i: Any  # In, stream of sums_layout(config.precision, 1)
    o: Any  # Out, stream of beat_layout(config.bus.bytes)
    raw: Signal  # In, 1
    relu: Signal  # In, 1
    use_table: Signal  # In, 1
    scale: Signal  # In, unsigned(32), a scale word
    zero_point: Signal  # In, signed(8)
    d_unsigned: Signal  # In, 1
    idle: Signal  # Out, 1, neither item nor beat is inside

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(sums_layout(config.precision, 1))),
                "o": Out(stream.Signature(beat_layout(config.bus.bytes))),
                "raw": In(1),
                "relu": In(1),
                "use_table": In(1),
                "scale": In(32),
                "zero_point": In(signed(8)),
                "d_unsigned": In(1),
                "idle": Out(1),
            }
        )

    @staticmethod
    def raw_cycles(acc_width: int) -> int:
        """Cycles of an element with ``raw``: the bits of the sum come twice, once for the sign."""
        return 1 + (acc_width + 1) + 32

    def elaborate(self, platform: object) -> Module:
        m = Module()
        item = self.i.p
        size = self.config.bus.bytes

        # Where it is: an element is multiplied (`runs`), its bits go out, or a beat is filled up.
        runs, puts, fills = Signal(), Signal(), Signal()
        count = Signal(range(_LAST + 1), init=_ROUNDS)
        begins, ends = Signal(), Signal()  # the last cycle of waiting, and of running
        step = Signal()  # a bit goes into the beat
        byte_ends, item_ends = Signal(), Signal()
        full = Signal()
        place = Signal(range(size))
        real = item.count[0]
        m.d.comb += [
            begins.eq(self.i.valid & ~(runs | puts | fills)),
            step.eq((puts | fills) & ~full),
            byte_ends.eq(step & (count[:3] == (_ROUNDS - 1) % 8)),
            item_ends.eq(byte_ends & puts & (~self.raw | (count[3:] == (_ROUNDS + 31) // 8))),
            self.i.ready.eq(item_ends),
        ]
        m.d.sync += count.eq(count + (runs | step))
        with m.If(begins | ends | item_ends):
            m.d.sync += count.eq(_ROUNDS)
        with m.If(begins):
            m.d.sync += [runs.eq(real), puts.eq(~real)]
        with m.If(ends):
            m.d.sync += [runs.eq(0), puts.eq(1)]
        last_place = place == size - 1
        with m.If(item_ends):
            m.d.sync += [puts.eq(0), fills.eq(item.last & ~last_place)]
        with m.If(byte_ends & last_place):
            m.d.sync += fills.eq(0)

        bit, sign, whole = self._sum(m, count, begins, ends, runs, step)
        result = self._result(m, count, begins, ends, runs, step, sign)
        m.d.comb += ends.eq(runs & Mux(self.raw, whole, count == _LAST))

        # The beat moves down as bits come in at its top.
        data, strobe = Signal(8 * size), Signal(size)
        dropped = self.relu & sign
        value = Mux(self.raw, bit & ~dropped, result) & puts & real
        with m.If(step):
            m.d.sync += data.eq(Cat(data[1:], value))
        with m.If(byte_ends):
            m.d.sync += [strobe.eq(Cat(strobe[1:], puts & real)), place.eq(place + 1)]
            m.d.sync += full.eq(last_place)
        with m.If(full & self.o.ready):
            m.d.sync += full.eq(0)
        m.d.comb += [
            self.o.valid.eq(full),
            self.o.p.data.eq(data),
            self.o.p.strb.eq(strobe),
            self.idle.eq(~(runs | puts | fills | full) & (place == 0)),
        ]
        return m

    def _sum(
        self, m: Module, count: Signal, begins: Signal, ends: Signal, runs: Signal, step: Signal
    ) -> tuple[Signal, Signal, Signal]:
        """The bit of ``sum + bias`` whose turn it is; the one before it while it runs, in the end the
        sign; and whether that has come: then both are the sign."""
        item, width = self.i.p, self.config.precision.acc_width
        # Bit k is looked at when the count is _ROUNDS + k: modulo 32 that names it.
        total = item.sums[0]
        total = Cat(total, total[-1].replicate(32 - width))
        sum_, bias = Signal(), Signal()
        m.d.comb += [
            sum_.eq(_turned(total).bit_select(count[:5], 1)),
            bias.eq(_turned(item.biases[0]).bit_select(count[:5], 1) & self.use_table),
        ]
        bit, before = Signal(), Signal()
        carry, whole = Signal(), Signal()
        m.d.comb += bit.eq(Mux(whole, before, sum_ ^ bias ^ carry))
        with m.If(runs | step):
            m.d.sync += carry.eq(Mux(carry, sum_ | bias, sum_ & bias))
            with m.If(count == _ROUNDS + width - 1):
                m.d.sync += whole.eq(1)
        with m.If(runs):
            m.d.sync += before.eq(bit)
        with m.If(begins | ends):
            m.d.sync += [carry.eq(0), whole.eq(0)]
        with m.If(begins):
            m.d.sync += before.eq(0)
        return bit, before, whole

    def _result(
        self,
        m: Module,
        count: Signal,
        begins: Signal,
        ends: Signal,
        runs: Signal,
        step: Signal,
        bit: Signal,
    ) -> Value:
        """The bit of the element that goes out next; ``bit`` is that of the sum, in the end its sign."""
        word = Mux(self.use_table, self.i.p.words[0], self.scale)
        exponent = word[SCALE_MULTIPLIER_BITS:]

        # The product: what the bits up to now add to the bits to come.
        upper = Signal(SCALE_MULTIPLIER_BITS)
        product = Signal(SCALE_MULTIPLIER_BITS + 1)
        m.d.comb += product.eq(upper + Mux(bit, word[:SCALE_MULTIPLIER_BITS], 0))
        with m.If(runs):
            m.d.sync += upper.eq(product >> 1)
        low = product[0]

        # Below the result: the last bit, and whether there was one before it.
        kept = Signal()
        guard, sticky = Signal(), Signal()
        with m.If(runs):
            m.d.sync += [guard.eq(low & ~kept), sticky.eq(sticky | guard)]
            with m.If(count == Cat(exponent, 1, 0)):
                m.d.sync += kept.eq(1)

        # The result: rounded and moved by the zero point, which leaves as eight bits come in. The others
        # must be as the eighth.
        eight = Signal(8)
        taken = Signal(range(9))
        carry, sum_ = Signal(), Signal()
        beyond, negative = Signal(), Signal()
        added = Mux(taken[3], self.zero_point[-1], eight[0])
        enters = carry | (guard & (sticky | low))
        m.d.comb += sum_.eq(low ^ added ^ enters)
        with m.If(runs & kept):
            m.d.sync += [
                carry.eq(Mux(enters, low | added, low & added)),
                negative.eq(sum_),
                taken.eq(taken + ~taken[3]),
                beyond.eq(beyond | (taken[3] & (sum_ ^ eight[-1]))),
            ]
        with m.If((runs & kept & ~taken[3]) | step):
            m.d.sync += eight.eq(Cat(eight[1:], sum_))
        with m.If(begins | (ends & self.relu & bit)):
            m.d.sync += [eight.eq(self.zero_point), beyond.eq(0)]
        with m.If(begins):
            m.d.sync += [register.eq(0) for register in (upper, kept, guard, sticky, taken, carry)]
        top = count[:3] == (_ROUNDS - 1) % 8
        limit = negative ^ ~top
        return Mux(beyond, limit, eight[0]) ^ (top & self.d_unsigned)


def _turned(bits: Value) -> Value:
    """32 bits, so that bit k is found at _ROUNDS + k, modulo 32."""
    return Cat(bits[32 - _ROUNDS :], bits[: 32 - _ROUNDS])
