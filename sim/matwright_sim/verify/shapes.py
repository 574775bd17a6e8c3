# SPDX-License-Identifier: Apache-2.0
"""Every shape: GEMMs of all M, N and K from 1 to 40 on the compiled Verilog, compared with NumPy's int64.

Operands, tilings, strides, flags and places are random, memories have random latencies and half of them
pause at random. Many GEMMs make a program, in some of which the result of one is an operand of the
next; beside them there are chains of layers, each of which takes the result of the one before, and
large GEMMs. All of memory is compared, so that nothing is written but results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from matwright.config import AcceleratorConfig

from ..agents.configurations import array_steps, operand_bytes, random_shape
from ..agents.host import Host
from ..agents.programs import build_program
from ..fuzz.bench import STATUS_DONE, Bench
from ..fuzz.case import World
from ..fuzz.effort import bus_cycles, cycle_seconds, spread
from ..fuzz.patience import ENOUGH, Patience
from ..fuzz.told import BROKEN, error_name
from .check import Check, Failure, Figure, NotRun, Outcome, Task

__all__ = ["CHECK", "LARGEST", "Batch", "all_shapes", "batches", "sample"]

LARGEST = 40
"""Of M, N and K."""

_QUICK = 1500
"""Shapes of a quick campaign."""
_SECONDS = 4.0
"""Of a quick campaign's shapes, on configurations that take longer."""
_EACH = 0.001
"""Seconds of a shape, beside its cycles."""
_LARGE_SECONDS = {False: 0.7, True: 25.0}
_CHAINS = {False: 6, True: 200}
_MEMORY = 1 << 18
_MOST = 16
"""GEMMs of a program."""
_BATCH = 1.5
"""Seconds of a batch, which is a machine and a memory."""
_LATENCIES = (1, 2, 7, 40, 100)
_STALLS = (0.1, 0.3, 0.6)
_SERIAL = 71
"""Cycles of an element of D where post-processing multiplies bit by bit."""
_PARALLEL = 400
"""Cycles of a shape beside those of the bus, where it does not."""
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Batch:
    """Programs that run on one machine: their shapes."""

    key: tuple[int, ...]
    """All that is random follows from it."""
    programs: tuple[tuple[Shape, ...], ...]
    chain: bool = False

    @property
    def count(self) -> int:
        """GEMMs."""
        return sum(len(shapes) for shapes in self.programs)


@dataclass
class _Made:
    """What came of a batch."""

    gemms: int = 0
    programs: int = 0
    cycles: int = 0
    failures: list[Failure] = field(default_factory=list)


# Which shapes.


def all_shapes(config: AcceleratorConfig) -> list[Shape]:
    """Those up to :data:`LARGEST` that the configuration's limits and its address space admit."""
    limits, room = config.limits, _room(config)
    return [
        (m, n, k)
        for m in range(1, min(LARGEST, limits.max_m) + 1)
        for n in range(1, min(LARGEST, limits.max_n) + 1)
        for k in range(1, min(LARGEST, limits.max_k) + 1)
        if _bytes(config, (m, n, k)) <= room
    ]


