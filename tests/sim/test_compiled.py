# SPDX-License-Identifier: Apache-2.0
"""The compiled simulation: timing, memory, stalls, faults and the watch over the protocol.

The stand-in copies bursts of 4 beats and notes when things happened, so every latency has a closed
form. The doorbell arrives in cycle 0, the first AR is accepted in cycle 1.
"""

import re
import time
from pathlib import Path

import numpy as np
import pytest
import standin

from matwright.bus.axi import ID_WIDTH
from matwright_sim import library
from matwright_sim.compiled import (
    FAULTS,
    BuildError,
    CompiledAccelerator,
    FaultEvent,
    RegisterError,
)
from matwright_sim.toolchain import ToolError

BYTES = 1 << 16
WIDTHS = [32, 64, 128, 256, 512]
SEED = 20_26


def make(width: int = 64, bug: str | None = None, **options: object) -> CompiledAccelerator:
    config = standin.config(width, addr_width=48 if width == 512 else 32)
    options = {"memory_bytes": BYTES, "read_latency": 7, "write_latency": 5} | options
    accelerator = CompiledAccelerator(config, standin.verilog(config.bus, bug), **options)  # type: ignore[arg-type]
    print(f"seed {SEED}")
    accelerator.memory[:] = np.random.default_rng(SEED).integers(0, 256, accelerator.memory.size)
    return accelerator


def start(accelerator: CompiledAccelerator, bursts: int, base: int = 0) -> None:
    accelerator.write_register(standin.address("IRQ_ENABLE"), 3)
    accelerator.write_register(standin.address("IRQ_CAUSE"), 3)
    accelerator.write_register(standin.address("PROGRAM_LO"), base)
    accelerator.write_register(standin.address("PROGRAM_COUNT"), bursts)
    accelerator.write_register(standin.address("CONTROL"), 1)


def read(accelerator: CompiledAccelerator, name: str) -> int:
    return accelerator.read_register(standin.address(name))


def times(accelerator: CompiledAccelerator) -> dict[str, int]:
    return {name: accelerator.read_register(at) for name, at in standin.TIMES.items()}


def beats(accelerator: CompiledAccelerator) -> list[tuple[int, int, int]]:
    """ID, response and RLAST of each beat read."""
    count = read(accelerator, "BEATS_READ")
    words = [accelerator.read_register(standin.BEATS + 4 * i) for i in range(count)]
    return [(word >> 3, word >> 1 & 3, word & 1) for word in words]


def answers(accelerator: CompiledAccelerator) -> list[tuple[int, int]]:
    """ID and response of each write response."""
    count = accelerator.read_register(standin.ANSWERED)
    words = [accelerator.read_register(standin.ANSWERS + 4 * i) for i in range(count)]
    return [(word >> 2, word & 3) for word in words]


def copied(accelerator: CompiledAccelerator, before: np.ndarray, bursts: int) -> bool:
    size = bursts * standin.BURST * accelerator.config.bus.bytes
    wanted = before.copy()
    wanted[standin.DISTANCE : standin.DISTANCE + size] = before[:size]
    return bool(np.array_equal(accelerator.memory, wanted))


@pytest.mark.parametrize("width", WIDTHS)
def test_copies_at_every_width(width: int) -> None:
    with make(width) as accelerator:
        before = accelerator.memory.copy()
        start(accelerator, 60)
        assert accelerator.run(10_000)
        assert copied(accelerator, before, 60)
        assert read(accelerator, "STATUS") == 2
        assert accelerator.violations == {}
        counts = accelerator.statistics()
        assert counts["read_bursts"] == counts["write_bursts"] == 60
        assert counts["read_beats"] == counts["write_beats"] == 60 * standin.BURST
        assert read(accelerator, "BEATS_READ") == 60 * standin.BURST


