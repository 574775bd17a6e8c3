# SPDX-License-Identifier: Apache-2.0
"""Activation scratchpad: two halves, one bank per array row, read in the array's skew."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .sram import Sram, address_width

__all__ = ["ActivationRead", "ActivationScratchpad"]


class ActivationRead(data.StructLayout):
    """Command that reads one panel of one row of A.

    ``half`` and ``word`` address it, ``panel`` selects in the word, lanes from ``count`` on read as
    0, ``flip`` inverts the top bit (unsigned A), ``done`` ends the use of the half.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
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
    cycles before. ``freed`` pulses when no lane needs the half of a ``done`` any more.
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
        sub = Signal(address_width(subs))
        with m.If(self.w_valid):
            m.d.sync += sub.eq(sub + 1)
            with m.If(self.w_row_end | (sub == subs - 1)):
                m.d.sync += [sub.eq(0), word.eq(word + 1)]
            with m.If(self.w_chunk_end):
                m.d.sync += [word.eq(0), half.eq(~half)]
        m.d.comb += self.filled.eq(self.w_valid & self.w_chunk_end)

        # Lane r works r cycles after lane 0: its command waits in a chain of registers.
        command: Any = self.read
        for r in range(config.rows):
            bank = Sram(panels * precision.a_width, 2 * words)
            m.submodules[f"bank_{r}"] = bank

            beat, offset = divmod(r * element, config.bus.data_width)
            pitch = config.row_pitch * element
            elements = [
                self.w_data[p * pitch + offset :][: precision.a_width] for p in range(panels)
            ]
            m.d.comb += [
                bank.w_en.eq(self.w_valid & (sub == beat)),
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
            m.d.comb += self.a[r].eq(Mux(later.count > r, flipped.as_signed(), 0))
            command = later

        m.d.comb += self.freed.eq(command.done)

        return m
