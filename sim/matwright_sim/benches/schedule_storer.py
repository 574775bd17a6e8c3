# SPDX-License-Identifier: Apache-2.0
"""Bench of the store engine. ``CONFIG`` names a small configuration, ``REGISTERS`` and
``POST_REGISTERS`` are fields of its build."""

import os
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import cocotb

from matwright.bus.write import write_request_layout
from matwright.config import PARAMETER_BYTES
from matwright.post.payload import sums_layout
from matwright.schedule.descriptor import Descriptor, Flag
from matwright.schedule.job import StoreJob
from matwright.schedule.storer import StoreEngine

from .schedule_jobs import CONFIGS, Group, random_gemm, store_job, writes
from .schedule_ports import Offer, Ports, Watch, fields

_BASE = CONFIGS[os.environ.get("CONFIG", "square")]
REGISTERS = int(os.environ.get("REGISTERS", "0"))
ANNOUNCED = int(os.environ.get("POST_REGISTERS", "0"))
CONFIG = replace(
    _BASE, build=replace(_BASE.build, sram_registers=REGISTERS, post_registers=ANNOUNCED)
)
ROWS = int(os.environ.get("ROWS", "200"))
"""Most rows that a job streams in the array."""
LANES = CONFIG.build.post_lanes
STAGES = StoreEngine.stages(CONFIG.build)
"""Moves from a read until its columns are on offer."""
ACC_WIDTH = CONFIG.precision.acc_width
REQUEST = write_request_layout(CONFIG.bus)
COLUMNS = sums_layout(CONFIG.precision, LANES)


class Step(NamedTuple):
    """A read, and what goes with it."""

    group: Group
    request: dict[str, int] | None
    """With the first read of a row."""
    job: int
    block: int
    table: int | None
    """Number of the block among those with a table."""
    ends_block: bool
    ends_rows: bool
    ends_job: bool


def steps(descriptors: list[Descriptor]) -> list[Step]:
    """All reads of a run of jobs."""
    found: list[Step] = []
    block = table = 0
    for job, d in enumerate(descriptors):
        with_table = Flag.TABLE in Flag(d.flags)
        for row in writes(CONFIG, d):
            for group in row.groups:
                ends = group is row.groups[-1]
                request = {"addr": row.addr, "beats": row.beats, "end": int(row.ends_job)}
                found.append(
                    Step(
                        group=group,
                        request=request if group is row.groups[0] else None,
                        job=job,
                        block=block,
                        table=table if with_table else None,
                        ends_block=ends and row.ends_block,
                        ends_rows=ends and row.ends_rows,
                        ends_job=ends and row.ends_job,
                    )
                )
            block += row.ends_block
            table += row.ends_block and with_table
    return found


