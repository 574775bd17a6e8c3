# SPDX-License-Identifier: Apache-2.0
"""The CRC against long division, and against the catalogue."""

import random

import pytest

from matwright.system.crc import CRC_WIDTH, Crc
from matwright_sim.agents.trace import Record, simulate
from matwright_sim.golden.link import crc


def bits_of(data: bytes) -> list[int]:
    return [byte >> i & 1 for byte in data for i in range(8)]


def shift(bits: list[int], *, before: int = 0) -> Record:
    """Start after ``before`` other bits, then take ``bits``, a pause after some of them."""
    rng = random.Random(len(bits))
    step, value = [1] * before + [0], [rng.randrange(2) for _ in range(before)] + [0]
    start = [0] * before + [1]
    for bit in bits:
        for pause in (0, *[1] * rng.randrange(2)):
            step.append(1 - pause)
            value.append(rng.randrange(2) if pause else bit)
            start.append(0)
    inputs = {"start": [*start, 0], "step": [*step, 0], "value": [*value, 0]}
    record = simulate(Crc(), inputs, ["next", "differs"])
    taken = [i for i, stepped in enumerate(step) if stepped][before:]
    return {name: [seen[i] for i in taken] + [seen[-1]] for name, seen in record.items()}


def test_catalogue() -> None:
    assert crc(b"123456789") == (0x6F91).to_bytes(2, "little")


@pytest.mark.parametrize("seed", range(8))
def test_what_is_sent(seed: int) -> None:
    rng = random.Random(seed)
    message = rng.randbytes(rng.randrange(40))
    sent = bits_of(message)
    expected = bits_of(crc(message))
    for i in range(CRC_WIDTH):
        record = shift(sent + expected[:i], before=rng.randrange(20))
        assert int(record["next"][-1]) == expected[i]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_received(seed: int) -> None:
    """Bits of a right CRC never differ; of a damaged frame some do."""
    rng = random.Random(100 + seed)
    message = rng.randbytes(rng.randrange(1, 20))
    good = message + crc(message)
    record = shift(bits_of(good))
    assert "1" not in record["differs"][-CRC_WIDTH - 1 : -1]
    assert record["next"][-1] == "0"
    # Any damage of up to 16 bits in a row is seen.
    bits = bits_of(good)
    length = rng.randint(1, 16)
    at = rng.randrange(len(bits) - length + 1)
    flips = [1, *[rng.randrange(2) for _ in range(length - 2)], *[1] * (length > 1)]
    for i, flip in enumerate(flips):
        bits[at + i] ^= flip
    assert "1" in shift(bits)["differs"][-CRC_WIDTH - 1 : -1]
