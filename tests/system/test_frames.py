# SPDX-License-Identifier: Apache-2.0
"""The course of frames: a table of what follows what, and random disturbances."""

from random import Random

from matwright.system.frames import FrameTracker, Phase
from matwright_sim.agents.trace import simulate

SEED = 17
CYCLES = 6000
INPUTS = ("done", "broken", "gap", "different", "wrong", "write", "refused", "last")
OUTPUTS = ("talk", "phase", "byte", "payload", "idle")
LENGTHS = {"first": 4, "crc": 2, "address": 4, "word": 4}
PHASES = {
    "first": Phase.FIRST,
    "crc": Phase.CRC,
    "address": Phase.ADDRESS,
    "word": Phase.WORD,
}


class Course:
    """What follows what. A place is (talk, part)."""

    def __init__(self) -> None:
        self.drop()
        self.deaf = False
        self.before = ""

    def drop(self) -> None:
        self.talk, self.part, self.byte = False, "first", 0

    def step(self, now: dict[str, int]) -> None:
        if now["gap"] or now["broken"]:
            self.drop()
            self.deaf = bool(now["broken"])
            return
        if not now["done"]:
            return
        begins = not self.talk and self.part == "first" and self.byte == 0
        if begins and (self.deaf or now["different"]):
            return
        self.byte += 1
        if self.byte < LENGTHS[self.part]:
            return
        self.byte = 0
        header = self.before != "word"
        before, self.before = self.part, self.part
        if before == "first" and not self.talk:
            self.part = "address"
        elif before == "first":
            self.part = "crc" if now["write"] or now["refused"] else "word"
        elif before == "address":
            self.part = "crc"
        elif before == "word":
            self.part = "crc" if now["last"] else "word"
        elif self.talk:
            self.drop()
        elif header and now["wrong"]:
            self.drop()
            self.deaf = True
        elif header and now["write"]:
            self.part = "word"
        else:
            self.talk, self.part = True, "first"


def test_random_course() -> None:
    print(f"seed {SEED}")
    rng = Random(SEED)
    course = Course()
    trace: dict[str, list[int]] = {name: [] for name in INPUTS}
    expected = []
    parts = set()
    shares = {"different": 0.2, "wrong": 0.3, "last": 0.5, "write": 0.5, "refused": 0.2}
    for _ in range(CYCLES):
        expected.append((course.talk, course.part, course.byte))
        parts.add((course.talk, course.part))
        now = {name: int(rng.random() < share) for name, share in shares.items()}
        event = rng.choices(["done", "broken", "gap", ""], [40, 0.5, 1, 10])[0]
        # Nothing is received, and no gap is counted, while the UART talks.
        if course.talk and event != "done":
            event = ""
        now |= {name: int(name == event) for name in ("done", "broken", "gap")}
        for name in INPUTS:
            trace[name].append(now[name])
        course.step(now)
    record = simulate(FrameTracker(), trace, OUTPUTS)
    assert len(parts) == 7, "all but ADDRESS of an answer"
    for cycle, (talk, part, byte) in enumerate(expected):
        seen = {name: int(record[name][cycle], 2) for name in OUTPUTS}
        assert (seen["talk"], seen["phase"], seen["byte"]) == (talk, PHASES[part].value, byte), (
            cycle
        )
        assert seen["idle"] == (not talk and part == "first" and byte == 0)


def test_ended_and_payload() -> None:
    """A write of one word and its answer: `ended` in the last byte of each part."""
    lengths = [4, 4, 2, 4, 2, 4, 2]
    count = sum(lengths)
    inputs = {name: [0] * (count + 1) for name in INPUTS}
    inputs["done"] = [1] * count + [0]
    inputs["write"] = inputs["last"] = [1] * (count + 1)
    record = simulate(FrameTracker(), inputs, ["ended", "payload", "talk"])
    ends = [i for i, bits in enumerate(record["ended"]) if bits == "1"]
    assert ends == [sum(lengths[: i + 1]) - 1 for i in range(len(lengths))]
    assert "".join(record["payload"]) == "0" * 14 + "1" * 2 + "0" * (count - 15)
    assert "".join(record["talk"]) == "0" * 16 + "1" * 6 + "0"
