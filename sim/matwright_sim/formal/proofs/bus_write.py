# SPDX-License-Identifier: Apache-2.0
"""The write engine, as an AXI4 master: whatever is asked of it, and whatever the memory answers."""

from amaranth import Cat, Mux, Signal, Value

from matwright.presets import preset

from ..axi import Flight, Row, burst_shape, fires, remembers, stays, within_page
from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant
from .bus_read import TWIN, twin
from .bus_window import inside_window

__all__ = ["PROOFS"]

_MODULE = "matwright.bus.write"
_MOST_BEATS = 15


def _spec(b: Bench) -> None:
    bus = twin(b.config)
    m, most = b.m, bus.outstanding
    dut = b.place(
        "dut",
        b.source(_MODULE).WriteEngine(
            bus,
            most_beats=_MOST_BEATS,
            request_registers=b.config.build.request_registers,
        ),
    )
    windows = b.fixed(dut.windows.shape().size, "windows_held")
    m.d.comb += Value.cast(dut.windows).eq(windows)

    # Bursts from when they go on offer to their response; of the blocked one there is none.
    opens = b.inner(dut, "opens")
    burst = b.inner(dut, "splitter").burst.p
    blocked, halted = dut.blocked, dut.halt
    answered = Signal()
    end = Signal()
    with m.If(opens):
        m.d.sync += end.eq(burst.last & burst.tag)
    wide = bus.addr_width
    flight = Flight(
        b,
        "flight",
        1 + 2 + wide,
        most,
        push=opens,
        item=Cat(burst.last & burst.tag, b.inner(dut, "guard").i_len[:2], burst.addr),
        pop=answered,
    )
    ends_job = [item[0] for item in flight.items]
    lengths = [item[1:3] for item in flight.items]
    offered = Signal(range(most + 2))  # bursts whose address is or was on offer
    unsent = dut.awvalid | blocked
    m.d.comb += offered.eq(flight.count - blocked)

    # Beats, by the bus alone: `sent` bursts are whole, `beats` of the next one were accepted.
    moves = fires(dut, "w")
    sent, beats = Signal(range(most + 2)), Signal(2)
    leaves = moves & dut.wlast
    with m.If(moves):
        m.d.sync += beats.eq(Mux(dut.wlast, 0, beats + 1))
    m.d.sync += sent.eq(sent + leaves - answered)
    lengths_row = Row([Signal(2, name=f"length_{k}") for k in range(most)], flight.count)
    m.d.comb += [kept.eq(length) for kept, length in zip(lengths_row.items, lengths, strict=True)]

    # A response is due to the oldest burst when its address and its last beat were accepted (A3.3.1).
    addressed = (offered > 1) | ((offered == 1) & (~dut.awvalid | dut.awready))
    due = addressed & ((sent != 0) | leaves)
    m.d.comb += answered.eq(dut.bvalid & due)
    wrong = dut.bvalid & ((dut.bid != 0) | ~due | dut.bresp[1])
    failed = Signal()
    m.d.sync += failed.eq(failed | wrong)

    # The address channel.
    b.show("aw_stays", stays(b, dut, "aw"))
    b.implies("aw_shape", dut.awvalid, burst_shape(bus, dut, "aw"))
    b.implies("aw_page", dut.awvalid, within_page(bus, dut.awaddr, dut.awlen))
    inside = inside_window(b, bus, "inside", dut.awaddr, dut.windows, "write")
    b.implies("aw_window", dut.awvalid, inside)
    b.show("outstanding", flight.count <= most)
    waited = b.before(dut.awvalid & ~dut.awready)
    b.implies("halts", b.before(halted) & dut.awvalid, waited)
    b.implies("refuses", blocked, ~dut.awvalid)

    # The data channel.
    b.show("w_stays", stays(b, dut, "w"))
    b.implies("w_last", dut.wvalid, dut.wlast == (beats == lengths_row.at(sent)))
    b.implies("w_owed", dut.wvalid, sent < offered)
    empty = Cat(dut.wstrb[i] | (dut.wdata.word_select(i, 8) == 0) for i in range(bus.bytes))
    b.implies("w_empty", dut.wvalid, empty.all())
    load = b.inner(dut, "load")
    took = Signal()
    expected = Signal(bus.data_width + bus.bytes)
    taken = dut.data.valid & dut.data.ready
    given = Cat(
        dut.data.p.strb,
        *(Mux(dut.data.p.strb[i], dut.data.p.data.word_select(i, 8), 0) for i in range(bus.bytes)),
    )
    with m.If(load):
        m.d.sync += [took.eq(taken), expected.eq(Mux(taken, given, 0))]
    b.implies("w_data", dut.wvalid, Cat(dut.wstrb, dut.wdata) == expected)
    b.implies("w_real", dut.wvalid & ~took, dut.wstrb == 0)
    b.implies("takes_once", taken, load)

    # Responses.
    b.show("b_takes", dut.bready)
    b.show("error", dut.error == b.before(wrong))
    ended = dut.bvalid & ~wrong & ends_job[0]
    b.show("ended", dut.ended == ended)
    b.show("quiet", dut.quiet == (offered == 0))

    # It moves.
    idle = dut.request.valid & (flight.count < most) & ~halted & ~blocked & ~dut.awvalid
    b.answers("starts", idle, dut.request_latency)
    b.implies(
        "beats_move",
        b.before(
            (sent + (dut.wvalid & dut.wlast) < offered)
            & dut.data.valid
            & (~dut.wvalid | dut.wready)
        ),
        dut.wvalid,
    )

    # Lemmas: the queues know what waits for its response, and what for its beats.
    here = dut.wvalid & dut.wlast
    row = Row(flight.items, flight.count)
    remembers(b, b.inner(dut, "unanswered"), "unanswered", row, lambda item: Cat(item[3:], item[0]))
    start = Signal(range(most + 2))
    m.d.comb += start.eq(sent + here)
    owed = Row([Signal(2, name=f"owed_{k}") for k in range(most)], Signal(range(most + 2)))
    m.d.comb += owed.count.eq(flight.count - start)
    for k, item in enumerate(owed.items):
        m.d.comb += item.eq(lengths_row.at(start + k))
    remembers(b, b.inner(dut, "owed"), "owed", owed, lambda item: item)
    b.show("all_owed", start <= offered)
    tally = b.inner(dut, "sent")
    b.show("sent_some", tally.some == (sent >= 1))
    b.show("sent_several", (tally.several == (sent >= 2)) if most > 1 else 1)
    if most > 2:
        b.show("sent_tally", b.inner(tally, "count") == sent)
        b.show("sent_room", tally.room == (sent < most))
    some = flight.count != 0
    newest = row.at(flight.count - 1)
    guard = Cat(end, dut.awlen[:2], dut.awaddr)
    b.implies("newest", some, newest == guard)
    b.implies("newest_end", some, b.inner(dut, "newest_end") == end)
    b.implies("length", some, dut.awlen[2:] == 0)
    b.implies("ends", some, b.inner(dut, "ends") == ends_job[0])
    b.implies("none_more", ~dut.wvalid & (sent == offered), beats == 0)
    b.show("offer", ~unsent | some)
    loaded = Signal(2)
    m.d.comb += loaded.eq(Mux(here, 0, beats + dut.wvalid))
    b.implies("left", owed.count != 0, b.inner(dut, "left") == (owed.items[0] - loaded)[:2])
    b.implies("progress", owed.count != 0, owed.items[0] >= loaded)
    address = Mux(some, flight.items[0][3:], 0)
    b.implies("address", ~failed, dut.error_addr == address)
    b.implies("error_addr", dut.error & ~b.before(failed), dut.error_addr == b.before(address))
    if b.config.build.request_registers == 2:
        b.show("aligned", b.inner(dut, "splitter.burst").o.p.addr[:2] == 0)

    b.reach("full", flight.count == most)
    b.reach("long_burst", leaves & (beats == 3) & answered & ~failed)
    b.reach("data_first", dut.wvalid & dut.wready & dut.awvalid & ~dut.awready)
    b.reach("job_ends", dut.ended)
    b.reach("refusal", blocked & dut.quiet)
    b.reach("empty_beats", leaves & halted & ~took)


