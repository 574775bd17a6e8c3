# SPDX-License-Identifier: Apache-2.0
"""Intake: takes a descriptor out of its beats and keeps what the machine uses of it."""

from typing import Any

from amaranth import Cat, Module, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..memory.sram import address_width
from .descriptor import DESCRIPTOR_BYTES, FIELDS, Flag
from .job import BlockShape, LoadJob

__all__ = [
    "FLAG_BITS",
    "STARTS",
    "STRIDES",
    "Intake",
    "descriptor_beats",
    "kept_layout",
    "params_of",
]

FLAG_BITS = {flag: flag.bit_length() - 1 for flag in Flag}
STRIDES = ("a_stride", "b_stride", "d_stride")
STARTS = ("a_addr", "b_addr", "d_addr", "params")


def descriptor_beats(config: AcceleratorConfig) -> int:
    """Beats of a descriptor."""
    return max(1, DESCRIPTOR_BYTES // config.bus.bytes)


def kept_layout(config: AcceleratorConfig) -> data.StructLayout:
    """The bits of each field that a descriptor without an error may have set.

    Strides and starts (A, B, D, parameters) are in beats; ``far`` says that a stride has bits beyond
    the address width. What ``params`` has beside its start is ``params_rest``.
    """
    bus, limits, blocks = config.bus, config.limits, BlockShape(config)
    beat_bits = bus.bytes.bit_length() - 1
    stride = data.StructLayout({"beats": min(32, bus.addr_width) - beat_bits, "far": 1})
    fields: dict[str, Any] = {
        "flags": 6,
        "n_panels_log2": blocks["n_panels_log2"].shape,
        "k_panels_log2": LoadJob(config)["k_panels_log2"].shape,
        "zero_point": 8,
        "m": range(limits.max_m + 1),
        "n": range(limits.max_n + 1),
        "k": range(limits.max_k + 1),
        "tile_rows": blocks["tile_rows"].shape,
    }
    # A job may have room for more than a descriptor can say.
    widths = {name: min(FIELDS[name].width, Shape.cast(fields[name]).width) for name in fields}
    return data.StructLayout(
        {
            **widths,
            "strides": data.ArrayLayout(stride, len(STRIDES)),
            "starts": data.ArrayLayout(bus.addr_width - beat_bits, len(STARTS)),
            "params_rest": beat_bits + max(0, 32 - bus.addr_width),
        }
    )


def params_of(config: AcceleratorConfig, fields: Any) -> Value:
    """``params`` as it was, at least the 32 bits of a scale word."""
    beat_bits = config.bus.bytes.bit_length() - 1
    rest = fields.params_rest
    return Cat(rest[:beat_bits], fields.starts[STARTS.index("params")], rest[beat_bits:])


class Intake(wiring.Component):
    """``fields`` has a field from the cycle after the beat that brings its last bits on.

    ``number`` is that of the beat that comes next, and ``arrives[i]`` is high in the cycle of beat i; after
    the last comes the first of the next descriptor. Bits that are not kept are not looked at.

    ``turn_starts`` moves each of ``starts`` one place down and the first to the last place, so that four
    turns leave them as they were; ``turn_strides`` and three turns do the same with ``strides``. Nothing
    arrives in the cycle of a turn.
    """

    beat_valid: Signal  # In
    beat_data: Signal  # In, bus.data_width
    turn_starts: Signal  # In
    turn_strides: Signal  # In
    number: Signal  # Out, address_width(descriptor_beats(config))
    arrives: Signal  # Out, descriptor_beats(config)
    fields: data.View  # Out, kept_layout(config)

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "beat_valid": In(1),
                "beat_data": In(config.bus.data_width),
                "turn_starts": In(1),
                "turn_strides": In(1),
                "number": Out(address_width(descriptor_beats(config))),
                "arrives": Out(descriptor_beats(config)),
                "fields": Out(kept_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fields, bus = self.fields, self.config.bus
        beats, lanes = descriptor_beats(self.config), bus.data_width // 32
        beat_bits = bus.bytes.bit_length() - 1

        if beats > 1:
            with m.If(self.beat_valid):
                m.d.sync += self.number.eq(self.number + 1)
        for i in range(beats):
            m.d.comb += self.arrives[i].eq(self.beat_valid & (self.number == i))

        def lane(name: str, low: int, high: int) -> tuple[int, Value]:
            """Bits of a field, all in one word: the word, and they in its beat."""
            bit = 32 * FIELDS[name].word + FIELDS[name].low + low
            place = bit % bus.data_width
            return bit // 32, self.beat_data[place : place + high - low]

        def keep(name: str, low: int, target: Value) -> None:
            word, bits = lane(name, low, low + len(target))
            with m.If(self.arrives[word // lanes]):
                m.d.sync += target.eq(bits)

        def keep_ring(turn: Value, ring: list[Value], words: list[int], bits: list[Value]) -> None:
            following = [*ring[1:], ring[0]]
            if len({word % lanes for word in words}) == 1:
                # They come in the same place, one after the other: only the last takes them.
                comes = Cat(self.arrives[word // lanes] for word in words).any()
                with m.If(comes | turn):
                    m.d.sync += [
                        value.eq(after) for value, after in zip(ring, following, strict=True)
                    ]
                with m.If(comes):
                    m.d.sync += ring[-1].eq(bits[-1])
                return
            for value, after, word, now in zip(ring, following, words, bits, strict=True):
                with m.If(self.arrives[word // lanes]):
                    m.d.sync += value.eq(now)
                with m.Elif(turn):
                    m.d.sync += value.eq(after)

        for name in ("flags", "n_panels_log2", "k_panels_log2", "zero_point", "m", "n", "k"):
            keep(name, 0, getattr(fields, name))
        keep("tile_rows", 0, fields.tile_rows)
        keep("params", 0, fields.params_rest[:beat_bits])
        if bus.addr_width < 32:
            keep("params", bus.addr_width, fields.params_rest[beat_bits:])

        # Starts, a word of each at a time.
        for low, high in ((beat_bits, min(32, bus.addr_width)), (32, bus.addr_width)):
            if low < high:
                parts = [start[low - beat_bits : high - beat_bits] for start in fields.starts]
                words, bits = zip(*(lane(name, low, high) for name in STARTS), strict=True)
                keep_ring(self.turn_starts, parts, [*words], [*bits])

        whole = [lane(name, 0, 32) for name in STRIDES]
        top = min(32, bus.addr_width)
        keep_ring(
            self.turn_strides,
            [stride.as_value() for stride in fields.strides],
            [word for word, _ in whole],
            [Cat(bits[beat_bits:top], bits[top:].any()) for _, bits in whole],
        )
        return m
