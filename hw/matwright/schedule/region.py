# SPDX-License-Identifier: Apache-2.0
"""Region check: whether all that a descriptor names lies in windows that are open for it."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..bus.window import PAGE_BITS, WindowMatch, windows_layout
from ..config import PARAMETER_BYTES, AcceleratorConfig, ceil_div
from ..memory.sram import address_width
from .check import FLAG_BITS, descriptor_layout
from .descriptor import Flag

__all__ = ["RegionCheck"]


class RegionCheck(wiring.Component):
    """Walks A, B, D and, with TABLE, the parameter table, one after the other.

    A region reaches from the first byte of its first row to the last of its last:
    ``addr + (rows - 1) * stride + row bytes``, whole beats, as the engines read and write them. It
    must lie in one window, D in one that may be written, the others in one that may be read. The
    product is made by adding shifted strides, a bit of ``rows - 1`` per cycle up to its highest; a
    carry out of the address width is a fault: nothing wraps.

    ``start`` comes when ``descriptor`` is there, which then holds still; of one that does not obey the
    other checks the answer means nothing.
    ``counted`` says that the panels and the tails of N and K are there. ``done`` rises :attr:`STEPS`
    cycles per region later, one more, and the bits of ``rows - 1`` of each, with ``inside``, until the
    next ``start``.

    While no check runs, ``readable`` says combinationally whether the page of ``code_addr`` may be read.
    """

    STEPS = 2
    """Cycles of a region of one row."""

    windows: data.View  # In, windows_layout(bus)
    start: Signal  # In
    counted: Signal  # In
    descriptor: data.View  # In, descriptor_layout()
    last_n_panel: Signal  # In, panels of N less one
    last_n_item: Signal  # In, columns of the last panel, less one
    last_k_panel: Signal  # In, panels of K less one
    k_tail_beats: Signal  # In, beats of a row's last panel
    done: Signal  # Out
    inside: Signal  # Out
    code_addr: Signal  # In, addr_width
    readable: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "windows": In(windows_layout(config.bus)),
                "start": In(1),
                "counted": In(1),
                "descriptor": In(descriptor_layout()),
                "last_n_panel": In(address_width(ceil_div(config.limits.max_n, config.cols))),
                "last_n_item": In(address_width(config.cols)),
                "last_k_panel": In(address_width(ceil_div(config.limits.max_k, config.rows))),
                "k_tail_beats": In(range(config.beats_per_activation_word + 1)),
                "done": Out(1),
                "inside": Out(1),
                "code_addr": In(config.bus.addr_width),
                "readable": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, d = self.config, self.descriptor
        beat_bits = config.bus.bytes.bit_length() - 1
        width = config.bus.addr_width - beat_bits  # of an address in beats
        table = d.flags[FLAG_BITS[Flag.TABLE]]

        # What is walked: the region and, in beats, where it starts, its stride, its rows less one,
        # and the offset of the last beat of a row.
        current = Signal(2, init=3)  # the last while no check runs
        starts = [d.a_addr, d.b_addr, d.d_addr, d.params]
        strides = [d.a_stride, d.b_stride, d.d_stride, Const(0, 32)]
        m_last = Signal(address_width(config.limits.max_m))
        last_row = Signal(max(len(m_last), len(self.last_k_panel)))
        following = Signal(2)
        chosen_start = Signal(width)
        chosen_stride = Signal(32 - beat_bits)
        last_beats = self._last_beats()
        chosen_last = Signal(max(width + 1, *(len(beats) for beats in last_beats)))
        m.d.comb += [
            m_last.eq(d.m - 1),
            following.eq(current + 1),
            chosen_start.eq(_choose(following, [start[beat_bits:] for start in starts])),
            chosen_stride.eq(_choose(following, [stride[beat_bits:] for stride in strides])),
            last_row.eq(_choose(following, [m_last, self.last_k_panel, m_last, Const(0)])),
            chosen_last.eq(_choose(current, last_beats)),
        ]

        # The walk.
        place = Signal(width)
        step = Signal(width)
        lost = Signal()  # the step has bits beyond the address width
        left = Signal.like(last_row)
        beyond = Signal()
        at_start = Signal()
        addend = Signal.like(chosen_last)
        total = Signal(width + 1)
        walking = Signal()
        m.d.comb += [
            walking.eq(left != 0),
            addend.eq(Mux(walking, step, chosen_last)),
            total.eq(place + addend[:width]),
        ]

        # Where it is.
        m.submodules.match = match = WindowMatch(config.bus)
        busy = Signal()
        page = Mux(busy, place[PAGE_BITS - beat_bits :], self.code_addr[PAGE_BITS:])
        reads = Cat(window.read for window in self.windows)
        writes = Cat(window.write for window in self.windows)
        permits = Mux(busy & (current == 2), writes, reads)
        allowed = Signal(config.bus.windows)
        hits = Signal(config.bus.windows)
        m.d.comb += [
            match.windows.eq(self.windows),
            match.page.eq(page),
            allowed.eq(match.inside & permits),
            self.readable.eq(allowed.any()),
        ]

        load = Signal()
        checked = Signal()  # `place` is the last beat of the region
        good = Signal()
        last_region = (current == 3) | ((current == 2) & ~table)
        m.d.comb += [
            good.eq((allowed & hits).any() & ~beyond),
            load.eq(self.start | (checked & ~last_region)),
        ]
        with m.If(busy):
            with m.If(at_start):
                m.d.sync += [hits.eq(allowed), at_start.eq(0)]
            with m.If(walking):
                m.d.sync += [
                    left.eq(left >> 1),
                    step.eq(step << 1),
                    lost.eq(lost | step[-1]),
                ]
                with m.If(left[0]):
                    m.d.sync += [
                        place.eq(total),
                        beyond.eq(beyond | lost | total[-1]),
                    ]
            with m.Elif(~checked & self.counted):
                m.d.sync += [
                    place.eq(total),
                    beyond.eq(beyond | total[-1] | addend[width:].any()),
                    checked.eq(1),
                ]
            with m.If(checked):
                m.d.sync += [checked.eq(0), self.inside.eq(self.inside & good)]
                with m.If(last_region):
                    m.d.sync += [busy.eq(0), self.done.eq(1), current.eq(3)]
        with m.If(self.start):
            m.d.sync += [busy.eq(1), checked.eq(0), self.inside.eq(1), self.done.eq(0)]
        with m.If(load):
            m.d.sync += [
                current.eq(following),
                place.eq(chosen_start),
                step.eq(chosen_stride),
                lost.eq(chosen_stride[width:].any()),
                left.eq(last_row),
                beyond.eq(0),
                at_start.eq(1),
            ]

        return m

    def _last_beats(self) -> list[Value]:
        """Offset of the last beat of a row of A, B, D and the table from the row's first."""
        config, d = self.config, self.descriptor
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
            Mux(d.flags[FLAG_BITS[Flag.RAW]], raw, narrow),
            _span(self.last_n_panel, parameter_beats),
        ]


def _choose(number: Value, values: list[Value]) -> Value:
    """The one of four ``values``, by two-way multiplexers."""
    a, b, c, d = values
    return Mux(number[1], Mux(number[0], d, c), Mux(number[0], b, a))


def _span(last: Value, size: int) -> Value:
    """``(last + 1) * size - 1``: wires if ``size`` is a power of two."""
    if size & (size - 1) == 0:
        bits = size.bit_length() - 1
        return Cat(Const(size - 1, bits), last)
    return last * size + (size - 1)
