# SPDX-License-Identifier: Apache-2.0
"""The AXI4-Lite slave, alone and in front of the registers."""

from amaranth import Signal

from ..axi import fires, stays
from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.bus.lite"
_SLOWEST = 1
"""Cycles that a register may take to be read, in the proof that answers come in time."""


def _spec(b: Bench) -> None:
    dut = b.place("dut", b.source(_MODULE).LitePort())
    bus, m = dut.s_axil, b.m
    # The master: what it offers stays.
    for channel in ("aw", "w", "ar"):
        b.assume(stays(b, bus, channel))
    slow = b.high_for(dut.read & ~dut.r_ready, _SLOWEST + 1, "slow")
    b.assume(slow <= _SLOWEST)

    b.show("b_stays", stays(b, bus, "b"))
    b.show("r_stays", stays(b, bus, "r"))
    b.show("okay", (bus.bresp == 0) & (bus.rresp == 0))

    # Accesses: one response for each, and none without.
    wrote, read = Signal(2), Signal(2)
    m.d.sync += [
        wrote.eq(wrote + fires(bus, "w") - fires(bus, "b")),
        read.eq(read + fires(bus, "ar") - fires(bus, "r")),
    ]
    b.show("pairs", fires(bus, "aw") == fires(bus, "w"))
    b.show("b_once", bus.bvalid == (wrote == 1))
    b.implies("r_once", bus.rvalid, read == 1)
    b.show("one_read", (read == bus.rvalid) | ((read == 1) & dut.read))
    b.show("one_write", wrote <= 1)

    # The register that is accessed, its data, and when.
    b.show("writes", dut.write == fires(bus, "w"))
    b.implies(
        "write_place",
        dut.write,
        (dut.word == bus.awaddr[2:]) & (dut.w_data == bus.wdata) & (dut.w_strb == bus.wstrb),
    )
    write_next, read_next = b.inner(dut, "$signal#1"), b.inner(dut, "read_next")
    known = b.before(write_next | read_next | dut.read)
    b.implies("word_early", dut.write | dut.read, known & (dut.word == b.before(dut.word)))
    address = Signal.like(dut.word)
    with m.If(fires(bus, "ar")):
        m.d.sync += address.eq(bus.araddr[2:])
    first = ~b.before(dut.read)
    b.show("read_begins", fires(bus, "ar") == (dut.read & first))
    b.implies("read_place", fires(bus, "ar"), dut.word == bus.araddr[2:])
    b.implies("read_place_kept", dut.read & ~first, dut.word == address)
    taken = Signal.like(dut.r_data)
    with m.If(dut.read & dut.r_ready):
        m.d.sync += taken.eq(dut.r_data)
    b.implies("read_data", bus.rvalid, bus.rdata == taken)
    b.show("alone", ~(dut.read & dut.write))

    # Lemmas: what is chosen is still on the bus.
    one = [write_next, read_next, dut.write, dut.read]
    b.show("one_at_a_time", sum(one) <= 1)
    b.implies("write_chosen", write_next | dut.write, bus.awvalid & bus.wvalid & ~bus.bvalid)
    b.implies("write_word", write_next, dut.word == bus.awaddr[2:])
    b.implies("read_chosen", read_next | (dut.read & first), bus.arvalid)
    b.implies("read_free", read_next | dut.read, ~bus.rvalid)
    b.implies("read_word", read_next, dut.word == bus.araddr[2:])
    b.show("waits", b.inner(dut, "waits") == ~first)
    b.show("reading", (read == 1) == (bus.rvalid | (dut.read & ~first)))

    # In time: both take turns, so that one waits for no more than one of the other kind.
    b.answers("write_answered", bus.awvalid & bus.wvalid & ~bus.wready & ~bus.bvalid, 5 + _SLOWEST)
    b.answers("read_answered", bus.arvalid & ~bus.arready & ~bus.rvalid, 5 + _SLOWEST)
    b.answers("b_comes", b.before(fires(bus, "w")) & ~bus.bvalid, 0)
    b.answers("r_comes", b.before(dut.read & dut.r_ready) & ~bus.rvalid, 0)
    b.reach("both_wait", bus.awvalid & bus.wvalid & bus.arvalid & dut.write & bus.rvalid)
    b.reach("slow_read", fires(bus, "r") & (b.before(b.before(b.before(slow))) == _SLOWEST))


PROOFS = (
    Proof(
        name="lite_port",
        block="bus/lite.py: LitePort",
        scale="as it is; a register may keep a read waiting for a cycle",
        spec=_spec,
        properties=(
            Property(
                "b_stays",
                "A response to a write stays until it is taken.",
                Plant(_MODULE, "with m.Elif(bus.bready):", "with m.Else():"),
            ),
            Property(
                "r_stays",
                "What was read stays, unchanged, until it is taken.",
                Plant(_MODULE, "with m.If(~bus.rvalid):", "with m.If(1):"),
            ),
            Property(
                "b_once",
                "Each write has one response, and there is none without a write.",
                Plant(_MODULE, "& bus.wvalid & ~bus.bvalid", "& bus.wvalid"),
            ),
            Property(
                "r_once",
                "Each read has one response, and there is none without a read.",
                Plant(_MODULE, "bus.arready.eq(self.read & ~waits)", "bus.arready.eq(self.read)"),
            ),
            Property(
                "write_place",
                "What is written goes to the register that the address says, with its data and strobes.",
                Plant(_MODULE, "Mux(writes, bus.awaddr[2:]", "Mux(reads, bus.awaddr[2:]"),
            ),
            Property(
                "read_place_kept",
                "A read is of the register that its address said, as long as it takes.",
                Plant(_MODULE, "with m.If(idle):", "with m.If(1):"),
            ),
            Property(
                "read_data",
                "What a read answers is what the register said when it was ready.",
                Plant(_MODULE, "bus.rdata.eq(self.r_data)", "bus.rdata.eq(self.w_data)"),
            ),
            Property(
                "write_answered",
                "A write is taken in time, however many reads wait.",
                Plant(
                    _MODULE,
                    "& bus.wvalid & ~bus.bvalid",
                    "& bus.wvalid & ~bus.bvalid & ~bus.arvalid",
                ),
            ),
            Property(
                "read_answered",
                "A read is taken in time, however many writes wait.",
                Plant(
                    _MODULE, "bus.arvalid & ~bus.rvalid", "bus.arvalid & ~bus.rvalid & ~bus.awvalid"
                ),
            ),
        ),
        steps=16,
        depth=20,
    ),
)
