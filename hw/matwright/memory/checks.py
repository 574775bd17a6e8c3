# SPDX-License-Identifier: Apache-2.0
"""Check bits of a word: parity, which detects one flipped bit, or SECDED."""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .secded import hsiao, secded_bits

__all__ = ["CheckDecoder", "CheckEncoder", "check_bits"]


def check_bits(width: int, protection: str) -> int:
    """Check bits of a word of ``width`` data bits, with ``protection`` as ``build.sram_protection``."""
    if protection == "secded":
        return secded_bits(width)
    return {"none": 0, "parity": 1}[protection]


def _columns(width: int, protection: str) -> list[int]:
    """The column of the parity-check matrix of each bit of a word, bit i of a column in row i."""
    if protection == "secded":
        return [*hsiao(width), *(1 << i for i in range(secded_bits(width)))]
    return [1] * (width + 1)


class CheckEncoder(wiring.Component):
    """``word`` is ``data`` and, above it, its check bits; those of 0 are 0. Combinational."""

    data: Signal  # In, width
    word: Signal  # Out, width + check_bits

    def __init__(self, width: int, protection: str) -> None:
        self.width = width
        self.protection = protection
        super().__init__({"data": In(width), "word": Out(width + check_bits(width, protection))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        columns = _columns(self.width, self.protection)[: self.width]
        checks = _product(columns, self.data, len(self.word) - self.width)
        m.d.comb += self.word.eq(Cat(self.data, checks))
        return m


class CheckDecoder(wiring.Component):
    """``data`` of a ``word`` in which, with ``flip``, the bits ``flips`` are flipped. Combinational.

    SECDED: one flipped bit of the word is ``corrected``. ``uncorrected`` says that more are, always
    with two, and that ``data`` is undefined. Parity: ``uncorrected`` says that an odd number of bits is
    flipped, and ``data`` has these flips.
    """

    word: Signal  # In, width + check_bits
    flip: Signal  # In
    flips: Signal  # In, width + check_bits
    data: Signal  # Out, width
    corrected: Signal  # Out
    uncorrected: Signal  # Out

    def __init__(self, width: int, protection: str) -> None:
        self.width = width
        self.protection = protection
        bits = check_bits(width, protection)
        super().__init__(
            {
                "word": In(width + bits),
                "flip": In(1),
                "flips": In(width + bits),
                "data": Out(width),
                "corrected": Out(1),
                "uncorrected": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        columns = _columns(self.width, self.protection)
        rows = len(self.word) - self.width
        # The flips are added to the syndrome and to the data: so the word has a short way to both,
        # and the syndrome of the flips is the same in all banks.
        syndrome = Signal(rows)
        flipped = Signal(self.width)
        m.d.comb += [
            syndrome.eq(
                _product(columns, self.word, rows)
                ^ (_product(columns, self.flips, rows) & self.flip.replicate(rows))
            ),
            flipped.eq(self.word ^ (self.flips & self.flip.replicate(len(self.flips)))),
        ]
        if self.protection == "parity":
            m.d.comb += [self.data.eq(flipped), self.uncorrected.eq(syndrome)]
            return m

        # The syndrome of one flip is its column. None is heavier than the heaviest column, so that
        # for such columns the ones decide.
        heaviest = max(column.bit_count() for column in columns)
        corrections = [
            Cat(syndrome[i] for i in range(rows) if column >> i & 1).all()
            if column.bit_count() == heaviest
            else syndrome == column
            for column in columns[: self.width]
        ]
        # The syndrome of two flips is of even weight. One of odd weight that is no column is of more.
        strays = set(range(1 << rows)) - set(columns)
        odd_strays = [s for s in sorted(strays) if s.bit_count() % 2]
        stray = Cat(syndrome == s for s in odd_strays).any()
        m.d.comb += [
            self.data.eq(flipped ^ Cat(corrections)),
            self.corrected.eq(syndrome.xor() & ~stray),
            self.uncorrected.eq(syndrome.any() & ~self.corrected),
        ]
        return m


def _product(columns: list[int], bits: Value, rows: int) -> Value:
    """The matrix of ``columns`` times ``bits``, modulo 2."""
    return Cat(
        Cat(bits[j] for j, column in enumerate(columns) if column >> i & 1).xor()
        for i in range(rows)
    )
