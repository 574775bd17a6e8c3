# SPDX-License-Identifier: Apache-2.0
"""Checks of a descriptor: the first rule that it breaks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig, ceil_div
from ..memory.sram import address_width
from .descriptor import DESCRIPTOR_BYTES, FIELDS, Error, Flag, Opcode, reserved_mask
from .intake import FLAG_BITS, STARTS, STRIDES, descriptor_beats, kept_layout
from .job import chunk_panels

__all__ = ["DescriptorCheck"]

CHECKS = tuple(error for error in Error if Error.NONE < error < Error.WINDOW)
"""Errors in the fields of a descriptor; the first goes before the others."""
WORD = (1 << 32) - 1


class Rule(NamedTuple):
    """A word of a descriptor is bad if a bit of ``zero`` is set, or none of ``some``, if any are named."""

    error: Error
    word: int
    zero: int
    some: int = 0
    with_table: bool = False
    """Only if the descriptor has the flag TABLE."""


class DescriptorCheck(wiring.Component):
    """``error`` is the :class:`Error` of a descriptor whose beats have arrived; the lowest code wins.

    It is right from :attr:`LATENCY` cycles after the last beat until ``clear``, which comes before the
    next first one. ``number`` and ``fields`` are those of the intake that takes the same beats.

    The rules are those of docs/developer/machine.md. Those for a word alone are looked at as it arrives,
    so that the intake need not keep all of it; the others in what it keeps. The sizes in SIZE and TILE
    are checked as the unsigned numbers they are; nothing can wrap.
    """

    LATENCY = 2
    """Cycles from the last beat of a descriptor to its ``error``."""

    clear: Signal  # In
    beat_valid: Signal  # In
    beat_data: Signal  # In, bus.data_width
    number: Signal  # In, address_width(descriptor_beats(config))
    fields: data.View  # In, kept_layout(config)
    error: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "beat_valid": In(1),
                "beat_data": In(config.bus.data_width),
                "number": In(address_width(descriptor_beats(config))),
                "fields": In(kept_layout(config)),
                "error": Out(range(max(CHECKS) + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        table = self.fields.flags[FLAG_BITS[Flag.TABLE]]
        beats = descriptor_beats(self.config)
        lanes = DESCRIPTOR_BYTES // 4 // beats
        came = Signal()  # a beat, in the cycle before
        m.d.sync += came.eq(self.beat_valid)

        # The same rule for words that come in the same place of a beat is looked at once.
        terms: dict[tuple[int, int, int], list[Rule]] = defaultdict(list)
        for rule in _rules(self.config):
            terms[rule.word % lanes, rule.zero, rule.some].append(rule)
        words = [self._parts(m, lane, terms) for lane in range(lanes)]
        broken: dict[Error, list[Value]] = {error: [] for error in CHECKS}
        for i, ((lane, zero, some), rules) in enumerate(terms.items()):
            bad = Signal(name=f"bad_{i}")
            none = came & ~_any_of(words[lane], some) if some else Const(0)
            m.d.comb += bad.eq(_any_of(words[lane], zero) | none)
            for error, with_table in {(rule.error, rule.with_table): None for rule in rules}:
                same = [
                    rule for rule in rules if (rule.error, rule.with_table) == (error, with_table)
                ]
                due = Signal(name=f"due_{i}_{error.name.lower()}_{int(with_table)}")
                # In the cycle after a beat the number is that of the next.
                after = {(rule.word // lanes + 1) % beats for rule in same}
                m.d.comb += due.eq(Cat(self.number == beat for beat in sorted(after)).any())
                broken[error].append(bad & due & (table if with_table else 1))

        between = self._between_fields()
        for error in reversed(CHECKS):
            found = Signal(name=f"found_{error.name.lower()}")
            with m.If(self.clear):
                m.d.sync += found.eq(0)
            with m.Else():
                m.d.sync += found.eq(found | Cat(broken[error]).any())
            says: Value = found
            if between[error]:
                bad = Signal(name=f"bad_{error.name.lower()}")
                m.d.sync += bad.eq(Cat(between[error]).any())
                says = found | bad
            with m.If(says):
                m.d.comb += self.error.eq(error)
        return m

    def _parts(
        self, m: Module, lane: int, terms: Iterable[tuple[int, int, int]]
    ) -> dict[int, Signal]:
        """Whether a bit of a word was set in the cycle before, for each set of bits that the terms do
        not tell apart. That is all that is made of a beat before it is in a register."""
        masks = [mask for place, *both in terms for mask in both if place == lane]
        found: dict[tuple[bool, ...], int] = defaultdict(int)
        for bit in range(32):
            found[tuple(bool(mask >> bit & 1) for mask in masks)] |= 1 << bit
        word = self.beat_data.word_select(lane, 32)
        parts = {}
        for bits in found.values():
            parts[bits] = Signal(name=f"some_{lane}_{bits:x}")
            now = Cat(word[i] for i in range(32) if bits >> i & 1).any()
            m.d.sync += parts[bits].eq(Mux(self.beat_valid, now, 0))
        return parts

    def _between_fields(self) -> dict[Error, list[Value]]:
        """What is wrong with the fields that are kept, beside each other."""
        config, d = self.config, self.fields
        sram, limits = config.sram, config.limits
        sizes = [(d.m, limits.max_m), (d.n, limits.max_n), (d.k, limits.max_k)]

        # What the rows of a tile may reach is a power of two, halved for each step of a log2: a bit
        # of the rows, less one, is too high from some value of the log2 on. Less one, no rows at all
        # have every bit, of which one is always too high.
        last_row = (d.tile_rows - 1)[: max(len(d.tile_rows), sram.accumulator_rows.bit_length())]

        def too_many(most: int, halvings: Value) -> Value:
            top = most.bit_length() - 1
            rows = enumerate(last_row)
            return Cat(row & _at_least(halvings, top - i) for i, row in rows).any()

        word_bits = config.panels_per_activation_word.bit_length() - 1
        return {
            **{error: [] for error in CHECKS},
            Error.SIZE: [size > most for size, most in sizes if most & (most + 1)],
            Error.TILE: [
                _at_least(d.n_panels_log2, sram.column_panels.bit_length()),
                too_many(sram.accumulator_rows, d.n_panels_log2),
                ~_at_least(d.k_panels_log2, word_bits),
                _at_least(d.k_panels_log2, chunk_panels(config).bit_length()),
                too_many(config.activation_words, (d.k_panels_log2 - word_bits)[:4]),
                *_splits_beat(config, d.n, d.n_panels_log2),
            ],
        }


def _rules(config: AcceleratorConfig) -> Iterator[Rule]:
    """What is wrong with a word by itself."""
    kept = kept_layout(config)

    def field(
        error: Error, name: str, low: int, high: int, some: int = 0, **more: bool
    ) -> Iterator[Rule]:
        """Bits ``low`` to ``high``, the last not among them, must be 0, one of ``some`` not."""
        place = FIELDS[name]
        mask = (1 << high) - (1 << low) << place.low
        for word in (0, 1):
            zero, one = mask >> 32 * word & WORD, (some << place.low) >> 32 * word & WORD
            if zero or one:
                yield Rule(error, place.word + word, zero, one, **more)

    # The opcode is a single bit.
    yield from field(Error.OPCODE, "opcode", 1, FIELDS["opcode"].width, Opcode.GEMM)
    for word in range(DESCRIPTOR_BYTES // 4):
        if reserved_mask() >> 32 * word & WORD:
            yield Rule(Error.RESERVED, word, reserved_mask() >> 32 * word & WORD)
    for name in ("m", "n", "k"):
        low = Shape.cast(kept[name].shape).width
        yield from field(Error.SIZE, name, low, FIELDS[name].width, (1 << low) - 1)
    for name in ("n_panels_log2", "k_panels_log2", "tile_rows"):
        low = Shape.cast(kept[name].shape).width
        yield from field(Error.TILE, name, low, FIELDS[name].width)
    beat_bits = config.bus.bytes.bit_length() - 1
    for name in STRIDES:
        yield from field(Error.ALIGNMENT, name, 0, beat_bits)
    for name in STARTS:
        table = name == "params"
        yield from field(Error.ALIGNMENT, name, 0, beat_bits, with_table=table)
        width = FIELDS[name].width
        yield from field(Error.ADDRESS, name, config.bus.addr_width, width, with_table=table)


def _any_of(parts: dict[int, Signal], mask: int) -> Value:
    """Whether a bit of the mask is set."""
    return Cat(part for bits, part in parts.items() if bits & mask).any()


def _at_least(value: Value, least: int) -> Value:
    """``value >= least``, a constant where it is one."""
    if least <= 0:
        return Const(1, 1)
    if least >= 1 << len(value):
        return Const(0, 1)
    return value >= least


def _log2_ceil(value: int) -> int:
    return (value - 1).bit_length()


def _splits_beat(config: AcceleratorConfig, n: Value, log2: Value) -> list[Value]:
    """``n`` takes more than one block of ``2**log2`` panels, of which one does not fill a beat."""
    narrow = _log2_ceil(ceil_div(config.bus.bytes, config.col_pitch))
    return [(log2 == i) & (n > config.cols << i) for i in range(narrow)]
