# SPDX-License-Identifier: Apache-2.0
"""Windows of the golden machine: what a program may reach, and that nothing wraps."""

import dataclasses
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from matwright import layout
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig, Build, Bus, Limits, Sram
from matwright.schedule.descriptor import Descriptor, Error, Flag
from matwright.schedule.loader import Target
from matwright_sim.benches.schedule_jobs import CONFIGS, random_gemm, reads, writes
from matwright_sim.golden.machine import GoldenMachine, Outcome, regions

SIZE = 1 << 16
CONFIG = AcceleratorConfig(
    rows=6,
    cols=5,
    sram=Sram(activation_rows=64, weight_tiles=8, accumulator_rows=32, column_panels=4),
    bus=Bus(data_width=64, addr_width=16),
    limits=Limits(max_m=1000, max_n=1000, max_k=1000),
    build=Build(post_lanes=1),
)
A = np.random.default_rng(1).integers(-128, 128, (4, 11))
B = np.random.default_rng(2).integers(-128, 128, (11, 7))
CODE = Window(0x5000, 0x5FFF, write=False)
OPERANDS = Window(0x1000, 0x2FFF, write=False)
RESULT = Window(0x3000, 0x3FFF, read=False)
WINDOWS = (CODE, OPERANDS, RESULT)


def _descriptor(**changes: Any) -> Descriptor:
    """A at the end of page 1, B at the beginning of page 2, D in page 3."""
    fields: dict[str, Any] = {"flags": Flag.RAW, "m": 4, "n": 7, "k": 11, "tile_rows": 4}
    fields |= {"a_stride": 16, "b_stride": 96, "d_stride": 64}
    fields |= {"a_addr": 0x1FC0, "b_addr": 0x2000, "d_addr": 0x3000, "params": 0x2F80}
    return Descriptor(**fields | changes)


def _run(
    windows: Sequence[Window] | None, *program: Descriptor, addr: int = 0x5040
) -> tuple[Outcome, Any, Any]:
    """Outcome, and memory before and after. Code behind the end of memory is at its beginning."""
    memory = np.random.default_rng(3).integers(0, 256, SIZE, np.uint8)
    code = np.frombuffer(b"".join(descriptor.pack() for descriptor in program), np.uint8)
    parts = ((0x1FC0, layout.pack_a(CONFIG, A)), (0x2000, layout.pack_b(CONFIG, B)), (addr, code))
    for start, data in parts:
        memory[(start + np.arange(data.size)) % SIZE] = data
    before = memory.copy()
    return GoldenMachine(CONFIG, memory, windows).run(addr, len(program)), before, memory


@pytest.mark.parametrize("windows", [WINDOWS, WINDOWS[::-1], None])
def test_windows_that_are_wide_enough(windows: Sequence[Window] | None) -> None:
    outcome, _, memory = _run(windows, _descriptor())
    assert outcome == (1, Error.NONE, 0, 0)
    assert np.array_equal(layout.unpack_d(CONFIG, memory[0x3000:], 4, 7, 64, raw=True), A @ B)


TABLE = Flag.RAW | Flag.TABLE


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        # A has four rows of 16 bytes, B two of 96, D four of 40; the table has 128 bytes.
        ({"a_addr": 0x1000}, Error.NONE),
        ({"a_addr": 0x0FF8}, Error.WINDOW),
        ({"a_addr": 0x2FC0}, Error.NONE),
        ({"a_addr": 0x2FC8}, Error.WINDOW),
        ({"a_addr": 0x1000, "a_stride": 0xAA8}, Error.WINDOW),
        ({"a_addr": 0x1000, "a_stride": 0xAA0}, Error.NONE),
        ({"b_addr": 0x2F40}, Error.NONE),
        ({"b_addr": 0x2F48}, Error.WINDOW),
        ({"b_stride": 0xFA0}, Error.NONE),
        ({"b_stride": 0xFA8}, Error.WINDOW),
        ({"d_addr": 0x3F18}, Error.NONE),
        ({"d_addr": 0x3F20}, Error.WINDOW),
        ({"d_addr": 0x2FF8}, Error.WINDOW),
        ({"d_stride": 0x548}, Error.NONE),
        ({"d_stride": 0x550}, Error.WINDOW),
        ({"d_stride": 0xFFFF_FFF8}, Error.WINDOW),
        ({"m": 1, "d_stride": 0xFFFF_FFF8}, Error.NONE),
        ({"flags": TABLE}, Error.NONE),
        ({"flags": TABLE, "params": 0x2F88}, Error.WINDOW),
        ({"params": 0x2F88}, Error.NONE),
        # Open, but not for this.
        *(
            ({"flags": TABLE, name: 0x3000}, Error.WINDOW)
            for name in ("a_addr", "b_addr", "params")
        ),
        ({"d_addr": 0x2000}, Error.WINDOW),
        ({"a_addr": 0x5100}, Error.NONE),
        # Open in no window.
        *(({name: 0x4000}, Error.WINDOW) for name in ("a_addr", "b_addr", "d_addr")),
    ],
)
def test_operands_and_result(changes: dict[str, Any], error: Error) -> None:
    """The second descriptor runs, or it leaves no trace and the third does not run."""
    later = _descriptor(d_addr=0x3400)
    outcome, before, memory = _run(WINDOWS, _descriptor(), _descriptor(**changes), later)
    if error == Error.NONE:
        assert outcome == (3, Error.NONE, 0, 0)
        return
    assert outcome == (1, error, 1, 0x5080)
    assert np.array_equal(layout.unpack_d(CONFIG, memory[0x3000:], 4, 7, 64, raw=True), A @ B)
    memory[0x3000:0x3100] = before[0x3000:0x3100]
    assert np.array_equal(memory, before)


