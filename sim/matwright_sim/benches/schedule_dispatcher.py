# SPDX-License-Identifier: Apache-2.0
"""Bench of the dispatcher. ``CONFIG`` names a preset or one of the small configurations."""

import os
from collections import deque
from random import Random
from typing import Any

import cocotb
from amaranth.lib import data

from matwright.bus.read import read_request_layout
from matwright.presets import PRESETS
from matwright.schedule.descriptor import (
    DESCRIPTOR_BYTES,
    Descriptor,
    Error,
    Flag,
    reserved_mask,
)
from matwright.schedule.divider import PanelCount
from matwright.schedule.job import ExecuteJob, LoadJob, StoreJob
from matwright.schedule.loader import ReadTag, Target

from ..golden.machine import check
from .schedule_jobs import CONFIGS, execute_job, load_job, random_gemm, store_job
from .schedule_ports import Ports, Watch, fields

CONFIG = (CONFIGS | PRESETS)[os.environ.get("CONFIG", "square")]
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

CHECKED = 2
"""Cycles from the last beat of a descriptor until its error is known."""
COUNTED = 1 + max(
    PanelCount(CONFIG.limits.max_n, CONFIG.cols).latency,
    PanelCount(CONFIG.limits.max_k, CONFIG.rows).latency,
)
"""Cycles from the last beat of a descriptor until its panels are counted."""


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

    def dispatched(self) -> None:
        """A job was handed over in this cycle."""
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
    """Dispatcher, a memory with a program, engines that take jobs at random. Make it after reset."""

    def __init__(
        self, ports: Ports, rng: Random, *, engines: float = 1.0, slowest: int = 1
    ) -> None:
        self.ports, self.rng, self.engines = ports, rng, engines
        self.results = Results(self.ports, rng, slowest)
        self.request = Watch(self.ports, "request", rng, rng.choice([1.0, 0.3]))
        self.beats: deque[tuple[int, int, int]] = deque()  # cycle, data, last
        self.ended: str | None = None
        self.changes = 0  # cycle from which the host may have written the program's registers
        self.dispatched = 0
        self._ready = dict.fromkeys(JOBS, False)
        self.request_cycles: list[int] = []
        self.ports.drive(start=0, program_addr=0, program_count=0, beat_valid=0, beat_data=0)
        self.ports.drive(beat_last=0, **{f"{name}__ready": 0 for name in JOBS})

    async def start(self, addr: int, program: list[bytes]) -> None:
        """Ring the doorbell: this is the cycle in which ``start`` is high."""
        self.addr, self.program = addr, program
        self.dispatched = self.results.told = 0
        self.request_cycles = []
        self.ended = None
        self.wanted: str | None = None  # what is due: "request", "beats", "job", "end", "refuse"
        self.since = self.ports.cycle + 1  # since which cycle
        good = addr % DESCRIPTOR_BYTES == 0 and addr < SPACE
        self.wanted = "request" if good else "refuse"
        if not program:
            self.wanted = "end"
        if self.wanted != "request":
            self.since += 1
        await self.step(starting=True)

    async def step(self, *, starting: bool = False) -> None:
        """One cycle; each output must be what has happened so far admits."""
        ports, rng = self.ports, self.rng
        await ports.begin()
        if starting:
            ports.drive(start=1, program_addr=self.addr, program_count=len(self.program))
            self.changes = ports.cycle + 2
        else:
            ports.drive(start=0)
        if ports.cycle >= self.changes:
            # The host may write the registers of the next program.
            ports.drive(program_addr=rng.getrandbits(48), program_count=rng.getrandbits(16))
        self.request.drive()
        self.results.drive()
        for name in JOBS:
            # An engine that can take a job can until it does.
            self._ready[name] = self._ready[name] or rng.random() < self.engines
            ports.drive(**{f"{name}__ready": int(self._ready[name])})
        beat = bool(self.beats) and self.beats[0][0] <= ports.cycle
        _, word, last = self.beats[0] if beat else (0, rng.getrandbits(BUS.data_width), 1)
        ports.drive(beat_valid=int(beat), beat_data=word, beat_last=last)
        await ports.settle()
        self._look_request()
        self._look_jobs(all(self._ready.values()))
        self._look_end(starting)
        if beat:
            self.beats.popleft()
            if last:
                self.wanted, self.since = "job", ports.cycle
        self.results.look()

    @property
    def _complete(self) -> bool:
        return self.results.told == self.dispatched

    def _due(self, what: str) -> bool:
        return self.wanted == what and self.ports.cycle >= self.since

    def _look_request(self) -> None:
        """Each descriptor is asked for once, in the cycle after the one before was handed on."""
        offered, payload = self.request.look()
        wanted = self._due("request")
        assert offered == wanted, f"cycle {self.ports.cycle}: request.valid {offered}"
        if payload is None:
            return
        addr = (self.addr + DESCRIPTOR_BYTES * self.dispatched) % SPACE
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
        self.wanted = "beats"

    def _look_jobs(self, ready: bool) -> None:
        """A descriptor goes to all engines at once, in the first cycle in which it may."""
        ports = self.ports
        valid = {bool(ports[f"{name}__valid"]) for name in JOBS}
        assert len(valid) == 1, f"cycle {ports.cycle}: a job must go to all engines or none"
        go = False
        if self.wanted == "job":
            content = self.program[self.dispatched]
            d = Descriptor.unpack(content)
            free = Flag.FENCE not in Flag(d.flags & 63) or self._complete
            go = ready and free and ports.cycle >= self.since + COUNTED
            go = go and check(CONFIG, content) == Error.NONE
        assert valid == {go}, f"cycle {ports.cycle}: a job of descriptor {self.dispatched}"
        if not go:
            return
        for name, (layout, expected) in JOBS.items():
            wanted = layout.const(expected(CONFIG, d)).as_bits()
            seen = ports[f"{name}__payload"]
            assert seen == wanted, f"{name}: {layout.from_bits(seen)}, not {d}"
        self.results.dispatched()
        self._ready = dict.fromkeys(JOBS, False)
        self.dispatched += 1
        more = self.dispatched < len(self.program)
        self.wanted, self.since = ("request" if more else "end"), ports.cycle + 1

    def _look_end(self, starting: bool) -> None:
        """Done when all results are in memory; an error when those before it are."""
        ports = self.ports
        if not starting:
            completed = ports["completed"]
            assert completed == self.results.told, f"cycle {ports.cycle}: completed {completed}"
        done = self._due("end") and self._complete
        error, addr = Error.NONE, 0
        if self._due("refuse"):
            misaligned = self.addr % DESCRIPTOR_BYTES
            error = Error.ALIGNMENT if misaligned else Error.ADDRESS
            addr = self.addr % SPACE
        elif self.wanted == "job" and ports.cycle >= self.since + CHECKED and self._complete:
            error = check(CONFIG, self.program[self.dispatched])
            addr = (self.addr + DESCRIPTOR_BYTES * self.dispatched) % SPACE
        assert bool(ports["done"]) == done, f"cycle {ports.cycle}: done"
        assert bool(ports["error"]) == (error != Error.NONE), f"cycle {ports.cycle}: error"
        if error != Error.NONE:
            seen = (ports["error_code"], ports["index"], ports["error_addr"])
            assert seen == (error, self.dispatched, addr), f"{seen}, not {error!r} at {addr:#x}"
            self.ended, self.wanted = "error", None
        if done:
            self.ended, self.wanted = "done", None

    async def finish(self, how: str) -> None:
        """Run until the program ends, which must be that way; then nothing more happens."""
        for _ in range(500 * (len(self.program) + 2)):
            if self.ended:
                break
            await self.step()
        assert self.ended == how, f"the program must end with {how}, not {self.ended}"
        for _ in range(self.rng.choice([0, 0, 30]) if how == "done" else 60):
            await self.step()