@pytest.mark.parametrize("read_latency", [1, 2, 7, 100])
@pytest.mark.parametrize("write_latency", [1, 5, 90])
def test_latencies(read_latency: int, write_latency: int) -> None:
    bursts = 3
    with make(read_latency=read_latency, write_latency=write_latency) as accelerator:
        start(accelerator, bursts)
        assert accelerator.run(10_000)
        first = 1 + read_latency
        last = first + bursts * standin.BURST - 1  # one beat per cycle, no gap between bursts
        assert times(accelerator) == {
            "ar": bursts,  # one address per cycle from cycle 1 on
            "r_first": first,
            "r_last": last,
            "aw": last + 1,  # the stand-in's own register
            "w_last": last + 1,
            "b": last + 1 + write_latency,
        }
        assert read(accelerator, "CYCLES") == last + 1 + write_latency


def test_room_for_64_reads() -> None:
    with make(read_latency=1000) as accelerator:
        start(accelerator, 100)
        assert accelerator.run(10_000)
        counts = accelerator.statistics()
        assert counts["read_bursts_in_flight_max"] == 64
        # AR number 65 is accepted in the cycle after the last beat of burst 1, then one per burst.
        first = 1 + 1000
        assert times(accelerator)["ar"] == first + standin.BURST * (100 - 64)
        assert counts["ar_wait_cycles"] == times(accelerator)["ar"] - 100
        assert accelerator.violations == {}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stalls_change_cycles_and_nothing_else(seed: int) -> None:
    with make(stall=0.4, seed=seed) as accelerator:
        before = accelerator.memory.copy()
        start(accelerator, 100)
        assert accelerator.run(100_000)
        assert copied(accelerator, before, 100)
        assert accelerator.violations == {}
        cycles = read(accelerator, "CYCLES")
        counts = accelerator.statistics()
    unstalled = 1 + 7 + 100 * standin.BURST + 5
    # A stream that pauses in 2 of 5 cycles moves 400 beats in 400 / 0.6 cycles on average.
    assert 1.4 * unstalled < cycles < 2.1 * unstalled
    assert all(counts[f"{channel}_wait_cycles"] > 0 for channel in ("aw", "w", "ar"))
    with make(stall=0.4, seed=seed) as again:
        start(again, 100)
        assert again.run(100_000)
        assert read(again, "CYCLES") == cycles


def test_seeds_differ() -> None:
    cycles = set()
    for seed in range(4):
        with make(stall=0.4, seed=seed) as accelerator:
            start(accelerator, 100)
            assert accelerator.run(100_000)
            cycles.add(read(accelerator, "CYCLES"))
    assert len(cycles) > 1


@pytest.mark.parametrize("channel", ["read", "write"])
@pytest.mark.parametrize("response", ["SLVERR", "DECERR"])
def test_injected_error(channel: str, response: str) -> None:
    with make() as accelerator:
        before = accelerator.memory.copy()
        accelerator.inject_error(channel, 2, response)
        start(accelerator, 4)
        assert accelerator.run(10_000)
        assert read(accelerator, "STATUS") == 6
        assert read(accelerator, "IRQ_CAUSE") == 2
        size = standin.BURST * 8
        wanted = before.copy()
        wanted[standin.DISTANCE :][: 4 * size] = before[: 4 * size]
        hit = slice(standin.DISTANCE + 2 * size, standin.DISTANCE + 3 * size)
        wanted[hit] = 0 if channel == "read" else before[hit]
        assert np.array_equal(accelerator.memory, wanted)
        assert accelerator.violations == {}


SLVERR, DECERR = 2, 3
GOOD = [(0, 0, int(i == 3)) for i in range(standin.BURST)]


