# SPDX-License-Identifier: Apache-2.0
"""The read engine, as an AXI4 master: whatever is asked of it, and whatever the memory answers."""

from amaranth import Cat, Mux, Signal, Value

from matwright.config import AcceleratorConfig, Bus
from matwright.presets import preset

from ..axi import Flight, Row, burst_shape, fires, remembers, stays, within_page
from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant
from .bus_window import inside_window

__all__ = ["PROOFS", "TWIN", "twin"]

_MODULE = "matwright.bus.read"
_TAG = 2
_MOST_BEATS = 15

TWIN = "16-bit addresses, 32-bit beats, bursts of 4, at most 4 outstanding, 2 windows"
"""What :func:`twin` is, in words."""


def twin(config: AcceleratorConfig) -> Bus:
    """A small bus in the manner of the configuration's."""
    return Bus(
        data_width=32,
        addr_width=16,
        max_burst=4,
        outstanding=min(4, config.bus.outstanding),
        windows=2,
    )


def _spec(b: Bench) -> None:
    bus = twin(b.config)
    m, most = b.m, bus.outstanding
    dut = b.place(
        "dut",
        b.source(_MODULE).ReadEngine(
            bus,
            _TAG,
            most_beats=_MOST_BEATS,
            request_registers=b.config.build.request_registers,
        ),
    )
    windows = b.fixed(dut.windows.shape().size, "windows_held")
    m.d.comb += Value.cast(dut.windows).eq(windows)

    # What is in flight, by the bus alone: from the acceptance of its address to its last beat.
    sent, blocked = fires(dut, "ar"), dut.blocked
    opens = b.inner(dut, "opens")
    burst = b.inner(dut, "splitter").burst.p
    label = Signal(_TAG + 1)
    with m.If(opens):
        m.d.sync += label.eq(Cat(burst.tag, burst.last))
    due, ends, comes = Signal(), Signal(), Signal()
    flight = Flight(
        b,
        "flight",
        len(label) + 8 + bus.addr_width,
        most,
        push=sent,
        item=Cat(label, dut.arlen, dut.araddr),
        pop=comes & dut.rlast,
    )
    oldest = Signal(len(flight.items[0]))
    beats = Signal(2)  # of the oldest that have come
    m.d.comb += [
        due.eq((flight.count != 0) | sent),
        comes.eq(dut.rvalid & due),
        oldest.eq(Mux(flight.count == 0, Cat(label, dut.arlen, dut.araddr), flight.items[0])),
        ends.eq(beats == oldest[_TAG + 1 :][:2]),
    ]
    with m.If(comes):
        m.d.sync += beats.eq(Mux(dut.rlast, 0, beats + 1))

    # The address channel.
    b.show("ar_stays", stays(b, dut, "ar"))
    b.implies("ar_shape", dut.arvalid, burst_shape(bus, dut, "ar"))
    b.implies("ar_page", dut.arvalid, within_page(bus, dut.araddr, dut.arlen))
    inside = inside_window(b, bus, "inside", dut.araddr, dut.windows, "read")
    b.implies("ar_window", dut.arvalid, inside)
    b.show("outstanding", flight.count + dut.arvalid <= most)
    offered = b.before(dut.arvalid & ~dut.arready)
    b.implies("halts", b.before(dut.halt) & dut.arvalid, offered)
    b.implies("refuses", blocked, ~dut.arvalid)

    # Beats, and what is wrong with them.
    wrong = dut.rvalid & ((dut.rid != 0) | ~due | (dut.rlast != ends) | dut.rresp[1])
    b.show("takes", dut.rready)
    b.show("beats", dut.beat.valid == comes)
    label_of = Cat(dut.beat.tag, dut.beat.last)
    b.implies(
        "labels",
        comes,
        (label_of == Cat(oldest[:_TAG], ends & oldest[_TAG])) & (dut.beat.data == dut.rdata),
    )
    b.show("error", dut.error == b.before(wrong))
    failed = Signal()
    m.d.sync += failed.eq(failed | wrong)
    b.show("quiet", dut.quiet == ((flight.count == 0) & ~dut.arvalid))
    b.show("in_flight", dut.in_flight == ((flight.count != 0) | dut.arvalid | blocked))

    # It moves.
    room = flight.count + dut.arvalid < most
    idle = dut.request.valid & room & ~dut.halt & ~blocked & ~dut.arvalid
    b.answers("starts", idle, dut.request_latency)

    # Lemmas: the queue knows what is in flight and what is on offer.
    unsent = dut.arvalid | blocked
    newest = Cat(label, dut.arlen, dut.araddr)
    known = Row(
        [Signal(len(oldest), name=f"known_{k}") for k in range(most)], Signal(range(most + 2))
    )
    m.d.comb += known.count.eq(flight.count + unsent)
    b.show("fits", known.count <= most)
    for k, item in enumerate(known.items):
        m.d.comb += item.eq(Mux(unsent & (flight.count == k), newest, flight.items[k]))
    remembers(
        b,
        b.inner(dut, "queue"),
        "queue",
        known,
        lambda item: Cat(item[: _TAG + 3], item[_TAG + 9 :]),
    )
    some = known.count != 0
    first = known.items[0]
    last = known.at(known.count - 1)
    address = Mux(some, first[_TAG + 9 :], 0)
    b.implies("error_addr", dut.error & ~b.before(failed), dut.error_addr == b.before(address))
    b.implies("oldest", some, Cat(b.inner(dut, "oldest")) == first[: _TAG + 1])
    b.implies("left", some, b.inner(dut, "left") == (first[_TAG + 1 :][:2] - beats)[:2])
    b.show("nothing_came", (flight.count != 0) | (beats == 0))
    b.implies("newest", some, last == newest)
    b.implies("label", some, b.inner(dut, "label") == label)
    b.implies("address", ~failed, dut.error_addr == address)
    b.show("lengths", Cat(item[_TAG + 3 :][:6] == 0 for item in known.items).all())
    if b.config.build.request_registers == 2:
        b.show("aligned", b.inner(dut, "splitter.burst").o.p.addr[:2] == 0)

    b.reach("full", flight.count == most)
    b.reach("long_burst", comes & dut.rlast & (beats == 3) & ~b.before(failed))
    b.reach("refusal", blocked & dut.quiet)
    b.reach("fault", dut.error & (dut.error_addr != 0))


