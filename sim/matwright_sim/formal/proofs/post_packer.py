# SPDX-License-Identifier: Apache-2.0
"""The packer: elements of D become beats."""

from amaranth import Mux, Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.post.packer"


def _packer(b: Bench) -> None:
    size, lanes = b.config.bus.bytes, b.config.build.post_lanes
    dut = b.place("dut", b.source(_MODULE).Packer(size, lanes))
    m, i, o, item = b.m, dut.i, dut.o, dut.i.payload
    waited = b.before(i.valid & ~i.ready)
    b.assume(~waited | (i.valid & (i.p.as_value() == b.before(i.p.as_value()))))
    b.assume((item.mask & (item.mask + 1)[:lanes]) == 0)
    b.assume(~item.last | item.mask[0])
    raw = b.before(dut.raw)
    b.assume(dut.idle | (dut.raw == raw))

    # One byte of the beat, any one.
    byte = b.fixed(range(size), "byte")
    b.assume(byte < size)
    parts = max(1, 4 * lanes // size)  # beats of a raw item
    slot = Signal(range(size))  # items in the beat, or beats that the item at hand made
    full = Signal()
    value, strobe = Signal(8), Signal()
    takes, here, begins, beat_ends, item_ends = (
        Signal(name=n) for n in ("takes", "here", "begins", "beat_ends", "item_ends")
    )
    element, of_word = Signal(range(4 * max(size, 4 * lanes))), Signal(2)
    many = dut.raw & (parts > 1)
    narrow_items, raw_items = size // lanes, max(1, size // (4 * lanes))
    places = item.mask << 0
    m.d.comb += takes.eq(i.valid & (~full | o.ready))
    with m.If(many):
        place = slot * size + byte  # in the item
        m.d.comb += [
            element.eq(place >> 2),
            here.eq(1),
            begins.eq(1),
            beat_ends.eq(1),
            item_ends.eq(
                (slot == parts - 1) | (item.last & ~(places >> ((slot + 1) * (size // 4)))[0])
            ),
        ]
    with m.Elif(dut.raw):
        m.d.comb += [
            element.eq((byte >> 2) - slot * lanes),
            here.eq((byte >= slot * 4 * lanes) & (byte < (slot + 1) * 4 * lanes)),
            begins.eq(slot == 0),
            beat_ends.eq(item.last | (slot == raw_items - 1)),
            item_ends.eq(1),
        ]
    with m.Else():
        m.d.comb += [
            element.eq(byte - slot * lanes),
            here.eq((byte >= slot * lanes) & (byte < (slot + 1) * lanes)),
            begins.eq(slot == 0),
            beat_ends.eq(item.last | (slot == narrow_items - 1)),
            item_ends.eq(1),
        ]
    m.d.comb += of_word.eq(Mux(dut.raw, byte[:2], 0))
    held = (places >> element)[0]
    given = item.values[element[: max(1, (lanes - 1).bit_length())]].word_select(of_word, 8)
    with m.If(takes):
        m.d.sync += [full.eq(beat_ends), slot.eq(Mux(item_ends & beat_ends, 0, slot + 1))]
        with m.If(here):
            m.d.sync += [value.eq(Mux(held, given, 0)), strobe.eq(held)]
        with m.Elif(begins):
            m.d.sync += [value.eq(0), strobe.eq(0)]
    with m.Elif(o.ready):
        m.d.sync += full.eq(0)

    shown, written = o.p.data.word_select(byte, 8), o.p.strb.bit_select(byte, 1)
    b.implies("bytes", o.valid, (shown == value) & (written == strobe))
    b.show("beats", o.valid == full)
    b.show("takes", i.ready == ((~full | o.ready) & item_ends))
    b.show("idle", dut.idle == (~full & (slot == 0)))
    kept = b.before(o.valid & ~o.ready)
    b.implies("holds", kept, o.valid & (o.p.as_value() == b.before(o.p.as_value())))
    b.answers("full_speed", i.valid & o.ready & ~i.ready, parts - 1)

    b.show("slot", b.inner(dut, "slot") == slot)
    b.show("range", slot < Mux(many, parts, Mux(dut.raw, raw_items, narrow_items)))
    b.implies("gathers", (slot != 0) | full, (shown == value) & (written == strobe))
    coming = (slot != 0) & ~many & (byte >= slot * lanes * Mux(dut.raw, 4, 1))
    b.implies("coming", coming, (value == 0) & ~strobe)
    b.reach("whole", o.valid & ~dut.raw & (value == 0x35) & (byte == size - 1))
    b.reach("raw", o.valid & dut.raw & (value == 0x35) & (byte == size - 1))


PROOFS = (
    Proof(
        name="packer",
        block="post/packer.py: Packer",
        scale="beats and lanes of the configuration",
        spec=_packer,
        properties=(
            Property(
                "bytes",
                "Each byte of a beat is that of the element whose place it is, or 0 with strobe 0.",
                Plant(
                    _MODULE, "Mux(fresh, 0, gathered_strobe) | strobe", "gathered_strobe | strobe"
                ),
            ),
            Property(
                "beats",
                "A beat leaves when it is full or its row ends.",
                Plant(_MODULE, "beat_done.eq(item.last | (slot == ", "beat_done.eq((slot == "),
            ),
            Property(
                "takes",
                "An item is taken with the last of its beats, and at the end of a row no empty one follows.",
                Plant(_MODULE, "self.i.ready.eq(room & item_done)", "self.i.ready.eq(room)"),
            ),
            Property(
                "holds",
                "A beat on offer stays, unchanged, until it is taken.",
                Plant(_MODULE, "room.eq(~full | self.o.ready)", "room.eq(1)"),
            ),
            Property(
                "idle",
                "It is idle exactly while no element is inside.",
                Plant(_MODULE, "self.idle.eq(~full & (slot == 0))", "self.idle.eq(~full)"),
            ),
            Property(
                "full_speed",
                "An item goes in every cycle, or as many as it has beats, as long as beats are taken.",
                Plant(_MODULE, "room.eq(~full | self.o.ready)", "room.eq(~full)"),
            ),
        ),
        quick=False,
        applies=lambda config: config.build.post_multiplier == "parallel",
    ),
)