PROOFS = (
    Proof(
        name="write_engine",
        block="bus/write.py: WriteEngine",
        scale=f"{TWIN}; request registers of the configuration",
        spec=_spec,
        properties=(
            Property(
                "aw_stays",
                "An address on offer stays, unchanged, until it is accepted.",
                Plant(
                    _MODULE,
                    "guard.ready.eq(self.awready)",
                    "guard.ready.eq(self.awready | self.halt)",
                ),
            ),
            Property(
                "aw_shape",
                "Bursts are INCR, of whole aligned beats, no longer than promised, of ID 0.",
                Plant(_MODULE, "(bus.bytes - 1).bit_length())", "bus.bytes.bit_length())"),
            ),
            Property(
                "aw_page",
                "No burst crosses 4 KiB.",
                Plant(
                    "matwright.bus.guard", "self.len.eq(self.i_len)", "self.len.eq(self.i_len + 1)"
                ),
            ),
            Property(
                "aw_window",
                "No address reaches the bus that is not in a window that permits writes.",
                Plant(_MODULE, 'Guard(bus, "write"', 'Guard(bus, "read"'),
            ),
            Property(
                "outstanding",
                "No more bursts are without their response than promised, the one on offer among them.",
                Plant(_MODULE, "self.halt | ~unanswered.room", "self.halt"),
            ),
            Property(
                "halts",
                "While it is halted no new address is offered.",
                Plant(_MODULE, "self.halt | ~unanswered.room", "~unanswered.room"),
            ),
            Property(
                "w_stays",
                "A beat on offer stays, unchanged, until it is accepted.",
                Plant(_MODULE, "with m.Elif(self.wready):", "with m.Else():"),
            ),
            Property(
                "w_last",
                "A burst has as many beats as its address says, and LAST is at the last one.",
                Plant(_MODULE, "end.eq(left == 0)", "end.eq(left <= 1)"),
            ),
            Property(
                "w_owed",
                "Each beat on offer is of a burst whose address is or was on offer, never of a refused one.",
                Plant(_MODULE, "room.eq(owed.some & ~kept &", "room.eq(owed.some &"),
            ),
            Property(
                "w_data",
                "Beats leave with the bytes that are strobed, the others 0; while halted none with a strobe.",
                Plant(_MODULE, "self.wstrb.eq(strb)", "self.wstrb.eq(source.strb)"),
            ),
            Property(
                "error",
                "An error is reported exactly after a response that is not due, of a wrong ID, or an error.",
                Plant(_MODULE, "(self.bid != 0) | ~due", "~due"),
            ),
            Property(
                "error_addr",
                "With the first error comes the address of the oldest burst.",
                Plant(_MODULE, "with m.If(~wrong):", "with m.If(1):"),
            ),
            Property(
                "ended",
                "The end of a job is told with the last response to it, exactly if that is without fault.",
                Plant(_MODULE, "self.bvalid & ~wrong & ends", "self.bvalid & ends"),
            ),
            Property(
                "quiet",
                "It is quiet exactly while nothing is on offer, owed or outstanding.",
                Plant(
                    _MODULE,
                    "Mux(guard.blocked, ~unanswered.several, ~unanswered.some)",
                    "~unanswered.some",
                ),
            ),
            Property(
                "beats_move",
                "A beat that waits is on offer in the next cycle, where one is owed and the place is free.",
                Plant(_MODULE, "(~self.wvalid | self.wready)", "~self.wvalid"),
            ),
            Property(
                "starts",
                "A request has its address on offer within the latency promised, where there is room.",
                Plant(
                    _MODULE,
                    "guard.i.valid.eq(splitter.burst.valid)",
                    "guard.i.valid.eq(splitter.burst.valid & ~unanswered.some)",
                ),
            ),
        ),
        depth=14,
        steps=6,
        planted_in=preset("tiny"),
        applies=lambda config: not config.build.unsafe_unchecked,
    ),
)
