# SPDX-License-Identifier: Apache-2.0
"""Read engine: runs of beats from memory, over the AR and R channels of AXI4."""

from typing import Any, Protocol

from amaranth import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Bus
from .axi import axi4
from .burst import BEATS_WIDTH, BurstSplitter
from .fifo import small_fifo

__all__ = ["Beat", "ReadEngine", "ReadFault", "beat_signature", "read_request_layout"]

_BURST_INCR = 0b01
_CACHE_MODIFIABLE_BUFFERABLE = 0b0011


def read_request_layout(bus: Bus, tag_width: int) -> data.StructLayout:
    """A run of ``beats`` >= 1 beats from ``addr``; they come back with ``tag``."""
    return data.StructLayout({"addr": bus.addr_width, "beats": BEATS_WIDTH, "tag": tag_width})


class Beat(Protocol):
    """What a component sees of the beats that are read."""

    valid: Signal
    """A beat is here, in this cycle only."""
    data: Signal
    """The beat."""
    tag: Signal
    """Tag of its request."""
    last: Signal
    """It is the last beat of its request."""


def beat_signature(bus: Bus, tag_width: int) -> wiring.Signature:
    """Signature of :class:`Beat`, seen from the engine."""
    return wiring.Signature(
        {"valid": Out(1), "data": Out(bus.data_width), "tag": Out(tag_width), "last": Out(1)}
    )


class ReadFault(enum.Enum, shape=2):
    """What was wrong with a beat; of several, the first named here."""

    ID = 0
    """An ID other than 0, or no accepted burst is in flight."""
    LAST = 1
    """``rlast`` in the wrong place."""
    RESPONSE = 2
    """SLVERR or DECERR."""


