# SPDX-License-Identifier: Apache-2.0
"""Write engine: runs of beats to memory, over the AW, W and B channels of AXI4."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from ..config import LARGEST_REQUEST, Bus
from .axi import axi4
from .burst import BEATS_WIDTH, BurstSplitter, end_width
from .guard import Guard
from .queue import BurstQueue, Tally
from .window import windows_layout

__all__ = ["WriteEngine", "WriteFault", "write_data_layout", "write_request_layout"]

_BURST_INCR = 0b01
_CACHE_MODIFIABLE_BUFFERABLE = 0b0011


def write_request_layout(bus: Bus) -> data.StructLayout:
    """A run of ``beats`` >= 1 beats to ``addr``; ``end`` marks the last request of a job."""
    return data.StructLayout({"addr": bus.addr_width, "beats": BEATS_WIDTH, "end": 1})


def write_data_layout(bus: Bus) -> data.StructLayout:
    """One beat: ``data``, and in ``strb`` a bit for each byte that is to be written."""
    return data.StructLayout({"data": bus.data_width, "strb": bus.bytes})


class WriteFault(enum.Enum, shape=1):
    """What was wrong with a response; of several, the first named here."""

    ID = 0
    """An ID other than 0, or no burst waits for its response: address and beats accepted."""
    RESPONSE = 1
    """SLVERR or DECERR."""


class WriteEngine(wiring.Component):
    """Issues the bursts of each request and sends them the beats of ``data``, in order.

    A beat is sent once the address of its burst is on offer or accepted; it does not wait for
    acceptance. Bytes that are not strobed are driven 0. ``bready`` is always high. At most
    ``outstanding`` bursts are without their response, the one on offer among them.

    Addresses pass a :class:`.Guard`, unless ``checked`` is false. While ``blocked`` is high it keeps one
    from the bus; its beats are not sent, and the engine is ``quiet`` when all the others are answered.
    While ``halt`` is high no new address is offered; one on offer stays until it is accepted, and
    the beats owed to addresses are sent without a strobe, ``data`` unread. Reset the engine while
    ``quiet``, and what feeds it, before ``halt`` falls.

    ``ended`` is high in the cycle of the last response to a request with ``end``, if it is without fault.

    ``error`` is high :attr:`ERROR_LATENCY` cycles after a response with a ``fault``; ``error_addr`` is then
    the address of the burst at fault, the oldest without its response, or 0 if there was none. After
    the first error it means nothing, until a reset.

    AXI4 is Arm IHI 0022, issue H; the ports of the channels are those of :func:`.axi.axi4`.
    """

    DATA_LATENCY = 1
    """Cycles from accepting a beat to ``wvalid``."""
    ERROR_LATENCY = 1
    """Cycles from a response at fault to ``error``."""

    request: stream.Interface  # In, write_request_layout(bus)
    data: stream.Interface  # In, write_data_layout(bus)
    windows: View  # In, windows_layout(bus)
    halt: Signal  # In, 1
    blocked: Signal  # Out, 1
    quiet: Signal  # Out, 1, no address on offer, no beat owed, no response outstanding
    ended: Signal  # Out, 1
    error: Signal  # Out, 1
    fault: Any  # Out, WriteFault
    error_addr: Signal  # Out, addr_width

    awid: Signal
    awaddr: Signal
    awlen: Signal
    awsize: Signal
    awburst: Signal
    awlock: Signal
    awcache: Signal
    awprot: Signal
    awqos: Signal
    awvalid: Signal
    awready: Signal
    wdata: Signal
    wstrb: Signal
    wlast: Signal
    wvalid: Signal
    wready: Signal
    bid: Signal
    bresp: Signal
    bvalid: Signal
    bready: Signal

    def __init__(
        self,
        bus: Bus,
        *,
        most_beats: int = LARGEST_REQUEST,
        request_registers: int = 0,
        checked: bool = True,
    ) -> None:
        self.bus = bus
        self.most_beats = most_beats
        self.request_registers = request_registers
        self.checked = checked
        members = axi4(bus).members
        super().__init__(
            {
                "request": In(stream.Signature(write_request_layout(bus))),
                "data": In(stream.Signature(write_data_layout(bus))),
                "windows": In(windows_layout(bus)),
                "halt": In(1),
                "blocked": Out(1),
                "quiet": Out(1),
                "ended": Out(1),
                "error": Out(1),
                "fault": Out(WriteFault),
                "error_addr": Out(bus.addr_width),
                **{name: members[name] for name in members if name.startswith(("aw", "w", "b"))},
            }
        )

    @property
    def request_latency(self) -> int:
        """Cycles from accepting a request to ``awvalid``; its first beat is accepted from then on."""
        return Guard.LATENCY + self.request_registers

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        m.submodules.splitter = splitter = BurstSplitter(
            bus, 1, most_beats=self.most_beats, registers=self.request_registers
        )
        m.submodules.guard = guard = Guard(bus, "write", checked=self.checked)

        # Both hold a burst from the cycle in which it goes on offer: `owed` until its last beat is
        # in the W register, `unanswered` until its response. `sent` counts those in between.
        len_width = end_width(bus)
        m.submodules.owed = owed = BurstQueue(len_width, bus.outstanding)
        place = data.StructLayout({"addr": bus.addr_width, "end": 1})
        m.submodules.unanswered = unanswered = BurstQueue(place, bus.outstanding)
        m.submodules.sent = sent = Tally(bus.outstanding)

        # Requests to addresses. `owed` never holds more than `unanswered`.
        opens = Signal()
        burst = splitter.burst.p
        newest_end = Signal()
        with m.If(opens):
            m.d.sync += newest_end.eq(burst.last & burst.tag)
        m.d.comb += [
            splitter.request.valid.eq(self.request.valid),
            splitter.request.p.addr.eq(self.request.p.addr),
            splitter.request.p.beats.eq(self.request.p.beats),
            splitter.request.p.tag.eq(self.request.p.end),
            self.request.ready.eq(splitter.request.ready),
            splitter.hold.eq(self.halt | ~unanswered.room),
            guard.windows.eq(self.windows),
            guard.i.valid.eq(splitter.burst.valid),
            guard.i.p.addr.eq(burst.addr),
            guard.i.p.end.eq(burst.end),
            splitter.burst.ready.eq(guard.i.ready),
            opens.eq(splitter.burst.valid & guard.i.ready),
            owed.push.eq(opens),
            owed.entry.eq(guard.i_len),
            owed.newest.eq(guard.len),
            unanswered.push.eq(opens),
            unanswered.entry.addr.eq(burst.addr),
            unanswered.entry.end.eq(burst.last & burst.tag),
            unanswered.newest.addr.eq(guard.addr),
            unanswered.newest.end.eq(newest_end),
            self.awaddr.eq(guard.addr),
            self.awlen.eq(guard.len),
            self.awsize.eq((bus.bytes - 1).bit_length()),
            self.awburst.eq(_BURST_INCR),
            self.awcache.eq(_CACHE_MODIFIABLE_BUFFERABLE),
            self.awvalid.eq(guard.valid),
            guard.ready.eq(self.awready),
            self.blocked.eq(guard.blocked),
        ]

        # Beats: those of `data`, or after an error empty ones.
        left = Signal(len_width)  # beats after the next one
        end = Signal()
        room = Signal()
        real = Signal()
        load = Signal()
        source = self.data.payload
        kept = guard.blocked & ~owed.several  # the blocked burst is the last that entered
        m.d.comb += [
            end.eq(left == 0),
            room.eq(owed.some & ~kept & (~self.wvalid | self.wready)),
            self.data.ready.eq(room & ~self.halt),
            real.eq(self.data.valid & ~self.halt),
            load.eq(room & (self.data.valid | self.halt)),
            owed.pop.eq(load & end),
        ]
        with m.If(owed.moves):
            m.d.sync += left.eq(owed.following)
        with m.Elif(load):
            m.d.sync += left.eq(left - 1)
        wdata = Signal(bus.data_width)
        strb = Signal(bus.bytes)
        m.d.comb += [self.wdata.eq(wdata), strb.eq(Mux(real, source.strb, 0))]
        with m.If(load):
            m.d.sync += [self.wvalid.eq(1), self.wlast.eq(end), self.wstrb.eq(strb)]
            for i in range(bus.bytes):
                byte = source.data.word_select(i, 8)
                m.d.sync += wdata.word_select(i, 8).eq(Mux(strb[i], byte, 0))
        with m.Elif(self.wready):
            m.d.sync += self.wvalid.eq(0)

        # Responses. One is due when the oldest burst's address and last beat are accepted.
        leaves = self.wvalid & self.wlast & self.wready
        unsent = guard.valid & ~self.awready & ~unanswered.several
        due = Signal()
        response = Signal()
        m.d.comb += [
            self.bready.eq(1),
            due.eq((sent.some | leaves) & ~unsent),
            response.eq(self.bvalid & due),
            sent.put.eq(leaves),
            sent.take.eq(response),
            unanswered.pop.eq(response),
        ]

        # State, and what is wrong.
        stranger = (self.bid != 0) | ~due
        wrong = Signal()
        ends = Signal()
        m.d.comb += [
            self.quiet.eq(Mux(guard.blocked, ~unanswered.several, ~unanswered.some)),
            wrong.eq(self.bvalid & (stranger | self.bresp[1])),
            self.ended.eq(self.bvalid & ~wrong & ends),
        ]
        m.d.sync += [
            self.error.eq(wrong),
            self.fault.eq(Mux(stranger, WriteFault.ID, WriteFault.RESPONSE)),
        ]
        with m.If(unanswered.moves):
            m.d.sync += ends.eq(unanswered.following.end)
        # The address of the oldest burst; it is not to leave with the response at fault.
        with m.If(~wrong):
            with m.If(unanswered.moves):
                m.d.sync += self.error_addr.eq(unanswered.following.addr)
            with m.Elif(unanswered.pop):
                m.d.sync += self.error_addr.eq(0)

        return m