class Bench:
    """Engine, memories that answer with random words, post-processing and bus that pause."""

    def __init__(
        self, dut: Any, rng: Random, jobs: int, rates: dict[str, float], flags: int = 0
    ) -> None:
        self.ports, self.rng, self.rates = Ports(dut), rng, rates
        descriptors = [random_gemm(rng, CONFIG, ROWS, flags) for _ in range(jobs)]
        self.steps = steps(descriptors)
        layout = StoreJob(CONFIG)
        self.words = [layout.const(store_job(CONFIG, d)).as_bits() for d in descriptors]
        self.jobs = Offer(self.ports, "job", self.words, layout.size, rng, rates["job"])
        self.request = Watch(self.ports, "request", rng, rates["request"])
        self.columns = Watch(self.ports, "columns", rng, rates["columns"])
        self.banks: list[int] = []  # cycles in which a token came
        self.tables: list[int] = []
        self.read_cycles: list[int] = []
        # Read and not yet taken, the latest first; the last is on offer.
        self.underway: list[tuple[Step, int, int] | None] = [None] * STAGES
        self.announced: Step | None = None  # in the cycle before
        self.blocks_done = self.tables_done = self.jobs_done = 0
        self.parameter_waits = 0
        self.arrival: int | None = None  # first cycle in which the next block can start
        self.opens: int | None = None  # first cycle in which the block under way can be read
        self.shown = 0  # jobs
        self.over = False
        self.asked = False  # the request of the row under way is taken
        self.drain = 0  # cycles until post-processing is idle
        self.ports.drive(accumulator_filled=0, parameter_filled=0, sums=0, entries=0, post_idle=1)

    async def run(self) -> None:
        """Run all jobs, and a few cycles more."""
        await self.ports.reset()
        after = 0
        while after < 6:
            await self.ports.begin()
            self._drive()
            await self.ports.settle()
            self._look()
            after += self.jobs_done == len(self.words)
            assert self.ports.cycle < 100 * len(self.steps) + 1000, "no progress"

    def _drive(self) -> None:
        ports, rng = self.ports, self.rng
        self.jobs.drive()
        self.request.drive()
        self.columns.drive()
        blocks = self.steps[-1].block + 1
        bank = len(self.banks) < min(blocks, self.blocks_done + 2)
        bank = bank and rng.random() < self.rates["accumulator_filled"]
        tables = sum(s.ends_block and s.table is not None for s in self.steps)
        table = len(self.tables) < min(tables, self.tables_done + 2)
        table = table and rng.random() < self.rates["parameter_filled"]
        self.banks += [ports.cycle] * bank
        self.tables += [ports.cycle] * table
        self.drain = max(0, self.drain - 1)
        ports.drive(
            accumulator_filled=int(bank),
            parameter_filled=int(table),
            post_idle=int(self.drain == 0),
        )
        if self.underway[-1] is not None:
            _, sums, entries = self.underway[-1]
            ports.drive(sums=sums, entries=entries)

    def _look(self) -> None:
        ports = self.ports
        # A job is over when post-processing is idle after its last columns.
        wanted = self.drain == 0 and self.jobs_done > len(self.jobs.taken)
        if ANNOUNCED:  # from a register
            wanted, self.over = self.over, wanted and not self.over
        assert bool(ports["job__ready"]) == wanted, f"cycle {ports.cycle}: job.ready {not wanted}"
        if len(self.jobs.shown) > self.shown:
            self.shown += 1
            self.arrival = ports.cycle + StoreEngine.JOB_SETUP
        settings = ports["settings"]
        left = self._look_columns(settings)
        self._look_start()
        read = self._look_reads()
        self._look_done(left)
        if self.underway[-1] is None:
            self.underway = [read, *self.underway[:-1]]
        self.jobs.look()

    def _look_start(self) -> None:
        """A block starts when it can, its bank is there, and its parameters, if it has some."""
        ports = self.ports
        step = self.steps[min(len(self.read_cycles), len(self.steps) - 1)]
        waits = False
        if self.arrival is not None and ports.cycle >= self.arrival:
            # A token is seen one cycle later.
            bank = step.block < len(self.banks) and self.banks[step.block] < ports.cycle
            table = step.table is None or (
                step.table < len(self.tables) and self.tables[step.table] < ports.cycle
            )
            waits = bank and not table
            if bank and table:
                self.arrival = None
                self.opens = ports.cycle + StoreEngine.REQUEST_LATENCY
        assert bool(ports["wait_parameter"]) == waits, f"cycle {ports.cycle}: wait_parameter"
        self.parameter_waits += waits

    def _look_columns(self, settings: int) -> Step | None:
        """Columns leave as they were read; gives the step whose columns leave in this cycle."""
        ports = self.ports
        if ANNOUNCED:
            valid = bool(ports["columns__valid"])
            payload = ports["columns__payload"] if valid else None
        else:
            valid, payload = self.columns.look()
        offered = self.underway[-1]
        assert valid == (offered is not None), f"cycle {ports.cycle}: columns.valid {valid}"
        if CONFIG.build.results_wait:
            moves = bool(ports["r_moves"])
            assert moves == (not valid or payload is not None), f"cycle {ports.cycle}: r_moves"
        if payload is None:
            return None
        assert offered is not None
        step, sums, entries = offered
        self.underway[-1] = None
        assert settings == self.words[step.job], "settings are those of another job"
        seen = fields(COLUMNS, payload)
        group = step.group
        assert (seen["count"], seen["last"]) == (group.columns, int(group.last)), f"{seen}: {group}"
        for lane in range(group.columns):
            column = sums >> lane * ACC_WIDTH & ((1 << ACC_WIDTH) - 1)
            entry = entries >> lane * 8 * PARAMETER_BYTES & ((1 << 8 * PARAMETER_BYTES) - 1)
            found = (
                seen["sums"] >> lane * ACC_WIDTH & ((1 << ACC_WIDTH) - 1),
                (seen["biases"] >> 32 * lane & 0xFFFF_FFFF)
                | (seen["words"] >> 32 * lane & 0xFFFF_FFFF) << 32,
            )
            assert found == (column, entry), f"lane {lane} of {group}"
        # Post-processing has work from the next cycle on.
        self.drain = 1 + self.rng.randint(1, 12)
        return step

    def _look_reads(self) -> tuple[Step, int, int] | None:
        """A read in each cycle in which its columns can move, once the request of its row is taken.

        If columns are announced, memories see it in the next cycle.
        """
        ports = self.ports
        number = len(self.read_cycles)
        reading = self.opens is not None and ports.cycle >= self.opens
        working = reading or any(self.underway) or bool(ports["columns__valid"])
        assert bool(ports["working"]) == working, f"cycle {ports.cycle}: working"
        offered, payload = self.request.look()
        begins = reading and self.steps[number].request is not None and not self.asked
        assert offered == begins, f"cycle {ports.cycle}: request.valid {offered}"
        if payload is not None:
            seen = fields(REQUEST, payload)
            wanted = self.steps[number].request
            assert seen == wanted, f"read {number}: request {seen}, not {wanted}"
            self.asked = True
        goes = self.columns.ready if ANNOUNCED else self.underway[-1] is None
        due = reading and goes and not (begins and payload is None)
        step = self.steps[number] if due else None
        if ANNOUNCED:
            assert bool(ports["comes"]) == due, f"cycle {ports.cycle}: comes {not due}"
            self._look_memories(self.announced)
            self.announced = step
        else:
            self._look_memories(step)
        if step is None:
            return None
        if step.ends_block:
            self.opens = None
        self.asked = False
        self.read_cycles.append(ports.cycle)
        sums = self.rng.getrandbits(ACC_WIDTH * LANES)
        entries = self.rng.getrandbits(8 * PARAMETER_BYTES * LANES)
        return step, sums, entries

    def _look_memories(self, step: Step | None) -> None:
        """What is read in this cycle."""
        ports = self.ports
        assert bool(ports["r_en"]) == (step is not None), f"cycle {ports.cycle}: r_en"
        if step is None:
            return
        assert ports["r_columns"] == step.group.first // LANES, f"{step}"
        assert (ports["r_bank"], ports["r_addr"]) == (step.block % 2, step.group.addr), f"{step}"
        if step.table is not None:
            place = (ports["r_half"], ports["r_group"])
            assert place == (step.table % 2, step.group.entry), f"parameters {place}: {step}"

    def _look_done(self, left: Step | None) -> None:
        """Places are given back in the cycle in which the last of a block leaves the memories."""
        ports = self.ports
        freed = left
        if STAGES > 2:  # they have registers behind what is read
            before = self.underway[1] if self.underway[-1] is None else None
            freed = before[0] if before is not None else None
        ends_block = freed is not None and freed.ends_block
        ends_table = freed is not None and freed.ends_block and freed.table is not None
        assert bool(ports["accumulator_freed"]) == ends_block, f"cycle {ports.cycle}: bank"
        assert bool(ports["parameter_freed"]) == ends_table, f"cycle {ports.cycle}: parameters"
        self.blocks_done += ends_block
        self.tables_done += ends_table
        self.jobs_done += left is not None and left.ends_job
        if freed is not None and ends_block and not freed.ends_job:
            self.arrival = ports.cycle + StoreEngine.BLOCK_SETUP