def program_of(rng: Random, count: int) -> list[bytes]:
    """Legal descriptors."""
    return [random_gemm(rng, CONFIG, 1 << 16).pack() for _ in range(count)]


def address_of(rng: Random) -> int:
    """Address of a program: anywhere, or so that it wraps."""
    return (SPACE - DESCRIPTOR_BYTES * rng.choice([1, 2, 1 << 10, rng.randint(1, 1 << 9)])) % SPACE


def broken(rng: Random, error: Error) -> bytes:
    """A descriptor that fails with ``error`` first."""
    while True:
        bits = int.from_bytes(random_gemm(rng, CONFIG, 1 << 16).pack(), "little")
        bits ^= 1 << (rng.choice(RESERVED) if error == Error.RESERVED else rng.randrange(512))
        for word in range(rng.choice([0, 0, 1])):
            bits ^= rng.getrandbits(32) << 32 * rng.randrange(16) << word
        content = (bits & (1 << 512) - 1).to_bytes(DESCRIPTOR_BYTES, "little")
        if check(CONFIG, content) == error:
            return content


@cocotb.test()
@cocotb.parametrize(engines=[1.0, 0.5, 0.1], slowest=[1, 40, 300])
async def programs_run_in_order(dut: Any, engines: float, slowest: int) -> None:
    """Programs one after the other, with fences, without a reset between them."""
    ports = Ports(dut)
    rng = Random(f"{cocotb.RANDOM_SEED} {engines} {slowest}")
    await ports.reset()
    bench = Bench(ports, rng, engines=engines, slowest=slowest)
    for count in (1, 5, 2, 8):
        await bench.start(address_of(rng), program_of(rng, count))
        await bench.finish("done")
        assert bench.dispatched == count


