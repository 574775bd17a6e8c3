# SPDX-License-Identifier: Apache-2.0
"""Bench of the dispatcher. ``CONFIG`` names a preset or one of the small configurations, which
``UNCHECKED`` builds without checks and ``SINGLE`` with one descriptor under way."""

import dataclasses
import os
from collections import deque
from random import Random
from typing import Any, NamedTuple

import cocotb
from amaranth.lib import data

from matwright.bus.read import read_request_layout
from matwright.bus.window import Window, windows_layout
from matwright.presets import PRESETS
from matwright.schedule.check import DescriptorCheck
from matwright.schedule.descriptor import (
    DESCRIPTOR_BYTES,
    FIELDS,
    Descriptor,
    Error,
    Flag,
    reserved_mask,
)
from matwright.schedule.dispatcher import DESCRIPTOR_ERRORS, Dispatcher
from matwright.schedule.divider import PanelCount
from matwright.schedule.job import ExecuteJob, LoadJob, StoreJob
from matwright.schedule.loader import ReadTag, Target
from matwright.schedule.region import RegionCheck

from ..golden.machine import check, regions
from .schedule_jobs import CONFIGS, execute_job, load_job, random_gemm, store_job
from .schedule_ports import Ports, Watch, fields

CONFIG = (CONFIGS | PRESETS)[os.environ.get("CONFIG", "square")]
UNCHECKED = "UNCHECKED" in os.environ
SINGLE = "SINGLE" in os.environ or CONFIG.build.descriptors == 1
BUS = CONFIG.bus
BEATS = max(1, DESCRIPTOR_BYTES // BUS.bytes)
SPACE = 1 << BUS.addr_width
REQUEST = read_request_layout(BUS, ReadTag().size)
JOBS: dict[str, tuple[data.StructLayout, Any]] = {
    "load": (LoadJob(CONFIG), load_job),
    "execute": (ExecuteJob(CONFIG), execute_job),
    "store": (StoreJob(CONFIG), store_job),
}
RESERVED = [bit for bit in range(512) if reserved_mask() >> bit & 1]

PAGE = 4096
ASKED = 1
"""Cycles from the start of a program to its first request, if the program was there before."""
WAKES = 3
"""Cycles from the first one without a program to the earliest first request."""
ENDED = 2
"""Cycles from the last engine taking its job until the next descriptor is asked for or the program may
end; with one descriptor under way, from its results until the next is asked for."""
CHECKED = DescriptorCheck.LATENCY + 3
"""Cycles from the last beat of a descriptor until an error in its fields can be reported."""
COUNTS = [
    PanelCount(CONFIG.limits.max_n, CONFIG.cols),
    PanelCount(CONFIG.limits.max_k, CONFIG.rows),
]
"""What counts panels of N and K; their words are 2 and 3."""


def counted(beats: list[int]) -> int:
    """Cycle in which the panels of a descriptor are counted, of the cycles of its beats."""
    places = [32 * FIELDS[name].word // BUS.data_width for name in ("n", "k")]
    found = [beats[at] + count.latency for at, count in zip(places, COUNTS, strict=True)]
    divides = any(count.side & (count.side - 1) for count in COUNTS)
    return max(found) if divides else beats[0]


def offered(d: Descriptor, beats: list[int]) -> int:
    """Cycle in which the jobs of a descriptor are offered, if nothing is wrong with it."""
    arrived = beats[-1] + 1
    if UNCHECKED:
        return max(arrived, counted(beats)) + 1
    m, k = d.m - 1, (d.k - 1) // CONFIG.rows
    others = [k.bit_length(), m.bit_length(), *([0] if d.flags & Flag.TABLE else [])]
    # The last beat of A is known when its rows are walked and the panels counted.
    first = max(arrived + 1 + m.bit_length(), counted(beats) + RegionCheck.COUNT_LATENCY)
    return first + sum(1 + bits for bits in others) + RegionCheck.LATENCY + 1


def is_open(windows: list[Window], base: int, limit: int, permission: str) -> bool:
    """All of it is in one window."""
    return any(window.holds(base, limit, permission) for window in windows)


def error_of(content: bytes, windows: list[Window]) -> Error:
    """Why a descriptor is refused."""
    error = check(CONFIG, content)
    if error != Error.NONE:
        return error
    found = regions(CONFIG, Descriptor.unpack(content))
    return Error.NONE if all(is_open(windows, *region) for region in found) else Error.WINDOW


class Results:
    """What tells the dispatcher that results are in memory: a pulse of ``ended`` for each job.

    Nothing else in this bench knows how it is told. ``hold`` keeps all results back.
    """

    def __init__(self, ports: Ports, rng: Random, slowest: int) -> None:
        self.hold = False
        self.told = 0
        self._ports, self._rng, self._slowest = ports, rng, slowest
        self._due: deque[int] = deque()
        ports.drive(ended=0)

    def taken(self) -> None:
        """All engines have taken their jobs of a descriptor, the last in this cycle."""
        before = self._due[-1] if self._due else self._ports.cycle
        self._due.append(max(before, self._ports.cycle) + self._rng.randint(1, self._slowest))

    def drive(self) -> None:
        """At the beginning of a cycle."""
        tell = bool(self._due) and self._due[0] <= self._ports.cycle and not self.hold
        self._ports.drive(ended=int(tell))

    def look(self) -> None:
        """At the end of a cycle: what was told now is known in the next one."""
        if self._ports["ended"]:
            self.told += 1
            self._due.popleft()


class Bench:
    """Dispatcher, a memory with a program, engines that take jobs at random.

    Make it after reset, and with the ``world`` of the first program if that is to start at once.
    """

    def __init__(
        self,
        ports: Ports,
        rng: Random,
        world: "World | None" = None,
        *,
        engines: float = 1.0,
        slowest: int = 1,
    ) -> None:
        self.ports, self.rng, self.engines = ports, rng, engines
        self.results = Results(self.ports, rng, slowest)
        self.request = Watch(self.ports, "request", rng, rng.choice([1.0, 0.3]))
        self.beats: deque[tuple[int, int, int]] = deque()  # cycle, data, last
        self.beat_cycles: list[int] = []
        self.ended: str | None = None
        self.idle = ports.cycle  # no program runs since this cycle
        self.dispatched = 0
        self.offered: dict[str, int] = {}  # jobs that are to be taken
        self.request_cycles: list[int] = []
        self.ports.drive(start=0, program_addr=0, program_count=0, beat_valid=0, beat_data=0)
        self.ports.drive(beat_last=0, windows=0, **{f"{name}__ready": 0 for name in JOBS})
        self.world: World | None = None  # what the host has set
        if world:
            self.set_up(world)

    def set_up(self, world: "World") -> None:
        """Write the registers that say what is to run."""
        self.world = world
        self.ports.drive(
            program_addr=world.addr,
            program_count=len(world.program),
            windows=windows_bits(world.windows),
        )

    async def start(self, addr: int, program: list[bytes], windows: list[Window]) -> None:
        """Ring the doorbell, as soon as a program may start that is there now; the cycle in which
        ``start`` is high is this one."""
        world = World(addr, program, windows)
        if world != self.world:
            await self.ports.begin()
            self.set_up(world)
            for _ in range(Dispatcher.LOOK_AHEAD - 1):
                await self.ports.begin()
        self.addr, self.program, self.windows = world
        self.dispatched = self.results.told = 0
        self.request_cycles = []
        self.ended = None
        # What is due, since which cycle: "request", "beats", "job", "taken", "results", "refuse".
        self.wanted: str | None = "results"
        self.since = max(self.ports.cycle + 1 + ASKED, self.idle + WAKES)
        self.refusal = Error.NONE
        if program and (addr % DESCRIPTOR_BYTES or addr >= SPACE):
            self.wanted = "refuse"
            self.since += 1
            self.refusal = Error.ALIGNMENT if addr % DESCRIPTOR_BYTES else Error.ADDRESS
        elif program:
            self._fetch(self.since)
        else:
            self.since += 1
        await self.step(starting=True)

    @property
    def _descriptor_addr(self) -> int:
        """Address of the descriptor that is due; it may be beyond the address space."""
        return self.addr + DESCRIPTOR_BYTES * self.dispatched

    def _fetch(self, cycle: int) -> None:
        """From ``cycle`` on a descriptor is asked for, if it is in a window; else it is refused."""
        addr = self._descriptor_addr
        readable = is_open(self.windows, addr, addr + DESCRIPTOR_BYTES - 1, "read")
        self.wanted, self.since = "request", cycle
        if not (readable or UNCHECKED):
            self.wanted, self.since, self.refusal = "refuse", cycle + 1, Error.WINDOW

    async def step(self, *, starting: bool = False) -> None:
        """One cycle; each output must be what has happened so far admits."""
        ports, rng = self.ports, self.rng
        await ports.begin()
        ports.drive(start=int(starting))
        if not starting:
            self.world = None
            # The host may write the registers of the next program.
            ports.drive(program_addr=rng.getrandbits(48), program_count=rng.getrandbits(16))
            if self.ended or UNCHECKED:
                # Between programs the host may change the windows.
                ports.drive(windows=rng.getrandbits(windows_layout(BUS).size))
        self.request.drive()
        self.results.drive()
        for name in JOBS:
            ports.drive(**{f"{name}__ready": int(rng.random() < self.engines)})
        beat = bool(self.beats) and self.beats[0][0] <= ports.cycle
        _, word, last = self.beats[0] if beat else (0, rng.getrandbits(BUS.data_width), 1)
        ports.drive(beat_valid=int(beat), beat_data=word, beat_last=last)
        await ports.settle()
        self._look_request()
        self._look_jobs()
        self._look_end(starting)
        if not starting:
            index = self.results.told if SINGLE else self.dispatched
            assert ports["index"] == index, f"cycle {ports.cycle}: index"
        if beat:
            self.beats.popleft()
            self.beat_cycles.append(ports.cycle)
            if last:
                self.wanted = "job"
        self.was_complete = self._complete
        self.results.look()

    @property
    def _complete(self) -> bool:
        return self.results.told == self.dispatched

    def _due(self, what: str) -> bool:
        return self.wanted == what and self.ports.cycle >= self.since

    def _look_request(self) -> None:
        """Each descriptor is asked for once, ENDED cycles after the one before was handed on."""
        if SINGLE and self.wanted == "request" and not self._complete:
            # Its results must be in memory too.
            self.since = self.ports.cycle + ENDED
        offered, payload = self.request.look()
        wanted = self._due("request")
        assert offered == wanted, f"cycle {self.ports.cycle}: request.valid {offered}"
        if payload is None:
            return
        addr = self._descriptor_addr % SPACE
        tag = {"target": Target.DESCRIPTOR.value, "end_chunk": 0, "end_job": 0}
        seen = fields(REQUEST, payload)
        assert (seen["addr"], seen["beats"]) == (addr, BEATS), f"{seen}, not {addr:#x}"
        assert fields(ReadTag(), seen["tag"]) == tag
        self.request_cycles.append(self.ports.cycle)
        cycle = self.ports.cycle
        pace = self.rng.choice([1, 1, 4])
        content = self.program[self.dispatched]
        for i in range(BEATS):
            cycle += self.rng.randint(1, pace) if i else self.rng.randint(1, 20)
            part = content[i * BUS.bytes : (i + 1) * BUS.bytes]
            self.beats.append((cycle, int.from_bytes(part, "little"), int(i == BEATS - 1)))
        self.beat_cycles = []
        self.wanted = "beats"

    def _look_jobs(self) -> None:
        """A descriptor is offered to all engines at once, in the first cycle in which it may be; each
        takes its job when it can, and the payload stands until then."""
        ports = self.ports
        if self.wanted == "job":
            content = self.program[self.dispatched]
            d = Descriptor.unpack(content)
            free = Flag.FENCE not in Flag(d.flags & 63) or self.was_complete
            good = UNCHECKED or error_of(content, self.windows) == Error.NONE
            if good and free and ports.cycle >= offered(d, self.beat_cycles):
                self.offered = {
                    name: layout.const(expected(CONFIG, d)).as_bits()
                    for name, (layout, expected) in JOBS.items()
                }
                self.dispatched += 1
                self.wanted = "taken"
        for name, (layout, _) in JOBS.items():
            valid = bool(ports[f"{name}__valid"])
            assert valid == (name in self.offered), f"cycle {ports.cycle}: {name}.valid {valid}"
            if valid:
                seen, wanted = ports[f"{name}__payload"], self.offered[name]
                text = f"{name}: {layout.from_bits(seen)}, not {layout.from_bits(wanted)}"
                assert seen == wanted, text
                if ports[f"{name}__ready"]:
                    del self.offered[name]
        if self.wanted == "taken" and not self.offered:
            self.results.taken()
            self.wanted, self.since = "results", ports.cycle + ENDED
            if self.dispatched < len(self.program):
                self._fetch(ports.cycle + ENDED)

    def _look_end(self, starting: bool) -> None:
        """Done when all results are in memory; an error when those before it are."""
        ports = self.ports
        if not starting:
            completed = ports["completed"]
            assert completed == self.results.told, f"cycle {ports.cycle}: completed {completed}"
        if SINGLE and self.wanted == "refuse" and not self._complete:
            self.since = ports.cycle + ENDED + 1
        done = self._due("results") and self._complete
        error = Error.NONE
        if self._due("refuse") and self._complete:
            error = self.refusal
        elif self.wanted == "job" and self._complete and not UNCHECKED:
            content = self.program[self.dispatched]
            error = error_of(content, self.windows)
            known = self.beat_cycles[-1] + CHECKED
            if error == Error.WINDOW:
                known = offered(Descriptor.unpack(content), self.beat_cycles) + 1
            if ports.cycle < known:
                error = Error.NONE
        assert bool(ports["done"]) == done, f"cycle {ports.cycle}: done"
        assert bool(ports["error"]) == (error != Error.NONE), f"cycle {ports.cycle}: error"
        if error != Error.NONE:
            # The host is told the address, and ``completed`` as the index.
            addr = self._descriptor_addr % SPACE
            seen = (ports["error_code"], ports["error_addr"])
            assert seen == (error, addr), f"{seen}, not {error!r} at {addr:#x}"
            self.ended, self.wanted = "error", None
        if done:
            self.ended, self.wanted, self.idle = "done", None, ports.cycle

    async def finish(self, how: str) -> None:
        """Run until the program ends, which must be that way; then nothing more happens."""
        for _ in range(500 * (len(self.program) + 2)):
            if self.ended:
                break
            await self.step()
        assert self.ended == how, f"the program must end with {how}, not {self.ended}"
        for _ in range(self.rng.choice([0, 0, 30]) if how == "done" else 60):
            await self.step()


def windows_bits(windows: list[Window]) -> int:
    """``windows`` as their port takes them; the others are closed."""
    pages = SPACE // PAGE
    values: list[Any] = [
        {
            "not_base": pages - 1 - window.base // PAGE,
            "not_limit": pages - 1 - window.limit // PAGE,
            "read": int(window.read),
            "write": int(window.write),
        }
        for window in windows
    ]
    return windows_layout(BUS).const(values).as_bits()


def some_windows(rng: Random, addr: int, count: int) -> list[Window]:
    """A window that holds a program, one with room for all else, and others."""
    first, end = addr // PAGE, -(-(addr + count * DESCRIPTOR_BYTES) // PAGE)
    pages = SPACE // PAGE
    low, high = rng.randrange(pages // 4), rng.randrange(3 * pages // 4, pages)
    found = [
        Window(first * PAGE, max(end, first + 1) * PAGE - 1, write=rng.random() < 0.2),
        Window(low * PAGE, high * PAGE - 1),
    ]
    for _ in range(rng.randint(0, BUS.windows - 2)):
        low, high = sorted(rng.sample(range(pages), 2))
        reads = rng.random() < 0.5
        found.append(Window(low * PAGE, high * PAGE - 1, reads, not reads))
    rng.shuffle(found)
    return found


def placed(rng: Random, windows: list[Window], flags: int = 0) -> Descriptor:
    """A legal descriptor; each of its regions is in one of the windows, often at its edge."""
    beat = BUS.bytes
    values = dataclasses.asdict(random_gemm(rng, CONFIG, 1 << 16, flags))
    near = dict.fromkeys(("a_addr", "b_addr", "d_addr"), 0)
    near |= dict.fromkeys(("a_stride", "b_stride", "d_stride"), 0)
    rows = {"a": values["m"], "b": -(-values["k"] // CONFIG.rows), "d": values["m"]}
    if values["flags"] & Flag.TABLE:
        near["params"] = 0
    spans = regions(CONFIG, Descriptor(**values | near))
    for name, (_, last, permission) in zip(("a", "b", "d", "params"), spans, strict=False):
        sizes = [(w, w.limit - w.base - last) for w in windows if getattr(w, permission)]
        window, room = rng.choice([(w, room) for w, room in sizes if room >= 0])
        if name != "params":
            steps = max(1, rows[name] - 1)
            stride = beat * rng.choice([0, rng.randint(0, min(room // steps, 2**32 - 1) // beat)])
            values[f"{name}_stride"] = stride
            room -= steps * stride
        place = rng.choice([0, room // beat, rng.randint(0, room // beat)])
        values["params" if name == "params" else f"{name}_addr"] = window.base + beat * place
    return Descriptor(**values)


class World(NamedTuple):
    """Where a program stands, what it is, and what it may reach."""

    addr: int
    program: list[bytes]
    windows: list[Window]


def world(rng: Random, count: int) -> World:
    """A legal program, anywhere or at the end of memory."""
    most = SPACE // DESCRIPTOR_BYTES - max(1, count)
    addr = DESCRIPTOR_BYTES * rng.choice([most, most, rng.randint(0, most), rng.randint(0, 1 << 9)])
    windows = some_windows(rng, addr, count)
    return World(addr, [placed(rng, windows).pack() for _ in range(count)], windows)


def without_fence(content: bytes) -> bytes:
    """A descriptor less its flag FENCE."""
    bits = int.from_bytes(content, "little") & ~(Flag.FENCE << 8)
    return bits.to_bytes(64, "little")


def broken(rng: Random, error: Error, windows: list[Window]) -> bytes:
    """A descriptor that fails with ``error`` first."""
    while True:
        d = placed(rng, windows)
        bits = int.from_bytes(d.pack(), "little")
        if error == Error.WINDOW:
            # One address or stride is another.
            name = rng.choice([f for f in FIELDS if f == "params" or f[1:] in ("_addr", "_stride")])
            bits = int.from_bytes(outside(rng, d, name).pack(), "little")
        else:
            bits ^= 1 << (rng.choice(RESERVED) if error == Error.RESERVED else rng.randrange(512))
            for word in range(rng.choice([0, 0, 1])):
                bits ^= rng.getrandbits(32) << 32 * rng.randrange(16) << word
        content = (bits & (1 << 512) - 1).to_bytes(DESCRIPTOR_BYTES, "little")
        if error_of(content, windows) == error:
            return content


def outside(rng: Random, d: Descriptor, name: str) -> Descriptor:
    """``d`` with a field that is legal and anything else; often a beat more or less."""
    beat = BUS.bytes
    size = 1 << 32 if name.endswith("_stride") else SPACE
    value = getattr(d, name) + rng.choice([-beat, beat, rng.randrange(size) // beat * beat])
    return dataclasses.replace(d, **{name: value % size})


@cocotb.test()
@cocotb.parametrize(engines=[1.0, 0.5, 0.1], slowest=[1, 40, 300])
async def programs_run_in_order(dut: Any, engines: float, slowest: int) -> None:
    """Programs one after the other, with fences, without a reset between them."""
    ports = Ports(dut)
    rng = Random(f"{cocotb.RANDOM_SEED} {engines} {slowest}")
    await ports.reset()
    bench = Bench(ports, rng, engines=engines, slowest=slowest)
    for count in (1, 5, 2, 8):
        await bench.start(*world(rng, count))
        await bench.finish("done")
        assert bench.dispatched == count


@cocotb.test(skip=UNCHECKED)
@cocotb.parametrize(error=[error for error in DESCRIPTOR_ERRORS if error != Error.NONE])
async def errors_wait_for_earlier_jobs(dut: Any, error: Error) -> None:
    """A bad descriptor is reported when the jobs before it are complete; the rest is not read."""
    ports = Ports(dut)
    if error == Error.ADDRESS and BUS.addr_width == 48:
        return
    for index in range(4):
        rng = Random(f"{cocotb.RANDOM_SEED} {error} {index}")
        await ports.reset()
        bench = Bench(ports, rng, engines=rng.choice([1.0, 0.3]), slowest=rng.choice([1, 200]))
        addr, program, windows = world(rng, index + 2)
        program[index] = broken(rng, Error(error), windows)
        await bench.start(addr, program, windows)
        await bench.finish("error")
        assert bench.dispatched == bench.results.told == index
        assert len(bench.request_cycles) == index + 1


@cocotb.test(skip=SINGLE)
async def a_fence_waits_for_memory(dut: Any) -> None:
    """It is fetched while the jobs before it run, and held until the last of them is in memory."""
    ports = Ports(dut)
    rng = Random(cocotb.RANDOM_SEED)
    await ports.reset()
    bench = Bench(ports, rng)
    flags = [0, 0, Flag.FENCE, 0, Flag.FENCE]
    addr, program, windows = world(rng, len(flags))
    for i, flag in enumerate(flags):
        bits = int.from_bytes(without_fence(program[i]), "little") | flag << 8
        program[i] = bits.to_bytes(64, "little")
    bench.results.hold = True
    await bench.start(addr, program, windows)
    for _ in range(600):
        await bench.step()
    assert (bench.dispatched, len(bench.request_cycles)) == (2, 3)
    for told in (1, 2):
        bench.results.hold = False
        while bench.results.told < told:
            await bench.step()
        bench.results.hold = True
        for _ in range(600):
            await bench.step()
        assert (bench.dispatched, len(bench.request_cycles)) == ((2, 3), (4, 5))[told - 1]
    bench.results.hold = False
    await bench.finish("done")


@cocotb.test()
async def the_next_descriptor_is_fetched_early(dut: Any) -> None:
    """While an engine cannot take its job, the descriptor waits; once they all have, the next is asked
    for, or with one descriptor under way once its results are in memory."""
    ports = Ports(dut)
    rng = Random(cocotb.RANDOM_SEED)
    await ports.reset()
    bench = Bench(ports, rng, slowest=10)
    bench.engines = 0.0
    bench.results.hold = True
    addr, program, windows = world(rng, 3)
    program = [without_fence(content) for content in program]
    await bench.start(addr, program, windows)
    for _ in range(300):
        await bench.step()
    assert (bench.dispatched, len(bench.offered), len(bench.request_cycles)) == (1, 3, 1)
    bench.engines = 1.0
    for _ in range(600):
        await bench.step()
    most = 1 if SINGLE else 3
    assert (bench.dispatched, len(bench.request_cycles)) == (most, most)
    bench.results.hold = False
    await bench.finish("done")


@cocotb.test()
@cocotb.parametrize(wait=[0, 1, 2, 3, 4])
async def a_program_may_start_at_once(dut: Any, wait: int) -> None:
    """In the first cycles after a reset, with registers and windows that were there before."""
    ports = Ports(dut)
    rng = Random(f"{cocotb.RANDOM_SEED} {wait}")
    await ports.reset()
    for count, how in ((2, "done"), (0, "done"), (2, "error"), (1, "done")):
        first = world(rng, count)
        if how == "error":
            first = first._replace(addr=first.addr ^ 32)
        # What was looked up before the reset is another program.
        await ports.begin()
        ports.drive(program_addr=rng.getrandbits(48), program_count=1)
        for _ in range(4):
            await ports.begin()
        await ports.reset()
        bench = Bench(ports, rng, first)
        for _ in range(wait):
            await ports.begin()
        await bench.start(*first)
        await bench.finish(how)


@cocotb.test()
async def programs_that_are_refused_or_empty(dut: Any) -> None:
    """A misaligned address, one beyond the bus, both: no fetch. No descriptors, wherever and
    whatever is open: done at once."""
    ports = Ports(dut)
    rng = Random(cocotb.RANDOM_SEED)
    addresses = [64 - (1 << bit) for bit in range(6)] + [SPACE - 32]
    if BUS.addr_width < 48:
        addresses += [SPACE, 1 << 47, SPACE + 8]
    for addr in addresses:
        await ports.reset()
        bench = Bench(ports, rng)
        _, program, windows = world(rng, 2)
        await bench.start(addr, program, windows)
        await bench.finish("error")
        assert not bench.request_cycles and not bench.results.told
    await ports.reset()
    bench = Bench(ports, rng)
    for count in (2, 0, 0, 1):
        await bench.start(*world(rng, count))
        await bench.finish("done")
    for addr in (0x20, (1 << 48) - 64):
        await bench.start(addr, [], [])
        await bench.finish("done")


@cocotb.test(skip=UNCHECKED)
@cocotb.parametrize(
    (
        ("index", "how"),
        [
            *((index, how) for index in (0, 1, 3) for how in ("limit", "permission")),
            *((index, "space") for index in (1, 3)),
            (0, "closed"),
        ],
    )
)
async def descriptors_outside_are_not_fetched(dut: Any, index: int, how: str) -> None:
    """A program runs past its window, or past the end of memory; no more is read."""
    ports = Ports(dut)
    rng = Random(f"{cocotb.RANDOM_SEED} {index} {how}")
    await ports.reset()
    bench = Bench(ports, rng, engines=rng.choice([1.0, 0.3]), slowest=rng.choice([1, 200]))
    half = SPACE // 2
    end = SPACE if how == "space" else rng.choice([half, PAGE])
    windows = [Window(end - PAGE, end - 1, write=False), Window(half + PAGE, SPACE - PAGE - 1)]
    # What is behind the end is closed, or may be written alone, or is the beginning.
    if how == "permission":
        windows.append(Window(end, end + PAGE - 1, read=False))
    if how == "space":
        windows.append(Window(0, PAGE - 1))
    if how == "closed":
        windows = windows[1:]
    if len(windows) > BUS.windows:
        return
    rng.shuffle(windows)
    program = [placed(rng, windows).pack() for _ in range(index + 2)]
    await bench.start(end - DESCRIPTOR_BYTES * index, program, windows)
    await bench.finish("error")
    assert bench.refusal == Error.WINDOW
    assert bench.dispatched == len(bench.request_cycles) == index


@cocotb.test(skip=UNCHECKED)
@cocotb.parametrize(name=["a_addr", "b_addr", "d_addr", "params"])
async def regions_end_where_a_window_does(dut: Any, name: str) -> None:
    """Or one beat behind."""
    ports = Ports(dut)
    rng = Random(f"{cocotb.RANDOM_SEED} {name}")
    ends: set[str] = set()
    for trial in range(16):
        addr, _, windows = world(rng, 0)
        d = placed(rng, windows, Flag.TABLE)
        first, last, permission = regions(CONFIG, d)[
            ("a_addr", "b_addr", "d_addr", "params").index(name)
        ]
        inside = [w for w in windows if w.holds(first, last, permission)]
        start = rng.choice(inside).limit - (last - first) + trial % 2 * BUS.bytes
        content = dataclasses.replace(d, **{name: start % SPACE}).pack()
        how = "done" if error_of(content, windows) == Error.NONE else "error"
        await ports.reset()
        bench = Bench(ports, rng)
        await bench.start(addr, [content], windows)
        await bench.finish(how)
        ends.add(how)
    assert ends == {"done", "error"}


@cocotb.test(skip=UNCHECKED)
async def a_program_may_span_windows(dut: Any) -> None:
    """Each descriptor is in one window: where one ends, the program goes on in the next."""
    ports = Ports(dut)
    rng = Random(cocotb.RANDOM_SEED)
    await ports.reset()
    bench = Bench(ports, rng)
    edge = SPACE // 2
    windows = [Window(PAGE, edge - 1), Window(edge, SPACE - 1)]
    program = [placed(rng, windows).pack() for _ in range(4)]
    await bench.start(edge - 2 * DESCRIPTOR_BYTES, program, windows)
    await bench.finish("done")
