# SPDX-License-Identifier: Apache-2.0
"""Checks of a descriptor: the first rule that it breaks."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .descriptor import DESCRIPTOR_BYTES, FIELDS, Error, Flag, Opcode, reserved_mask
from .job import chunk_panels

__all__ = ["DescriptorCheck", "descriptor_layout"]

FLAG_BITS = {flag: flag.bit_length() - 1 for flag in Flag}


def descriptor_layout() -> data.Layout:
    """The fields of a descriptor as a view of its 512 bits."""
    return data.FlexibleLayout(
        8 * DESCRIPTOR_BYTES,
        {name: data.Field(f.width, 32 * f.word + f.low) for name, f in FIELDS.items()},
    )


class DescriptorCheck(wiring.Component):
    """``error`` is the :class:`Error` of ``descriptor``, combinationally; the lowest code wins.

    The rules are those of docs/developer/machine.md. The sizes in SIZE and TILE are checked as
    the unsigned numbers they are; nothing can wrap.
    """

    descriptor: data.View  # In, descriptor_layout()
    error: Signal  # Out, 8

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__({"descriptor": In(descriptor_layout()), "error": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d, config = self.descriptor, self.config
        sram, beat = config.sram, config.bus.bytes
        table = d.flags[FLAG_BITS[Flag.TABLE]]

        sizes = [(d.m, config.limits.max_m), (d.n, config.limits.max_n), (d.k, config.limits.max_k)]
        bad_size = [(size == 0) | (size > most) for size, most in sizes]

        # Shifts by a field are unrolled: each legal value has its own constant bound.
        word_panels = config.panels_per_activation_word
        bad_columns = Signal(init=1)
        bad_chunk = Signal(init=1)
        m.d.comb += [bad_columns.eq(1), bad_chunk.eq(1)]
        for log2 in range(sram.column_panels.bit_length()):
            narrow = (config.col_pitch << log2) < beat
            with m.If(d.n_panels_log2 == log2):
                m.d.comb += bad_columns.eq(d.tile_rows > (sram.accumulator_rows >> log2))
                if narrow:
                    with m.If(d.n > (config.cols << log2)):
                        m.d.comb += bad_columns.eq(1)
        for log2 in range(min(16, chunk_panels(config).bit_length())):
            if (1 << log2) < word_panels:
                continue
            words = config.activation_words >> (log2 - (word_panels.bit_length() - 1))
            with m.If(d.k_panels_log2 == log2):
                m.d.comb += bad_chunk.eq(d.tile_rows > words)

        low_bits = beat.bit_length() - 1
        aligned = [d.a_addr, d.b_addr, d.d_addr, d.a_stride, d.b_stride, d.d_stride]
        misaligned = [value[:low_bits].any() for value in aligned]
        misaligned.append(table & d.params[:low_bits].any())

        beyond = [value[config.bus.addr_width :].any() for value in (d.a_addr, d.b_addr, d.d_addr)]
        beyond.append(table & d.params[config.bus.addr_width :].any())

        reserved = d.as_value() & reserved_mask()
        rules = [
            (Error.OPCODE, d.opcode != Opcode.GEMM),
            (Error.RESERVED, reserved.any()),
            (Error.SIZE, _any(bad_size)),
            (Error.TILE, (d.tile_rows == 0) | bad_columns | bad_chunk),
            (Error.ALIGNMENT, _any(misaligned)),
            (Error.ADDRESS, _any(beyond)),
        ]
        for code, broken in reversed(rules):
            with m.If(broken):
                m.d.comb += self.error.eq(code)

        return m


def _any(conditions: list) -> Signal:
    result = conditions[0]
    for condition in conditions[1:]:
        result = result | condition
    return result
