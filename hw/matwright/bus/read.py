# SPDX-License-Identifier: Apache-2.0
"""Read engine: runs of beats from memory, over the AR and R channels of AXI4."""

from typing import Any, Protocol

from amaranth import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import LARGEST_REQUEST, Bus
from .axi import axi4
from .burst import BurstSplitter, end_width, request_layout
from .guard import Guard
from .queue import BurstQueue
from .window import windows_layout

__all__ = ["Beat", "ReadEngine", "ReadFault", "beat_signature", "read_request_layout"]

_BURST_INCR = 0b01
_CACHE_MODIFIABLE_BUFFERABLE = 0b0011


def read_request_layout(bus: Bus, tag_width: int) -> data.StructLayout:
    """A run of ``beats`` >= 1 beats from ``addr``; they come back with ``tag``."""
    return request_layout(bus, tag_width)


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

    Addresses pass a :class:`.Guard`, unless ``checked`` is false. While ``blocked`` is high it keeps one
    from the bus, and the engine is ``quiet`` when all the others have come back. ``halt`` stops new
    addresses; one on offer stays until it is accepted, and what was issued comes back. To drop the
    rest of a request, or what is blocked, reset the engine while ``quiet``.

    ``error`` is high :attr:`ERROR_LATENCY` cycles after a beat with a ``fault``; ``error_addr`` is then the
    address of the burst at fault, the oldest in flight, or 0 if there was none. After the first error
    it means nothing, until a reset. The beat is delivered all the same, except when none is due.

    AXI4 is Arm IHI 0022, issue H; the ports of the channels are those of :func:`.axi.axi4`.
    """

    BEAT_LATENCY = 0
    """Cycles from a beat on the R channel to ``beat``."""
    ERROR_LATENCY = 1
    """Cycles from a beat at fault to ``error``."""

    request: stream.Interface  # In, read_request_layout(bus, tag_width)
    beat: Beat  # Out, beat_signature(bus, tag_width)
    windows: data.View  # In, windows_layout(bus)
    halt: Signal  # In, 1
    blocked: Signal  # Out, 1
    quiet: Signal  # Out, 1, no address on offer and nothing in flight
    in_flight: Signal  # Out, 1, some burst is issued, on offer or blocked
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

    def __init__(
        self,
        bus: Bus,
        tag_width: int,
        *,
        most_beats: int = LARGEST_REQUEST,
        request_registers: int = 0,
        checked: bool = True,
    ) -> None:
        self.bus = bus
        self.tag_width = tag_width
        self.most_beats = most_beats
        self.request_registers = request_registers
        self.checked = checked
        members = axi4(bus).members
        super().__init__(
            {
                "request": In(stream.Signature(read_request_layout(bus, tag_width))),
                "beat": Out(beat_signature(bus, tag_width)),
                "windows": In(windows_layout(bus)),
                "halt": In(1),
                "blocked": Out(1),
                "quiet": Out(1),
                "in_flight": Out(1),
                "error": Out(1),
                "fault": Out(ReadFault),
                "error_addr": Out(bus.addr_width),
                **{name: members[name] for name in members if name.startswith(("ar", "r"))},
            }
        )

    @property
    def request_latency(self) -> int:
        """Cycles from accepting a request to ``arvalid``."""
        return Guard.LATENCY + self.request_registers

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        m.submodules.splitter = splitter = BurstSplitter(
            bus, self.tag_width, most_beats=self.most_beats, registers=self.request_registers
        )
        m.submodules.guard = guard = Guard(bus, "read", checked=self.checked)

        # One entry for each burst from the cycle in which it goes on offer to its last beat.
        len_width = end_width(bus)
        flight = data.StructLayout(
            {"tag": self.tag_width, "last": 1, "len": len_width, "addr": bus.addr_width}
        )
        m.submodules.queue = queue = BurstQueue(flight, bus.outstanding)

        # Requests to addresses.
        opens = Signal()
        burst = splitter.burst.p
        label = Signal(data.StructLayout({"tag": self.tag_width, "last": 1}))
        with m.If(opens):
            m.d.sync += [label.tag.eq(burst.tag), label.last.eq(burst.last)]
        m.d.comb += [
            splitter.request.valid.eq(self.request.valid),
            splitter.request.p.eq(self.request.p),
            self.request.ready.eq(splitter.request.ready),
            splitter.hold.eq(self.halt | ~queue.room),
            guard.windows.eq(self.windows),
            guard.i.valid.eq(splitter.burst.valid),
            guard.i.p.addr.eq(burst.addr),
            guard.i.p.end.eq(burst.end),
            splitter.burst.ready.eq(guard.i.ready),
            opens.eq(splitter.burst.valid & guard.i.ready),
            queue.push.eq(opens),
            queue.entry.tag.eq(burst.tag),
            queue.entry.last.eq(burst.last),
            queue.entry.len.eq(guard.i_len),
            queue.entry.addr.eq(burst.addr),
            queue.newest.tag.eq(label.tag),
            queue.newest.last.eq(label.last),
            queue.newest.len.eq(guard.len),
            queue.newest.addr.eq(guard.addr),
            self.araddr.eq(guard.addr),
            self.arlen.eq(guard.len),
            self.arsize.eq((bus.bytes - 1).bit_length()),
            self.arburst.eq(_BURST_INCR),
            self.arcache.eq(_CACHE_MODIFIABLE_BUFFERABLE),
            self.arvalid.eq(guard.valid),
            guard.ready.eq(self.arready),
            self.blocked.eq(guard.blocked),
        ]

        # Beats, of the oldest burst. None is due while the only burst is still on offer or blocked.
        oldest = Signal(data.StructLayout({"tag": self.tag_width, "last": 1}))
        left = Signal(len_width)  # beats after the next one
        due = Signal()
        end = Signal()
        unsent = ~queue.several & (guard.valid | guard.blocked)
        m.d.comb += [
            self.rready.eq(1),
            due.eq(queue.some & (~unsent | (guard.valid & self.arready))),
            end.eq(left == 0),
            self.beat.valid.eq(self.rvalid & due),
            self.beat.data.eq(self.rdata),
            self.beat.tag.eq(oldest.tag),
            self.beat.last.eq(end & oldest.last),
            queue.pop.eq(self.beat.valid & self.rlast),
        ]
        with m.If(queue.moves):
            following = queue.following
            m.d.sync += [
                oldest.tag.eq(following.tag),
                oldest.last.eq(following.last),
                left.eq(following.len),
            ]
        with m.Elif(self.beat.valid):
            m.d.sync += left.eq(left - 1)

        # State, and what is wrong.
        stranger = (self.rid != 0) | ~due
        misplaced = self.rlast != end
        wrong = Signal()
        m.d.comb += [
            self.in_flight.eq(queue.some),
            self.quiet.eq(Mux(guard.blocked, ~queue.several, ~queue.some)),
            wrong.eq(self.rvalid & (stranger | misplaced | self.rresp[1])),
        ]
        m.d.sync += [
            self.error.eq(wrong),
            self.fault.eq(
                Mux(stranger, ReadFault.ID, Mux(misplaced, ReadFault.LAST, ReadFault.RESPONSE))
            ),
        ]
        # The address of the oldest burst; it is not to leave with the beat at fault.
        with m.If(~wrong):
            with m.If(queue.moves):
                m.d.sync += self.error_addr.eq(queue.following.addr)
            with m.Elif(queue.pop):
                m.d.sync += self.error_addr.eq(0)

        return m
