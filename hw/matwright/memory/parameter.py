# SPDX-License-Identifier: Apache-2.0
"""Parameter memory: bias and scale word of each column of an output block, two halves."""

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import PARAMETER_BYTES, AcceleratorConfig
from .sram import Sram, address_width

__all__ = ["ParameterMemory"]


class ParameterMemory(wiring.Component):
    """Written a beat at a time from the start of a half, read ``post_lanes`` columns at a time.

    ``w_end`` comes with the last beat of a block: the next goes to the other half, and ``filled``
    pulses. ``entries`` holds the 64-bit entries of group ``r_group`` of ``post_lanes`` columns of half
    ``r_half`` :attr:`LATENCY` cycles after ``r_en``, until the next ``r_en``.
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
            }
        )

    @staticmethod
    def groups(config: AcceleratorConfig) -> int:
        """Groups of ``post_lanes`` columns in one half."""
        return config.sram.column_panels * config.col_pitch // config.build.post_lanes

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat = self.config.bus.data_width
        group = 8 * PARAMETER_BYTES * self.config.build.post_lanes
        subs = max(1, group // beat)  # beats per word
        parts = max(1, beat // group)  # groups per word
        words = self.groups(self.config) // parts

        half = Signal()
        word = Signal(address_width(words))
        sub = Signal(address_width(subs))
        with m.If(self.w_valid):
            m.d.sync += sub.eq(sub + 1)
            with m.If(sub == subs - 1):
                m.d.sync += [sub.eq(0), word.eq(word + 1)]
            with m.If(self.w_end):
                m.d.sync += [sub.eq(0), word.eq(0), half.eq(~half)]
        m.d.comb += self.filled.eq(self.w_valid & self.w_end)

        part_bits = parts.bit_length() - 1
        part = Signal(address_width(parts))
        r_word = self.r_group[part_bits:]
        with m.If(self.r_en):
            m.d.sync += part.eq(self.r_group[:part_bits])

        row = []
        for s in range(subs):
            bank = Sram(beat, 2 * words)
            m.submodules[f"bank_{s}"] = bank
            m.d.comb += [
                bank.w_en.eq(self.w_valid & (sub == s)),
                bank.w_addr.eq(Cat(word, half) if words > 1 else half),
                bank.w_data.eq(self.w_data),
                bank.r_en.eq(self.r_en),
                bank.r_addr.eq(Cat(r_word, self.r_half) if words > 1 else self.r_half),
            ]
            row.append(bank.r_data)
        m.d.comb += self.entries.as_value().eq(Cat(row).word_select(part, group))

        return m
