# SPDX-License-Identifier: Apache-2.0
"""The memory of a system: an AXI4 slave and a word port on one port of RAM."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ..bus.axi import axi4
from ..config import Bus, ConfigError
from .ram import SinglePortRam
from .words import WORD_BITS, WORD_BYTES, WordPort, word_port

__all__ = ["SystemMemory", "check_memory_bytes"]

_DECERR = 3

MOST_BYTES = 1 << 26
"""Largest memory."""


def check_memory_bytes(bus: Bus, memory_bytes: int) -> None:
    """ConfigError unless ``bus`` can have a memory of ``memory_bytes``."""
    block = bus.max_burst * bus.bytes
    most = min(1 << bus.addr_width, MOST_BYTES)
    legal = isinstance(memory_bytes, int) and not isinstance(memory_bytes, bool)
    if not (legal and block <= memory_bytes <= most and memory_bytes % block == 0):
        raise ConfigError(
            f"memory_bytes must be a multiple of {block}, the largest burst of {bus.bytes}-byte beats, "
            f"and at most {most}, not {memory_bytes!r}"
        )


class SystemMemory(wiring.Component):
    """``memory_bytes`` of RAM from address 0 on; elsewhere every access of ``axi`` answers DECERR, and
    what is read is 0.

    ``axi`` takes what the accelerator sends: INCR bursts of whole beats, of ID 0, that cross no multiple
    of ``max_burst`` beats. A beat is moved in each cycle, for ``words`` first, then written, then read;
    bursts of reads follow each other without a pause. A write is taken in order with reads: one that
    begins after its response sees it. The address of a write burst is taken with its last beat.

    While a beat waits for ``rready`` nothing moves; beats are not taken while a response waits for
    ``bready``.

    There is a register before the RAM, and one after.
    """

    READ_LATENCY = 4
    """Cycles from accepting an address to the first beat, and for ``words``, less one, to ``r_valid``."""

    axi: Any  # In, axi4(bus)
    words: WordPort  # In, word_port(bits of memory_bytes / 4)

    def __init__(self, bus: Bus, memory_bytes: int) -> None:
        check_memory_bytes(bus, memory_bytes)
        self.bus = bus
        self.memory_bytes = memory_bytes
        super().__init__(
            {
                "axi": In(axi4(bus)),
                "words": In(word_port((memory_bytes // WORD_BYTES - 1).bit_length())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus, axi, words = self.bus, self.axi, self.words
        beat_bits = (bus.bytes - 1).bit_length()
        lane_bits = beat_bits - (WORD_BYTES - 1).bit_length()
        index_bits = (bus.max_burst - 1).bit_length()
        depth = self.memory_bytes // bus.bytes
        m.submodules.ram = ram = SinglePortRam(bus.data_width, depth)

        def outside(addr: Signal) -> Value:
            """The burst at ``addr`` is beyond the memory."""
            return addr[beat_bits + index_bits :] >= depth >> index_bits

        go = Signal()
        m.d.comb += go.eq(~axi.rvalid | axi.rready)

        # Writes. The master keeps the address where it is until the last beat.
        writing = Signal()
        w_index = Signal(max(1, index_bits), reset_less=True)
        w_beat = Signal()
        m.d.comb += [
            axi.wready.eq(writing & go & ~words.valid & (~axi.bvalid | axi.bready)),
            w_beat.eq(axi.wvalid & axi.wready),
            axi.awready.eq(w_beat & axi.wlast),
        ]
        with m.If(w_beat):
            m.d.sync += [w_index.eq(w_index + 1), writing.eq(~axi.wlast)]
        with m.If(~writing):
            m.d.sync += [writing.eq(axi.awvalid), w_index.eq(axi.awaddr[beat_bits:][:index_bits])]
        with m.If(axi.bready):
            m.d.sync += axi.bvalid.eq(0)
        with m.If(axi.awready):
            m.d.sync += [axi.bvalid.eq(1), axi.bresp.eq(Mux(outside(axi.awaddr), _DECERR, 0))]

        # Reads, the last of them at `r_end` of their block.
        reading = Signal()
        r_last = Signal()
        r_beat = Signal()
        r_outside = Signal(reset_less=True)
        r_block = Signal(bus.addr_width - beat_bits - index_bits, reset_less=True)
        r_index = Signal(max(1, index_bits), reset_less=True)
        r_end = Signal(max(1, index_bits), reset_less=True)
        first = axi.araddr[beat_bits:][:index_bits]
        m.d.comb += [
            r_last.eq((r_index == r_end) if index_bits else 1),
            r_beat.eq(reading & go & ~words.valid & ~(writing & axi.wvalid)),
            axi.arready.eq(~reading | (r_beat & r_last)),
        ]
        with m.If(r_beat):
            m.d.sync += r_index.eq(r_index + 1)
        with m.If(axi.arready):
            m.d.sync += [
                reading.eq(axi.arvalid),
                Cat(r_index[:index_bits], r_block).eq(axi.araddr[beat_bits:]),
                r_outside.eq(outside(axi.araddr)),
                r_end.eq(first + axi.arlen[: max(1, index_bits)]),
            ]

        # What the RAM does in the next cycle. Only what makes something happen has a reset.
        lane_width = max(1, lane_bits)
        access = data.StructLayout(
            {"beat": 1, "last": 1, "outside": 1, "word": 1, "lane": lane_width}
        )
        asked: Any = Signal(access)
        ram_mask = Signal(bus.bytes)
        ram_data = Signal(bus.data_width, reset_less=True)
        ram_addr = Signal(len(ram.addr), reset_less=True)
        m.d.comb += words.ready.eq(go)
        with m.If(go):
            m.d.sync += [
                ram_mask.eq(Mux(w_beat & ~outside(axi.awaddr), axi.wstrb, 0)),
                ram_data.eq(axi.wdata),
                ram_addr.eq(Cat(r_index[:index_bits], r_block)),
                asked.beat.eq(r_beat),
                asked.last.eq(r_last),
                asked.outside.eq(r_outside),
                asked.word.eq(words.valid & ~words.write),
                asked.lane.eq(words.addr[:lane_bits]),
            ]
            with m.If(writing & axi.wvalid):
                m.d.sync += ram_addr.eq(
                    Cat(w_index[:index_bits], axi.awaddr[beat_bits + index_bits :])
                )
            with m.If(words.valid):
                lane = words.write.replicate(WORD_BYTES)
                m.d.sync += [
                    ram_addr.eq(words.addr[lane_bits:]),
                    ram_mask.eq(lane << WORD_BYTES * words.addr[:lane_bits]),
                    ram_data.eq(words.w_data.replicate(bus.data_width // WORD_BITS)),
                ]
        m.d.comb += [
            ram.en.eq(go),
            ram.w_mask.eq(ram_mask),
            ram.addr.eq(ram_addr),
            ram.w_data.eq(ram_data),
        ]

        # What it has read, and what is here.
        read: Any = Signal(access)
        here: Any = Signal(access)
        with m.If(go):
            m.d.sync += [read.eq(asked), here.eq(read)]
        m.d.comb += [
            axi.rvalid.eq(here.beat),
            axi.rlast.eq(here.last),
            axi.rresp.eq(Mux(here.outside, _DECERR, 0)),
            axi.rdata.eq(Mux(here.outside, 0, ram.r_data)),
            words.r_valid.eq(here.word),
            words.r_data.eq(ram.r_data.word_select(here.lane, WORD_BITS)),
        ]
        return m
