# SPDX-License-Identifier: Apache-2.0
"""What the whole accelerator does with bad programs and a bad bus, and that it goes on after."""

from collections.abc import Iterator

import numpy as np
import pytest

from matwright.bus.register_map import COUNTERS
from matwright.presets import PRESETS
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Error, Flag
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import ProgramImage, build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.golden.machine import GoldenMachine
from matwright_sim.verilog import cached_verilog

CONFIG = PRESETS["small"]
BEAT = CONFIG.bus.bytes
MEMORY = 1 << 17
SHAPES = [(9, 7, 11), (12, 17, 20), (5, 9, 8)]

STATUS_DONE, STATUS_ERROR = 2, 4
IRQ_DONE, IRQ_ERROR = 1, 2


@pytest.fixture
def host() -> Iterator[Host]:
    with CompiledAccelerator(CONFIG, cached_verilog(CONFIG), memory_bytes=MEMORY) as machine:
        yield Host(machine)


def program(seed: int, flags: int | None = None) -> ProgramImage:
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    return build_program(CONFIG, rng, SHAPES, memory_bytes=MEMORY, flags=flags)


def check_works(host: Host, seed: int) -> None:
    """A good program gives every byte."""
    good = program(seed)
    host.machine.memory[:] = good.before
    assert host.run(good.address, good.count)
    assert (host.read("STATUS"), host.read("IRQ_CAUSE")) == (STATUS_DONE, IRQ_DONE)
    assert np.array_equal(host.machine.memory, good.after)
    assert host.machine.violations == {}


def check_stops(host: Host, good: int) -> None:
    """The machine says that it stopped by an error, and forgets it when it is reset."""
    assert (host.read("STATUS"), host.read("IRQ_CAUSE")) == (STATUS_ERROR, IRQ_ERROR)
    assert host.machine.irq
    # A doorbell without a reset is ignored.
    before = host.error()
    host.write("CONTROL", 1)
    assert not host.machine.run(500) or host.read("STATUS") == STATUS_ERROR
    assert host.error() == before
    host.reset()
    assert host.read("STATUS") == 0
    assert host.error() == (Error.NONE, 0, 0)
    check_works(host, good)


def raw(descriptor: Descriptor, **changes: int) -> bytes:
    """A descriptor's bytes with some fields changed."""
    fields = {name: getattr(descriptor, name) for name in descriptor.__dataclass_fields__}
    return Descriptor(**(fields | changes)).pack()


def with_bit(code: bytes, bit: int) -> bytes:
    return (int.from_bytes(code, "little") | 1 << bit).to_bytes(len(code), "little")


LIMITS = CONFIG.limits
BAD_FIELDS: list[tuple[Error, dict[str, int]]] = [
    (Error.OPCODE, {"opcode": 0}),
    (Error.OPCODE, {"opcode": 2}),
    (Error.OPCODE, {"opcode": 255, "m": 0}),
    (Error.SIZE, {"m": 0}),
    (Error.SIZE, {"n": 0}),
    (Error.SIZE, {"k": 0, "tile_rows": 0}),
    (Error.SIZE, {"m": LIMITS.max_m + 1}),
    (Error.SIZE, {"n": LIMITS.max_n + 1}),
    (Error.SIZE, {"k": LIMITS.max_k + 1}),
    (Error.SIZE, {"k": 0xFFFF_FFFF}),
    (Error.TILE, {"tile_rows": 0}),
    (Error.TILE, {"tile_rows": CONFIG.sram.accumulator_rows + 1, "n_panels_log2": 0}),
    (Error.TILE, {"tile_rows": CONFIG.sram.accumulator_rows, "n_panels_log2": 1}),
    (Error.TILE, {"tile_rows": 1, "n_panels_log2": 4}),
    (Error.TILE, {"tile_rows": 1, "k_panels_log2": 15}),
    (Error.TILE, {"tile_rows": 2, "k_panels_log2": 10, "a_addr": 1}),
    (Error.ALIGNMENT, {"a_addr": 4}),
    (Error.ALIGNMENT, {"b_addr": BEAT + 1}),
    (Error.ALIGNMENT, {"d_addr": BEAT - 1}),
    (Error.ALIGNMENT, {"a_stride": 2}),
    (Error.ALIGNMENT, {"b_stride": 4}),
    (Error.ALIGNMENT, {"d_stride": 1}),
    (Error.ALIGNMENT, {"params": 4}),
    (Error.ADDRESS, {"a_addr": 1 << CONFIG.bus.addr_width}),
    (Error.ADDRESS, {"b_addr": 1 << 47}),
    (Error.ADDRESS, {"d_addr": 3 << CONFIG.bus.addr_width}),
    (Error.ADDRESS, {"params": 1 << CONFIG.bus.addr_width}),
]


@pytest.mark.parametrize(
    ("error", "changes"), BAD_FIELDS, ids=lambda x: x.name if isinstance(x, Error) else str(x)
)
def test_bad_field(host: Host, error: Error, changes: dict[str, int]) -> None:
    """As the golden machine says; the descriptors before complete, those after are not begun."""
    for index in range(len(SHAPES)):
        bad = program(7 + index, flags=Flag.TABLE)
        bad.put(index, raw(bad.descriptors[index], **changes))
        check_refused(host, bad, index, error)
    check_stops(host, 20)


@pytest.mark.parametrize("bit", [14, 15, 8 * 16 + 16, 8 * 38, 8 * 46 + 7, 8 * 54, 511])
def test_reserved_bit(host: Host, bit: int) -> None:
    bad = program(11)
    bad.put(1, with_bit(bad.descriptors[1].pack(), bit))
    check_refused(host, bad, 1, Error.RESERVED)
    check_stops(host, 21)


