# SPDX-License-Identifier: Apache-2.0
"""From AXI4 to Wishbone: what the accelerator's ``m_axi`` asks, a Wishbone slave answers."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from ..config import Bus
from .axi import axi4
from .wishbone import CycleType, wishbone

__all__ = ["AxiToWishbone"]

_SLVERR = 0b10


class _State(enum.Enum, shape=2):
    IDLE = 0
    READ = 1
    WRITE = 2
    ANSWER = 3


class AxiToWishbone(wiring.Component):
    """One burst after the other, reads and writes in turn when both wait; one beat per ``ack``.

    Bursts are incrementing, of whole beats, as :class:`.ReadEngine` and :class:`.WriteEngine` make them.
    A slave that acknowledges every cycle gets a beat every cycle. ``err`` becomes SLVERR: of the beat in
    a read, of the whole burst in a write; a read goes on after it, as AXI asks. IDs are answered as
    they came.
    """

    axi: wiring.FlippedInterface  # In, axi4(bus)
    wb: wiring.PureInterface  # Out, wishbone(addr_width, data_width)

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        super().__init__(
            {"axi": In(axi4(bus)), "wb": Out(wishbone(bus.addr_width, bus.data_width))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        axi, wb = self.axi, self.wb
        beat_bits = self.bus.bytes.bit_length() - 1

        state = Signal(_State)
        word = Signal(self.bus.addr_width - beat_bits)
        left = Signal(8)  # beats after this one
        ident = Signal.like(axi.arid)
        wrote = Signal()  # the last burst was a write, so a read goes first
        failed = Signal()

        # A beat that was read waits here until it is taken.
        full = Signal()
        data = Signal(self.bus.data_width, reset_less=True)
        error = Signal()
        last = Signal()

        answered = Signal()
        m.d.comb += [
            answered.eq(wb.stb & (wb.ack | wb.err)),
            wb.cyc.eq((state == _State.READ) | (state == _State.WRITE)),
            wb.we.eq(state == _State.WRITE),
            wb.adr.eq(Cat(Const(0, beat_bits), word)),
            wb.sel.eq(Mux(state == _State.WRITE, axi.wstrb, ~Const(0, self.bus.bytes))),
            wb.dat_w.eq(axi.wdata),
            wb.cti.eq(Mux(left == 0, CycleType.END, CycleType.INCREMENTING)),
            axi.rvalid.eq(full),
            axi.rdata.eq(data),
            axi.rresp.eq(Mux(error, _SLVERR, 0)),
            axi.rlast.eq(last),
            axi.rid.eq(ident),
            axi.bid.eq(ident),
            axi.bresp.eq(Mux(failed, _SLVERR, 0)),
        ]
        with m.If(axi.rready):
            m.d.sync += full.eq(0)
        with m.If(answered):
            m.d.sync += [word.eq(word + 1), left.eq(left - 1)]

        with m.Switch(state):
            with m.Case(_State.IDLE):
                reads = axi.arvalid & (wrote | ~axi.awvalid)
                m.d.comb += [axi.arready.eq(~full & reads), axi.awready.eq(~full & ~reads)]
                with m.If(~full & (axi.arvalid | axi.awvalid)):
                    m.d.sync += [
                        state.eq(Mux(reads, _State.READ, _State.WRITE)),
                        word.eq(Mux(reads, axi.araddr, axi.awaddr)[beat_bits:]),
                        left.eq(Mux(reads, axi.arlen, axi.awlen)),
                        ident.eq(Mux(reads, axi.arid, axi.awid)),
                        wrote.eq(~reads),
                        failed.eq(0),
                    ]
            with m.Case(_State.READ):
                m.d.comb += wb.stb.eq(~full | axi.rready)
                with m.If(answered):
                    m.d.sync += [
                        full.eq(1),
                        data.eq(wb.dat_r),
                        error.eq(wb.err),
                        last.eq(left == 0),
                    ]
                    with m.If(left == 0):
                        m.d.sync += state.eq(_State.IDLE)
            with m.Case(_State.WRITE):
                m.d.comb += [wb.stb.eq(axi.wvalid), axi.wready.eq(wb.ack | wb.err)]
                with m.If(answered):
                    m.d.sync += failed.eq(failed | wb.err)
                    with m.If(left == 0):
                        m.d.sync += state.eq(_State.ANSWER)
            with m.Case(_State.ANSWER):
                m.d.comb += axi.bvalid.eq(1)
                with m.If(axi.bready):
                    m.d.sync += state.eq(_State.IDLE)

        return m
