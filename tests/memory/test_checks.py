# SPDX-License-Identifier: Apache-2.0
"""Check bits in Amaranth's simulator, against their parity-check matrix in NumPy."""

from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from numpy.typing import NDArray

from matwright.memory.checks import CheckDecoder, CheckEncoder, check_bits
from matwright.memory.secded import hsiao

WIDTHS = {"parity": [1, 2, 8, 33, 64, 137], "secded": [*range(1, 73), 137, 512]}
ALL_PAIRS = 12
"""Widest word of data of which all pairs of flips are tried."""


def _bits(value: int, width: int) -> NDArray[np.int64]:
    return np.array([value >> i & 1 for i in range(width)], np.int64)


def _number(bits: NDArray[np.int64]) -> int:
    return sum(int(bit) << i for i, bit in enumerate(bits))


class Model:
    """The code of a matrix: a word is ``data``, then the check bits that make matrix @ word 0."""

    def __init__(self, width: int, protection: str) -> None:
        self.width = width
        self.secded = protection == "secded"
        self.checks = check_bits(width, protection)
        columns = hsiao(width) if self.secded else (1,) * width
        data = np.array([_bits(column, self.checks) for column in columns]).T
        self.matrix = np.hstack([data, np.eye(self.checks, dtype=np.int64)])
        self.size = width + self.checks

    def encode(self, data: int) -> int:
        checks = self.matrix[:, : self.width] @ _bits(data, self.width) % 2
        return data | _number(checks) << self.width

    def decode(self, word: int) -> tuple[int | None, int, int]:
        """Data (None if undefined), corrected and uncorrected."""
        bits = _bits(word, self.size)
        syndrome = self.matrix @ bits % 2
        if not syndrome.any():
            return _number(bits[: self.width]), 0, 0
        if not self.secded:
            return _number(bits[: self.width]), 0, 1
        places = np.flatnonzero((syndrome == self.matrix.T).all(axis=1))
        if places.size == 0:
            return None, 0, 1
        bits[places[0]] ^= 1
        return _number(bits[: self.width]), 1, 0


def _words(rng: Random, model: Model) -> list[int]:
    data = [0, 2**model.width - 1, *(rng.getrandbits(model.width) for _ in range(4))]
    return [model.encode(value) for value in data]


def _run(component: Any, bench: Any) -> None:
    simulator = Simulator(component)
    simulator.add_testbench(bench)
    simulator.run()


def _check_encoder(model: Model, dut: CheckEncoder, values: list[int]) -> None:
    async def bench(ctx: Any) -> None:
        for data in values:
            ctx.set(dut.data, data)
            assert ctx.get(dut.word) == model.encode(data), f"{model.width} bits, {data:#x}"

    _run(dut, bench)


def _check_decoder(
    model: Model, dut: CheckDecoder, rng: Random, cases: list[tuple[int, ...]]
) -> None:
    words = _words(rng, model)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.flips, rng.getrandbits(model.size))
        for n, flips in enumerate(cases):
            word = words[n % len(words)] ^ sum(1 << i for i in flips)
            data, *pulses = model.decode(word)
            where = f"{model.width} bits, word {word:#x}, flips {flips}"
            if len(flips) < 2 and model.secded:
                assert data == words[n % len(words)] & 2**model.width - 1, where
            if len(flips) < 3:
                one, two = len(flips) == 1, len(flips) == 2
                assert pulses == ([one, two] if model.secded else [0, one]), where
            ctx.set(dut.word, word)
            assert [ctx.get(dut.corrected), ctx.get(dut.uncorrected)] == pulses, where
            assert data is None or ctx.get(dut.data) == data, where

        # What the decoder flips itself is as if it came with the word.
        ctx.set(dut.word, words[-1])
        ctx.set(dut.flip, 1)
        for flips in rng.sample(cases, min(30, len(cases))):
            flipped = sum(1 << i for i in flips)
            data, *pulses = model.decode(words[-1] ^ flipped)
            ctx.set(dut.flips, flipped)
            assert [ctx.get(dut.corrected), ctx.get(dut.uncorrected)] == pulses, f"flips {flips}"
            assert data is None or ctx.get(dut.data) == data, f"flips {flips}"

    _run(dut, bench)


@pytest.mark.parametrize(("protection", "widths"), WIDTHS.items())
def test_encoder(protection: str, widths: list[int]) -> None:
    """Of each bit alone, which determines all as the code is linear, and of random words."""
    print("seed 61")
    rng = Random(61)
    for width in widths:
        model = Model(width, protection)
        values = [1 << i for i in range(width)] + [rng.getrandbits(width) for _ in range(4)]
        _check_encoder(model, CheckEncoder(width, protection), [0, *values, 2**width - 1])
        assert model.encode(0) == 0


@pytest.mark.parametrize(("protection", "widths"), WIDTHS.items())
def test_decoder(protection: str, widths: list[int]) -> None:
    """No flip, each single one, pairs (all if the word is short), and some of three."""
    print("seed 62")
    rng = Random(62)
    for width in widths:
        model = Model(width, protection)
        bits = range(model.size)
        pairs = list(combinations(bits, 2))
        if width > ALL_PAIRS:
            pairs = rng.sample(pairs, 40)
        triples = [tuple(rng.sample(bits, 3)) for _ in range(20 if len(bits) > 2 else 0)]
        cases = [(), (), *((i,) for i in bits), *pairs, *triples]
        _check_decoder(model, CheckDecoder(width, protection), rng, cases)


def test_check_bits() -> None:
    assert [check_bits(32, name) for name in ("none", "parity", "secded")] == [0, 1, 7]