PROOFS = (
    Proof(
        name="read_engine",
        block="bus/read.py: ReadEngine",
        scale=f"{TWIN}; request registers of the configuration",
        spec=_spec,
        properties=(
            Property(
                "ar_stays",
                "An address on offer stays, unchanged, until it is accepted.",
                Plant(
                    _MODULE,
                    "guard.ready.eq(self.arready)",
                    "guard.ready.eq(self.arready | self.halt)",
                ),
            ),
            Property(
                "ar_shape",
                "Bursts are INCR, of whole aligned beats, no longer than promised, of ID 0.",
                Plant(_MODULE, "(bus.bytes - 1).bit_length())", "bus.bytes.bit_length())"),
            ),
            Property(
                "ar_page",
                "No burst crosses 4 KiB.",
                Plant(
                    "matwright.bus.guard", "self.len.eq(self.i_len)", "self.len.eq(self.i_len + 1)"
                ),
            ),
            Property(
                "ar_window",
                "No address reaches the bus that is not in a window that permits reads.",
                Plant(_MODULE, 'Guard(bus, "read"', 'Guard(bus, "write"'),
            ),
            Property(
                "outstanding",
                "No more bursts are outstanding than promised, the one on offer among them.",
                Plant(_MODULE, "self.halt | ~queue.room", "self.halt"),
            ),
            Property(
                "halts",
                "While it is halted no new address is offered.",
                Plant(_MODULE, "self.halt | ~queue.room", "~queue.room"),
            ),
            Property(
                "labels",
                "Each beat has the data of the bus, the tag of its request, and its last beat is marked.",
                Plant(_MODULE, "queue.entry.tag.eq(burst.tag)", "queue.entry.tag.eq(label.tag)"),
            ),
            Property(
                "error",
                "An error is reported exactly after a beat of a wrong ID, that is not due, whose LAST is in "
                "the wrong place, or whose response is an error.",
                Plant(
                    _MODULE,
                    "queue.pop.eq(self.beat.valid & self.rlast)",
                    "queue.pop.eq(self.beat.valid & end)",
                ),
            ),
            Property(
                "error_addr",
                "With the first error comes the address of the oldest burst.",
                Plant(_MODULE, "with m.If(~wrong):", "with m.If(1):"),
            ),
            Property(
                "quiet",
                "It is quiet exactly while nothing is on offer and nothing outstanding.",
                Plant(_MODULE, "Mux(guard.blocked, ~queue.several, ~queue.some)", "~queue.some"),
            ),
            Property(
                "starts",
                "A request has its address on offer within the latency promised, where there is room.",
                Plant(
                    _MODULE,
                    "guard.i.valid.eq(splitter.burst.valid)",
                    "guard.i.valid.eq(splitter.burst.valid & ~queue.some)",
                ),
            ),
        ),
        depth=14,
        steps=6,
        planted_in=preset("tiny"),
        applies=lambda config: not config.build.unsafe_unchecked,
    ),
)
