# SPDX-License-Identifier: Apache-2.0
"""Burst splitter: cuts a run of beats into bursts that the bus admits."""

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from ..config import LARGEST_REQUEST, Bus
from .stage import Stage

__all__ = ["BEATS_WIDTH", "BurstSplitter", "burst_layout", "end_width", "request_layout"]

BEATS_WIDTH = LARGEST_REQUEST.bit_length()
"""Bits of the number of beats of a request."""


def request_layout(bus: Bus, tag_width: int) -> data.StructLayout:
    """A run of ``beats`` >= 1 beats from byte address ``addr``, a multiple of the beat."""
    return data.StructLayout({"addr": bus.addr_width, "beats": BEATS_WIDTH, "tag": tag_width})


def burst_layout(bus: Bus, tag_width: int) -> data.StructLayout:
    """A burst from the beat at ``addr`` to beat ``end`` of its block, both included.

    A block is ``max_burst`` beats from a multiple of that on. ``last`` marks the final burst of a request.
    """
    return data.StructLayout(
        {"addr": bus.addr_width, "end": end_width(bus), "last": 1, "tag": tag_width}
    )


def end_width(bus: Bus) -> int:
    """Bits of a beat's number in its block. (One at the least: none is [-1:0] in Verilog.)"""
    return max(1, (bus.max_burst - 1).bit_length())


class BurstSplitter(wiring.Component):
    """Cuts each request into INCR bursts of at most ``max_burst`` beats, with the request's ``tag``.

    No burst leaves its block: the first reaches up to the end of one, the others start at the start of
    one. A burst leaves per cycle, across requests too; addresses wrap modulo ``2**addr_width``. A
    request has at most ``most_beats`` beats.

    The first burst of a request is on offer ``registers`` cycles after the request was: 0, 1 (the
    request is a register), or 2 (and the burst). ``request.ready`` comes from registers: a request is
    taken even if its burst is not, and waits here. While ``hold`` is high no burst is on offer, and
    without registers no request accepted.
    """

    request: stream.Interface  # In, request_layout(bus, tag_width)
    burst: stream.Interface  # Out, burst_layout(bus, tag_width)
    hold: Signal  # In, 1

    def __init__(
        self,
        bus: Bus,
        tag_width: int,
        *,
        most_beats: int = LARGEST_REQUEST,
        registers: int = 0,
    ) -> None:
        self.bus = bus
        self.tag_width = tag_width
        self.most_beats = most_beats
        self.registers = registers
        super().__init__(
            {
                "request": In(stream.Signature(request_layout(bus, tag_width))),
                "burst": Out(stream.Signature(burst_layout(bus, tag_width))),
                "hold": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat_bits = (self.bus.bytes - 1).bit_length()
        index_bits = (self.bus.max_burst - 1).bit_length()
        block_bits = beat_bits + index_bits
        end_bits = end_width(self.bus)

        # The request is known by its first and its last beat: `final` counts from the start of the
        # first block. Of two registers, the first holds the beats less one.
        request, final = self.request.p, Signal(range(self.most_beats + self.bus.max_burst))
        beats = request.beats[: self.most_beats.bit_length()]
        offered, ready = self.request.valid, Signal()
        if self.registers:
            m.submodules.request = stage = Stage(self.request.p.shape())
            m.d.comb += [
                stage.i.valid.eq(self.request.valid),
                self.request.ready.eq(stage.i.ready),
                stage.i.p.eq(request),
                stage.i.p.beats.eq(beats - 1),
                stage.o.ready.eq(ready),
            ]
            offered, request = stage.o.valid, stage.o.p
            beats = request.beats[: self.most_beats.bit_length()]
            index = request.addr[beat_bits:block_bits]
            m.d.comb += final.eq(beats + index)
        else:
            index = request.addr[beat_bits:block_bits]
            before = Signal(signed(index_bits + 1))
            m.d.comb += [
                self.request.ready.eq(ready),
                before.eq(index - 1),
                final.eq(beats + before),
            ]
        single = Signal()
        # final < max_burst: the sum has only to be looked at as far as beats is below two blocks.
        m.d.comb += single.eq(~(beats[index_bits + 1 :].any() | final[index_bits:][:2].any()))

        # The next burst: its block and first beat in it; `blocks` more follow, and the last beat of the
        # last one is `final`.
        layout = data.StructLayout(
            {
                "block": self.bus.addr_width - block_bits,
                "index": end_bits,
                "blocks": max(1, len(final) - index_bits),
                "final": end_bits,
                "tag": self.tag_width,
            }
        )
        new, left, now = Signal(layout), Signal(layout), Signal(layout)
        more = Signal()  # `left` is a burst
        last = Signal()
        out = stream.Signature(burst_layout(self.bus, self.tag_width)).create(path=("out",))
        opens = Signal()
        m.d.comb += [
            new.block.eq(request.addr[block_bits:]),
            new.index.eq(index),
            new.blocks.eq(final[index_bits:]),
            new.final.eq(final[:index_bits]),
            new.tag.eq(request.tag),
            now.eq(Mux(more, left, new)),
            last.eq(Mux(more, left.blocks == 0, single)),
            opens.eq(out.valid & out.ready),
            out.p.addr.eq(Cat(Const(0, beat_bits), now.index[:index_bits], now.block)),
            out.p.end.eq(Mux(last, now.final, self.bus.max_burst - 1)),
            out.p.last.eq(last),
            out.p.tag.eq(now.tag),
        ]
        m.d.sync += [
            more.eq(Mux(opens, ~last, more | (offered & ready))),
            left.block.eq(now.block + opens),
            left.index.eq(Mux(opens, 0, now.index)),
            left.blocks.eq(now.blocks - opens),
            left.final.eq(now.final),
            left.tag.eq(now.tag),
        ]

        burst = self.burst
        if self.registers == 2:
            m.submodules.burst = stage = Stage(burst.p.shape())
            connect(m, out, stage.i)
            m.d.comb += [
                ready.eq(~more),
                out.valid.eq(more | offered),
                burst.p.eq(stage.o.p),
                burst.valid.eq(stage.o.valid & ~self.hold),
                stage.o.ready.eq(burst.ready & ~self.hold),
            ]
        else:
            m.d.comb += [
                ready.eq(~more & ~self.hold),
                out.valid.eq((more | offered) & ~self.hold),
                burst.valid.eq(out.valid),
                burst.p.eq(out.p),
                out.ready.eq(burst.ready),
            ]
        return m
