# SPDX-License-Identifier: Apache-2.0
"""AXI4-Lite slave: turns its channels into single accesses to registers."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .axi import axi4_lite
from .register_map import ADDR_WIDTH

__all__ = ["LitePort"]


class LitePort(wiring.Component):
    """Takes one access at a time, a write when both its address and its data are there.

    ``word`` is the register's offset / 4, known a cycle before the access and for as long as it takes.
    In the cycle in which a write's address and data are taken ``write`` is high, with ``w_data`` and
    ``w_strb``. From the cycle in which a read's address is taken ``read`` is high until ``r_ready`` is; then
    ``r_data`` is what it reads. Answers are always OKAY and come :attr:`LATENCY` cycles after that. When
    both wait, reads and writes take turns.

    An address and data stay on the bus until they are taken (IHI 0022, A3.2.1), so that nothing else
    is kept here. There is no path from an input of ``s_axil`` to an output of it within a cycle.
    """

    LATENCY = 1
    """Cycles from ``write``, or ``r_ready`` of a read, to its answer."""

    s_axil: wiring.FlippedInterface  # In, axi4_lite()
    word: Signal  # Out, 11
    write: Signal  # Out, 1
    w_data: Signal  # Out, 32
    w_strb: Signal  # Out, 4
    read: Signal  # Out, 1
    r_data: Signal  # In, 32
    r_ready: Signal  # In, 1

    def __init__(self) -> None:
        super().__init__(
            {
                "s_axil": In(axi4_lite()),
                "word": Out(ADDR_WIDTH - 2),
                "write": Out(1),
                "w_data": Out(32),
                "w_strb": Out(4),
                "read": Out(1),
                "r_data": In(32),
                "r_ready": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.s_axil
        # An access is chosen, its register is looked for, it happens.
        writes, reads = Signal(), Signal()
        write_next, read_next = Signal(), Signal()
        wrote = Signal()  # the last one was a write
        waits = Signal()  # a read whose address is taken
        idle = ~(write_next | read_next | self.write | self.read)
        may_write = bus.awvalid & bus.wvalid & ~bus.bvalid
        may_read = bus.arvalid & ~bus.rvalid
        m.d.comb += [
            writes.eq(may_write & ~(may_read & wrote)),
            reads.eq(may_read & ~writes),
            bus.awready.eq(self.write),
            bus.wready.eq(self.write),
            bus.arready.eq(self.read & ~waits),
            self.w_data.eq(bus.wdata),
            self.w_strb.eq(bus.wstrb),
        ]
        m.d.sync += [
            write_next.eq(idle & writes),
            read_next.eq(idle & reads),
            self.write.eq(write_next),
            self.read.eq(read_next | (self.read & ~self.r_ready)),
            waits.eq(self.read),
        ]
        with m.If(idle):
            m.d.sync += self.word.eq(Mux(writes, bus.awaddr[2:], bus.araddr[2:]))
        with m.If(self.write | self.read):
            m.d.sync += wrote.eq(self.write)

        with m.If(self.write):
            m.d.sync += bus.bvalid.eq(1)
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(self.read & self.r_ready):
            m.d.sync += bus.rvalid.eq(1)
        with m.Elif(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        with m.If(~bus.rvalid):
            m.d.sync += bus.rdata.eq(self.r_data)
        return m
