# SPDX-License-Identifier: Apache-2.0
"""Parameter memory: bias and scale word of each column of an output block, two halves."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import PARAMETER_BYTES, AcceleratorConfig, Build
from .marks import Marks
from .protected import Injector, protection_ports, sram_bank
from .sram import address_width, read_latency

__all__ = ["ParameterMemory"]


class ParameterMemory(wiring.Component):
    """Written a beat at a time from the start of a half, read ``post_lanes`` columns at a time.

    ``w_end`` comes with the last beat of a block, which is whole words: the next goes to the other
    half, and ``filled`` pulses. ``entries`` holds the 64-bit entries of group ``r_group`` of
    ``post_lanes`` columns of half ``r_half`` :meth:`latency` cycles after ``r_en``, until the next
    ``r_en``. With ``results_wait`` those are cycles in which ``r_moves`` is high, that of ``r_en``
    among them: while it is low, all that was read stays.

    After ``forget`` no entry counts as written, nor do those of a block that is under way then.
    Unwritten entries read as 0, and ``unwritten`` pulses a cycle after ``r_en``.

    With protection there are the ports of :func:`.protected.protection_ports`; bank s holds beat s of
    each word.
    """

    w_valid: Signal  # In
    w_data: Signal  # In, bus.data_width
    w_end: Signal  # In
    filled: Signal  # Out
    r_en: Signal  # In
    r_half: Signal  # In
    r_group: Signal  # In, groups of one half
    r_moves: Signal  # In, if results_wait
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
                **({"r_moves": In(1)} if config.build.results_wait else {}),
                "entries": Out(data.ArrayLayout(8 * PARAMETER_BYTES, config.build.post_lanes)),
                "forget": In(1),
                "unwritten": Out(1),
                **protection_ports(config.build),
            }
        )

    @staticmethod
    def latency(build: Build) -> int:
        """Cycles from ``r_en`` to ``entries``: those from ``r_en`` to the sums of the accumulator."""
        return 1 + 2 * build.sram_registers

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
        m.submodules.marks = marks = Marks(words)
        m.d.comb += [
            marks.forget.eq(self.forget),
            marks.w_begin.eq(self.w_valid & (sub == 0)),
            marks.w_end.eq(word_ends),
            marks.w_half.eq(half),
            marks.w_row.eq(word),
            marks.reads[0].half.eq(self.r_half),
            marks.reads[0].row.eq(self.r_group[part_bits:]),
        ]
        m.d.sync += self.unwritten.eq(self.r_en & ~marks.written[0])

        # Reading: with registers what is asked waits for a cycle, as the accumulator takes one longer.
        # What belongs to a word goes through the same registers.
        layout = data.StructLayout({"half": 1, "group": self.r_group.shape(), "written": 1})
        asked: Any = Signal(layout)
        m.d.comb += [
            asked.half.eq(self.r_half),
            asked.group.eq(self.r_group),
            asked.written.eq(marks.written[0]),
        ]
        r_en: Value = self.r_en
        moves: Value = Const(1)
        if build.sram_registers:
            moves = self.r_moves if build.results_wait else Const(1)
            waits = Signal(layout)
            waiting = Signal()
            with m.If(moves):
                m.d.sync += [waits.eq(asked), waiting.eq(r_en)]
            asked, r_en = waits, waiting & moves
        shown = asked
        used = r_en & asked.written
        for i in range(read_latency(build)):
            later = Signal(layout, name=f"read_{i + 1}")
            later_used = Signal(name=f"used_{i + 1}")
            with m.If(moves if i else r_en):
                m.d.sync += later.eq(shown)
            with m.If(moves):
                m.d.sync += later_used.eq(used)
            shown, used = later, later_used

        banks = []
        injector = Injector(self, build, subs, beat)
        for s in range(subs):
            bank = sram_bank(beat, 2 * words, build, build.results_wait)
            m.submodules[f"bank_{s}"] = bank
            banks.append(bank)
            r_word = asked.group[part_bits:]
            m.d.comb += [
                bank.w_en.eq(self.w_valid & (sub == s)),
                bank.w_addr.eq(Cat(word, half) if words > 1 else half),
                bank.w_data.eq(self.w_data),
                bank.r_en.eq(r_en),
                bank.r_addr.eq(Cat(r_word, asked.half) if words > 1 else asked.half),
            ]
            if build.results_wait:
                m.d.comb += bank.r_moves.eq(moves)
            if build.protected:
                m.d.comb += bank.used.eq(used & moves)
                injector.attach(m, s, bank)
        injector.connect(m)
        entries: Value = Cat(bank.r_data for bank in banks)
        if parts > 1:
            entries = entries.word_select(shown.group[:part_bits], group)
        m.d.comb += self.entries.as_value().eq(Mux(shown.written, entries, 0))

        return m
