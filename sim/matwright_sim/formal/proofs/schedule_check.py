# SPDX-License-Identifier: Apache-2.0
"""The intake of descriptors, and the checks of what is in them."""

from amaranth import Const, Mux, Signal, Value

from matwright.config import DESCRIPTOR_BYTES
from matwright.schedule.descriptor import FIELDS, Error, Flag

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_CHECK = "matwright.schedule.check"
_INTAKE = "matwright.schedule.intake"
_WORDS = DESCRIPTOR_BYTES // 4
_STARTS = ("a_addr", "b_addr", "d_addr", "params")
_STRIDES = ("a_stride", "b_stride", "d_stride")


class _Arrival:
    """The descriptor that arrives, as it was sent, and how much of it is there."""

    def __init__(self, b: Bench, intake: object, clear: Value) -> None:
        bus = b.config.bus
        self.beats = max(1, DESCRIPTOR_BYTES // bus.bytes)
        self.lanes = _WORDS // self.beats
        self.sent = [Signal(32, name=f"sent_{word}") for word in range(_WORDS)]
        self.came = Signal(range(self.beats + 1), name="came_beats")
        comes, beat = intake.beat_valid, intake.beat_data  # type: ignore[attr-defined]
        b.assume(~comes | ((self.came != self.beats) & ~clear))
        b.assume(~clear | (self.came == 0) | (self.came == self.beats))
        with b.m.If(comes):
            b.m.d.sync += self.came.eq(self.came + 1)
            for word, sent in enumerate(self.sent):
                with b.m.If(self.came == word // self.lanes):
                    b.m.d.sync += sent.eq(beat.word_select(word % self.lanes, 32))
        with b.m.If(clear):
            b.m.d.sync += self.came.eq(0)
        self.whole = self.came == self.beats
        b.show("came", self.came <= self.beats)
        number = intake.number  # type: ignore[attr-defined]
        b.show("number", number == Mux(self.whole, 0, self.came)[: len(number)])

    def there(self, word: int, beats: Value | None = None) -> Value:
        """Whether a word is there, of so many beats."""
        return (self.came if beats is None else beats) > word // self.lanes

    def field(self, name: str) -> Value:
        """A field of at most one word, as it was sent."""
        place = FIELDS[name]
        return self.sent[place.word][place.low : place.low + place.width]


def _flag(arrival: _Arrival, flag: Flag) -> Value:
    return arrival.field("flags")[flag.bit_length() - 1]


def _alone(b: Bench, arrival: _Arrival, beats: Value) -> dict[Error, Value]:
    """What is wrong with words by themselves, of those that are there in so many beats."""
    config = b.config
    size = config.bus.bytes
    broken: dict[Error, Value] = {error: Const(0) for error in Error}

    def bad(error: Error, word: int, condition: Value) -> None:
        broken[error] = broken[error] | (arrival.there(word, beats) & condition)

    covered = [0] * _WORDS
    for place in FIELDS.values():
        mask = (1 << place.width) - 1 << place.low
        covered[place.word] |= mask & 0xFFFFFFFF
        if mask >> 32:
            covered[place.word + 1] |= mask >> 32
    bad(Error.OPCODE, 0, arrival.field("opcode") != 1)
    for word, mask in enumerate(covered):
        bad(Error.RESERVED, word, (arrival.sent[word] & ~Const(mask, 32)) != 0)
    table = _flag(arrival, Flag.TABLE)
    for name in (*_STARTS, *_STRIDES):
        if_used = table if name == "params" else Const(1)
        word = FIELDS[name].word
        bad(Error.ALIGNMENT, word, (arrival.sent[word] & (size - 1) != 0) & if_used)
        if name in _STARTS:
            width = config.bus.addr_width
            low, high = arrival.sent[word], arrival.sent[word + 1][:16]
            beyond_low = low >> width != 0 if width < 32 else Const(0)
            bad(Error.ADDRESS, word, beyond_low & if_used)
            bad(Error.ADDRESS, word + 1, (high >> max(0, width - 32) != 0) & if_used)
    return broken


def _check(b: Bench) -> None:
    config = b.config
    sram, limits = config.sram, config.limits
    intake = b.place("intake", b.source(_INTAKE).Intake(config))
    check = b.place("check", b.source(_CHECK).DescriptorCheck(config))
    m = b.m
    m.d.comb += [
        check.beat_valid.eq(intake.beat_valid),
        check.beat_data.eq(intake.beat_data),
        check.number.eq(intake.number),
        check.fields.as_value().eq(intake.fields.as_value()),
    ]
    arrival = _Arrival(b, intake, check.clear)
    b.assume(~intake.beat_valid | ~(intake.turn_starts | intake.turn_strides))

    # What of the sizes is wrong, once all is there.
    size = {name: arrival.field(name) for name in ("m", "n", "k", "tile_rows")}
    blocks, chunks = arrival.field("n_panels_log2"), arrival.field("k_panels_log2")
    rows = size["tile_rows"]
    panels = config.panels_per_activation_word
    word_bits = panels.bit_length() - 1
    wrong_size = Const(0)
    for name in ("m", "n", "k"):
        most = getattr(limits, f"max_{name}")
        wrong_size |= (size[name] == 0) | (size[name] > most)
    wrong_tile = (
        (rows == 0)
        | (Const(1) << blocks > sram.column_panels)
        | (rows << blocks > sram.accumulator_rows)
        | (Const(1) << chunks < panels)
        | (rows << (chunks - word_bits)[:4] > config.activation_words)
        | (
            (size["n"] > Const(config.cols) << blocks)
            & (Const(config.col_pitch) << blocks < config.bus.bytes)
        )
    )

    # A word is looked at in the cycle after it came.
    looked = Signal(len(arrival.came))
    m.d.sync += looked.eq(Mux(check.clear, 0, arrival.came))
    known = arrival.whole & (looked == arrival.beats) & b.before(arrival.whole)
    alone = _alone(b, arrival, Const(arrival.beats, 8))
    broken = {**alone, Error.SIZE: wrong_size, Error.TILE: wrong_tile}
    expected: Value = Const(0, 4)
    for error in (
        Error.ADDRESS,
        Error.ALIGNMENT,
        Error.TILE,
        Error.SIZE,
        Error.RESERVED,
        Error.OPCODE,
    ):
        expected = Mux(broken[error], error, expected)
    errors = (Error.OPCODE, Error.RESERVED, Error.SIZE, Error.TILE, Error.ALIGNMENT, Error.ADDRESS)
    b.implies("none", known & (expected == 0), check.error == 0)
    for error in errors:
        b.implies(error.name.lower(), known & (expected == error), check.error == error)

    # What is found of words alone goes with what was looked at.
    partly = _alone(b, arrival, looked)
    for name in ("m", "n", "k", "tile_rows", "n_panels_log2", "k_panels_log2"):
        place = FIELDS[name]
        kept = intake.fields[name]
        low = arrival.field(name)
        beyond = (low >> len(kept)) != 0
        zero = low == 0
        now = arrival.there(place.word, looked)
        b.implies(f"kept_{name}", arrival.there(place.word), kept == low[: len(kept)])
        target = Error.TILE if "_" in name else Error.SIZE
        part = beyond | zero if target is Error.SIZE else beyond
        partly[target] = partly[target] | (now & part)
    flags = intake.fields.flags
    b.implies("kept_flags", arrival.there(0), flags == arrival.field("flags"))
    for error in errors:
        found = b.inner(check, f"found_{error.name.lower()}")
        b.show(f"found_{error.name.lower()}", found == partly[error])
    b.show("looked", looked <= arrival.came)

    b.reach("good", known & (expected == 0))
    b.reach("address", known & (expected == Error.ADDRESS) & b.before(b.before(known)))


PROOFS = (
    Proof(
        name="descriptor_check",
        block="schedule/check.py: DescriptorCheck, with schedule/intake.py: Intake",
        scale="the configuration's; every descriptor, beats at any time",
        spec=_check,
        properties=(
            Property(
                "none",
                "Two cycles after its last beat a descriptor that breaks no rule of its fields has no error.",
                Plant(_CHECK, "top = most.bit_length() - 1", "top = most.bit_length() - 2"),
            ),
            Property(
                "opcode",
                "OPCODE, exactly if the operation is unknown.",
                Plant(
                    _CHECK, 'field(Error.OPCODE, "opcode", 1,', 'field(Error.OPCODE, "opcode", 2,'
                ),
            ),
            Property(
                "reserved",
                "RESERVED, exactly if a bit outside of all fields is set, and nothing before it is wrong.",
                Plant(
                    _CHECK,
                    "word, reserved_mask() >> 32 * word & WORD)",
                    "word, reserved_mask() >> 32 * word & WORD >> 1)",
                ),
            ),
            Property(
                "size",
                "SIZE, exactly if M, N or K is 0 or beyond its limit, and nothing before it is wrong.",
                Plant(_CHECK, 'for name in ("m", "n", "k"):', 'for name in ("m", "n"):'),
            ),
            Property(
                "tile",
                "TILE, exactly if a tile is empty, too large or splits a beat, and nothing before is wrong.",
                Plant(_CHECK, "top = most.bit_length() - 1", "top = most.bit_length()"),
            ),
            Property(
                "alignment",
                "ALIGNMENT, exactly if a start or stride is not whole beats, and nothing before it is wrong.",
                Plant(
                    _CHECK,
                    "field(Error.ALIGNMENT, name, 0, beat_bits)\n",
                    "field(Error.ALIGNMENT, name, 1, beat_bits)\n",
                ),
            ),
            Property(
                "address",
                "ADDRESS, exactly if an address is too wide, and nothing before it is wrong.",
                Plant(_CHECK, "for name in STARTS:", "for name in STARTS[1:]:"),
            ),
        ),
        depth=24,
        quick=False,
        applies=lambda config: not config.build.unsafe_unchecked,
    ),
)
