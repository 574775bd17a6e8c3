# SPDX-License-Identifier: Apache-2.0
"""Faults: a bus that breaks the rules, hostile descriptors, two tenants, flipped bits on chip.

Every kind of fault of the bus happens at random moments of random programs. The machine must stop
within a bounded time with the code, the index and the address of its contract, offer no address
afterwards, recover by a soft reset, and run the next program exactly. Hostile descriptors reach nothing
outside of the windows. The next tenant sees nothing of the one before, nor does the time a program takes
depend on its data. With check bits on chip, flipped bits are corrected or reported.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from matwright.config import AcceleratorConfig

from ..agents.configurations import operand_bytes
from ..agents.programs import build_program
from ..compiled import CompiledAccelerator
from ..fuzz.bench import Bench
from ..fuzz.bus import HANGS, OF_BURSTS, UNASKED, BusBench
from ..fuzz.case import World
from ..fuzz.draw import memory_size, usual_shapes
from ..fuzz.effort import affordable, bus_cycles, spread
from ..fuzz.flips import MEMORIES, Flips
from ..fuzz.hostile import Ground, Hostile
from ..fuzz.patience import ENOUGH
from ..fuzz.secrets import ENDS, left_behind, shows
from ..fuzz.told import BROKEN
from .check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task

__all__ = ["CHECK", "KINDS", "at_moments"]

KINDS = (*OF_BURSTS, *HANGS, *UNASKED, "strange_read", "strange_write", "doorbell")
"""What happens at moments of programs: the faults of the bus, answers with IDs that are nobody's, and the
doorbell of a running machine."""

_CYCLES = {"parallel": 1, "serial": 12}
"""Of a program, in proportion."""
_MOMENT = (0.010, 3500)
"""Seconds and cycles of a fault at a moment, with the program after it."""
_HOSTILE = (0.0035, 900)
_TENANTS = (0.030, 8000)
_FLIP = (0.002, 700)
_SECONDS = {False: (5.0, 3.0, 1.0, 1.5), True: (90.0, 60.0, 20.0, 40.0)}
"""Of faults at moments, hostile descriptors, tenants and flips."""
_USUAL = (24, 24, 24)
"""Sizes of a GEMM of as many bytes as those of a program."""
_LATENCIES = 60
_SHOWN = 5


@dataclass(frozen=True)
class _Piece:
    """Some work of the campaign, from which all that is random follows."""

    kind: str
    key: tuple[int, ...]
    count: int


@dataclass
class _Made:
    """What came of a piece."""

    kind: str
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)


# A bus that breaks the rules.


def at_moments(
    bench: Bench, kind: str, key: tuple[int, ...], count: int, trace: Path | None
) -> Any:
    """``kind`` at so many moments of random programs: how often it happened, and what was wrong."""
    rng = np.random.default_rng(list(key))
    world = World(
        memory_size(bench.config),
        int(rng.integers(1, _LATENCIES)),
        int(rng.integers(1, _LATENCIES)),
        0.3 * int(rng.integers(2)),
        int(rng.integers(1000)),
    )
    happened = done = 0
    with bench.machine(world, trace) as machine:
        try:
            it = BusBench(machine, rng, usual_shapes(bench.config))
            while done < count:
                done += 1
                it.begin_and_wait()
                happened += _happens(it, kind)
                it.recover()
        except (*BROKEN, KeyError) as error:
            return happened, done, str(error.args[0] if error.args else error)
    return happened, done, ""


def _happens(it: BusBench, kind: str) -> bool:
    if kind in OF_BURSTS:
        return it.burst_fault(kind)[0]
    if kind in HANGS:
        return it.hang(kind, reset_at_once=bool(it.rng.integers(2)))
    if kind in UNASKED:
        it.surplus_answer(kind)
    elif kind == "doorbell":
        it.doorbell()
    else:
        it.strange_answer(kind.replace("strange", "unasked"))
    return True


def _moments(bench: Bench, piece: _Piece) -> _Made:
    made = _Made("bus")
    happened, done, fault = at_moments(bench, piece.kind, piece.key, piece.count, None)
    made.counts[piece.kind] += happened
    if fault:
        case = {"part": "bus", "kind": piece.kind, "key": list(piece.key), "count": done}
        made.failures.append(Failure(f"{piece.kind}: {fault}", piece.key[0], case))
    return made


# Descriptors, tenants and flips.


def _hostile(bench: Bench, piece: _Piece) -> _Made:
    made = _Made("hostile")
    # A stream of its own for each piece, as the seeds of its programs count on.
    seed = int(np.random.default_rng(list(piece.key)).integers(1 << 40))
    found = Hostile(bench.config, bench.verilog).run(seed, piece.count)
    made.counts["descriptors"] += found.descriptors
    made.counts["outside"] += found.outside
    made.counts["hangs"] += found.hangs
    if found.wrong or found.outside or found.hangs:
        case = {"part": "hostile", "key": list(piece.key), "count": piece.count}
        what = "; ".join(found.wrong[:_SHOWN]) or "an access outside of the windows"
        made.failures.append(Failure(f"hostile descriptors: {what}", piece.key[0], case))
    return made


def _tenants(bench: Bench, piece: _Piece) -> _Made:
    made = _Made("tenants")
    config, rng = bench.config, np.random.default_rng(list(piece.key))
    half = memory_size(config) // 2
    world = World(2 * half, 40, 40, 0.1, int(rng.integers(1000)))
    shapes = usual_shapes(config)
    machines: list[CompiledAccelerator] = [bench.machine(world) for _ in range(2)]
    try:
        for _ in range(piece.count):
            one, two = (build_program(config, rng, shapes, memory_bytes=half) for _ in range(2))
            secrets = tuple(int(secret) for secret in rng.integers(1 << 32, size=2))
            if rng.integers(4) == 0:
                wrong = shows(machines, one, secrets)
                made.counts["programs on two secrets"] += 1
            else:
                ends = ENDS[int(rng.integers(len(ENDS)))]
                at = int(rng.integers(2, 12) if ends == "error" else rng.integers(1, 500))
                wrong = left_behind(machines, one, two, secrets, ends, at)
                made.counts["changes of tenant"] += 1
            if wrong:
                case = {"part": "tenants", "key": list(piece.key), "count": piece.count}
                made.failures.append(Failure(f"two tenants: {wrong}", piece.key[0], case))
                break
    finally:
        for machine in machines:
            machine.close()
    return made


def _flips(bench: Bench, piece: _Piece) -> _Made:
    made = _Made("flips")
    seed = int(np.random.default_rng(list(piece.key)).integers(1 << 40))
    doubles = piece.count if bench.config.build.sram_protection == "secded" else 0
    found = Flips(bench.config, seed, bench.verilog).run(piece.count, doubles)
    for name in ("single", "corrected", "double", "reported"):
        made.counts[name] += getattr(found, name)
    for memory in MEMORIES:
        made.counts[memory] += found.per_memory[memory]
    if found.wrong:
        case = {"part": "flips", "key": list(piece.key), "count": piece.count}
        what = f"flipped bits: {'; '.join(found.wrong[:_SHOWN])}"
        made.failures.append(Failure(what, piece.key[0], case))
    return made


_PARTS: dict[str, Callable[[Bench, _Piece], _Made]] = {
    "hostile": _hostile,
    "tenants": _tenants,
    "flips": _flips,
}
_NAMES = {"hostile": "hostile descriptors", "tenants": "two tenants", "flips": "flipped bits"}


def _work(bench: Bench, piece: _Piece) -> _Made:
    try:
        return _PARTS.get(piece.kind, _moments)(bench, piece)
    except BROKEN as error:
        made = _Made(piece.kind)
        case = {"part": piece.kind, "key": list(piece.key), "count": piece.count}
        what = f"{_NAMES.get(piece.kind, piece.kind)}: the host cannot go on: {error}"
        made.failures.append(Failure(what, piece.key[0], case))
        return made


# The campaign.


def _pieces(task: Task, notes: list[str]) -> list[_Piece]:
    config, seconds = task.config, _SECONDS[task.full]
    scale = _CYCLES[config.build.post_multiplier]
    bus = bus_cycles(config, operand_bytes(config, *_USUAL))

    def most(number: int, cost: tuple[float, int]) -> int:
        each, cycles = cost
        return affordable(config, seconds[number], each=each, cycles=cycles * scale + bus)

    moments = max(1, most(0, _MOMENT) // len(KINDS))
    wanted = [(kind, 1 + number, moments, 5) for number, kind in enumerate(KINDS)]
    try:
        Ground(config)
    except ValueError as error:
        notes.append(f"hostile descriptors: not run, {error}")
    else:
        wanted.append(("hostile", 100, max(10, most(1, _HOSTILE)), 50))
    wanted.append(("tenants", 101, max(2, most(2, _TENANTS)), 4))
    if config.build.protected:
        wanted.append(("flips", 102, max(10, most(3, _FLIP) // 2), 50))
    else:
        notes.append("flipped bits on chip: not run, sram_protection is none")
    return [
        _Piece(kind, (task.seed, stream, start), min(size, count - start))
        for kind, stream, count, size in wanted
        for start in range(0, count, size)
    ]


def run(task: Task) -> Outcome:
    """The campaign."""
    config = task.config
    if config.build.unsafe_unchecked:
        raise NotRun("this configuration has no checks of descriptors and of the bus")
    result = Outcome()
    try:
        half = memory_size(config) // 2
        build_program(config, np.random.default_rng(0), usual_shapes(config), memory_bytes=half)
    except ValueError as error:
        raise NotRun(f"the address space has no room for two tenants: {error}") from error
    pieces = _pieces(task, result.notes)
    total: dict[str, Counter[str]] = {}
    work = spread(_work, pieces, jobs=task.jobs, make=Bench, arguments=(config, task.verilog))
    failed = 0
    for done, made in enumerate(work, 1):
        total.setdefault(made.kind, Counter()).update(made.counts)
        result.failures += made.failures
        failed += bool(made.failures)
        task.advance(done, len(pieces))
        if failed == ENOUGH and done < len(pieces):
            work.close()
            left = f"{len(pieces) - done:,} of {len(pieces):,} parts"
            result.notes.append(f"it ended after {failed} failures, with {left} still to be run")
            break
    _figures(config, total, result)
    return result


def _figures(config: AcceleratorConfig, total: Mapping[str, Counter[str]], result: Outcome) -> None:
    bus, hostile = (total.get(kind, Counter()) for kind in ("bus", "hostile"))
    result.figures.append(Figure("faults of the bus", sum(bus.values())))
    missing = [kind for kind in KINDS if not bus[kind]]
    if missing and not result.failures:
        result.notes.append(f"found no burst to happen to: {', '.join(missing)}")
    if hostile:
        result.figures += [
            Figure("hostile descriptors", hostile["descriptors"]),
            Figure(
                "accesses outside of the windows", hostile["outside"], "0", not hostile["outside"]
            ),
            Figure("hangs", hostile["hangs"], "0", not hostile["hangs"]),
        ]
    for name, number in sorted(total.get("tenants", Counter()).items()):
        result.figures.append(Figure(name, number))
    if "flips" in total:
        result.figures += _of_flips(config, total["flips"])
    wrong = len(result.failures)
    result.figures.append(Figure("wrong answers", wrong, "0", not wrong))
    rows = tuple((kind, bus[kind]) for kind in KINDS)
    result.sheets.append(Sheet("Faults at moments of programs", ("fault", "happened"), rows))


def _of_flips(config: AcceleratorConfig, counts: Counter[str]) -> list[Figure]:
    single, double, reported = counts["single"], counts["double"], counts["reported"]
    if config.build.sram_protection == "parity":
        return [
            Figure("single flips", single),
            Figure("of them reported", reported, "all", reported == single),
        ]
    corrected = counts["corrected"]
    return [
        Figure("single flips", single),
        Figure("of them corrected", corrected, "all", corrected == single),
        Figure("double flips", double),
        Figure("of them reported", reported, "all", reported == double),
    ]


def replay(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    """Run the part of a failure again; with a waveform only of faults of the bus."""
    bench = Bench(task.config, task.verilog)
    kind = case["kind"] if case["part"] == "bus" else case["part"]
    piece = _Piece(kind, tuple(case["key"]), int(case["count"]))
    result = Outcome()
    if case["part"] == "bus":
        happened, _, fault = at_moments(bench, piece.kind, piece.key, piece.count, trace)
        result.figures.append(Figure("happened", happened))
        if fault:
            result.failures.append(Failure(f"{kind}: {fault}", None, case))
        return result
    if trace is not None:
        result.notes.append("a waveform is written of faults of the bus only")
    made = _work(bench, piece)
    result.failures += made.failures
    result.figures += [Figure(name, number) for name, number in made.counts.items()]
    return result


CHECK = Check(
    name="faults",
    title="A broken bus, hostile descriptors, other tenants and flipped bits do no harm",
    run=run,
    needs=("verilator",),
    replay=replay,
)
