# SPDX-License-Identifier: Apache-2.0
"""The two bridges to Wishbone: registers behind a Wishbone master, memory behind a Wishbone slave."""

from amaranth import Cat, Mux, Signal, Value

from matwright.config import Bus

from ..axi import fires, stays
from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_SLAVE = "matwright.bus.wishbone_slave"
_MASTER = "matwright.bus.wishbone_master"
_SLVERR = 0b10
_BUS = Bus(data_width=32, addr_width=16, max_burst=4, outstanding=2, windows=2)


def _slave(b: Bench) -> None:
    dut = b.place("dut", b.source(_SLAVE).WishboneToAxiLite())
    m, wb, axil = b.m, dut.wb, dut.axil
    asks, told = wb.cyc & wb.stb, wb.ack | wb.err
    # The master: what it asks stays until it is told, or it gives up.
    ask = Cat(wb.we, wb.adr, wb.sel, wb.dat_w)
    waited = b.before(asks & ~told)
    b.assume(~(waited & asks) | (ask == b.before(ask)))
    # The AXI4-Lite slave answers what it accepted, once.
    aw, w, ar = (Signal(2, name=f"{channel}_taken") for channel in ("aw", "w", "ar"))
    answered, read = axil.bvalid, axil.rvalid
    m.d.sync += [
        aw.eq(aw + fires(axil, "aw") - answered),
        w.eq(w + fires(axil, "w") - answered),
        ar.eq(ar + fires(axil, "ar") - read),
    ]
    b.assume(~answered | ((aw == 1) & (w == 1)))
    b.assume(~read | (ar == 1))

    # The access that is under way.
    busy, dropped = Signal(), Signal()
    starts = asks & ~told & ~busy
    answer = answered | read
    access = Signal(len(ask))
    m.d.sync += busy.eq((busy & ~answer) | starts)
    with m.If(starts):
        m.d.sync += [access.eq(ask), dropped.eq(0)]
    with m.Elif(busy & ~asks):
        m.d.sync += dropped.eq(1)
    write, rest = access[0], access[1:]
    adr, sel, data = rest[: len(wb.adr)], rest[len(wb.adr) :][:4], rest[len(wb.adr) + 4 :]

    for channel in ("aw", "w", "ar"):
        b.show(f"{channel}_stays", stays(b, axil, channel))
    one = (aw + axil.awvalid == busy & write) & (w + axil.wvalid == busy & write)
    b.show("one_access", one & (ar + axil.arvalid == busy & ~write))
    b.implies("write_is_asked", axil.awvalid, axil.awaddr == adr)
    b.implies("data_is_asked", axil.wvalid, (axil.wdata == data) & (axil.wstrb == sel))
    b.implies("read_is_asked", axil.arvalid, axil.araddr == adr)
    good = Mux(answered, axil.bresp == 0, axil.rresp == 0)
    waits = asks & ~dropped & answer
    b.show("ack", wb.ack == b.before(waits & good))
    b.show("err", wb.err == b.before(waits & ~good))
    b.implies("once", b.before(told), ~told)
    b.implies("data", wb.ack & ~write, wb.dat_r == b.before(axil.rdata))
    b.implies("starts", b.before(starts), axil.awvalid | axil.arvalid)
    b.show("active", b.inner(dut, "active") == busy)
    b.implies("gone", busy, b.inner(dut, "dropped") == dropped)
    b.reach("given_up", answer & dropped)
    b.reach("write", wb.ack & write & b.before(axil.bvalid))
    b.reach("error", wb.err & ~write)


