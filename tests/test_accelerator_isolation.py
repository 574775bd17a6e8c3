# SPDX-License-Identifier: Apache-2.0
"""The windows of the whole accelerator: what is outside is neither read nor written, whoever asks."""

from collections.abc import Iterator

import numpy as np
import pytest
from amaranth import Const, Module

import hostile
from matwright.bus.register_map import MOST_WINDOWS, PAGE_BYTES, WINDOW
from matwright.bus.window import Window
from matwright.emit import to_verilog
from matwright.presets import PRESETS
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Error, Flag
from matwright.schedule.region import RegionCheck
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.golden.machine import GoldenMachine, regions
from matwright_sim.verilog import cached_verilog

CONFIG = PRESETS["small"]
BEAT = CONFIG.bus.bytes
MEMORY = 1 << 17
ALL = Window(0, MEMORY - 1)
SHAPES = [(9, 7, 11), (12, 17, 20), (5, 9, 8)]
DONE, ERROR = 2, 4


@pytest.fixture
def machine() -> Iterator[CompiledAccelerator]:
    with CompiledAccelerator(
        CONFIG, cached_verilog(CONFIG), memory_bytes=MEMORY, stall=0.1, seed=3
    ) as made:
        yield made


LARGE = [(40, 41, 39), (30, 50, 60), (70, 20, 90)]
"""Some pages of operands and results."""


def program(seed: int, flags: int | None = None, shapes: list = SHAPES) -> ProgramImage:
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    return build_program(CONFIG, rng, shapes, memory_bytes=MEMORY, flags=flags)


def watch(machine: CompiledAccelerator, windows: list[Window]) -> None:
    machine.watch([(w.base, w.limit, w.read, w.write) for w in windows])


def check_works(host: Host, seed: int) -> None:
    good = program(seed)
    host.machine.watch(None)
    host.open([ALL])
    host.machine.memory[:] = good.before
    assert host.run(good.address, good.count), "no interrupt"
    assert host.read("STATUS") == DONE
    assert np.array_equal(host.machine.memory, good.after)
    assert host.machine.violations == {}


def test_all_is_closed_after_reset(machine: CompiledAccelerator) -> None:
    """Nothing is read, not even the first descriptor, until the host opens a window."""
    host = Host(machine)
    for after_reset in (False, True):
        if after_reset:
            machine.reset()
        else:
            host.open([])
        good = program(1)
        machine.memory[:] = good.before
        before = machine.statistics()["read_bursts"]
        assert host.run(good.address, good.count), "no interrupt"
        assert host.error() == (Error.WINDOW, 0, good.address)
        assert machine.statistics()["read_bursts"] == before
        assert np.array_equal(machine.memory, good.before)
        host.reset()
    check_works(host, 2)


@pytest.mark.parametrize("field", ["a_addr", "b_addr", "d_addr", "params"])
@pytest.mark.parametrize("fault", ["outside", "no_permission", "end_outside", "across"])
def test_operand_outside(machine: CompiledAccelerator, field: str, fault: str) -> None:
    """A descriptor is refused as a whole, when the ones before it are complete."""
    host = Host(machine)
    bad = program(5, flags=Flag.TABLE)
    index = 1
    descriptor = bad.descriptors[index]
    order = ["a_addr", "b_addr", "d_addr", "params"]
    base, limit, _ = regions(CONFIG, descriptor)[order.index(field)]
    # Everything stands in the first half of memory; the operand at fault moves to the second.
    half = MEMORY // 2
    assert max(r.stop for r in bad.regions) <= half
    first = Window(0, half - 1)
    place = {
        "outside": half + 4 * PAGE_BYTES,
        "no_permission": half,
        "end_outside": half + PAGE_BYTES - (limit + 1 - base) + BEAT,
        "across": half - BEAT,
    }[fault]
    second = Window(half, half + PAGE_BYTES - 1)
    if fault == "no_permission":
        second = Window(
            half, half + PAGE_BYTES - 1, read=field == "d_addr", write=field != "d_addr"
        )
    fields = {name: getattr(descriptor, name) for name in descriptor.__dataclass_fields__}
    bad.put(index, type(descriptor)(**(fields | {field: place})).pack())
    windows = [first, second]

    expected = bad.before.copy()
    outcome = GoldenMachine(CONFIG, expected, windows).run(bad.address, bad.count)
    address = bad.address + DESCRIPTOR_BYTES * index
    assert outcome == (index, Error.WINDOW, index, address)
    host.open(windows)
    watch(machine, windows)
    machine.memory[:] = bad.before
    assert host.run(bad.address, bad.count), "no interrupt"
    assert host.error() == (Error.WINDOW, index, address)
    assert host.read("COMPLETED") == index
    assert np.array_equal(machine.memory, expected)
    host.reset()
    check_works(host, 6)


def test_windows_hold_still_while_a_program_runs(machine: CompiledAccelerator) -> None:
    """At random moments the host tries to close, move and widen them: nothing changes."""
    host = Host(machine)
    rng = np.random.default_rng(7)
    offsets = [f"WINDOW{i}_{name}" for i in range(CONFIG.bus.windows) for name in WINDOW]
    for moment in rng.integers(0, 300, 12):
        good = program(int(moment))
        host.open([ALL, Window(0, PAGE_BYTES - 1, write=False)])
        before = {name: host.read(name) for name in offsets}
        machine.memory[:] = good.before
        assert not host.run(good.address, good.count, int(moment))
        for name in offsets:
            host.write(name, int(rng.integers(0, 1 << 32)))
        assert machine.run(1_000_000), "no interrupt"
        assert {name: host.read(name) for name in offsets} == before
        assert np.array_equal(machine.memory, good.after)