def test_two_windows_are_not_one() -> None:
    pages = [Window(0x1000, 0x1FFF), Window(0x2000, 0x2FFF)]
    crossing = _descriptor(a_stride=24)
    assert _run([CODE, *pages, RESULT], _descriptor())[0].completed == 1
    assert _run([CODE, *pages, RESULT], crossing)[0] == (0, Error.WINDOW, 0, 0x5040)
    assert _run([CODE, *pages, OPERANDS, RESULT], crossing)[0].completed == 1


@pytest.mark.parametrize(
    ("windows", "addr", "outcome"),
    [
        ([], 0x5040, (0, Error.WINDOW, 0, 0x5040)),
        (WINDOWS[1:], 0x5040, (0, Error.WINDOW, 0, 0x5040)),
        (
            (Window(0x5000, 0x5FFF, read=False), *WINDOWS[1:]),
            0x5040,
            (0, Error.WINDOW, 0, 0x5040),
        ),
        (WINDOWS, 0x5F40, (3, Error.NONE, 0, 0)),
        (WINDOWS, 0x5F80, (2, Error.WINDOW, 2, 0x6000)),
        (WINDOWS, 0x5FC0, (1, Error.WINDOW, 1, 0x6000)),
        (WINDOWS, 0x6000, (0, Error.WINDOW, 0, 0x6000)),
        (WINDOWS, 0x4FC0, (0, Error.WINDOW, 0, 0x4FC0)),
        # Each descriptor is in a window, not all in one.
        ((*WINDOWS, Window(0x6000, 0x6FFF)), 0x5F80, (3, Error.NONE, 0, 0)),
        # A program may end where memory does; it does not go on at 0.
        (None, SIZE - 192, (3, Error.NONE, 0, 0)),
        (None, SIZE - 128, (2, Error.WINDOW, 2, 0)),
        (None, SIZE - 64, (1, Error.WINDOW, 1, 0)),
    ],
)
def test_program(
    windows: Sequence[Window] | None, addr: int, outcome: tuple[int, Error, int, int]
) -> None:
    """Three descriptors at ``addr``: one that is in no window is not even read."""
    assert _run(windows, *3 * [_descriptor()], addr=addr)[0] == outcome


def test_no_descriptors_need_no_window() -> None:
    assert _run([])[0] == (0, Error.NONE, 0, 0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"a_addr": SIZE - 64}, Error.NONE),
        ({"a_addr": SIZE - 56}, Error.WINDOW),
        ({"b_addr": SIZE - 192}, Error.NONE),
        ({"b_addr": SIZE - 184}, Error.WINDOW),
        ({"d_addr": SIZE - 232}, Error.NONE),
        ({"d_addr": SIZE - 224}, Error.WINDOW),
        ({"flags": TABLE, "params": SIZE - 128}, Error.NONE),
        ({"flags": TABLE, "params": SIZE - 120}, Error.WINDOW),
        # These would be back where they began.
        ({"m": 2, "a_stride": SIZE}, Error.WINDOW),
        ({"m": 3, "d_stride": 1 << 31}, Error.WINDOW),
    ],
)
def test_addresses_do_not_wrap(changes: dict[str, Any], error: Error) -> None:
    """By default all addresses are open, and a region that runs past the last is in no window."""
    outcome, before, memory = _run(None, _descriptor(**changes))
    assert outcome == (int(error == Error.NONE), error, 0, 0 if error == Error.NONE else 0x5040)
    assert np.array_equal(memory, before) == (error != Error.NONE)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"opcode": 2}, Error.OPCODE),
        ({"m": 1001}, Error.SIZE),
        ({"tile_rows": 33}, Error.TILE),
        ({"a_stride": 4}, Error.ALIGNMENT),
        ({"d_addr": SIZE}, Error.ADDRESS),
        ({"flags": TABLE, "params": SIZE}, Error.ADDRESS),
        ({}, Error.WINDOW),
    ],
)
def test_fields_come_before_windows(changes: dict[str, Any], error: Error) -> None:
    """With all but the code closed, whatever is wrong with the fields is reported first."""
    assert _run([CODE], _descriptor(**changes))[0] == (0, error, 0, 0x5040)


