# SPDX-License-Identifier: Apache-2.0
"""Bench of the execute engine. ``CONFIG`` names one of the small configurations."""

import os
from random import Random
from typing import Any, NamedTuple

import cocotb

from matwright.memory.accumulator import AccumulateCommand
from matwright.memory.activation import ActivationRead
from matwright.schedule.executor import ExecuteEngine
from matwright.schedule.job import ExecuteJob

from .schedule_jobs import CONFIGS, Tile, execute_job, random_gemm, tiles
from .schedule_ports import Offer, Ports, fields

CONFIG = CONFIGS[os.environ.get("CONFIG", "square")]
ROWS = int(os.environ.get("ROWS", "150"))
"""Most rows that a job streams."""
COUNTERS = ("busy", "wait_accumulator", "wait_activation", "load_weight", "wait_weight", "idle")


class Cycle(NamedTuple):
    """What was seen in a cycle."""

    row: dict[str, int]
    sum: dict[str, int]
    switch: int
    weight: tuple[int, int]
    counter: str
    job_ready: int


class Bench:
    """Engine, and neighbours that give tokens at random, as many as there are places."""

    def __init__(self, dut: Any, rng: Random, jobs: int, rates: dict[str, float]) -> None:
        self.ports, self.rng, self.rates = Ports(dut), rng, rates
        descriptors = [random_gemm(rng, CONFIG, ROWS) for _ in range(jobs)]
        self.flips = [execute_job(CONFIG, d)["a_unsigned"] for d in descriptors]
        self.tiles = [tile for d in descriptors for tile in tiles(CONFIG, d)]
        layout = ExecuteJob(CONFIG)
        words = [layout.const(execute_job(CONFIG, d)).as_bits() for d in descriptors]
        self.jobs = Offer(self.ports, "job", words, layout.size, rng, rates["job"])
        self.chunks: list[int] = []  # cycles in which a token came
        self.weights: list[int] = []
        self.banks: list[int] = []
        self.trace: list[Cycle] = []
        self._chunks_used = self._weights_used = self._banks_used = 0
        self.ports.drive(activation_filled=0, weight_filled=0, accumulator_freed=0)

    def _token(self, name: str, given: list[int], most: int) -> None:
        """Give a token, now or later, unless there are ``most`` already."""
        give = len(given) < most and self.rng.random() < self.rates[name]
        self.ports.drive(**{name: int(give)})
        if give:
            given.append(self.ports.cycle)

    async def run(self) -> None:
        """Run all jobs, and a few cycles more."""
        ports = self.ports
        await ports.reset()
        chunks = sum(tile.opens_chunk for tile in self.tiles)
        limit = 60 * (sum(t.rows for t in self.tiles) + CONFIG.load_cycles * len(self.tiles) + 50)
        rows = sum(tile.rows for tile in self.tiles)
        after = 0
        while after < 5:
            await ports.begin()
            self.jobs.drive()
            self._token("activation_filled", self.chunks, min(chunks, self._chunks_used + 2))
            most = min(len(self.tiles), self._weights_used + CONFIG.sram.weight_tiles)
            self._token("weight_filled", self.weights, most)
            self._token("accumulator_freed", self.banks, self._banks_used)
            await ports.settle()
            self._look()
            rows -= self.trace[-1].sum["valid"]
            after += rows <= 0
            assert ports.cycle < limit, f"no progress: {rows} rows are missing"

    def _look(self) -> None:
        ports = self.ports
        self.jobs.look()
        high = [name for name in COUNTERS if ports[name]]
        assert len(high) == 1, f"cycle {ports.cycle}: one counter must be high, not {high}"
        seen = Cycle(
            row=fields(ActivationRead(CONFIG), ports["row"]),
            sum=fields(AccumulateCommand(CONFIG), ports["sum"]),
            switch=ports["switch_out"],
            weight=(ports["weight_step"], ports["weight_last"]),
            counter=high[0],
            job_ready=ports["job__ready"],
        )
        self._chunks_used += seen.row["done"]
        self._weights_used += seen.weight[1]
        self._banks_used += seen.sum["done"]
        self.trace.append(seen)

    def starts(self) -> list[tuple[int, int, int]]:
        """For each tile: when it is known, when its weights begin to enter, when it starts.

        All follow from when tokens came, a token being seen one cycle later; a row is issued in
        the cycle after a start.
        """
        found: list[tuple[int, int, int]] = []
        jobs, chunks = iter(self.jobs.shown), iter(self.chunks)
        banks = iter([-1, -1, *self.banks])
        before, free = -1, 0
        for i, tile in enumerate(self.tiles):
            weights = max(before, self.weights[i] + 1)
            known = before + 1
            if tile.opens_job:
                known = next(jobs) + ExecuteEngine.JOB_SETUP
            elif tile.opens_block:
                known = before + ExecuteEngine.BLOCK_SETUP
            start = max(known, free, weights + CONFIG.load_cycles)
            if tile.opens_chunk:
                start = max(start, next(chunks) + 1)
            if tile.opens_block:
                start = max(start, next(banks) + 1)
            found.append((known, weights, start))
            before, free = start, start + tile.rows
        return found

    def check(self) -> None:
        """Compare each cycle with what it must be."""
        starts = self.starts()
        self._check_rows([start for *_, start in starts])
        steps: dict[int, tuple[int, int]] = {}
        for _, weights, _ in starts:
            for step in range(CONFIG.load_cycles):
                steps[weights + 1 + step] = (1, int(step == CONFIG.load_cycles - 1))
        for cycle, seen in enumerate(self.trace):
            wanted = steps.get(cycle, (0, 0))
            assert seen.weight == wanted, f"cycle {cycle}: weight {seen.weight}, not {wanted}"
        self._check_counters(starts, steps)
        self._check_ready(starts)

    def _check_rows(self, starts: list[int]) -> None:
        wanted: dict[int, tuple[dict[str, int], dict[str, int], int]] = {}
        job, chunk, block = -1, -1, -1
        for tile, start in zip(self.tiles, starts, strict=True):
            job += tile.opens_job
            chunk += tile.opens_chunk
            block += tile.opens_block
            for i in range(tile.rows):
                row, command = self._row(tile, i, chunk % 2, block % 2, self.flips[job])
                wanted[start + 1 + i] = (row, command, int(i == 0))
        for cycle, seen in enumerate(self.trace):
            if cycle in wanted:
                row, command, switch = wanted[cycle]
                assert seen.row == row, f"cycle {cycle}: row {seen.row}, not {row}"
                assert seen.sum == command, f"cycle {cycle}: sum {seen.sum}, not {command}"
                assert seen.switch == switch, f"cycle {cycle}: switch {seen.switch}"
            else:
                quiet = [part[name] for part in (seen.row, seen.sum) for name in ("valid", "done")]
                assert not any(quiet) and not seen.switch, (
                    f"cycle {cycle}: no row must be issued: {seen}"
                )

    def _row(
        self, tile: Tile, i: int, half: int, bank: int, flip: int
    ) -> tuple[dict[str, int], dict[str, int]]:
        word, panel = tile.words[i]
        last = i == tile.rows - 1
        row = {
            "valid": 1,
            "half": half,
            "word": word,
            "panel": panel,
            "count": tile.elements,
            "flip": flip,
            "done": int(last and tile.ends_chunk),
        }
        command = {
            "valid": 1,
            "bank": bank,
            "addr": tile.sums[i],
            "first": int(tile.first),
            "done": int(last and tile.ends_block),
        }
        return row, command

    def _check_counters(
        self, starts: list[tuple[int, int, int]], steps: dict[int, tuple[int, int]]
    ) -> None:
        """A wait is put down to the first token in the order bank, chunk, weights that lacks."""
        wanted: dict[int, str] = {}
        chunks, banks = iter(self.chunks), iter([-1, -1, *self.banks])
        free = 0
        for tile, (known, _, start) in zip(self.tiles, starts, strict=True):
            chunk = next(chunks) + 1 if tile.opens_chunk else 0
            bank = next(banks) + 1 if tile.opens_block else 0
            for cycle in range(max(known, free), start):
                cause = "load_weight" if cycle in steps else "wait_weight"
                if cycle < chunk:
                    cause = "wait_activation"
                if cycle < bank:
                    cause = "wait_accumulator"
                wanted[cycle] = cause
            for cycle in range(start, start + tile.rows):
                wanted[cycle] = "busy"
            free = start + tile.rows
        for cycle, seen in enumerate(self.trace):
            cause = wanted.get(cycle, "idle")
            assert seen.counter == cause, f"cycle {cycle}: counted {seen.counter}, not {cause}"

    def _check_ready(self, starts: list[tuple[int, int, int]]) -> None:
        """A job is taken in the cycle in which its last tile starts: from then on nothing of it is
        needed."""
        ends = [tile.opens_job for tile in self.tiles[1:]] + [True]
        lasts = {start for (*_, start), end in zip(starts, ends, strict=True) if end}
        for cycle, seen in enumerate(self.trace):
            wanted = cycle in lasts
            assert bool(seen.job_ready) == wanted, f"cycle {cycle}: job.ready {seen.job_ready}"


