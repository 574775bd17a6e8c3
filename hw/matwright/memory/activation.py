# SPDX-License-Identifier: Apache-2.0
"""Activation scratchpad: two halves, one bank per array row, read in the array's skew."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .marks import Marks
from .protected import connect_banks, protection_ports, sram_bank
from .sram import Sram, address_width

__all__ = ["ActivationRead", "ActivationScratchpad"]


class ActivationRead(data.StructLayout):
    """Command that reads one panel of one row of A, if ``valid``.

    ``half`` and ``word`` address it, ``panel`` selects in the word, lanes from ``count`` on read as
    0, ``flip`` inverts the top bit (unsigned A), ``done`` ends the use of the half.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "valid": 1,
                "half": 1,
                "word": address_width(config.activation_words),
                "panel": address_width(config.panels_per_activation_word),
                "count": range(config.rows + 1),
                "flip": 1,
                "done": 1,
            }
        )


class ActivationScratchpad(wiring.Component):
    """Holds chunks of A, one in each half: the loader fills one while the array reads the other.

    *Writing.* Beats arrive row by row; ``w_row_end`` comes with the last beat of a row (the next row
    starts at a fresh word), ``w_chunk_end`` with the last beat of a chunk: the next chunk goes to
    the other half, and ``filled`` pulses. The writer has made sure that the half is free.

    *Reading.* Lane r of ``a`` holds element r of the panel that ``read`` asked for :attr:`LATENCY` + r
    cycles before, and 0 if the command was not ``valid`` or its word was never written. ``freed`` pulses
    when no lane needs the half of a ``done`` any more.

    *Written.* After ``forget`` no word counts as written, nor do the words of a chunk that is under way
    then. ``unwritten`` pulses :attr:`LATENCY` cycles after a ``valid`` command for such a word.

    With protection there are the ports of :func:`.protected.protection_ports`; bank r is that of lane r.
    """

    LATENCY = Sram.LATENCY
    """Cycles from ``read`` to lane 0 of ``a``."""

    w_valid: Signal  # In
    w_data: Signal  # In, bus.data_width
    w_row_end: Signal  # In
    w_chunk_end: Signal  # In
    filled: Signal  # Out
    read: data.View  # In, ActivationRead
    a: data.View  # Out, ArrayLayout(signed(a_width), rows)
    freed: Signal  # Out
    forget: Signal  # In
    unwritten: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "w_valid": In(1),
                "w_data": In(config.bus.data_width),
                "w_row_end": In(1),
                "w_chunk_end": In(1),
                "filled": Out(1),
                "read": In(ActivationRead(config)),
                "a": Out(data.ArrayLayout(signed(config.precision.a_width), config.rows)),
                "freed": Out(1),
                "forget": In(1),
                "unwritten": Out(1),
                **protection_ports(config.build),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision = self.config, self.config.precision
        words = config.activation_words
        panels = config.panels_per_activation_word
        subs = config.beats_per_activation_word
        element = 8 * precision.a_bytes

        # Write pointer.
        half = Signal()
        word = Signal(address_width(words))
        sub = Signal(address_width(subs))  # beat of the word
        word_ends = Signal()
        m.d.comb += word_ends.eq(self.w_valid & (self.w_row_end | (sub == subs - 1)))
        with m.If(self.w_valid):
            if subs > 1:
                m.d.sync += sub.eq(Mux(word_ends, 0, sub + 1))
            with m.If(word_ends):
                m.d.sync += word.eq(word + 1)
            with m.If(self.w_chunk_end):
                m.d.sync += [word.eq(0), half.eq(~half)]
        m.d.comb += self.filled.eq(self.w_valid & self.w_chunk_end)

        # An unwritten word counts as one without elements.
        m.submodules.marks = marks = Marks(words)
        command: Any = Signal(ActivationRead(config), name="command_0")
        m.d.comb += [
            marks.forget.eq(self.forget),
            marks.w_begin.eq(self.w_valid & (sub == 0)),
            marks.w_end.eq(word_ends),
            marks.w_half.eq(half),
            marks.w_row.eq(word),
            marks.reads[0].half.eq(self.read.half),
            marks.reads[0].row.eq(self.read.word),
            command.eq(self.read),
            command.count.eq(Mux(self.read.valid & marks.written[0], self.read.count, 0)),
        ]
        m.d.sync += self.unwritten.eq(self.read.valid & ~marks.written[0])

        # Lane r works r cycles after lane 0: its command waits in a chain of registers.
        banks = []
        for r in range(config.rows):
            bank = sram_bank(panels * precision.a_width, 2 * words, config.build)
            m.submodules[f"bank_{r}"] = bank
            banks.append(bank)

            beat, offset = divmod(r * element, config.bus.data_width)
            # Written also in the beats before its own, so that a row that ends within a word leaves
            # nothing of an earlier one in it.
            early = sub <= beat if beat < subs - 1 else 1
            pitch = config.row_pitch * element
            elements = [
                self.w_data[p * pitch + offset :][: precision.a_width] for p in range(panels)
            ]
            m.d.comb += [
                bank.w_en.eq(self.w_valid & early),
                bank.w_addr.eq(Cat(word, half) if words > 1 else half),
                bank.w_data.eq(Cat(elements)),
                bank.r_en.eq(1),
                bank.r_addr.eq(Cat(command.word, command.half) if words > 1 else command.half),
            ]

            later = Signal(ActivationRead(config), name=f"command_{r + 1}")
            m.d.sync += later.eq(command)
            value = Signal(precision.a_width, name=f"value_{r}")
            m.d.comb += value.eq(bank.r_data.word_select(later.panel, precision.a_width))
            flipped = value ^ (later.flip << (precision.a_width - 1))
            used = Signal(name=f"used_{r}")
            m.d.comb += [
                used.eq(later.count > r),
                self.a[r].eq(Mux(used, flipped.as_signed(), 0)),
            ]
            if config.build.protected:
                m.d.comb += bank.used.eq(used)
            command = later
        if config.build.protected:
            connect_banks(m, self, banks)

        m.d.comb += self.freed.eq(command.done)

        return m
