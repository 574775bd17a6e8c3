# SPDX-License-Identifier: Apache-2.0
"""Parameter memory: bias and scale word of each column of an output block, two halves."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import PARAMETER_BYTES, AcceleratorConfig
from .marks import Marks
from .protected import connect_banks, protection_ports, sram_bank
from .sram import Sram, address_width

__all__ = ["ParameterMemory"]


class ParameterMemory(wiring.Component):
    """Written a beat at a time from the start of a half, read ``post_lanes`` columns at a time.

    ``w_end`` comes with the last beat of a block, which is whole words: the next goes to the other
    half, and ``filled`` pulses. ``entries`` holds the 64-bit entries of group ``r_group`` of
    ``post_lanes`` columns of half ``r_half`` :attr:`LATENCY` cycles after ``r_en``, until the next
    ``r_en``.

    After ``forget`` no entry counts as written, nor do those of a block that is under way then.
    Unwritten entries read as 0, and ``unwritten`` pulses :attr:`LATENCY` cycles after ``r_en``.

    With protection there are the ports of :func:`.protected.protection_ports`; bank s holds beat s of
    each word.
    """

    LATENCY = Sram.LATENCY
    """Cycles from ``r_en`` to ``entries``."""

    w_valid: Signal  # In
    w_data: Signal  # In, bus.data_width
    w_end: Signal  # In
    filled: Signal  # Out
    r_en: Signal  # In
    r_half: Signal  # In
    r_group: Signal  # In, groups of one half
    entries: data.View  # Out, ArrayLayout(64, post_lanes)
    forget: Signal  # In
    unwritten: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "w_valid": In(1),
                "w_data": In(config.bus.data_width),
                "w_end": In(1),
                "filled": Out(1),
                "r_en": In(1),
                "r_half": In(1),
                "r_group": In(address_width(self.groups(config))),
                "entries": Out(data.ArrayLayout(8 * PARAMETER_BYTES, config.build.post_lanes)),
                "forget": In(1),
                "unwritten": Out(1),
                **protection_ports(config.build),
            }
        )

    @staticmethod
    def groups(config: AcceleratorConfig) -> int:
        """Groups of ``post_lanes`` columns in one half."""
        return config.sram.column_panels * config.col_pitch // config.build.post_lanes

    def elaborate(self, platform: object) -> Module:
        m = Module()
        build = self.config.build
        beat = self.config.bus.data_width
        group = 8 * PARAMETER_BYTES * build.post_lanes
        subs = max(1, group // beat)  # beats per word
        parts = max(1, beat // group)  # groups per word
        words = self.groups(self.config) // parts

        half = Signal()
        word = Signal(address_width(words))
        sub = Signal(address_width(subs))
        word_ends = Signal()
        m.d.comb += word_ends.eq(self.w_valid & (sub == subs - 1))
        with m.If(self.w_valid):
            if subs > 1:
                m.d.sync += sub.eq(Mux(word_ends | self.w_end, 0, sub + 1))
            with m.If(word_ends):
                m.d.sync += word.eq(word + 1)
            with m.If(self.w_end):
                m.d.sync += [word.eq(0), half.eq(~half)]
        m.d.comb += self.filled.eq(self.w_valid & self.w_end)

        part_bits = parts.bit_length() - 1
        part = Signal(address_width(parts))
        r_word = self.r_group[part_bits:]
        m.submodules.marks = marks = Marks(words)
        written = Signal()  # the word read
        m.d.comb += [
            marks.forget.eq(self.forget),
            marks.w_begin.eq(self.w_valid & (sub == 0)),
            marks.w_end.eq(word_ends),
            marks.w_half.eq(half),
            marks.w_row.eq(word),
            marks.reads[0].half.eq(self.r_half),
            marks.reads[0].row.eq(r_word),
        ]
        with m.If(self.r_en):
            m.d.sync += [part.eq(self.r_group[:part_bits]), written.eq(marks.written[0])]
        m.d.sync += self.unwritten.eq(self.r_en & ~marks.written[0])

        banks = []
        for s in range(subs):
            bank = sram_bank(beat, 2 * words, build)
            m.submodules[f"bank_{s}"] = bank
            banks.append(bank)
            m.d.comb += [
                bank.w_en.eq(self.w_valid & (sub == s)),
                bank.w_addr.eq(Cat(word, half) if words > 1 else half),
                bank.w_data.eq(self.w_data),
                bank.r_en.eq(self.r_en),
                bank.r_addr.eq(Cat(r_word, self.r_half) if words > 1 else self.r_half),
            ]
        entries = Cat(bank.r_data for bank in banks).word_select(part, group)
        m.d.comb += self.entries.as_value().eq(Mux(written, entries, 0))
        if build.protected:
            used = Signal()
            m.d.sync += used.eq(self.r_en & marks.written[0])
            m.d.comb += [bank.used.eq(used) for bank in banks]
            connect_banks(m, self, banks)

        return m
