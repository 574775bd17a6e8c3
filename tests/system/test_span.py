# SPDX-License-Identifier: Apache-2.0
"""Addresses and numbers of words, bit by bit, against integers."""

from random import Random

import pytest

from matwright.system.frames import Phase
from matwright.system.link import Space
from matwright.system.span import Span
from matwright_sim.agents.trace import element_of, simulate

SIZES = {Space.REGISTERS: 0x2000, Space.LINK: 24}


class Trace:
    """Inputs of a Span: what a frame does, a data bit in every second cycle."""

    def __init__(self) -> None:
        self.inputs: dict[str, list[int]] = {
            name: []
            for name in ("value", "data", "index", "phase", "talk", "ended", "word", "space")
        }
        self.ends: list[int] = []
        self.word = 0
        self.talk = 0

    def _cycle(self, **values: int) -> None:
        for name, values_of in self.inputs.items():
            values_of.append(values.get(name, 0))

    def part(self, phase: Phase, value: int, space: Space, bits: int = 32) -> None:
        common = {"phase": phase.value, "talk": self.talk, "space": space.value}
        for i in range(bits):
            bit = value >> i & 1
            self._cycle(value=bit, data=1, index=i, word=self.word, **common)
            if phase in (Phase.ADDRESS, Phase.WORD):
                self.word = self.word >> 1 | bit << 31
            # The value may be anything between the bits.
            self._cycle(value=1 - bit, index=(i + 1) % 32, word=self.word, **common)
        self.ends.append(len(self.inputs["data"]))
        self._cycle(ended=1, word=self.word, **common)


@pytest.mark.parametrize("memory_bytes", [1 << 12, 3 << 12, 1 << 17, 1 << 18, 5 << 18])
def test_frames(memory_bytes: int) -> None:
    seed = memory_bytes
    print(f"seed {seed}")
    rng = Random(seed)
    sizes = {Space.MEMORY: memory_bytes, **SIZES}
    trace = Trace()
    expected: dict[int, tuple[str, int]] = {}
    inside = 0
    for _ in range(120):
        space = rng.choice(list(sizes))
        size = sizes[space]
        words = rng.choice([1, 2, 3, rng.randint(1, 256)])
        near = max(0, size - 4 * words) + rng.choice([-4, 0, 0, 4, 8])
        wraps = 4 * rng.randint(1, words)
        address = rng.choice(
            [near, near, 4 * rng.randrange(size // 4), rng.getrandbits(32), -wraps]
        )
        address &= ~3
        address %= 1 << 32
        write = rng.random() < 0.5
        trace.talk = 0
        trace.part(Phase.FIRST, (words - 1) << 24 | rng.getrandbits(24), space)
        trace.part(Phase.ADDRESS, address, space)
        outside = address + 4 * words > size
        expected[trace.ends[-1]] = ("outside", outside)
        trace.part(Phase.CRC, rng.getrandbits(16), space, 16)
        if outside or words > 8:
            continue
        inside += 1
        trace.talk = int(not write)
        if not write:
            # The word that is sent first is there before the answer begins.
            expected[trace.ends[-1] + 1] = ("addr", address // 4)
            trace.part(Phase.FIRST, rng.getrandbits(32), space)
        for i in range(words):
            trace.part(Phase.WORD, rng.getrandbits(32), space)
            # When a word has been sent the next is looked up, if there is one.
            if write or i < words - 1:
                expected[trace.ends[-1] + 1] = ("addr", address // 4 + (0 if write else 1) + i)
            expected[trace.ends[-1]] = ("last", i == words - 1)
    trace._cycle()
    trace._cycle()
    assert inside > 20
    record = simulate(Span(memory_bytes), trace.inputs, ["outside", "last", "addr"])
    for cycle, (name, value) in expected.items():
        seen = element_of(record[name][cycle], len(record[name][cycle]), 0, signed=False)
        assert seen == value, (name, cycle)
