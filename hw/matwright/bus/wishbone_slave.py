# SPDX-License-Identifier: Apache-2.0
"""From Wishbone to AXI4-Lite: a Wishbone master reaches the accelerator's registers."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .axi import axi4_lite
from .register_map import ADDR_WIDTH
from .wishbone import wishbone

__all__ = ["WishboneToAxiLite"]


class WishboneToAxiLite(wiring.Component):
    """Classic cycles of 32 bits, one access at a time; ``ack`` or, for an AXI error, ``err``, for a cycle.

    A master that gives up (``stb`` falls before the answer) still has its access finished on the AXI
    side, and its answer dropped.
    """

    wb: wiring.FlippedInterface  # In, wishbone(ADDR_WIDTH, 32)
    axil: wiring.PureInterface  # Out, axi4_lite()

    def __init__(self) -> None:
        super().__init__({"wb": In(wishbone(ADDR_WIDTH, 32)), "axil": Out(axi4_lite())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wb, axil = self.wb, self.axil

        active = Signal()
        dropped = Signal()
        answer = Signal()
        error = Signal()
        m.d.comb += [
            axil.bready.eq(1),
            axil.rready.eq(1),
            answer.eq(axil.bvalid | axil.rvalid),
            error.eq((axil.bvalid & (axil.bresp != 0)) | (axil.rvalid & (axil.rresp != 0))),
        ]
        m.d.sync += [wb.ack.eq(0), wb.err.eq(0)]
        # In the cycle of an answer the master still shows the access that it is the answer to.
        with m.If(~active & wb.cyc & wb.stb & ~wb.ack & ~wb.err):
            m.d.sync += [
                active.eq(1),
                dropped.eq(0),
                axil.awvalid.eq(wb.we),
                axil.wvalid.eq(wb.we),
                axil.arvalid.eq(~wb.we),
                axil.awaddr.eq(wb.adr),
                axil.araddr.eq(wb.adr),
                axil.wdata.eq(wb.dat_w),
                axil.wstrb.eq(wb.sel),
            ]
        for valid, ready in (
            (axil.awvalid, axil.awready),
            (axil.wvalid, axil.wready),
            (axil.arvalid, axil.arready),
        ):
            with m.If(valid & ready):
                m.d.sync += valid.eq(0)
        with m.If(active & ~(wb.cyc & wb.stb)):
            m.d.sync += dropped.eq(1)
        with m.If(answer):
            m.d.sync += [
                active.eq(0),
                wb.ack.eq(wb.cyc & wb.stb & ~dropped & ~error),
                wb.err.eq(wb.cyc & wb.stb & ~dropped & error),
                wb.dat_r.eq(axil.rdata),
            ]
        return m
