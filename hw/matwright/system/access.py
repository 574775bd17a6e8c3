# SPDX-License-Identifier: Apache-2.0
"""Registers by single accesses: an AXI4-Lite master."""

from typing import Any

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.axi import axi4_lite
from ..bus.register_map import ADDR_WIDTH
from .words import WORD_BITS, WORD_BYTES

__all__ = ["RegisterAccess"]

_BYTE_BITS = (WORD_BYTES - 1).bit_length()


class RegisterAccess(wiring.Component):
    """Reads or writes one 32-bit register at a time.

    A pulse of ``read`` or ``write`` starts an access to word ``addr``; that and ``w_data`` stay as they
    are until ``done``, which is the answer, an ``error`` if it was SLVERR or DECERR. What was read stays
    on the bus, and ``done`` high, until a pulse of ``release``; the next read may begin in its cycle.
    After an error there is nothing to release.

    AXI4-Lite is Arm IHI 0022, issue H.
    """

    axil: Any  # Out, axi4_lite()
    read: Signal  # In, 1, pulse
    write: Signal  # In, 1, pulse
    release: Signal  # In, 1, pulse
    addr: Signal  # In, bits of an address less 2
    w_data: Signal  # In, 32
    done: Signal  # Out, 1
    error: Signal  # Out, 1

    def __init__(self) -> None:
        super().__init__(
            {
                "axil": Out(axi4_lite()),
                "read": In(1),
                "write": In(1),
                "release": In(1),
                "addr": In(ADDR_WIDTH - _BYTE_BITS),
                "w_data": In(WORD_BITS),
                "done": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        axil = self.axil
        for valid, ready, start in (
            (axil.arvalid, axil.arready, self.read),
            (axil.awvalid, axil.awready, self.write),
            (axil.wvalid, axil.wready, self.write),
        ):
            m.d.sync += valid.eq(start | (valid & ~ready))
        byte_addr = Cat(Const(0, _BYTE_BITS), self.addr)
        m.d.comb += [
            axil.araddr.eq(byte_addr),
            axil.awaddr.eq(byte_addr),
            axil.wdata.eq(self.w_data),
            axil.wstrb.eq(~0),
            axil.bready.eq(1),
            self.done.eq(axil.rvalid | axil.bvalid),
            self.error.eq((axil.rvalid & axil.rresp[1]) | (axil.bvalid & axil.bresp[1])),
            axil.rready.eq(self.release | axil.rresp[1]),
        ]
        return m
