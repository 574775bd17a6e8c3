# SPDX-License-Identifier: Apache-2.0
"""Words of on-chip memory: check bits, SRAM with one port and two, and SRAM that is protected."""

from dataclasses import replace
from functools import partial
from typing import Any

from amaranth import Mux, Signal

from matwright.config import Precision

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_CHECKS = "matwright.memory.checks"
_SRAM = "matwright.memory.sram"
_SINGLE = "matwright.memory.single_port"
_PROTECTED = "matwright.memory.protected"
_BANK = "matwright.memory.activation_bank"


def _secded(b: Bench, width: int) -> None:
    source = b.source(_CHECKS)
    encoder = b.place("encoder", source.CheckEncoder(width, "secded"))
    decoder = b.place("decoder", source.CheckDecoder(width, "secded"))
    m = b.m
    bits = len(encoder.word)
    places = [b.fixed(range(bits), f"place_{i}") for i in range(2)]
    flips = [Signal(bits, name=f"flips_{i}") for i in range(2)]
    some = [b.fixed(1, f"some_{i}") for i in range(2)]
    for flip, place, on in zip(flips, places, some, strict=True):
        b.assume(place < bits)
        m.d.comb += flip.eq(on << place)
    # One comes with the word, the other is injected.
    m.d.comb += [
        decoder.word.eq(encoder.word ^ flips[0]),
        decoder.flip.eq(some[1]),
        decoder.flips.eq(1 << places[1]),
    ]
    count = Mux(some[0] & some[1], Mux(places[0] == places[1], 0, 2), some[0] ^ some[1])
    right = decoder.data == encoder.data
    corrected, uncorrected = decoder.corrected, decoder.uncorrected
    b.implies("clean", count == 0, right & ~corrected & ~uncorrected)
    b.implies("one", count == 1, right & corrected & ~uncorrected)
    b.implies("two", count == 2, uncorrected & ~corrected)
    b.reach("two", uncorrected & (count == 2))
    b.reach("check_bit", corrected & some[0] & (places[0] == bits - 1))


def _parity(b: Bench) -> None:
    source = b.source(_CHECKS)
    width = 16
    encoder = b.place("encoder", source.CheckEncoder(width, "parity"))
    decoder = b.place("decoder", source.CheckDecoder(width, "parity"))
    flips = b.free(width + 1, "flips")
    injected = Mux(decoder.flip, decoder.flips, 0)
    b.m.d.comb += decoder.word.eq(encoder.word ^ flips)
    wrong = flips ^ injected
    b.show("odd", decoder.uncorrected == wrong.xor())
    b.show("kept", decoder.data == encoder.data ^ wrong[:width])
    b.implies("clean", wrong == 0, ~decoder.uncorrected)
    b.reach("flagged", decoder.uncorrected & decoder.flip)


class _Word:
    """A word of a memory, any one, and what was last written to it."""

    def __init__(self, b: Bench, dut: Any, depth: int) -> None:
        self.addr = b.fixed(range(depth), "word_addr")
        self.value = Signal(len(dut.w_data), name="word_value")
        self.known = Signal(name="word_known")
        b.assume(self.addr < depth)
        with b.m.If(dut.w_en & (dut.w_addr == self.addr)):
            b.m.d.sync += [self.value.eq(dut.w_data), self.known.eq(1)]


def _read(b: Bench, dut: Any, word: _Word, latency: int) -> tuple[Any, Any]:
    """Whether ``r_data`` is of the word, read when it was written before; and what it was then."""
    m = b.m
    collides = dut.w_en & (dut.w_addr == word.addr)
    shown, value = Signal(name="shown_1"), Signal.like(word.value, name="value_1")
    with m.If(dut.r_en):
        hits = (dut.r_addr == word.addr) & word.known & ~collides
        m.d.sync += [shown.eq(hits), value.eq(word.value)]
    for i in range(1, latency):
        later, held = Signal(name=f"shown_{i + 1}"), Signal.like(value, name=f"value_{i + 1}")
        m.d.sync += [later.eq(shown), held.eq(value)]
        shown, value = later, held
    return shown, value


def _stored(b: Bench, memory: Any, word: _Word) -> Any:
    """What is in the cells."""
    look = memory.read_port(domain="comb")
    b.m.d.comb += look.addr.eq(word.addr)
    return look.data


def _sram(b: Bench, part: str, module: str, registers: int) -> None:
    depth, width = 8, 4
    dut = b.place("dut", getattr(b.source(module), part)(width, depth, registers, False))
    if part == "SinglePortSram":
        b.assume(~(dut.w_en & dut.r_en))
    word = _Word(b, dut, depth)
    shown, value = _read(b, dut, word, 1 + registers)
    b.implies("stored", word.known, _stored(b, b.inner(dut, "memory"), word) == word.value)
    b.implies("reads", shown, dut.r_data == value)
    b.reach("reads", shown & (value == 5) & (word.addr == 3))
    b.reach("overwritten", shown & (value != word.value))