def _master(b: Bench) -> None:
    dut = b.place("dut", b.source(_MASTER).AxiToWishbone(_BUS))
    m, axi, wb = b.m, dut.axi, dut.wb
    for channel in ("aw", "w", "ar"):
        b.assume(stays(b, axi, channel))
    for channel in ("aw", "ar"):  # whole beats
        b.assume(getattr(axi, f"{channel}addr")[:2] == 0)

    # The burst that is under way: `beats` of it were answered by the memory.
    reads, writes = Signal(), Signal()
    addr, length, ident = Signal(_BUS.addr_width), Signal(8), Signal.like(axi.arid)
    beats, taken, bad = Signal(9), Signal(9), Signal()
    told = wb.stb & (wb.ack | wb.err)
    last = beats == length
    whole = writes & (beats == length + 1)
    with m.If(fires(axi, "ar")):
        m.d.sync += [reads.eq(1), addr.eq(axi.araddr), length.eq(axi.arlen), ident.eq(axi.arid)]
    with m.If(fires(axi, "aw")):
        m.d.sync += [writes.eq(1), addr.eq(axi.awaddr), length.eq(axi.awlen), ident.eq(axi.awid)]
    with m.If(fires(axi, "ar") | fires(axi, "aw")):
        m.d.sync += [beats.eq(0), taken.eq(0), bad.eq(0)]
    with m.If(told):
        m.d.sync += [beats.eq(beats + 1), bad.eq(bad | wb.err)]
    with m.If(fires(axi, "r")):
        m.d.sync += taken.eq(taken + 1)
    with m.If(fires(axi, "b")):
        m.d.sync += writes.eq(0)
    with m.If(fires(axi, "r") & (taken == length)):
        m.d.sync += reads.eq(0)

    b.show("one_burst", ~(reads & writes))
    b.show("not_before", ~((reads | writes) & (fires(axi, "ar") | fires(axi, "aw"))))
    b.show("not_both", ~(fires(axi, "ar") & fires(axi, "aw")))
    b.show("r_stays", stays(b, axi, "r"))
    b.show("b_stays", stays(b, axi, "b"))
    # The memory's side.
    asks = Cat(wb.we, wb.adr, wb.sel, wb.cti, Mux(wb.we, wb.dat_w, 0))
    waited = b.before(wb.stb & ~wb.ack & ~wb.err)
    b.implies("wb_stays", waited, wb.cyc & wb.stb & (asks == b.before(asks)))
    b.implies("wb_place", wb.stb, wb.cyc & (wb.adr == (addr + (beats << 2))[: len(addr)]))
    b.implies("wb_due", wb.stb, (beats <= length) & Mux(wb.we, writes, reads))
    b.implies("wb_data", wb.stb & wb.we, (wb.dat_w == axi.wdata) & (wb.sel == axi.wstrb))
    b.implies("wb_end", wb.stb, (wb.cti == 0b111) == last)
    b.implies("wb_moves", fires(axi, "w"), told & wb.we)
    # Answers.
    word = Signal(_BUS.data_width + 1)
    with m.If(told):
        m.d.sync += word.eq(Cat(wb.err, wb.dat_r))
    b.implies("r_due", axi.rvalid, reads & (taken + 1 == beats))
    b.implies("r_last", axi.rvalid, axi.rlast == (taken == length))
    b.implies("r_ident", axi.rvalid, axi.rid == ident)
    b.implies("r_data", axi.rvalid, (axi.rdata == word[1:]) & ((axi.rresp == _SLVERR) == word[0]))
    b.implies("b_due", axi.bvalid, whole & (axi.bid == ident))
    b.implies("b_error", axi.bvalid, (axi.bresp == _SLVERR) == bad)
    # It moves, and takes turns.
    idle = ~reads & ~writes
    takes = fires(axi, "ar") | fires(axi, "aw")
    b.implies("takes", idle & (axi.arvalid | axi.awvalid), takes)
    wrote = Signal()
    with m.If(takes):
        m.d.sync += wrote.eq(fires(axi, "aw"))
    b.implies("turns", takes & axi.arvalid & axi.awvalid, wrote == fires(axi, "ar"))
    b.implies("asks_writes", writes & ~whole & axi.wvalid, wb.stb)
    b.implies("asks_reads", reads & (beats <= length) & (~axi.rvalid | axi.rready), wb.stb)
    b.implies("r_comes", b.before(told & ~wb.we), axi.rvalid)
    b.implies("b_comes", whole, axi.bvalid)

    # Lemmas.
    state = Value.cast(b.inner(dut, "state"))
    full = axi.rvalid
    b.show("reading", (state == 1) == (reads & (beats <= length)))
    b.show("writing", (state == 2) == (writes & ~whole))
    b.show("answering", (state == 3) == whole)
    b.show("reads_full", reads == ((state == 1) | full))
    b.show("full", ~reads | (beats == taken + full))
    b.implies("counts", reads | writes, beats <= length + 1)
    b.implies("left", (state == 1) | (state == 2), b.inner(dut, "left") == (length - beats)[:8])
    at = (addr[2:] + beats)[: len(addr) - 2]
    b.implies("word", (state == 1) | (state == 2), b.inner(dut, "word") == at)
    b.implies("ident", reads | writes, b.inner(dut, "ident") == ident)
    b.implies("bad", writes, b.inner(dut, "failed") == bad)
    b.show("wrote", b.inner(dut, "wrote") == wrote)
    b.show("aligned", addr[:2] == 0)
    b.reach("read", fires(axi, "r") & axi.rlast & (length == 3) & (axi.rresp == 0))
    b.reach("write", fires(axi, "b") & (length == 2) & bad)
    b.reach("every_cycle", told & ~wb.we & b.before(told) & fires(axi, "r"))