def test_the_address_of_the_program_comes_before_windows() -> None:
    machine = GoldenMachine(CONFIG, np.zeros(SIZE, np.uint8), [])
    assert machine.run(0x20, 1) == (0, Error.ALIGNMENT, 0, 0x20)
    assert machine.run(SIZE, 1) == (0, Error.ADDRESS, 0, 0)


def test_windows_come_before_the_bus() -> None:
    """Beyond memory there is a bus error, but only in a window."""
    memory = np.zeros(0x6000, np.uint8)
    memory[0x5040:0x5080] = np.frombuffer(_descriptor(a_addr=0x8000).pack(), np.uint8)
    assert GoldenMachine(CONFIG, memory, WINDOWS).run(0x5040, 1).error == Error.WINDOW
    wide = (*WINDOWS, Window(0x8000, 0x8FFF))
    outcome = GoldenMachine(CONFIG, memory, wide).run(0x5040, 1)
    assert outcome == (0, Error.READ_RESPONSE, 0, 0x8000)
    assert GoldenMachine(CONFIG, memory, WINDOWS).run(0x6000, 1).error == Error.WINDOW
    assert GoldenMachine(CONFIG, memory, wide).run(0x8000, 1).error == Error.READ_RESPONSE


def _near(rng: Random, config: AcceleratorConfig) -> Descriptor:
    """A legal descriptor in the lower half of memory of 24-bit addresses."""
    beat = config.bus.bytes
    near = {f"{name}_stride": rng.randrange(1 << 15) // beat * beat for name in "abd"}
    near |= {f"{name}_addr": rng.randrange(1 << 22) // beat * beat for name in "abd"}
    near["params"] = rng.randrange(1 << 22) // beat * beat
    return dataclasses.replace(random_gemm(rng, config, 300), **near)


@pytest.mark.parametrize("name", CONFIGS)
def test_regions_are_what_the_engines_reach(name: str) -> None:
    """First and last byte of all requests, as the benches of the engines have them."""
    config = CONFIGS[name]
    seed = f"regions {name}"
    print(f"seed {seed}")
    rng = Random(seed)
    beat = config.bus.bytes
    for _ in range(60):
        d = _near(rng, config)
        loads = reads(config, d)
        found: dict[Any, list[tuple[int, int]]] = {
            target: [(r.addr, r.beats) for r in loads if r.target == target]
            for target in (Target.ACTIVATION, Target.WEIGHT, Target.PARAMETER)
        }
        found["write"] = [(w.addr, w.beats) for w in writes(config, d)]
        order = (Target.ACTIVATION, Target.WEIGHT, "write", Target.PARAMETER)
        wanted = [
            (
                min(addr for addr, _ in found[kind]),
                max(addr + beats * beat for addr, beats in found[kind]) - 1,
                "write" if kind == "write" else "read",
            )
            for kind in order
            if found[kind]
        ]
        assert regions(config, d) == wanted, d


@pytest.mark.parametrize("name", CONFIGS)
def test_memory_may_end_where_the_last_region_does(name: str) -> None:
    """With a beat less there is a bus error."""
    config = CONFIGS[name]
    seed = f"ends {name}"
    print(f"seed {seed}")
    rng = Random(seed)
    for _ in range(20):
        # Of the regions, each is the last one now and then.
        d = dataclasses.replace(_near(rng, config), **{rng.choice(["a_addr", "d_addr"]): 1 << 22})
        end = max(last for _, last, _ in regions(config, d)) + 1
        for size, errors in (
            (end, {Error.NONE}),
            (end - config.bus.bytes, {Error.READ_RESPONSE, Error.WRITE_RESPONSE}),
        ):
            memory = np.zeros(size, np.uint8)
            memory[:64] = np.frombuffer(d.pack(), np.uint8)
            assert GoldenMachine(config, memory).run(0, 1).error in errors, (size, d)


def test_a_window_must_end_in_the_address_space() -> None:
    with pytest.raises(ValueError, match="a window must end below 0x10000, not at 0x10fff"):
        GoldenMachine(CONFIG, np.zeros(4096, np.uint8), [Window(0, 0x10FFF)])
