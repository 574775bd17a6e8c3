# SPDX-License-Identifier: Apache-2.0
"""Write engine: runs of beats to memory, over the AW, W and B channels of AXI4."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Bus
from .axi import axi4
from .burst import BEATS_WIDTH, BurstSplitter
from .fifo import small_fifo

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

    While ``halt`` is high no new address is offered; one on offer stays until it is accepted, and
    the beats owed to addresses are sent without a strobe, ``data`` unread. Reset the engine while
    ``quiet``, and what feeds it, before ``halt`` falls. ``blocked`` says that the address on offer is
    kept from the bus; ``halt`` follows in the next cycle, its beats are not sent, and the engine is
    ``quiet`` when all the others are answered.

    ``ended`` is high in the cycle of the last response to a request with ``end``.

    ``error`` is high in the cycle of a response with a ``fault``; ``error_addr`` is then the address of
    the burst at fault, the oldest without its response, or 0 if there is none.

    AXI4 is Arm IHI 0022, issue H; the ports of the channels are those of :func:`.axi.axi4`.
    """

    REQUEST_LATENCY = BurstSplitter.LATENCY
    """Cycles from accepting a request to ``awvalid``; its first beat is accepted from then on."""
    DATA_LATENCY = 1
    """Cycles from accepting a beat to ``wvalid``."""

    request: stream.Interface  # In, write_request_layout(bus)
    data: stream.Interface  # In, write_data_layout(bus)
    halt: Signal  # In, 1
    blocked: Signal  # In, 1
    idle: Signal  # Out, 1, quiet, and no request or part of one waits
    quiet: Signal  # Out, 1, no address on offer, no beat owed, no response outstanding
    ended: Signal  # Out, 1
    awaiting: Signal  # Out, 1, every address accepted, every beat sent, responses outstanding
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

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        members = axi4(bus).members
        super().__init__(
            {
                "request": In(stream.Signature(write_request_layout(bus))),
                "data": In(stream.Signature(write_data_layout(bus))),
                "halt": In(1),
                "blocked": In(1),
                "idle": Out(1),
                "quiet": Out(1),
                "ended": Out(1),
                "awaiting": Out(1),
                "error": Out(1),
                "fault": Out(WriteFault),
                "error_addr": Out(bus.addr_width),
                **{name: members[name] for name in members if name.startswith(("aw", "w", "b"))},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        m.submodules.splitter = splitter = BurstSplitter(bus)

        # Both hold a burst from the cycle in which it goes on offer: `owed` until its last beat is
        # in the W register, `unanswered` until its response.
        m.submodules.owed = owed = small_fifo(8, bus.outstanding)
        sent = data.StructLayout({"addr": bus.addr_width, "end": 1})
        m.submodules.unanswered = unanswered = small_fifo(sent.size, bus.outstanding)
        entering, oldest = sent(unanswered.w_data), sent(unanswered.r_data)

        # Requests to addresses. `owed` never holds more than `unanswered`.
        request = self.request
        accept = Signal()
        end_of_job = Signal()
        with m.If(accept):
            m.d.sync += end_of_job.eq(request.payload.end)
        m.d.comb += [
            splitter.request.valid.eq(request.valid),
            splitter.request.payload.addr.eq(request.payload.addr),
            splitter.request.payload.beats.eq(request.payload.beats),
            request.ready.eq(splitter.request.ready),
            accept.eq(request.valid & request.ready),
            splitter.hold.eq(self.halt | ~unanswered.w_rdy),
            unanswered.w_en.eq(splitter.opens),
            entering.addr.eq(splitter.opening.addr),
            entering.end.eq(splitter.opening.last & Mux(accept, request.payload.end, end_of_job)),
            owed.w_en.eq(splitter.opens),
            owed.w_data.eq(splitter.opening.len),
            self.awaddr.eq(splitter.burst.payload.addr),
            self.awlen.eq(splitter.burst.payload.len),
            self.awsize.eq((bus.bytes - 1).bit_length()),
            self.awburst.eq(_BURST_INCR),
            self.awcache.eq(_CACHE_MODIFIABLE_BUFFERABLE),
            self.awvalid.eq(splitter.burst.valid),
            splitter.burst.ready.eq(self.awready),
        ]

        # Beats: those of `data`, or after an error empty ones.
        count = Signal(8)
        end = Signal()
        room = Signal()
        real = Signal()
        load = Signal()
        source = self.data.payload
        kept = self.blocked & (owed.level == 1)  # the burst on offer is the last that entered
        m.d.comb += [
            end.eq(count == owed.r_data),
            room.eq(owed.r_rdy & ~kept & (~self.wvalid | self.wready)),
            self.data.ready.eq(room & ~self.halt),
            real.eq(self.data.valid & ~self.halt),
            load.eq(room & (real | self.halt)),
            owed.r_en.eq(load & end),
        ]
        wdata = Signal(bus.data_width)
        strb = Signal(bus.bytes)
        m.d.comb += [
            self.wdata.eq(wdata),
            strb.eq(Mux(real, source.strb, 0)),
        ]
        with m.If(load):
            m.d.sync += [
                self.wvalid.eq(1),
                self.wlast.eq(end),
                self.wstrb.eq(strb),
                count.eq(Mux(end, 0, count + 1)),
            ]
            for i in range(bus.bytes):
                byte = source.data.word_select(i, 8)
                m.d.sync += wdata.word_select(i, 8).eq(Mux(strb[i], byte, 0))
        with m.Elif(self.wready):
            m.d.sync += self.wvalid.eq(0)

        # State.
        busy = Signal()
        due = Signal()
        # The oldest burst without its response may still be on offer, or its beats here.
        unsent = (self.awvalid & ~self.awready & (unanswered.level == 1)) | (
            owed.r_rdy & (owed.level == unanswered.level)
        )
        last_here = self.wvalid & self.wlast & ~self.wready
        m.d.comb += due.eq(
            unanswered.r_rdy & ~unsent & ~(last_here & (owed.level + 1 == unanswered.level))
        )
        stranger = (self.bid != 0) | ~due
        m.d.comb += [
            self.fault.eq(Mux(stranger, WriteFault.ID, WriteFault.RESPONSE)),
            self.bready.eq(1),
            unanswered.r_en.eq(self.bvalid & due),
            busy.eq(self.awvalid | self.wvalid | owed.r_rdy),
            self.awaiting.eq(~busy & unanswered.r_rdy),
            self.quiet.eq(
                Mux(
                    self.blocked,
                    ~self.wvalid & (owed.level == 1) & (unanswered.level == 1),
                    ~busy & ~unanswered.r_rdy,
                )
            ),
            self.idle.eq(self.quiet & splitter.idle & ~self.request.valid),
            self.error.eq(self.bvalid & (stranger | self.bresp[1])),
            self.error_addr.eq(Mux(unanswered.r_rdy, oldest.addr, 0)),
            self.ended.eq(self.bvalid & due & oldest.end),
        ]

        return m