ALWAYS = {"job": 1.0, "activation_filled": 1.0, "weight_filled": 1.0, "accumulator_freed": 1.0}
NAMES = tuple(ALWAYS)


@cocotb.test()
async def spacing_is_least_when_all_is_there(dut: Any) -> None:
    """Tokens as early as they can be: a tile every max(rows, load_cycles) cycles."""
    bench = Bench(dut, Random(cocotb.RANDOM_SEED), 12, ALWAYS)
    await bench.run()
    bench.check()
    # In words once more: within a block nothing but rows and weights takes time.
    starts = [start for *_, start in bench.starts()]
    for i, after in enumerate(bench.tiles[1:]):
        if not (after.opens_job or after.opens_block or after.opens_chunk):
            spacing = starts[i + 1] - starts[i]
            assert spacing == max(bench.tiles[i].rows, CONFIG.load_cycles)


@cocotb.test()
@cocotb.parametrize(slow=[*NAMES, "all"], trial=[0, 1])
async def tokens_hold_tiles_back(dut: Any, slow: str, trial: int) -> None:
    """One kind of token, or all, comes late: each cycle is what the tokens so far admit."""
    rng = Random(f"{cocotb.RANDOM_SEED} {slow} {trial}")
    rates = {name: 1.0 if trial else rng.uniform(0.3, 1) for name in NAMES}
    for name in NAMES if slow == "all" else (slow,):
        rates[name] = rng.uniform(0.02, 0.1 if trial else 0.3)
    bench = Bench(dut, rng, 6, rates)
    await bench.run()
    bench.check()
    counted = {seen.counter for seen in bench.trace}
    late = {
        "job": "idle",
        "activation_filled": "wait_activation",
        "weight_filled": "wait_weight",
        "accumulator_freed": "wait_accumulator",
    }
    if trial and slow in ("activation_filled", "weight_filled"):
        assert late[slow] in counted, f"{late[slow]} was never seen"