def _protected(b: Bench, protection: str) -> None:
    depth, width = 4, 4
    dut = b.place("dut", b.source(_PROTECTED).ProtectedSram(width, depth, protection, 0))
    m = b.m
    word = _Word(b, dut, depth)
    shown, value = _read(b, dut, word, 1)
    memory = b.inner(dut, "body.sram.memory")
    count = sum(dut.flips)
    used = shown & dut.used
    injects = used & dut.inject
    encoded = []
    for name, data in (("stored", word.value), ("shown", value)):
        encoded.append(b.place(name, b.source(_CHECKS).CheckEncoder(width, protection)))
        m.d.comb += encoded[-1].data.eq(data)
    b.implies("stored", word.known, _stored(b, memory, word) == encoded[0].word)
    b.implies("shown", shown, b.inner(dut, "body.sram.r_data") == encoded[1].word)
    b.implies("reads", used & ~dut.inject, (dut.r_data == value) & ~dut.corrected)
    b.implies("clean", used & ~dut.inject, ~dut.uncorrected)
    one = injects & (count == 1)
    if protection == "secded":
        b.implies("one", one, (dut.r_data == value) & dut.corrected & ~dut.uncorrected)
        b.implies("two", injects & (count == 2), dut.uncorrected & ~dut.corrected)
    else:
        b.implies("one", one, dut.uncorrected)
    b.show("injected", dut.injected == (dut.inject & dut.used))
    b.show("silent", dut.used | ~(dut.corrected | dut.uncorrected | dut.injected))
    b.reach("flipped", one & (value == 9))


def _bank(b: Bench) -> None:
    """With one port: neither half is ever written and read at once, since users do not do so."""
    config = replace(
        b.config,
        sram=replace(
            b.config.sram, activation_rows=max(4, 4 * b.config.panels_per_activation_word)
        ),
        build=replace(b.config.build, activation_ports=1, sram_protection="none"),
        precision=Precision(a_width=4, b_width=4, acc_width=32),
    )
    lanes = 2
    dut = b.place("dut", b.source(_BANK).ActivationBank(config, lanes))
    b.assume(~(dut.w_en & dut.r_en) | (dut.w_addr[-1] != dut.r_addr[-1]))
    word = _Word(b, dut, 1 << len(dut.w_addr))
    read = dut.r_en & (dut.r_addr == word.addr) & word.known
    m = b.m
    shown, value = read, word.value
    width = len(value) // lanes
    for i in range(1 + config.build.sram_registers + lanes - 1):
        later, held = Signal(name=f"shown_{i}"), Signal.like(value, name=f"value_{i}")
        m.d.sync += [later.eq(shown), held.eq(value)]
        shown, value = later, held
        lane = i - config.build.sram_registers
        if lane >= 0:
            now = dut.r_data.word_select(lane, width) == value.word_select(lane, width)
            b.implies(f"lane_{lane}", shown, now)
    for half in range(2):
        part = b.inner(dut, f"half_{half}")
        b.show(f"alone_{half}", ~(part.w_en & part.r_en))
        look = b.inner(part, "memory").read_port(domain="comb")
        m.d.comb += look.addr.eq(word.addr)
        hit = word.known & (word.addr[-1] == half)
        b.implies(f"stored_{half}", hit, look.data == word.value)
    b.reach("both", shown & dut.w_en & dut.r_en & (value == 5))