PROOFS = (
    Proof(
        name="wishbone_registers",
        block="bus/wishbone_slave.py: WishboneToAxiLite",
        scale="as it is",
        quick=False,
        spec=_slave,
        properties=(
            Property(
                "aw_stays",
                "What is offered to the registers stays until it is accepted.",
                Plant(_SLAVE, "with m.If(valid & ready):", "with m.If(valid):"),
            ),
            Property(
                "one_access",
                "Each access of the master is one access of the registers, one at a time.",
                Plant(_SLAVE, "axil.wvalid.eq(wb.we)", "axil.wvalid.eq(1)"),
            ),
            Property(
                "data_is_asked",
                "Address, data and bytes are the master's.",
                Plant(_SLAVE, "axil.wstrb.eq(wb.sel)", "axil.wstrb.eq(~wb.sel)"),
            ),
            Property(
                "ack",
                "It is acknowledged exactly if it was answered well and is still asked.",
                Plant(_SLAVE, "wb.stb & ~dropped & ~error", "wb.stb & ~error"),
            ),
            Property(
                "data",
                "What is read is what the registers said.",
                Plant(_SLAVE, "wb.dat_r.eq(axil.rdata)", "wb.dat_r.eq(axil.rdata + axil.rready)"),
            ),
            Property(
                "starts",
                "An access is on offer in the cycle after it was asked.",
                Plant(_SLAVE, "axil.arvalid.eq(~wb.we)", "axil.arvalid.eq(0)"),
            ),
        ),
    ),
    Proof(
        name="wishbone_memory",
        block="bus/wishbone_master.py: AxiToWishbone",
        scale="16-bit addresses, 32-bit beats, bursts of up to 256",
        quick=False,
        spec=_master,
        properties=(
            Property(
                "wb_stays",
                "A request on Wishbone stays, unchanged, until it is answered.",
                Plant(_MASTER, "wb.stb.eq(~full | axi.rready)", "wb.stb.eq(~full & axi.rready)"),
            ),
            Property(
                "wb_place",
                "Each beat of a burst has its address.",
                Plant(_MASTER, "word.eq(word + 1)", "word.eq(word + 1 + (left == 1))"),
            ),
            Property(
                "wb_due",
                "A burst has as many beats as its address said, and no more.",
                Plant(_MASTER, "left.eq(left - 1)", "left.eq(left - (left != 2))"),
            ),
            Property(
                "r_stays",
                "A beat that was read stays, unchanged, until it is taken.",
                Plant(_MASTER, "with m.If(axi.rready):", "with m.If(1):"),
            ),
            Property(
                "r_last",
                "LAST is at the last beat of a read.",
                Plant(_MASTER, "last.eq(left == 0)", "last.eq(left <= 1)"),
            ),
            Property(
                "r_data",
                "A beat has the memory's data, and SLVERR exactly if the memory said error.",
                Plant(_MASTER, "error.eq(wb.err)", "error.eq(error | wb.err)"),
            ),
            Property(
                "b_error",
                "A write is answered with SLVERR exactly if some beat of it had an error.",
                Plant(_MASTER, "failed.eq(failed | wb.err)", "failed.eq(wb.err)"),
            ),
            Property(
                "b_due",
                "A write is answered once, with its ID, when all its beats were.",
                Plant(_MASTER, "axi.bid.eq(ident)", "axi.bid.eq(axi.awid)"),
            ),
            Property(
                "takes",
                "A burst that waits is taken as soon as none is under way.",
                Plant(
                    _MASTER,
                    "axi.awready.eq(~full & ~reads)",
                    "axi.awready.eq(~full & ~axi.arvalid)",
                ),
            ),
            Property(
                "turns",
                "When both wait, reads and writes take turns.",
                Plant(_MASTER, "axi.arvalid & (wrote | ~axi.awvalid)", "axi.arvalid"),
            ),
            Property(
                "r_comes",
                "What the memory answers is on offer in the next cycle.",
                Plant(_MASTER, "full.eq(1)", "full.eq(axi.rready)"),
            ),
        ),
        depth=14,
    ),
)