@cocotb.test()
@cocotb.parametrize(error=[e for e in Error if Error.NONE < e <= Error.ADDRESS])
async def errors_wait_for_earlier_jobs(dut: Any, error: Error) -> None:
    """A bad descriptor is reported when the jobs before it are complete; the rest is not read."""
    ports = Ports(dut)
    if error == Error.ADDRESS and BUS.addr_width == 48:
        return
    for index in range(4):
        rng = Random(f"{cocotb.RANDOM_SEED} {error} {index}")
        await ports.reset()
        bench = Bench(ports, rng, engines=rng.choice([1.0, 0.3]), slowest=rng.choice([1, 200]))
        program = program_of(rng, index + 2)
        program[index] = broken(rng, Error(error))
        await bench.start(address_of(rng), program)
        await bench.finish("error")
        assert bench.dispatched == bench.results.told == index
        assert len(bench.request_cycles) == index + 1


@cocotb.test()
async def a_fence_waits_for_memory(dut: Any) -> None:
    """It is fetched while the jobs before it run, and held until the last of them is in memory."""
    ports = Ports(dut)
    rng = Random(cocotb.RANDOM_SEED)
    await ports.reset()
    bench = Bench(ports, rng)
    flags = [0, 0, Flag.FENCE, 0, Flag.FENCE]
    program = []
    for flag in flags:
        bits = int.from_bytes(random_gemm(rng, CONFIG, 1 << 16).pack(), "little")
        program.append((bits & ~(Flag.FENCE << 8) | flag << 8).to_bytes(64, "little"))
    bench.results.hold = True
    await bench.start(address_of(rng), program)
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
    """While no engine can take a job, the one in hand waits; once they do, the next is asked for."""
    ports = Ports(dut)
    rng = Random(cocotb.RANDOM_SEED)
    await ports.reset()
    bench = Bench(ports, rng, slowest=10)
    bench.engines = 0.0
    await bench.start(address_of(rng), program_of(rng, 3))
    for _ in range(300):
        await bench.step()
    assert (bench.dispatched, len(bench.request_cycles)) == (0, 1)
    bench.engines = 1.0
    bench.results.hold = True
    for _ in range(2):
        await bench.step()
    assert bench.dispatched == 1
    bench.results.hold = False
    await bench.finish("done")


@cocotb.test()
async def programs_that_are_refused_or_empty(dut: Any) -> None:
    """A misaligned address, one beyond the bus, both: no fetch. No descriptors: done at once."""
    ports = Ports(dut)
    rng = Random(cocotb.RANDOM_SEED)
    addresses = [64 - (1 << bit) for bit in range(6)] + [SPACE - 32]
    if BUS.addr_width < 48:
        addresses += [SPACE, 1 << 47, SPACE + 8]
    for addr in addresses:
        await ports.reset()
        bench = Bench(ports, rng)
        await bench.start(addr, program_of(rng, 2))
        await bench.finish("error")
        assert not bench.request_cycles and not bench.results.told
    await ports.reset()
    bench = Bench(ports, rng)
    for count in (2, 0, 0, 1):
        await bench.start(address_of(rng), program_of(rng, count))
        await bench.finish("done")