def spoiled(**changes: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """A good burst, but for beats ``b0`` to ``b3``."""
    return [changes.get(f"b{i}", beat) for i, beat in enumerate(GOOD)]


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(
    ("fault", "options", "burst"),
    [
        ("read_slverr", {}, [(0, SLVERR, last) for _, _, last in GOOD]),
        ("read_decerr", {}, [(0, DECERR, last) for _, _, last in GOOD]),
        ("read_slverr", {"beat": 2}, spoiled(b2=(0, SLVERR, 0))),
        ("read_decerr", {"beat": 3}, spoiled(b3=(0, DECERR, 1))),
        ("read_last_early", {}, [(0, 0, 1)]),
        ("read_last_early", {"beat": 2}, [*GOOD[:2], (0, 0, 1)]),
        ("read_last_late", {}, [*GOOD[:3], (0, 0, 0), (0, 0, 1)]),
        ("read_last_late", {"extra": 3}, [*GOOD[:3], *[(0, 0, 0)] * 3, (0, 0, 1)]),
        ("read_last_late", {"extra": 0}, [*GOOD[:3], (0, 0, 0)]),
        ("read_id", {}, spoiled(b0=(1, 0, 0))),
        ("read_id", {"beat": 3, "bus_id": 9}, spoiled(b3=(9, 0, 1))),
    ],
)
def test_faults_of_a_read(
    fault: str, options: dict[str, int], burst: list[tuple[int, int, int]], stall: float
) -> None:
    """They are on the bus as told, in their burst alone, and are recorded."""
    with make(stall=stall) as accelerator:
        before = accelerator.memory.copy()
        accelerator.inject(fault, 2, **options)  # type: ignore[arg-type]
        start(accelerator, 4)
        accelerator.run(500)
        assert beats(accelerator) == [*GOOD, *GOOD, *burst, *GOOD]
        first = next(i for i in range(5) if burst[i : i + 1] != GOOD[i : i + 1])
        size = 8 * standin.BURST
        (event,) = accelerator.fault_events
        assert event[:4] == (fault, 2, first, 2 * size)
        assert 1 <= event.in_flight <= 2
        if not stall:
            # The first beat of burst 0 is offered in cycle 8 of the program.
            doorbell = read(accelerator, standin.DOORBELL)
            assert event.cycle == doorbell + 1 + 7 + 2 * standin.BURST + first
        assert accelerator.violations == {}
        # What the beats carry: 0 with an error, memory without.
        data = before[: 4 * size].reshape(-1, 8).copy()
        data[2 * standin.BURST :][: len(burst)][[bool(beat[1]) for beat in burst]] = 0
        kept = min(len(burst), standin.BURST)
        begin = standin.DISTANCE + 2 * size
        assert np.array_equal(
            accelerator.memory[begin:][: 8 * kept], data.reshape(-1)[2 * size :][: 8 * kept]
        )


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(
    ("fault", "options", "answer"),
    [
        ("write_slverr", {}, (0, SLVERR)),
        ("write_decerr", {}, (0, DECERR)),
        ("write_id", {}, (1, 0)),
        ("write_id", {"bus_id": 12}, (12, 0)),
    ],
)
def test_faults_of_a_write(
    fault: str, options: dict[str, int], answer: tuple[int, int], stall: float
) -> None:
    with make(stall=stall) as accelerator:
        wanted = accelerator.memory.copy()
        size = 8 * standin.BURST
        for burst in range(4):
            if burst != 1 or fault == "write_id":
                span = slice(burst * size, (burst + 1) * size)
                wanted[standin.DISTANCE :][span] = wanted[span]
        accelerator.inject(fault, 1, **options)  # type: ignore[arg-type]
        start(accelerator, 4)
        assert accelerator.run(500)
        assert answers(accelerator) == [(0, 0), answer, (0, 0), (0, 0)]
        (event,) = accelerator.fault_events
        assert event[:4] == (fault, 1, 0, standin.DISTANCE + size)
        assert np.array_equal(accelerator.memory, wanted)
        assert accelerator.violations == {}


def test_faults_of_the_next_burst() -> None:
    """Without a number it is the next; one that is too short passes its fault on; once each."""
    with make() as accelerator:
        start(accelerator, 2)
        assert accelerator.run(500)
        accelerator.inject("read_slverr")
        accelerator.inject("write_id")
        accelerator.inject("read_id", beat=standin.BURST)
        start(accelerator, 3)
        accelerator.run(500)
        found = [event[:2] for event in accelerator.fault_events]
        assert found == [("read_slverr", 2), ("write_id", 2)]
        for fault in ("read_slverr", "write_id", "read_id"):
            with pytest.raises(ValueError, match=f"the burst of {fault} must be at least 5, not 4"):
                accelerator.inject(fault, 4)


def test_two_faults_of_a_burst() -> None:
    with make() as accelerator:
        accelerator.inject("read_id", 0, beat=1)
        accelerator.inject("read_slverr", 0, beat=2)
        start(accelerator, 1)
        accelerator.run(500)
        assert beats(accelerator) == spoiled(b1=(1, 0, 0), b2=(0, SLVERR, 0))
        assert [event.beat for event in accelerator.fault_events] == [1, 2]


def test_faults_that_do_not_fit() -> None:
    """They are left to later bursts: RLAST of a burst's last beat is not early, nor is there a fifth."""
    with make() as accelerator:
        accelerator.inject("read_last_early", 0, beat=3)
        accelerator.inject("read_slverr", 0, beat=4)
        accelerator.inject("read_last_late", 0)
        accelerator.inject("read_last_early", 0, beat=1)
        accelerator.inject("read_id", 1, beat=3)
        start(accelerator, 4)
        accelerator.run(500)
        late = [*GOOD[:3], (0, 0, 0), (0, 0, 1)]
        assert beats(accelerator) == [*late, (0, 0, 0), (0, 0, 1), *spoiled(b3=(1, 0, 1)), *GOOD]
        found = [event[:3] for event in accelerator.fault_events]
        assert found == [("read_last_late", 0, 3), ("read_last_early", 1, 1), ("read_id", 2, 3)]


@pytest.mark.parametrize("cycle", [4, *range(7, 18), 30])
@pytest.mark.parametrize("last", [False, True])
def test_unasked_beat(cycle: int, last: bool) -> None:
    """In its very cycle, between the beats of the bursts, and the bursts come whole."""
    with make() as accelerator:
        start(accelerator, 2)
        accelerator.run(3)
        doorbell = read(accelerator, standin.DOORBELL)
        accelerator.reset()
        accelerator.inject("unasked_read", doorbell + cycle, bus_id=5, last=last)
        start(accelerator, 2)
        for _ in range(50):
            read(accelerator, "STATUS")
        place = min(max(0, cycle - (1 + 7)), 2 * standin.BURST)
        assert beats(accelerator) == [*(GOOD * 2)[:place], (5, 0, int(last)), *(GOOD * 2)[place:]]
        in_flight = 2 - place // standin.BURST
        assert accelerator.fault_events == [
            FaultEvent("unasked_read", 0, 0, 0, doorbell + cycle, in_flight)
        ]
        assert accelerator.violations == {}


def test_unasked_response() -> None:
    with make() as accelerator:
        accelerator.inject("unasked_write")
        accelerator.inject("unasked_write", accelerator.cycles + 10, bus_id=3)
        now = accelerator.cycles
        accelerator.run(20)
        assert answers(accelerator) == [(0, 0), (3, 0)]
        assert [event.cycle for event in accelerator.fault_events] == [now + 1, now + 10]
        with pytest.raises(ValueError, match="the cycle of unasked_read must be at least"):
            accelerator.inject("unasked_read", accelerator.cycles - 1)


def test_unasked_response_among_others() -> None:
    with make(write_latency=50) as accelerator:
        start(accelerator, 3)
        accelerator.run(30)
        accelerator.inject("unasked_write", bus_id=7)
        accelerator.run(10)
        assert answers(accelerator) == [(7, 0)]
        assert accelerator.fault_events[0].in_flight == 3
        for _ in range(50):
            read(accelerator, "STATUS")
        assert answers(accelerator) == [(7, 0), (0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize("channel", ["ar", "aw"])
def test_a_burst_on_offer_is_in_flight(channel: str) -> None:
    fault = "unasked_read" if channel == "ar" else "unasked_write"
    with make() as accelerator:
        accelerator.inject(f"hang_{channel}", 1)
        start(accelerator, 2)
        accelerator.run(100)
        accelerator.inject(fault, bus_id=1)
        accelerator.run(10)
        assert [event.fault for event in accelerator.fault_events] == [f"hang_{channel}", fault]
        assert [event.in_flight for event in accelerator.fault_events] == [2, 1]


@pytest.mark.parametrize(
    ("channel", "beat", "moved"),
    [
        ("ar", None, {"read_bursts": 2, "read_beats": 8}),
        ("r", None, {"read_bursts": 4, "read_beats": 8, "write_bursts": 2}),
        ("r", 3, {"read_bursts": 4, "read_beats": 11, "write_bursts": 2}),
        ("aw", None, {"read_beats": 16, "write_bursts": 2, "write_beats": 16}),
        ("w", None, {"read_beats": 16, "write_bursts": 4, "write_beats": 8}),
        ("w", 1, {"read_beats": 16, "write_bursts": 4, "write_beats": 9}),
        ("b", None, {"write_bursts": 4, "write_beats": 16}),
    ],
)
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_hangs(channel: str, beat: int | None, moved: dict[str, int], stall: float) -> None:
    """From burst 2 on, until the release; nothing is lost."""
    with make(stall=stall) as accelerator:
        before = accelerator.memory.copy()
        accelerator.inject(f"hang_{channel}", 2, beat=beat)
        start(accelerator, 4)
        assert not accelerator.run(1_000)
        counts = accelerator.statistics()
        assert {name: counts[name] for name in moved} == moved
        (event,) = accelerator.fault_events
        assert event[:3] == (f"hang_{channel}", 2, beat or 0)
        assert accelerator.read_register(standin.ANSWERED) == 2
        accelerator.release()
        assert accelerator.run(1_000)
        assert copied(accelerator, before, 4)
        assert accelerator.violations == {}
        assert len(accelerator.fault_events) == 1


def test_hang_of_a_burst_that_is_under_way() -> None:
    with make() as accelerator:
        start(accelerator, 10)
        accelerator.run(1 + 7 + 8)
        moved = accelerator.statistics()["read_beats"]
        assert moved % standin.BURST > 0
        accelerator.inject("hang_r", 0)
        assert not accelerator.run(1_000)
        # The beat on offer is kept there.
        assert accelerator.statistics()["read_beats"] == moved + 1


@pytest.mark.parametrize("channel", ["ar", "aw", "b"])
def test_hang_of_a_channel_without_beats(channel: str) -> None:
    with make() as accelerator:
        accelerator.inject(f"hang_{channel}", 2, beat=3)
        start(accelerator, 4)
        assert not accelerator.run(1_000)
        assert [event[1:3] for event in accelerator.fault_events] == [(2, 0)]


def test_hang_from_the_next_burst_on() -> None:
    with make() as accelerator:
        before = accelerator.memory.copy()
        start(accelerator, 10)
        accelerator.run(11)
        counts = accelerator.statistics()
        assert counts["read_bursts"] == 10 > counts["write_bursts"]
        accelerator.inject("hang_r")
        assert accelerator.run(1_000)
        assert copied(accelerator, before, 10)
        start(accelerator, 1)
        assert not accelerator.run(1_000)


def test_release_forgets_faults_to_come() -> None:
    with make() as accelerator:
        for fault in FAULTS:
            accelerator.inject(fault, 10**6 if fault.startswith("unasked") else 4)
        accelerator.inject("read_id", 1)
        start(accelerator, 4)
        accelerator.run(500)
        accelerator.release()
        start(accelerator, 4)
        assert accelerator.run(500)
        assert [event[:2] for event in accelerator.fault_events] == [("read_id", 1)]


def test_reset_forgets_faults_of_its_bursts() -> None:
    with make(read_latency=50) as accelerator:
        accelerator.inject("read_id", 0)
        accelerator.inject("read_slverr", 10)
        start(accelerator, 10)
        accelerator.run(20)
        accelerator.reset()
        start(accelerator, 3)
        accelerator.run(500)
        assert [event[:2] for event in accelerator.fault_events] == [("read_slverr", 10)]


def test_beyond_the_memory() -> None:
    # The copy's target starts two beats before the end of the memory.
    size = standin.DISTANCE + 16
    with make(memory_bytes=size) as accelerator:
        before = accelerator.memory.copy()
        start(accelerator, 2)
        assert accelerator.run(10_000)
        assert read(accelerator, "STATUS") == 6
        before[standin.DISTANCE :] = before[:16]
        assert np.array_equal(accelerator.memory, before)
        counts = accelerator.statistics()
        assert counts["write_bursts_out_of_range"] == 2
        assert counts["read_bursts_out_of_range"] == 0
    with make(memory_bytes=size) as accelerator:
        start(accelerator, 1, base=1 << 30)
        assert accelerator.run(10_000)
        assert accelerator.statistics()["read_bursts_out_of_range"] == 1


@pytest.mark.parametrize("bug", standin.BUGS)
def test_breaches_are_counted(bug: str) -> None:
    with make(bug=bug, stall=0.5) as accelerator:
        start(accelerator, 20)
        accelerator.run(2_000)
        for _ in range(10):
            read(accelerator, "STATUS")
        assert set(accelerator.violations) == {standin.BUGS[bug]} - {None}


def test_addresses_after_an_irq_that_was_not_cleared() -> None:
    with make() as accelerator:
        for _ in range(2):
            start(accelerator, 5)
            assert accelerator.run(10_000)
        assert accelerator.violations == {}
        accelerator.write_register(standin.address("CONTROL"), 1)
        for _ in range(10):
            read(accelerator, "STATUS")
        assert accelerator.violations["address_after_irq"] >= 5


SIZE = 8 * standin.BURST
TARGET = standin.DISTANCE


def counted(reads: int, writes: int) -> dict[str, int]:
    counts = {"outside_read": reads, "outside_write": writes}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(
    ("windows", "wanted"),
    [
        (None, counted(0, 0)),
        ([], counted(4, 4)),
        ([(0, BYTES - 1, True, True)], counted(0, 0)),
        ([(0, BYTES - 1, True, False)], counted(0, 4)),
        ([(0, BYTES - 1, False, True)], counted(4, 0)),
        (
            [(0, 4 * SIZE - 1, True, False), (TARGET, TARGET + 4 * SIZE - 1, False, True)],
            counted(0, 0),
        ),
        ([(0, 4 * SIZE - 1, False, True), (TARGET, BYTES, True, False)], counted(4, 4)),
        ([(0, 4 * SIZE - 2, True, True), (TARGET + 1, BYTES, True, True)], counted(1, 1)),
        # Together they hold the bursts, but no burst lies in one of them alone.
        ([(0, SIZE // 2, True, True), (SIZE // 2 + 1, BYTES, True, True)], counted(1, 0)),
    ],
)
def test_windows(windows: list[tuple[int, int, bool, bool]] | None, wanted: dict[str, int]) -> None:
    with make(stall=0.4) as accelerator:
        accelerator.watch(windows)
        start(accelerator, 4)
        assert accelerator.run(10_000)
        assert accelerator.violations == wanted
        accelerator.watch(None)
        start(accelerator, 4)
        assert accelerator.run(10_000)
        assert accelerator.violations == wanted


def test_addresses_outside_that_are_only_offered() -> None:
    with make() as accelerator:
        accelerator.watch([])
        accelerator.inject("hang_ar")
        start(accelerator, 4)
        assert not accelerator.run(100)
        assert accelerator.statistics()["read_bursts"] == 0
        assert accelerator.violations == {"outside_read": 1}


@pytest.mark.parametrize(
    ("base", "kinds"),
    [(4096 - 16, {"4k_boundary"}), (4096 - 32, set()), (4, {"unaligned"})],
)
def test_addresses_are_watched(base: int, kinds: set[str]) -> None:
    with make() as accelerator:
        start(accelerator, 1, base=base)
        assert accelerator.run(10_000)
        assert set(accelerator.violations) == kinds


def test_registers() -> None:
    with make() as accelerator:
        assert read(accelerator, "ID") == 0x4D41_5457
        accelerator.write_register(standin.address("PROGRAM_LO"), 0xFFFF_FFFF)
        assert read(accelerator, "PROGRAM_LO") == 0xFFFF_FFFF
        with pytest.raises(RegisterError, match="read must be answered OKAY, not SLVERR at 0x1800"):
            accelerator.read_register(0x1800)
        with pytest.raises(
            RegisterError, match="write must be answered OKAY, not SLVERR at 0x1800"
        ):
            accelerator.write_register(0x1800, 0)
        with pytest.raises(ValueError, match="must be of 32 bits, not 4294967296"):
            accelerator.write_register(0, 1 << 32)


def test_a_write_and_a_read_side_by_side() -> None:
    """In whatever order their parts come, both are done."""
    rng = np.random.default_rng(5)
    program, enable = standin.address("PROGRAM_LO"), standin.address("IRQ_ENABLE")
    with make() as accelerator:
        accelerator.write_register(enable, 2)
        for _ in range(20):
            value = int(rng.integers(1 << 32))
            after = tuple(int(wait) for wait in rng.integers(0, 5, 5))
            read = accelerator.access((program, value, 15), enable, prot=5, after=after)  # type: ignore[arg-type]
            assert read == 2
            assert accelerator.access(None, program) == value
        assert accelerator.violations == {}


def test_run_stops_at_its_bound() -> None:
    with make() as accelerator:
        before = accelerator.cycles
        assert not accelerator.run(123)
        assert accelerator.cycles - before == 123
        start(accelerator, 4)
        assert not accelerator.run(3)
        assert accelerator.run(10_000)
        assert accelerator.irq
        stopped = accelerator.cycles
        assert accelerator.run(10_000)
        assert accelerator.cycles == stopped


def test_reset_in_the_middle() -> None:
    with make(read_latency=50) as accelerator:
        start(accelerator, 10)
        accelerator.run(20)
        accelerator.reset()
        assert accelerator.cycles == 0
        assert read(accelerator, "STATUS") == 0
        before = accelerator.memory.copy()
        start(accelerator, 10)
        assert accelerator.run(10_000)
        assert copied(accelerator, before, 10)
        assert read(accelerator, "BEATS_READ") == 10 * standin.BURST
        assert accelerator.violations == {}


def test_reset_starts_the_draws_again() -> None:
    with make(stall=0.4) as accelerator:
        cycles = []
        for _ in range(2):
            start(accelerator, 100)
            assert accelerator.run(100_000)
            cycles.append(read(accelerator, "CYCLES"))
            accelerator.reset()
        assert cycles[0] == cycles[1]


@pytest.mark.parametrize("width", WIDTHS)
def test_strobes(width: int) -> None:
    with make(width) as accelerator:
        before = accelerator.memory.copy()
        pattern = 0x9E37_79B9
        accelerator.write_register(standin.STROBE, pattern)
        start(accelerator, 2)
        assert accelerator.run(10_000)
        size = 2 * standin.BURST * width // 8
        lanes = np.arange(size) % (width // 8) % 32
        written = (pattern >> lanes & 1).astype(bool)
        target = before[standin.DISTANCE :][:size]
        target[written] = before[:size][written]
        assert np.array_equal(accelerator.memory, before)


def test_two_at_once() -> None:
    with make(64) as one, make(64) as same, make(128) as other:
        for accelerator in (one, same, other):
            start(accelerator, 8)
        before = [accelerator.memory.copy() for accelerator in (one, same, other)]
        for _ in range(200):
            for accelerator in (one, same, other):
                accelerator.run(1)
        for accelerator, was in zip((one, same, other), before, strict=True):
            assert accelerator.irq
            assert copied(accelerator, was, 8)


def test_memory_outlives_close() -> None:
    accelerator = make()
    memory = accelerator.memory
    was = memory.copy()
    accelerator.close()
    accelerator.close()
    memory[0] ^= 1
    assert np.count_nonzero(memory != was) == 1
    with pytest.raises(ValueError, match="must be open, and is closed"):
        accelerator.run(1)
    with pytest.raises(ValueError, match="must be open, and is closed"):
        accelerator.statistics()


def test_trace(tmp_path: Path) -> None:
    with make(trace=tmp_path / "wave.vcd") as accelerator:
        start(accelerator, 2)
        assert accelerator.run(10_000)
        cycles = accelerator.cycles
    text = (tmp_path / "wave.vcd").read_text()
    assert "m_axi_araddr" in text
    stamps = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    # 10 ns per cycle, two cycles of reset before the first; the last edge is the falling one.
    assert "$timescale 1ns" in text
    assert stamps[-1] == 10 * (cycles + 2) - 5


def test_second_start_is_quick() -> None:
    make().close()
    begin = time.perf_counter()
    make().close()
    assert time.perf_counter() - begin < 2


def test_fst_without_its_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATWRIGHT_CACHE", str(tmp_path))

    def refuse(*_: object) -> None:
        raise BuildError("lz4.h: No such file")

    monkeypatch.setattr(library, "_compile", refuse)
    with pytest.raises(ToolError, match="lz4.h and zlib.h; install them with `apt-get install"):
        make(trace=tmp_path / "wave.fst")
    with pytest.raises(BuildError, match=r"lz4\.h"):
        make(trace=tmp_path / "wave.vcd")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_bytes": 12}, "memory_bytes must be a multiple of 8, not 12"),
        ({"memory_bytes": 0}, "memory_bytes must be a multiple of 8, not 0"),
        ({"read_latency": 0}, "read_latency must be at least 1 cycle, not 0"),
        ({"write_latency": 0}, "write_latency must be at least 1 cycle, not 0"),
        ({"stall": 1.0}, "stall must be at least 0 and less than 1, not 1.0"),
        ({"stall": -0.1}, "stall must be at least 0 and less than 1, not -0.1"),
    ],
)
def test_refused_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        make(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("read_oops",), {}, f"fault must be one of {', '.join(FAULTS)}, not 'read_oops'"),
        (("read_id", -1), {}, "the burst of read_id must be at least 0, not -1"),
        (("hang_r", -1), {}, "the burst of hang_r must be at least 0, not -1"),
        (("read_id", 0), {"beat": 256}, "beat must be at least 0 and less than 256, not 256"),
        (("read_id", 0), {"beat": -1}, "beat must be at least 0 and less than 256, not -1"),
        (
            ("read_last_late",),
            {"extra": 256},
            "extra must be at least 0 and less than 256, not 256",
        ),
        (("read_last_late",), {"extra": -1}, "extra must be at least 0 and less than 256, not -1"),
        (("write_id",), {"bus_id": 1 << ID_WIDTH}, f"bus_id must be of {ID_WIDTH} bits, not 16"),
    ],
)
def test_refused_faults(
    arguments: tuple[object, ...], options: dict[str, int], message: str
) -> None:
    with make() as accelerator:
        with pytest.raises(ValueError, match=f"^{message}$"):
            accelerator.inject(*arguments, **options)  # type: ignore[arg-type]


def test_refused_errors() -> None:
    with make() as accelerator:
        with pytest.raises(ValueError, match="channel must be read or write, not 'aw'"):
            accelerator.inject_error("aw", 0)
        with pytest.raises(ValueError, match="response must be SLVERR or DECERR, not 'OKAY'"):
            accelerator.inject_error("read", 0, "OKAY")


@pytest.mark.parametrize(("base", "limit"), [(2, 1), (-1, 1), (0, 1 << 64)])
def test_refused_windows(base: int, limit: int) -> None:
    message = f"first <= last < 2**64, not {base:#x} to {limit:#x}"
    with make() as accelerator:
        with pytest.raises(ValueError, match=re.escape(message)):
            accelerator.watch([(base, limit, True, True)])


def test_refused_verilog() -> None:
    config = standin.config(64)
    good = standin.verilog(config.bus)

    def attempt(text: str) -> None:
        CompiledAccelerator(config, text, memory_bytes=BYTES).close()

    with pytest.raises(BuildError, match="must hold a module, and holds none"):
        attempt("")
    with pytest.raises(BuildError, match="ports; standin differs in interrupt, irq$"):
        attempt(good.replace("output irq", "output interrupt"))
    with pytest.raises(BuildError, match="differs in m_axi_rdata, m_axi_wdata, m_axi_wstrb$"):
        attempt(standin.verilog(standin.config(128).bus))
    with pytest.raises(BuildError, match="must have the accelerator's ports, not standin, twin$"):
        attempt(good + good.replace("module standin", "module twin"))
    with pytest.raises(BuildError, match=r"Verilator refused standin:\n(.|\n)*syntax error"):
        attempt(good.replace("// Reads.", "nonsense"))
