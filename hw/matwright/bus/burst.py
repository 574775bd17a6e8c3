# SPDX-License-Identifier: Apache-2.0
"""Burst splitter: cuts a run of beats into bursts that the bus admits."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import LARGEST_REQUEST, Bus

__all__ = ["BEATS_WIDTH", "BurstSplitter", "burst_layout", "request_layout"]

BEATS_WIDTH = LARGEST_REQUEST.bit_length()
"""Bits of the number of beats of a request."""


def request_layout(bus: Bus) -> data.StructLayout:
    """A run of ``beats`` >= 1 beats from byte address ``addr``, a multiple of the beat."""
    return data.StructLayout({"addr": bus.addr_width, "beats": BEATS_WIDTH})


def burst_layout(bus: Bus) -> data.StructLayout:
    """A burst of ``len + 1`` beats from ``addr``; ``last`` marks the final burst of a request."""
    return data.StructLayout({"addr": bus.addr_width, "len": 8, "last": 1})


class BurstSplitter(wiring.Component):
    """Cuts each request into INCR bursts of at most ``max_burst`` beats.

    No burst crosses a multiple of ``max_burst`` beats: the first reaches up to the next such
    boundary, the others start on one. One burst leaves per cycle, across requests too; addresses
    wrap modulo ``2**addr_width``. ``burst`` comes from registers, :attr:`LATENCY` cycles after its
    request was accepted.

    While ``hold`` is high no burst is opened and no request accepted; a burst already on offer
    stays. ``opens`` is high in the cycle before a burst is offered for the first time, and
    ``opening`` is that burst, so that its bookkeeping can be written in time.
    """

    LATENCY = 1
    """Cycles from accepting a request to its first burst on offer."""

    request: stream.Interface  # In, request_layout(bus)
    burst: stream.Interface  # Out, burst_layout(bus)
    hold: Signal  # In, 1
    opens: Signal  # Out, 1
    opening: data.View  # Out, burst_layout(bus)
    idle: Signal  # Out, 1, no burst on offer and none left to open

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        super().__init__(
            {
                "request": In(stream.Signature(request_layout(bus))),
                "burst": Out(stream.Signature(burst_layout(bus))),
                "hold": In(1),
                "opens": Out(1),
                "opening": Out(burst_layout(bus)),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat_bits = (self.bus.bytes - 1).bit_length()
        index_bits = (self.bus.max_burst - 1).bit_length()
        block_bits = beat_bits + index_bits
        request, burst = self.request, self.burst

        # What is left lies in aligned blocks of max_burst beats: `blocks` whole ones, then one
        # that ends with beat number `tail`. (One bit at the least: none is [-1:0] in Verilog.)
        blocks = Signal(BEATS_WIDTH + 1 - index_bits)
        tail = Signal(max(1, index_bits))
        more = Signal()
        free = Signal()
        accept = Signal()
        m.d.comb += [
            free.eq((~burst.valid | burst.ready) & ~self.hold),
            request.ready.eq(free & ~more),
            accept.eq(request.valid & request.ready),
            self.opens.eq(accept | (free & more)),
            self.idle.eq(~burst.valid & ~more),
        ]

        # Of a new request the first block may start at a beat other than 0.
        index = Signal(max(1, index_bits))
        final = Signal(BEATS_WIDTH + 1)
        addr = request.payload.addr
        next_block = Signal(self.bus.addr_width - block_bits)
        m.d.comb += next_block.eq(burst.payload.addr[block_bits:] + 1)
        with m.If(more):
            m.d.comb += [
                final.eq(Cat(tail[:index_bits], blocks)),
                self.opening.addr.eq(Cat(Const(0, block_bits), next_block)),
            ]
        with m.Else():
            m.d.comb += [
                index.eq(addr[beat_bits:block_bits]),
                final.eq(request.payload.beats + index - 1),
                self.opening.addr.eq(addr),
            ]
        end = Signal(max(1, index_bits))
        m.d.comb += [
            self.opening.last.eq(final[index_bits:] == 0),
            end.eq(Mux(self.opening.last, final[:index_bits], self.bus.max_burst - 1)),
            self.opening.len.eq(end - index),
        ]

        with m.If(self.opens):
            m.d.sync += [
                burst.valid.eq(1),
                burst.payload.eq(self.opening),
                more.eq(~self.opening.last),
                tail.eq(final[:index_bits]),
                blocks.eq(final[index_bits:] - 1),
            ]
        with m.Elif(burst.ready):
            m.d.sync += burst.valid.eq(0)

        return m
