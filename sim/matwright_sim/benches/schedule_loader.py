# SPDX-License-Identifier: Apache-2.0
"""Bench of the load engine. ``CONFIG`` names one of the small configurations."""

import os
from random import Random
from typing import Any

import cocotb

from matwright.bus.read import read_request_layout
from matwright.schedule.job import LoadJob
from matwright.schedule.loader import LoadEngine, ReadTag, Target

from .schedule_jobs import CONFIGS, load_job, random_gemm, reads
from .schedule_ports import Offer, Ports, Watch, fields

CONFIG = CONFIGS[os.environ.get("CONFIG", "square")]
ROWS = int(os.environ.get("ROWS", "800"))
"""Most rows that a job streams in the array."""
LAYOUT = read_request_layout(CONFIG.bus, ReadTag().size)
FREED = {
    Target.ACTIVATION: "activation_freed",
    Target.WEIGHT: "weight_freed",
    Target.PARAMETER: "parameter_freed",
}
PLACES = {Target.ACTIVATION: 2, Target.WEIGHT: CONFIG.sram.weight_tiles, Target.PARAMETER: 2}

SETUP = {
    "job": LoadEngine.BLOCK_SETUP,
    "rows": LoadEngine.BLOCK_SETUP,
    "columns": LoadEngine.BLOCK_SETUP,  # also if it reads the chunk of the block before
    "chunk": LoadEngine.CHUNK_SETUP,
    "": 0,
}
"""Cycles without a request before one that begins something new; for a job, after its first cycle."""


class Bench:
    """Engine, a memory that takes requests, and engines that give places back, at random."""

    def __init__(self, dut: Any, rng: Random, jobs: int, rates: dict[str, float]) -> None:
        self.ports, self.rng, self.rates = Ports(dut), rng, rates
        descriptors = [random_gemm(rng, CONFIG, ROWS) for _ in range(jobs)]
        self.reads = [read for d in descriptors for read in reads(CONFIG, d)]
        layout = LoadJob(CONFIG)
        words = [layout.const(load_job(CONFIG, d)).as_bits() for d in descriptors]
        self.jobs = Offer(self.ports, "job", words, layout.size, rng, rates["job"])
        self.watch = Watch(self.ports, "request", rng, rates["request"])
        self.offered: list[int] = []  # cycles
        self.taken: list[int] = []
        self.waited: set[int] = set()
        self.used = dict.fromkeys(FREED, 0)  # places asked for
        self.freed: dict[Target, list[int]] = {target: [] for target in FREED}
        self.ports.drive(**dict.fromkeys(FREED.values(), 0))

    async def run(self) -> None:
        """Run all jobs, and a few cycles more."""
        ports = self.ports
        await ports.reset()
        after = 0
        while after < 6:
            await ports.begin()
            self.jobs.drive()
            self.watch.drive()
            for target, name in FREED.items():
                free = len(self.freed[target]) < self.used[target]
                free = free and self.rng.random() < self.rates[name]
                ports.drive(**{name: int(free)})
                if free:
                    self.freed[target].append(ports.cycle)
            await ports.settle()
            self._look()
            after += len(self.taken) == len(self.reads)
            assert ports.cycle < 100 * len(self.reads) + 1000, "no progress"

    def _look(self) -> None:
        """Requests come in order, each when there is room, and stand until taken."""
        ports = self.ports
        self.jobs.look()
        if ports["waiting"]:
            self.waited.add(ports.cycle)
        valid, payload = self.watch.look()
        if not valid:
            return
        number = len(self.taken)
        assert number < len(self.reads), "one request too many"
        wanted = self.reads[number]
        if len(self.offered) == number:
            self.offered.append(ports.cycle)
            room = PLACES[wanted.target] + len(self.freed[wanted.target])
            room -= self.used[wanted.target]
            assert wanted.room <= room, f"request {number}: {wanted} with room for {room}"
        if payload is not None:
            seen = fields(LAYOUT, payload)
            tag = fields(ReadTag(), seen["tag"])
            found = (seen["addr"], seen["beats"], *tag.values())
            expected = (
                *(wanted.addr, wanted.beats, wanted.target.value),
                *(int(wanted.end_chunk), int(wanted.end_job)),
            )
            assert found == expected, f"request {number}: {found}, not {wanted}"
            self.taken.append(ports.cycle)
            self.used[wanted.target] += wanted.room

    def check(self) -> None:
        """Each request on offer as early as its room admits; ``waiting`` says when that was why."""
        jobs, ends = iter(self.jobs.shown), iter(self.jobs.taken)
        used = dict.fromkeys(FREED, 0)
        before = -1
        waits: set[int] = set()
        for number, read in enumerate(self.reads):
            if read.begins == "job":
                job = next(jobs)
                if number:
                    wanted = before + LoadEngine.JOB_SETUP
                    late = self.rates["job"] < 1
                    assert job == wanted or (late and job > wanted), f"job in cycle {job}"
                before = job - 1
            setup = SETUP[read.begins]
            used[read.target] += read.room
            early = before + 1 + setup
            room = 0
            lack = used[read.target] - PLACES[read.target]
            if read.room and lack > 0:
                room = self.freed[read.target][lack - 1] + 1
            if read.target == Target.ACTIVATION and read.room:
                # The half is taken in the cycle before.
                wanted = max(early, room + 1)
                waits |= set(range(early - 1, wanted - 1))
            else:
                wanted = max(early, room)
                waits |= set(range(early, wanted))
            offered = self.offered[number]
            assert offered == wanted, f"request {number} in cycle {offered}, not {wanted}: {read}"
            before = self.taken[number]
            if read.end_job:
                end = next(ends)
                assert end == before + LoadEngine.JOB_SETUP - 1, f"job.ready in cycle {end}"
        assert self.waited == waits, f"waiting is wrong in cycles {sorted(self.waited ^ waits)}"


ALWAYS = {"job": 1.0, "request": 1.0} | dict.fromkeys(FREED.values(), 1.0)
NAMES = tuple(ALWAYS)


@cocotb.test()
async def one_request_a_cycle(dut: Any) -> None:
    """A memory that takes all and places that come back soon: no cycle is lost inside a chunk."""
    bench = Bench(dut, Random(cocotb.RANDOM_SEED), 40, ALWAYS)
    await bench.run()
    bench.check()
    for number, read in enumerate(bench.reads[1:], 1):
        if read.target == Target.ACTIVATION and not read.begins:
            assert bench.offered[number] == bench.offered[number - 1] + 1
    kinds = {(read.begins, read.target) for read in bench.reads}
    begins = {(name, Target.ACTIVATION) for name in SETUP} | {("columns", Target.WEIGHT)}
    assert kinds == begins | {("", Target.WEIGHT), ("", Target.PARAMETER)}, "jobs lack variety"


@cocotb.test()
@cocotb.parametrize(slow=[*NAMES, "all"], trial=[0, 1])
async def requests_wait_for_room(dut: Any, slow: str, trial: int) -> None:
    """One neighbour, or all of them, is slow."""
    rng = Random(f"{cocotb.RANDOM_SEED} {slow} {trial}")
    rates = {name: 1.0 if trial else rng.uniform(0.3, 1) for name in NAMES}
    for name in NAMES if slow == "all" else (slow,):
        rates[name] = rng.uniform(0.04, 0.3)
    bench = Bench(dut, rng, 8, rates)
    await bench.run()
    bench.check()
    if slow in ("activation_freed", "weight_freed"):
        assert bench.waited, "nothing ever waited for room"
