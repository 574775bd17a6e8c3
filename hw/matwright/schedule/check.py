# SPDX-License-Identifier: Apache-2.0
"""Checks of a descriptor: the first rule that it breaks."""

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig, ceil_div
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
        bad_size = [(size == 0) | _exceeds(size, most) for size, most in sizes]

        # What the rows of a tile may reach is a power of two, halved for each step of a log2: a bit
        # of the rows, less one, is too high from some value of the log2 on.
        last_row = Signal(16)
        m.d.comb += last_row.eq(d.tile_rows - 1)

        def too_many(most: int, halvings: Value) -> Value:
            top = most.bit_length() - 1
            return Cat(last_row[i] & _at_least(halvings, top - i) for i in range(16)).any()

        word_bits = config.panels_per_activation_word.bit_length() - 1
        bad_tile = [
            d.tile_rows == 0,
            _at_least(d.n_panels_log2, sram.column_panels.bit_length()),
            too_many(sram.accumulator_rows, d.n_panels_log2),
            _splits_beat(config, d.n, d.n_panels_log2),
            ~_at_least(d.k_panels_log2, word_bits),
            _at_least(d.k_panels_log2, chunk_panels(config).bit_length()),
            too_many(config.activation_words, (d.k_panels_log2 - word_bits)[:4]),
        ]

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
            (Error.TILE, _any(bad_tile)),
            (Error.ALIGNMENT, _any(misaligned)),
            (Error.ADDRESS, _any(beyond)),
        ]
        for code, broken in reversed(rules):
            with m.If(broken):
                m.d.comb += self.error.eq(code)

        return m


def _exceeds(value: Value, most: int) -> Value:
    """``value > most``; for a power of two less one, by the bits above."""
    if most & (most + 1) == 0:
        return value[most.bit_length() :].any()
    return value > most


def _at_least(value: Value, least: int) -> Value:
    """``value >= least``, a constant where it is one."""
    if least <= 0:
        return Const(1, 1)
    if least >= 1 << len(value):
        return Const(0, 1)
    return value >= least


def _log2_ceil(value: int) -> int:
    return (value - 1).bit_length()


def _splits_beat(config: AcceleratorConfig, n: Value, log2: Value) -> Value:
    """``n`` takes more than one block of ``2**log2`` panels, of which one does not fill a beat."""
    narrow = _log2_ceil(ceil_div(config.bus.bytes, config.col_pitch))
    return Cat((log2 == i) & (n > config.cols << i) for i in range(narrow)).any()


def _any(conditions: list) -> Value:
    result = conditions[0]
    for condition in conditions[1:]:
        result = result | condition
    return result
