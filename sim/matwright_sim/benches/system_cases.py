# SPDX-License-Identifier: Apache-2.0
"""Accesses of a single-port RAM and what they read, for Amaranth's simulator and for cocotb."""

from random import Random

__all__ = ["RamCase"]


class RamCase:
    """Random accesses, and ``r_data`` of each cycle: text of bits, with x where it is undefined.

    A few words are accessed often: those at both ends, and at both sides of each power of two.
    ``blank`` says that nothing is known of what has not been written; otherwise it is 0.
    """

    CYCLES = 3000

    def __init__(self, rng: Random, width: int, depth: int, *, blank: bool) -> None:
        edges = {0, depth - 1} | {at for k in range(24) for at in ((1 << k) - 1, 1 << k)}
        words = [at for at in sorted(edges) if at < depth]
        words += [rng.randrange(depth) for _ in range(4)]
        lanes = width // 8
        self.inputs: dict[str, list[int]] = {
            name: [] for name in ("en", "w_mask", "addr", "w_data")
        }
        self.r_data: list[str] = []
        memory = {at: ["x" * 8 if blank else "0" * 8] * lanes for at in words}
        shown = fetched = ["x" * 8] * lanes
        for _ in range(self.CYCLES):
            self.r_data.append("".join(reversed(shown)))
            en = int(rng.random() < 0.8)
            mask = rng.choice([0, 0, (1 << lanes) - 1, rng.getrandbits(lanes)])
            at, data = rng.choice(words), rng.getrandbits(width)
            for name, value in zip(self.inputs, (en, mask, at, data), strict=True):
                self.inputs[name].append(value)
            if en:
                shown, fetched = fetched, memory[at]
            if en and mask:
                fetched = ["x" * 8] * lanes
                memory[at] = [
                    f"{data >> 8 * lane & 0xFF:08b}" if mask >> lane & 1 else byte
                    for lane, byte in enumerate(memory[at])
                ]

    def check(self, seen: list[str]) -> None:
        """AssertionError unless all that is defined was seen."""
        known = 0
        for cycle, (expected, bits) in enumerate(zip(self.r_data, seen, strict=True)):
            for a, b in zip(expected, bits, strict=True):
                assert a in ("x", b), f"r_data must be {expected} in cycle {cycle}, not {bits}"
            known += "x" not in expected
        assert known > self.CYCLES // 5
