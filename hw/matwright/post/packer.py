# SPDX-License-Identifier: Apache-2.0
"""Packs elements of D into beats of the bus."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .payload import beat_layout, values_layout

__all__ = ["Packer"]


class Packer(wiring.Component):
    """Takes items of ``lanes`` elements, gives beats of ``beat_bytes`` bytes.

    An element takes a byte, or four with ``raw``, little-endian. Each row of D begins at a fresh
    beat and ends with the item whose ``last`` is set, which sends off the beat it reached. Every
    item moves the position in the row by ``lanes`` elements; the bytes of lanes that are not in ``mask``
    are 0 with strobe 0. So a row makes ``ceil(bytes to the end of its last element / beat_bytes)``
    beats; an item of more bytes than a beat is taken with the last of its beats.

    The output is a register: a beat is on offer :attr:`LATENCY` cycles after the item that filled
    it was on offer, and one item (or one beat of a longer item) goes in per cycle as long as beats
    are taken. ``raw`` must not change unless ``idle``.
    """

    LATENCY = 1
    """Cycles from an item on offer to its beat on offer."""

    i: Any  # In, stream of values_layout(lanes)
    o: Any  # Out, stream of beat_layout(beat_bytes)
    raw: Signal  # In, 1
    idle: Signal  # Out, 1, no element is inside

    def __init__(self, beat_bytes: int, lanes: int) -> None:
        if beat_bytes < 4 or beat_bytes & (beat_bytes - 1):
            raise ValueError(f"beat_bytes must be a power of two from 4 on, not {beat_bytes}")
        if not 1 <= lanes <= beat_bytes or lanes & (lanes - 1):
            raise ValueError(f"lanes must be a power of two from 1 to {beat_bytes}, not {lanes}")
        self.beat_bytes = beat_bytes
        self.lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(values_layout(lanes))),
                "o": Out(stream.Signature(beat_layout(beat_bytes))),
                "raw": In(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        item, size = self.i.payload, self.beat_bytes

        # Items that a narrow beat takes, and a raw beat; or beats that a raw item makes.
        narrow_items = size // self.lanes
        raw_items = max(1, size // (4 * self.lanes))
        raw_beats = max(1, 4 * self.lanes // size)

        # The item as bytes, and their strobes.
        narrow, narrow_strobe = Signal(8 * self.lanes), Signal(self.lanes)
        wide, wide_strobe = Signal(32 * self.lanes), Signal(4 * self.lanes)
        for lane in range(self.lanes):
            valid = item.mask[lane]
            value = Mux(valid, item.values[lane], 0)
            m.d.comb += [
                narrow.word_select(lane, 8).eq(value[:8]),
                narrow_strobe[lane].eq(valid),
                wide.word_select(lane, 32).eq(value),
                wide_strobe.word_select(lane, 4).eq(valid.replicate(4)),
            ]

        # `slot` counts the items in the beat, or, in a raw item of several beats, those beats.
        slot = Signal(range(max(narrow_items, raw_beats)))
        data, strobe = Signal(8 * size), Signal(size)
        beat_done, item_done, fresh = Signal(), Signal(), Signal()
        with m.If(self.raw):
            if raw_beats > 1:
                # A beat is the last of its item if there is no more, or at the end of a row no element.
                part = slot[: exact_log2(raw_beats)]
                starts = Cat(item.mask[i * size // 4] for i in range(1, raw_beats))
                ends = Signal(raw_beats)
                m.d.comb += [
                    ends.eq(Cat(Mux(item.last, ~starts, 0), 1)),
                    data.eq(wide.word_select(part, 8 * size)),
                    strobe.eq(wide_strobe.word_select(part, size)),
                    beat_done.eq(1),
                    item_done.eq(ends.bit_select(part, 1)),
                    fresh.eq(1),
                ]
            else:
                part = slot[: exact_log2(raw_items)]
                m.d.comb += [
                    data.word_select(part, len(wide)).eq(wide),
                    strobe.word_select(part, len(wide_strobe)).eq(wide_strobe),
                    beat_done.eq(item.last | (part == raw_items - 1)),
                    item_done.eq(1),
                    fresh.eq(slot == 0),
                ]
        with m.Else():
            m.d.comb += [
                data.word_select(slot, len(narrow)).eq(narrow),
                strobe.word_select(slot, len(narrow_strobe)).eq(narrow_strobe),
                beat_done.eq(item.last | (slot == narrow_items - 1)),
                item_done.eq(1),
                fresh.eq(slot == 0),
            ]

        # The output register gathers the beat. What is not written yet is 0, so items join by OR.
        gathered, gathered_strobe, full = Signal(8 * size), Signal(size), Signal()
        room, take = Signal(), Signal()
        m.d.comb += [
            room.eq(~full | self.o.ready),
            take.eq(self.i.valid & room),
            self.i.ready.eq(room & item_done),
        ]
        with m.If(take):
            m.d.sync += [
                gathered.eq(Mux(fresh, 0, gathered) | data),
                gathered_strobe.eq(Mux(fresh, 0, gathered_strobe) | strobe),
                full.eq(beat_done),
                slot.eq(Mux(beat_done & item_done, 0, slot + 1)),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += full.eq(0)

        m.d.comb += [
            self.o.valid.eq(full),
            Cat(self.o.payload.data, self.o.payload.strb).eq(Cat(gathered, gathered_strobe)),
            self.idle.eq(~full & (slot == 0)),
        ]
        return m