PROOFS = (
    *(
        Proof(
            name=f"secded_{width}",
            block="memory/checks.py: CheckEncoder, CheckDecoder",
            scale=f"SECDED, all words of {width} bits of data",
            spec=partial(_secded, width=width),
            properties=(
                Property(
                    "clean",
                    "A word without a flip is shown as it is, without a flag.",
                    Plant(
                        _CHECKS,
                        "self.corrected.eq(syndrome.xor()",
                        "self.corrected.eq(~syndrome.xor()",
                    ),
                ),
                Property(
                    "one",
                    "One flip, of any bit, stored or injected, is corrected and told so.",
                    Plant(_CHECKS, "flipped ^ Cat(corrections)", "flipped ^ Cat(corrections[:-1])"),
                ),
                Property(
                    "two",
                    "Two flips, of any bits, are told as uncorrected, and never corrected.",
                    Plant(_CHECKS, "syndrome.any() & ~self.corrected", "stray"),
                ),
            ),
            depth=1,
        )
        for width in (8, 16, 32)
    ),
    Proof(
        name="parity_16",
        block="memory/checks.py: CheckEncoder, CheckDecoder",
        scale="parity, all words of 16 bits of data, any flips",
        spec=_parity,
        properties=(
            Property(
                "odd",
                "An odd number of flips is told, an even one is not.",
                Plant(_CHECKS, "& self.flip.replicate(rows))", ")"),
            ),
            Property(
                "kept",
                "The data are shown as they were stored, with their flips.",
                Plant(_CHECKS, "self.data.eq(flipped), ", "self.data.eq(self.word), "),
            ),
        ),
        depth=1,
    ),
    *(
        Proof(
            name=f"{name}_{registers}",
            block=f"memory/{module.rpartition('.')[2]}.py: {part}",
            scale=f"8 words of 4 bits, {registers} registers",
            spec=partial(_sram, part=part, module=module, registers=registers),
            properties=(
                Property(
                    "stored",
                    "A word keeps what was last written to it.",
                    Plant(module, *written),
                ),
                Property(
                    "reads",
                    "A read shows what was last written to its word, as many cycles later as it says.",
                    Plant(module, *reads),
                ),
            ),
        )
        for name, part, module, registers, written, reads in (
            (
                "sram",
                "Sram",
                _SRAM,
                0,
                ("write.addr.eq(self.w_addr)", "write.addr.eq(self.w_addr | self.r_addr)"),
                ("read.addr.eq(self.r_addr)", "read.addr.eq(self.r_addr & 5)"),
            ),
            (
                "sram",
                "Sram",
                _SRAM,
                1,
                ("write.en.eq(self.w_en)", "write.en.eq(self.w_en | self.r_en)"),
                ("word = r_data", "pass"),
            ),
            (
                "single_port",
                "SinglePortSram",
                _SINGLE,
                0,
                ("write.en.eq(self.w_en)", "write.en.eq(self.w_en & ~self.r_addr[0])"),
                ("Mux(self.w_en, self.w_addr, self.r_addr)", "self.w_addr"),
            ),
            (
                "single_port",
                "SinglePortSram",
                _SINGLE,
                1,
                (
                    "Mux(self.w_en, self.w_addr, self.r_addr)",
                    "Mux(self.w_en, self.r_addr, self.w_addr)",
                ),
                ("self.show(m, read.data)", "self.show(m, write.data)"),
            ),
        )
    ),
    *(
        Proof(
            name=f"protected_{protection}",
            block="memory/protected.py: ProtectedSram",
            scale="4 words of 4 bits",
            spec=partial(_protected, protection=protection),
            properties=(
                Property(
                    "reads",
                    "A read shows what was written, and that nothing was corrected.",
                    Plant(_PROTECTED, "sram.w_addr.eq(self.w_addr)", "sram.w_addr.eq(self.r_addr)"),
                ),
                Property("one", f"A flip that is injected is {told}.", flip),
                Property(
                    "injected",
                    "A flip is injected in a word that is used, and told in that cycle.",
                    Plant(_PROTECTED, "self.inject & self.used", "self.inject"),
                ),
                Property(
                    "silent",
                    "Words that are not used are silent.",
                    Plant(
                        _PROTECTED,
                        "decoder.uncorrected & self.used",
                        "decoder.uncorrected",
                    ),
                ),
                *more,
            ),
        )
        for protection, told, flip, more in (
            (
                "secded",
                "corrected and told so",
                Plant(
                    _PROTECTED, "decoder.corrected & self.used", "decoder.corrected & ~self.inject"
                ),
                (
                    Property(
                        "two",
                        "Two flips that are injected are told as uncorrected.",
                        Plant(
                            _PROTECTED,
                            "checks.flips.eq(self.flips)",
                            "checks.flips.eq(self.flips & 7)",
                        ),
                    ),
                ),
            ),
            (
                "parity",
                "told as uncorrected",
                Plant(_PROTECTED, "checks.flips.eq(self.flips)", "checks.flips.eq(self.flips & 7)"),
                (),
            ),
        )
    ),
    Proof(
        name="activation_bank",
        block="memory/activation_bank.py: ActivationBank",
        scale="two lanes of 4 bits, few words; the configuration's registers",
        spec=_bank,
        properties=(
            Property(
                "alone_0",
                "One half is read while the other is written: no memory has two accesses in a cycle.",
                Plant(_BANK, "self.r_en & (self.r_addr[-1] == half)", "self.r_en"),
            ),
            Property(
                "lane_1",
                "Each lane shows the word that was last written, a cycle after the lane before it.",
                Plant(_BANK, "waits.eq(words[stored:])", "waits.eq(words)"),
            ),
            Property(
                "lane_0",
                "The first lane shows the word that was last written, from the half that was asked for.",
                Plant(_BANK, "chosen: Value = self.r_addr[-1]", "chosen: Value = self.w_addr[-1]"),
            ),
        ),
    ),
)