def check_refused(host: Host, bad: ProgramImage, index: int, error: Error) -> None:
    if host.read("STATUS") & STATUS_ERROR:
        host.reset()
    expected = bad.before.copy()
    outcome = GoldenMachine(CONFIG, expected).run(bad.address, bad.count)
    address = bad.address + DESCRIPTOR_BYTES * index
    assert outcome == (index, error, index, address)
    host.machine.memory[:] = bad.before
    assert host.run(bad.address, bad.count), "no interrupt"
    assert host.error() == (error, index, address)
    assert host.read("COMPLETED") == index
    assert np.array_equal(host.machine.memory, expected)


@pytest.mark.parametrize(
    ("error", "address"),
    [
        (Error.ALIGNMENT, 32),
        (Error.ALIGNMENT, 1),
        (Error.ADDRESS, 1 << CONFIG.bus.addr_width),
        (Error.ADDRESS, 1 << 47),
    ],
)
def test_bad_address_of_the_program(host: Host, error: Error, address: int) -> None:
    before = program(3).before
    host.machine.memory[:] = before
    assert host.run(address, 1), "no interrupt"
    code, index, _ = host.error()
    assert (code, index, host.read("COMPLETED")) == (error, 0, 0)
    assert host.machine.statistics()["read_bursts"] == 0
    assert np.array_equal(host.machine.memory, before)
    check_stops(host, 22)


def test_program_of_no_descriptors_is_complete_at_once(host: Host) -> None:
    assert host.run(0, 0, 100), "no interrupt"
    assert (host.read("STATUS"), host.read("IRQ_CAUSE")) == (STATUS_DONE, IRQ_DONE)
    assert (host.read("COMPLETED"), host.machine.statistics()["read_bursts"]) == (0, 0)
    check_works(host, 23)


# The bus.


def bus_error(channel: str, burst: int, response: str) -> int | None:
    """Index that is reported when one burst fails; None if the program has fewer bursts."""
    bad = program(40)
    timing = {"read_latency": 1 + 13 * burst % 60, "write_latency": 1 + 29 * burst % 60}
    with CompiledAccelerator(
        CONFIG, cached_verilog(CONFIG), memory_bytes=MEMORY, **timing
    ) as machine:
        host = Host(machine)
        machine.inject_error(channel, burst, response)
        machine.memory[:] = bad.before
        assert host.run(bad.address, bad.count), "no interrupt"
        if host.read("STATUS") == STATUS_DONE:
            assert machine.statistics()[f"{channel}_bursts"] <= burst
            return None
        code, index, address = host.error()
        assert code == (Error.READ_RESPONSE if channel == "read" else Error.WRITE_RESPONSE)
        region = bad.at(address)
        assert region.index == index, (region, index, hex(address), timing)
        assert (region.role == "d") == (channel == "write"), region
        for _ in range(200):
            host.read("STATUS")  # until no response is on its way any more
        completed = host.read("COMPLETED")
        assert completed <= index
        check_memory(bad, machine.memory, completed)
        check_stops(host, burst)
    return index


def check_memory(bad: ProgramImage, memory: np.ndarray, completed: int) -> None:
    """Results that are complete are right, and nothing but results has changed."""
    for place in np.flatnonzero(memory != bad.before):
        assert bad.at(int(place)).role == "d", hex(int(place))
    for region in bad.regions:
        if region.role == "d" and region.index < completed:
            span = slice(region.start, region.stop)
            assert np.array_equal(memory[span], bad.after[span]), region


@pytest.mark.parametrize("response", ["SLVERR", "DECERR"])
@pytest.mark.parametrize("channel", ["read", "write"])
def test_every_burst_may_fail(channel: str, response: str) -> None:
    """Whichever burst is answered with an error: code, index and address tell which it was."""
    indices = set()
    for burst in range(1000):
        index = bus_error(channel, burst, response)
        if index is None:
            break
        indices.add(index)
    assert indices == {0, 1, 2}


@pytest.mark.parametrize("field", ["a_addr", "b_addr", "d_addr", "params"])
def test_operand_outside_of_memory(host: Host, field: str) -> None:
    """The memory itself answers DECERR."""
    bad = program(31, flags=Flag.TABLE)
    outside = MEMORY + 64 * BEAT
    bad.put(1, raw(bad.descriptors[1], **{field: outside}))
    host.machine.memory[:] = bad.before
    assert host.run(bad.address, bad.count), "no interrupt"
    code, index, address = host.error()
    assert code == (Error.WRITE_RESPONSE if field == "d_addr" else Error.READ_RESPONSE)
    assert (index, address) == (1, outside)
    check_memory(bad, host.machine.memory, host.read("COMPLETED"))
    check_stops(host, 24)


def test_reset_in_the_middle_of_a_program() -> None:
    """At any moment: the bus stays in order, and the next program is exact."""
    with CompiledAccelerator(
        CONFIG, cached_verilog(CONFIG), memory_bytes=MEMORY, stall=0.2, seed=4
    ) as machine:
        host = Host(machine)
        for cycles in range(1, 900, 37):
            good = program(cycles)
            machine.memory[:] = good.before
            host.run(good.address, good.count, cycles)
            host.reset()
            assert host.read("STATUS") == 0
            check_memory(good, machine.memory, 0)
            check_works(host, cycles + 1)
        assert host.read("CYCLES") > 0
        assert set(host.counters()) == set(COUNTERS)