ALWAYS = dict.fromkeys(("job", "request", "columns", "accumulator_filled", "parameter_filled"), 1.0)
NAMES = tuple(ALWAYS)


@cocotb.test()
async def a_read_a_cycle(dut: Any) -> None:
    """With all tokens and no back-pressure a block is read without a gap."""
    bench = Bench(dut, Random(cocotb.RANDOM_SEED), 40, ALWAYS)
    await bench.run()
    for before, after, step in zip(
        bench.read_cycles, bench.read_cycles[1:], bench.steps, strict=False
    ):
        assert step.ends_block or after == before + 1, "a cycle was lost inside a block"
    kinds = {(s.ends_block, s.ends_rows, s.ends_job, s.table is not None) for s in bench.steps}
    assert len(kinds) == 8, f"jobs lack variety: {kinds}"


@cocotb.test()
@cocotb.parametrize(slow=[*NAMES, "all"], trial=[0, 1])
async def back_pressure_changes_nothing(dut: Any, slow: str, trial: int) -> None:
    """One neighbour, or all of them, is slow."""
    rng = Random(f"{cocotb.RANDOM_SEED} {slow} {trial}")
    rates = {name: 1.0 if trial else rng.uniform(0.3, 1) for name in NAMES}
    for name in NAMES if slow == "all" else (slow,):
        rates[name] = rng.uniform(0.04, 0.1 if trial else 0.3)
    tables = slow == "parameter_filled"
    bench = Bench(dut, rng, 6, rates, Flag.TABLE if tables else 0)
    await bench.run()
    if tables and trial:
        assert bench.parameter_waits, "wait_parameter was never high"