class ReadEngine(wiring.Component):
    """Issues the bursts of each request and labels the beats that come back.

    ``rready`` is always high: whoever asks has room. ``beat`` is the R channel of the same cycle
    with the ``tag`` of its request; ``last`` marks the last beat of the request. At most
    ``outstanding`` bursts are in flight, the one on offer among them. A burst leaves the engine
    with its ``rlast``, which is checked against its length.

    While ``halt`` is high no new address is offered; one on offer stays until it is accepted, and
    what was issued comes back. To drop the rest of a request, reset the engine while ``quiet``.
    ``blocked`` says that the address on offer is kept from the bus; ``halt`` follows in the next cycle,
    and the engine is ``quiet`` when all the others have come back.

    ``error`` is high in the cycle of a beat with a ``fault``; ``error_addr`` is then the address of
    the burst at fault, the oldest in flight, or 0 if there is none. The beat is delivered all the same,
    except when none is due.

    AXI4 is Arm IHI 0022, issue H; the ports of the channels are those of :func:`.axi.axi4`.
    """

    REQUEST_LATENCY = BurstSplitter.LATENCY
    """Cycles from accepting a request to ``arvalid``."""
    BEAT_LATENCY = 0
    """Cycles from a beat on the R channel to ``beat``."""

    request: stream.Interface  # In, read_request_layout(bus, tag_width)
    beat: Beat  # Out, beat_signature(bus, tag_width)
    halt: Signal  # In, 1
    blocked: Signal  # In, 1
    idle: Signal  # Out, 1, quiet, and no request or part of one waits
    quiet: Signal  # Out, 1, no address on offer and nothing in flight
    in_flight: Signal  # Out, 1, some burst is issued or on offer
    error: Signal  # Out, 1
    fault: Any  # Out, ReadFault
    error_addr: Signal  # Out, addr_width

    arid: Signal
    araddr: Signal
    arlen: Signal
    arsize: Signal
    arburst: Signal
    arlock: Signal
    arcache: Signal
    arprot: Signal
    arqos: Signal
    arvalid: Signal
    arready: Signal
    rid: Signal
    rdata: Signal
    rresp: Signal
    rlast: Signal
    rvalid: Signal
    rready: Signal

    def __init__(self, bus: Bus, tag_width: int) -> None:
        self.bus = bus
        self.tag_width = tag_width
        members = axi4(bus).members
        super().__init__(
            {
                "request": In(stream.Signature(read_request_layout(bus, tag_width))),
                "beat": Out(beat_signature(bus, tag_width)),
                "halt": In(1),
                "blocked": In(1),
                "idle": Out(1),
                "quiet": Out(1),
                "in_flight": Out(1),
                "error": Out(1),
                "fault": Out(ReadFault),
                "error_addr": Out(bus.addr_width),
                **{name: members[name] for name in members if name.startswith(("ar", "r"))},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        request = self.request
        m.submodules.splitter = splitter = BurstSplitter(self.bus)

        # One entry for each burst from the cycle in which it goes on offer to its last beat.
        flight = data.StructLayout(
            {"tag": self.tag_width, "last": 1, "len": 8, "addr": self.bus.addr_width}
        )
        m.submodules.fifo = fifo = small_fifo(flight.size, self.bus.outstanding)
        entering, oldest = flight(fifo.w_data), flight(fifo.r_data)

        # Requests to addresses.
        tag = Signal(self.tag_width)
        accept = Signal()
        m.d.comb += [
            splitter.request.valid.eq(request.valid),
            splitter.request.payload.addr.eq(request.payload.addr),
            splitter.request.payload.beats.eq(request.payload.beats),
            request.ready.eq(splitter.request.ready),
            splitter.hold.eq(self.halt | ~fifo.w_rdy),
            accept.eq(request.valid & request.ready),
            fifo.w_en.eq(splitter.opens),
            entering.tag.eq(Mux(accept, request.payload.tag, tag)),
            entering.last.eq(splitter.opening.last),
            entering.len.eq(splitter.opening.len),
            entering.addr.eq(splitter.opening.addr),
            self.araddr.eq(splitter.burst.payload.addr),
            self.arlen.eq(splitter.burst.payload.len),
            self.arsize.eq((self.bus.bytes - 1).bit_length()),
            self.arburst.eq(_BURST_INCR),
            self.arcache.eq(_CACHE_MODIFIABLE_BUFFERABLE),
            self.arvalid.eq(splitter.burst.valid),
            splitter.burst.ready.eq(self.arready),
        ]
        with m.If(accept):
            m.d.sync += tag.eq(request.payload.tag)

        # Beats. None is due while the only burst is still on offer.
        unsent = self.arvalid & ~self.arready & (fifo.level == 1)
        due = Signal()
        m.d.comb += due.eq(fifo.r_rdy & ~unsent)
        count = Signal(8)
        end = Signal()
        m.d.comb += [
            self.rready.eq(1),
            end.eq(count == oldest.len),
            self.beat.valid.eq(self.rvalid & due),
            self.beat.data.eq(self.rdata),
            self.beat.tag.eq(oldest.tag),
            self.beat.last.eq(end & oldest.last),
            fifo.r_en.eq(self.beat.valid & self.rlast),
        ]
        with m.If(self.beat.valid):
            m.d.sync += count.eq(Mux(self.rlast, 0, count + 1))

        # State.
        stranger = (self.rid != 0) | ~due
        misplaced = self.rlast != end
        with m.If(stranger):
            m.d.comb += self.fault.eq(ReadFault.ID)
        with m.Elif(misplaced):
            m.d.comb += self.fault.eq(ReadFault.LAST)
        with m.Else():
            m.d.comb += self.fault.eq(ReadFault.RESPONSE)
        m.d.comb += [
            self.in_flight.eq(self.arvalid | fifo.r_rdy),
            self.quiet.eq(Mux(self.blocked, fifo.level == 1, ~self.in_flight)),
            self.idle.eq(self.quiet & splitter.idle & ~request.valid),
            self.error.eq(self.rvalid & (stranger | misplaced | self.rresp[1])),
            self.error_addr.eq(Mux(fifo.r_rdy, oldest.addr, 0)),
        ]

        return m