def sample(config: AcceleratorConfig, rng: np.random.Generator, count: int) -> list[Shape]:
    """So many different shapes: a half of sizes at which something changes (ones, multiples of the array's
    sides and their neighbours, primes, the largest), the others any."""
    shapes = all_shapes(config)
    sides = {config.rows, config.cols}
    special = {1, LARGEST, *_PRIMES} | {
        side * i + off
        for side in sides
        for i in range(1, LARGEST // side + 1)
        for off in (-1, 0, 1)
    }
    near = {side * i + off for side in sides for i in (1, 2) for off in (-1, 0, 1)} | {1, LARGEST}
    chosen: dict[Shape, None] = {}
    for these, most in ((near, count // 4), (special, count // 2), (None, count)):
        left = [
            s for s in shapes if s not in chosen and (these is None or all(x in these for x in s))
        ]
        for index in rng.permutation(len(left))[: max(0, most - len(chosen))]:
            chosen[left[int(index)]] = None
    return list(chosen)


def _room(config: AcceleratorConfig) -> int:
    """Bytes of memory for operands, beside the descriptors and the gaps around them."""
    descriptors = 64 * (_MOST + 1) + max(64, 8 * config.bus.bytes)
    return min(_MEMORY, 1 << config.bus.addr_width) - descriptors


def _bytes(config: AcceleratorConfig, shape: Shape) -> int:
    """Of all operands of a GEMM, with the gaps between them."""
    return operand_bytes(config, *shape) + 4 * (64 + 8 * config.bus.bytes)


def batches(
    config: AcceleratorConfig, seed: int, stream: int, shapes: Sequence[Shape]
) -> list[Batch]:
    """The shapes in programs, the programs in batches."""
    room = _room(config)
    programs: list[tuple[Shape, ...]] = []
    held: list[Shape] = []
    used = 0
    for shape in shapes:
        size = _bytes(config, shape)
        if held and (len(held) == _MOST or used + size > room):
            programs.append(tuple(held))
            held, used = [], 0
        held.append(shape)
        used += size
    if held:
        programs.append(tuple(held))
    size = _batch_size(config)
    return [
        Batch((seed, stream, i), tuple(programs[i : i + size]))
        for i in range(0, len(programs), size)
    ]


def _batch_size(config: AcceleratorConfig) -> int:
    """Programs of a batch."""
    return max(1, int(_BATCH / _MOST / _shape_seconds(config)))


def _chains(config: AcceleratorConfig, seed: int, count: int) -> list[Batch]:
    """Programs in which each GEMM takes the result of the one before."""
    rng = np.random.default_rng([seed, 2])
    limits, room = config.limits, _room(config)
    programs = []
    for _ in range(count):
        m = int(rng.integers(1, min(LARGEST, limits.max_m) + 1))
        most = min(LARGEST, limits.max_n, limits.max_k)
        widths = [int(rng.integers(1, most + 1)) for _ in range(int(rng.integers(3, 9)))]
        shapes: list[Shape] = []
        used = 0
        for k, n in pairwise(widths):
            # A row of a result may have to be as long as a row of operands.
            used += _bytes(config, (m, n, k)) + operand_bytes(config, m, 1, n)
            if used <= room:
                shapes.append((m, n, k))
        if shapes:
            programs.append(tuple(shapes))
    size = _batch_size(config)
    return [
        Batch((seed, 2, i), tuple(programs[i : i + size]), chain=True)
        for i in range(0, len(programs), size)
    ]


def _large(config: AcceleratorConfig, seed: int, seconds: float) -> list[Batch]:
    """Random shapes up to some hundred, as many as fit into the time."""
    rng = np.random.default_rng([seed, 3])
    left, shapes = seconds, []
    steps, room = 400 * max(40, config.load_cycles), _room(config) - 4096
    if operand_bytes(config, 1, 1, 1) > room:
        return []
    while left > 0:
        shape = random_shape(config, rng, steps=steps, memory_bytes=room)
        cycles = _PARALLEL + array_steps(config, *shape)
        cycles += bus_cycles(config, operand_bytes(config, *shape))
        left -= _EACH + cycle_seconds(config) * cycles
        shapes.append(shape)
    return batches(config, seed, 3, shapes)


def _cycles(config: AcceleratorConfig) -> int:
    """Of a shape, on the average."""
    middle = (LARGEST + 1) // 2
    bus = bus_cycles(config, operand_bytes(config, middle, middle, middle))
    if config.build.post_multiplier == "serial":
        return bus + _SERIAL * (LARGEST + 1) ** 2 // 4
    return bus + _PARALLEL


def _shape_seconds(config: AcceleratorConfig) -> float:
    return _EACH + _cycles(config) * cycle_seconds(config)


# Running them.


def _batch(bench: Bench, batch: Batch) -> _Made:
    rng = np.random.default_rng(list(batch.key))
    read, write = (int(_LATENCIES[int(rng.integers(len(_LATENCIES)))]) for _ in range(2))
    stall = _STALLS[int(rng.integers(len(_STALLS)))] if rng.integers(2) else 0.0
    memory = min(_MEMORY, 1 << bench.config.bus.addr_width)
    world = World(memory, read, write, stall, int(rng.integers(1 << 32)))
    made, fault = _play(bench, _case(batch, world, 0, batch.programs))
    if fault:
        at = made.programs - 1
        case = _case(batch, world, 0, batch.programs[: at + 1])
        if at:
            # What was before it may matter, or the moments at which the memory paused. If not, less will do.
            small = _case(batch, world, at, batch.programs[at : at + 1])
            _, alone = _play(bench, small)
            if alone:
                case, fault = small, alone
        made.failures.append(Failure(fault, batch.key[0], case))
    return made


def _case(
    batch: Batch, world: World, first: int, programs: Sequence[Sequence[Shape]]
) -> dict[str, Any]:
    """Programs of a batch from the one of number ``first`` on, as plain data."""
    return {
        "key": list(batch.key),
        "first": first,
        "programs": [[list(shape) for shape in shapes] for shapes in programs],
        "chain": batch.chain,
        "world": asdict(world),
    }


def _play(bench: Bench, case: Mapping[str, Any], trace: Path | None = None) -> tuple[_Made, str]:
    """The programs of a case, one after the other on one machine without a reset, up to the first that is
    at fault; and what was wrong with that."""
    made, fault = _Made(), ""
    world = World(**case["world"])
    with bench.machine(world, trace) as machine:
        try:
            host = Host(machine)
            for number, shapes in enumerate(case["programs"], case["first"]):
                made.programs += 1
                made.gemms += len(shapes)
                start = machine.cycles
                try:
                    fault = _program(host, world, [*case["key"], number], shapes, case["chain"])
                finally:
                    made.cycles += machine.cycles - start
                if fault:
                    break
        except BROKEN as error:
            fault = f"the host cannot go on: {error}"
    return made, fault


def _program(
    host: Host, world: World, key: Sequence[int], shapes: Sequence[Sequence[int]], chain: bool
) -> str:
    """Runs a program; what was wrong."""
    machine, config = host.machine, host.machine.config
    rng = np.random.default_rng([*key, 1])
    image = build_program(
        config,
        rng,
        [(m, n, k) for m, n, k in shapes],
        memory_bytes=machine.memory.size,
        dependent=bool(rng.integers(2)),
        chain=chain,
    )
    machine.memory[:] = image.before
    before = machine.violations
    host.run(image.address, image.count, 0)
    patience = Patience(config, image.descriptors, image.address, world)
    if not patience.wait(machine):
        return (
            f"a program of {image.count} GEMMs has not ended after {patience.most:,} cycles, "
            f"and takes {patience.cycles:,} without pauses of the memory"
        )
    if host.read("STATUS") != STATUS_DONE:
        code, index, _ = host.error()
        shape = " x ".join(map(str, shapes[index])) if index < image.count else "none"
        return f"the GEMM {shape} (M x N x K) ends with the error {error_name(code)}"
    wrong = np.flatnonzero(machine.memory != image.after)
    if wrong.size:
        return f"{wrong.size} bytes of memory differ from NumPy, {_where(image, wrong, shapes)}"
    if machine.violations != before:
        return f"the rules of the bus were broken: {machine.violations}"
    return ""


def _where(image: Any, wrong: Any, shapes: Sequence[Sequence[int]]) -> str:
    place = int(wrong[0])
    try:
        region = image.at(place)
    except KeyError:
        return f"the first at {place:#x}, where no result belongs"
    shape = " x ".join(map(str, shapes[region.index]))
    return f"the first in {region.role} of the GEMM {shape} (M x N x K)"


def run(task: Task) -> Outcome:
    """The campaign."""
    config = task.config
    shapes = all_shapes(config)
    if not shapes:
        raise NotRun("the address space has no room for the operands of a GEMM of 1 x 1 x 1")
    every = len(shapes)
    rng = np.random.default_rng([task.seed, 0])
    if task.full:
        shapes = [shapes[int(i)] for i in rng.permutation(every)]
    else:
        most = int(_SECONDS / _shape_seconds(config))
        shapes = sample(config, rng, min(_QUICK, max(most, 20)))
    large = _large(config, task.seed, _LARGE_SECONDS[task.full])
    chains = _chains(config, task.seed, _CHAINS[task.full])
    small = batches(config, task.seed, 1, shapes)
    work = [*small, *chains, *large]
    made = _run(task, work)
    result = Outcome()
    failures = [failure for part in made for failure in part.failures]
    # What has run, which is not all where something failed.
    ran = [sum(part.gemms for part in made[span]) for span in _slices(small, chains, large)]
    result.figures += [
        Figure("shapes of 1 to 40", ran[0]),
        Figure("GEMMs in chains", ran[1]),
        Figure("large GEMMs", ran[2]),
        Figure("programs", sum(part.programs for part in made)),
        Figure("cycles", sum(part.cycles for part in made)),
        Figure("programs that differ from NumPy", len(failures), "0", not failures),
    ]
    result.failures += failures
    if failures and len(made) < len(work):
        result.notes.append(
            f"it ended after {ENOUGH} failures, with {len(work) - len(made):,} of {len(work):,} "
            "batches of programs still to be run"
        )
    if every < LARGEST**3:
        result.notes.append(
            f"{LARGEST**3 - every:,} of {LARGEST**3:,} shapes are beyond the limits or the address space"
        )
    return result


def _slices(*kinds: Sequence[Batch]) -> list[slice]:
    """Where each kind's batches are in a list of all."""
    ends = [0, *accumulate(len(kind) for kind in kinds)]
    return [slice(start, end) for start, end in pairwise(ends)]


def _run(task: Task, work: Sequence[Batch]) -> list[_Made]:
    """What came of the batches, in order, up to one with which there are failures enough."""
    total = sum(batch.count for batch in work)
    done, failed = 0, 0
    made: list[_Made] = []
    task.advance(0, total)
    parts = spread(_batch, work, jobs=task.jobs, make=Bench, arguments=(task.config, task.verilog))
    for batch, part in zip(work, parts, strict=False):
        made.append(part)
        done += batch.count
        failed += bool(part.failures)
        task.advance(done, total)
        if failed == ENOUGH:
            parts.close()
            break
    return made


def replay(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    """Run the programs of a failure again, those before it first."""
    made, fault = _play(Bench(task.config, task.verilog), case, trace)
    result = Outcome(figures=[Figure("programs", made.programs), Figure("cycles", made.cycles)])
    if fault:
        result.failures.append(Failure(fault, None, case))
    return result


CHECK = Check(
    name="shapes",
    title="Every M, N and K from 1 to 40 and larger ones are what NumPy computes",
    run=run,
    needs=("verilator",),
    replay=replay,
)
