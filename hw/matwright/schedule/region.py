# SPDX-License-Identifier: Apache-2.0
"""Region check: whether all that a descriptor names lies in windows that are open for it."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..bus.window import PAGE_BITS, windows_layout
from ..config import PARAMETER_BYTES, AcceleratorConfig, ceil_div
from ..memory.sram import address_width
from .intake import kept_layout
from .times import times

__all__ = ["RegionCheck"]


class RegionCheck(wiring.Component):
    """Walks A, B, D and the parameter table, one after the other.

    A region reaches from the first byte of its first row to the last of its last:
    ``addr + (rows - 1) * stride + row bytes``, whole beats, as the engines read and write them. It
    must lie in one window, D in one that may be written, the others in one that may be read. The
    product is made by adding shifted strides, a bit of ``rows - 1`` per cycle up to its highest; a
    carry out of the address width is a fault: nothing wraps. Without ``table`` that region counts as
    inside.

    ``start`` comes when the descriptor is there. Its values hold still from then on but for ``address``, that
    of the region at hand, and ``stride``, that of the next: ``next_address`` and ``next_stride`` ask for the
    following ones in the cycle after. They do so four times and three times. Of a descriptor that does not
    obey the other checks the answer means nothing.

    ``done`` rises with ``inside``, and both stay until the next ``start``: :attr:`LATENCY` cycles after it,
    one more for each region (three, or four with ``table``), and the bits of ``rows - 1`` of each. If
    ``counted``, which says that the panels of N and K and their tails are known, rises after ``start``,
    A ends :attr:`COUNT_LATENCY` cycles after it at the earliest.

    Between checks, from the cycle after the one in which ``done`` rises on, and before the first,
    ``readable`` says whether the page of ``code_addr`` of the cycle before may be read.
    """

    LATENCY = 2
    """Cycles from ``start`` to ``done``, but for those of the regions."""
    COUNT_LATENCY = 1
    """Cycles from ``counted`` to the sum that needs it."""

    windows: data.View  # In, windows_layout(bus)
    start: Signal  # In
    counted: Signal  # In
    address: Signal  # In, in beats
    stride: data.View  # In, of kept_layout(config)
    m: Signal  # In
    raw: Signal  # In
    table: Signal  # In
    last_n_panel: Signal  # In, panels of N less one
    last_n_item: Signal  # In, columns of the last panel, less one
    last_k_panel: Signal  # In, panels of K less one
    k_tail_beats: Signal  # In, beats of a row's last panel
    next_address: Signal  # Out
    next_stride: Signal  # Out
    done: Signal  # Out
    inside: Signal  # Out
    code_addr: Signal  # In, addr_width
    readable: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        kept = kept_layout(config)
        super().__init__(
            {
                "windows": In(windows_layout(config.bus)),
                "start": In(1),
                "counted": In(1),
                "address": In(kept["starts"].shape.elem_shape),
                "stride": In(kept["strides"].shape.elem_shape),
                "m": In(kept["m"].shape),
                "raw": In(1),
                "table": In(1),
                "last_n_panel": In(address_width(ceil_div(config.limits.max_n, config.cols))),
                "last_n_item": In(address_width(config.cols)),
                "last_k_panel": In(address_width(ceil_div(config.limits.max_k, config.rows))),
                "k_tail_beats": In(range(config.beats_per_activation_word + 1)),
                "next_address": Out(1),
                "next_stride": Out(1),
                "done": Out(1),
                "inside": Out(1),
                "code_addr": In(config.bus.addr_width),
                "readable": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        beat_bits = config.bus.bytes.bit_length() - 1
        width = len(self.address)

        # One bit for each region: the one at hand, and the next.
        current = Signal(4)
        walking = Signal()  # a bit of its rows less one is left that is 1
        walked = Signal()  # none is: what is left is the offset of the last beat
        load = Signal()  # the next region is loaded, to be at hand in the next cycle
        final = Signal()  # the last sum of a region is made
        current_a, current_b, current_d, current_table = current
        following = [~walking & ~walked, current_a, current_b, current_d]
        _, following_b, _, following_table = following
        m.d.comb += [
            load.eq(self.start | (final & ~current_table)),
            self.next_address.eq(final),
            self.next_stride.eq(load & ~following_table),
        ]
        with m.If(load):
            m.d.sync += current.eq(Cat(following))

        # The rows less one, from the lowest bit on. Of a number of rows the one is taken on the way.
        left = Signal(max(2, len(self.m), len(self.last_k_panel)))
        less_one = Signal()
        borrow = Signal()
        adds = Signal()  # the lowest bit of what is left is 1
        more = Signal()
        some = Signal()
        step = Signal(width)
        lost = Signal()  # the step has bits beyond the address width
        m.d.comb += [
            borrow.eq(less_one & ~left[0]),
            more.eq(walking & (left[2:].any() | (left[1] ^ borrow))),
            some.eq(Mux(following_b, self.last_k_panel.any(), self.m[1:].any()) & ~following_table),
        ]
        m.d.sync += [
            left.eq(left >> 1),
            less_one.eq(borrow),
            walking.eq(more),
            walked.eq((walking & ~more) | (walked & ~final)),
            adds.eq(more & (left[1] ^ borrow)),
            step.eq(step << 1),
            lost.eq(lost | step[-1]),
        ]
        with m.If(load):
            m.d.sync += [
                left.eq(Mux(following_b, self.last_k_panel, self.m)),
                less_one.eq(~following_b),
                walking.eq(some),
                walked.eq(~some),
                adds.eq(some & Mux(following_b, self.last_k_panel[0], ~self.m[0])),
                step.eq(self.stride.beats),
                lost.eq(self.stride.far),
            ]

        # The offset of the last beat of a row from its first.
        lasts = self._last_beats()
        last = Signal(max(width, *(len(beats) for beats in lasts)))
        with m.If(load):
            chosen = [Mux(now, beats, 0) for now, beats in zip(following, lasts, strict=True)]
            m.d.sync += last.eq(chosen[0] | chosen[1] | chosen[2] | chosen[3])
        settled: Value = Const(1)
        if any(side & (side - 1) for side in (config.rows, config.cols)):
            # Panels are still counted when the rows of A, the first region, are walked.
            settled = Signal()
            m.d.sync += settled.eq(self.counted)
            with m.If(~load & ~settled):
                m.d.sync += last.eq(lasts[0])
        m.d.comb += final.eq(walked & settled)

        # Where the walk is.
        first = Signal()
        addend = Signal(width)
        total = Signal(width + 1)
        place = Signal(width)
        carried = Signal()  # the last sum wrapped, or so did an addend
        spilled = Signal()
        beyond = Signal()  # as did one before it in the region
        m.d.comb += [
            addend.eq(Mux(adds, step, 0) | Mux(final, last[:width], 0)),
            total.eq(Mux(first, self.address, place) + addend),
        ]
        m.d.sync += [
            first.eq(load),
            place.eq(total),
            carried.eq(total[-1]),
            spilled.eq((adds & lost) | (final & last[width:].any())),
            beyond.eq(~first & (beyond | carried | spilled)),
        ]

        # The first page of a region must not be before a window, and the last not behind it. What is
        # between them is in it then, since nothing wrapped.
        ended = Signal(init=1)
        clean = Signal()
        ends = Signal()  # `place` is the last beat of a region
        ends_all = Signal()
        judges = Signal()  # the same, a cycle later
        judges_all = Signal()
        wraps = Signal()
        page_bits = PAGE_BITS - beat_bits
        code = self.code_addr[PAGE_BITS:]
        first_page = Mux(ended, code, self.address[page_bits:])
        last_page = Mux(ended, code, place[page_bits:])
        starts = Signal(config.bus.windows)
        allowed = Signal(config.bus.windows)
        readable = Signal(config.bus.windows)
        for i in range(config.bus.windows):
            window = self.windows[i]
            # page - base and page - limit - 1; the carry says that the difference is not negative.
            from_base = Signal(len(code) + 2, name=f"from_base_{i}")
            from_limit = Signal(len(code) + 1, name=f"from_limit_{i}")
            m.d.comb += [
                from_base.eq(Cat(1, first_page) + Cat(1, window.not_base)),
                from_limit.eq(last_page + window.not_limit),
            ]
            m.d.sync += [
                allowed[i].eq(starts[i] & ~from_limit[-1]),
                readable[i].eq(from_base[-1] & ~from_limit[-1] & window.read),
            ]
            with m.If(first):
                m.d.sync += starts[i].eq(from_base[-1] & Mux(current_d, window.write, window.read))

        m.d.sync += [
            ends.eq(final & (self.table | ~current_table)),
            ends_all.eq(final & Mux(self.table, current_table, current_d)),
            judges.eq(ends),
            judges_all.eq(ends_all),
            wraps.eq(beyond | carried | spilled),
        ]
        m.d.comb += [
            self.done.eq(judges_all | ended),
            self.inside.eq(clean & (~judges | (allowed.any() & ~wraps))),
            self.readable.eq(readable.any()),
        ]
        with m.If(self.start):
            m.d.sync += [ended.eq(0), clean.eq(1)]
        with m.Else():
            m.d.sync += [ended.eq(self.done), clean.eq(self.inside)]

        return m

    def _last_beats(self) -> list[Value]:
        """Offset of the last beat of a row of A, B, D and the table from the row's first."""
        config = self.config
        beat_bits = config.bus.bytes.bit_length() - 1
        panel_beats = config.beats_per_activation_word
        word_bits = config.panels_per_activation_word.bit_length() - 1
        if panel_beats == 1:
            a = self.last_k_panel >> word_bits
        else:
            a = self.last_k_panel * panel_beats + self.k_tail_beats - 1
        tile_beats = config.tile_bytes // config.bus.bytes
        parameter_beats = PARAMETER_BYTES * config.col_pitch // config.bus.bytes
        pitch_bits = config.col_pitch.bit_length() - 1
        item = Cat(self.last_n_item, Const(0, pitch_bits))[:pitch_bits]
        element = Cat(item, self.last_n_panel)
        raw = Cat(Const(3, 2), element)[beat_bits:]
        narrow = element[beat_bits:]
        return [
            a,
            _span(self.last_n_panel, tile_beats),
            Mux(self.raw, raw, narrow),
            _span(self.last_n_panel, parameter_beats),
        ]


def _span(last: Value, size: int) -> Value:
    """``(last + 1) * size - 1``: wires if ``size`` is a power of two."""
    if size & (size - 1) == 0:
        bits = size.bit_length() - 1
        return Cat(Const(size - 1, bits), last)
    return times(last, size) + (size - 1)