def test_a_window_that_is_moved_is_closed(machine: CompiledAccelerator) -> None:
    """Between the writes of its registers it permits nothing, neither the old nor the mixed pages."""
    host = Host(machine, [Window(16 * PAGE_BYTES, 17 * PAGE_BYTES - 1)])
    *bounds, control = Window(0, PAGE_BYTES - 1).registers(0).items()
    for offset, value in bounds:
        machine.write_register(offset, value)
        good = program(12)
        machine.memory[:] = good.before
        assert host.run(good.address, good.count), "no interrupt"
        assert host.error()[0] == Error.WINDOW
        host.reset()
    machine.write_register(*control)
    assert host.run(good.address, 1), "no interrupt"
    assert host.read("STATUS") == DONE


def test_windows_hold_still_after_an_error(machine: CompiledAccelerator) -> None:
    """Until the soft reset: what is on its way must not find an open window."""
    host = Host(machine, [])
    assert host.run(0, 1), "no interrupt"
    assert host.read("STATUS") == ERROR
    host.open([ALL])
    assert host.read("WINDOW0_CONTROL") == 0
    host.reset()
    host.open([ALL])
    assert host.read("WINDOW0_CONTROL") == 3


def test_lock(machine: CompiledAccelerator) -> None:
    """A locked window outlives soft resets and contexts, not ``rst``; the others close with the context."""
    host = Host(machine, [ALL, ALL])
    mine = Window(4 * PAGE_BYTES, 5 * PAGE_BYTES - 1, write=False)
    for offset, value in mine.registers(1, lock=True).items():
        machine.write_register(offset, value)
    for action in ("write", "reset", "context"):
        if action == "write":
            for name in WINDOW:
                host.write(f"WINDOW1_{name}", 0)
        elif action == "reset":
            host.reset()
        else:
            host.end_context()
        assert host.read("WINDOW1_BASE_LO") == mine.base
        assert host.read("WINDOW1_LIMIT_LO") == mine.limit
        assert host.read("WINDOW1_CONTROL") == 0b101
        assert host.read("WINDOW0_CONTROL") == (0 if action == "context" else 3)
    machine.reset()
    assert host.read("WINDOW1_CONTROL") == 0
    check_works(host, 8)


def test_windows_that_are_not_built(machine: CompiledAccelerator) -> None:
    host = Host(machine)
    for i in range(CONFIG.bus.windows, MOST_WINDOWS):
        for name in WINDOW:
            host.write(f"WINDOW{i}_{name}", 0xFFFF_FFFF)
            assert host.read(f"WINDOW{i}_{name}") == 0


def test_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the check of descriptors taken out, what they ask for outside stops at the bus.

    At whatever burst of the program it is, for reads and for writes.
    """

    def blind(self: RegionCheck, platform: object) -> Module:
        m = Module()
        m.d.sync += [self.done.eq(self.start | self.done)]
        m.d.comb += [self.inside.eq(self.done | self.start), self.readable.eq(Const(1))]
        return m

    monkeypatch.setattr(RegionCheck, "elaborate", blind)
    rng = np.random.default_rng(9)
    with CompiledAccelerator(
        CONFIG, to_verilog(CONFIG), memory_bytes=MEMORY, stall=0.2, seed=10
    ) as machine:
        host = Host(machine)
        seen = set()
        for case in range(60):
            good = program(case, shapes=LARGE)
            used = max(region.stop for region in good.regions)
            cut = int(rng.integers(0, used // PAGE_BYTES + 2)) * PAGE_BYTES
            write = bool(rng.integers(2))
            windows = [Window(cut, MEMORY - 1, write, not write)]
            if cut:
                windows.insert(0, Window(0, cut - 1))
            host.open(windows)
            watch(machine, windows)
            machine.memory[:] = good.before
            assert host.run(good.address, good.count), "no interrupt"
            assert machine.violations == {}
            if host.read("STATUS") == DONE:
                continue
            code, index, address = host.error()
            assert (code, index) == (Error.GUARD, host.read("COMPLETED"))
            assert address >= cut
            seen.add(good.at(address).role)
            for changed in np.flatnonzero(machine.memory != good.before):
                assert good.at(int(changed)).role == "d"
            host.reset()
            check_works(host, 100 + case)
        assert seen >= {"code", "a", "b", "d"}


def test_hostile_descriptors() -> None:
    """A small campaign; ``scripts/hostile.py`` runs the large one."""
    seed = int(np.random.default_rng().integers(1 << 40))
    print(f"seed {seed}")
    summary = hostile.Hostile(PRESETS["tiny"]).run(seed, 1000)
    assert summary.wrong == []
    assert (summary.outside, summary.hangs) == (0, 0)
    assert summary.descriptors == 1000
    assert set(summary.outcomes) > {"WINDOW", "NONE", "OPCODE", "ALIGNMENT"}
