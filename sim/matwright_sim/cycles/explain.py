# SPDX-License-Identifier: Apache-2.0
"""What a GEMM's cycles are spent on, which of it binds, and what would lift it.

The terms are an account of one run: they add up to all its cycles. Which of them binds is asked of
further runs of the model, with twice as much of one resource at a time:

1. Within ``NEAR`` of a floor, below which no schedule on this array and bus can be, that floor binds:
   the array's (compute) or the bus' (memory bandwidth).
2. Otherwise the term binds whose resource saves most cycles when there is twice as much of it, if
   that is ``LEAST`` of them. If it is the array: padding, if other sides save more than the array
   grows by, else compute. Fill and drain, of which the longer one is named, are lifted by several
   GEMMs in one program, where one more is counted.
3. If no resource alone saves so much, two may: bus and way into the array are often as wide as
   each other. Then that of the two binds that has more cycles in the account.
4. If no two do, the larger floor binds, if it is half of the cycles, or else the longest term.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from matwright import layout
from matwright.config import AcceleratorConfig, ceil_div
from matwright.schedule.descriptor import Flag

from .exact import Run
from .gemm import GemmProgram
from .lift import Lift, ends, one_of_several, pairs, singles
from .memory import Memory
from .problem import Problem
from .span import Span, overlap

__all__ = ["LEAST", "NEAR", "Explanation", "Term", "explain"]

NEAR = 0.03
LEAST = 0.05
_SAME = 0.01
"""Of lifts that save the same but for so much of the cycles, the first is told."""


@dataclass(frozen=True)
class Term:
    """A part of the cycles."""

    name: str
    cycles: float
    """Of padding a part of the cycles in which rows enter the array."""
    why: str
    lift: str
    """What would make it less, in general."""


@dataclass(frozen=True)
class Explanation:
    """Where the cycles of one GEMM go; the terms add up to all of them."""

    cycles: int
    terms: tuple[Term, ...]
    compute_floor: float
    """Cycles in which the array could do the multiply-accumulates alone."""
    memory_floor: float
    """Cycles in which the bus could carry A, B, the table and D once."""
    binding: Term
    lift: Lift | None
    """What lifts it most; None if no such machine can be built, or none is faster."""
    lifts: tuple[Lift, ...]
    """All that was tried, what saves most first."""
    tried_on: tuple[int, int, int]
    """M, N, K of what was tried: of a large GEMM some of its blocks."""

    @property
    def roofline(self) -> float:
        """The larger floor: no schedule on this array and bus takes less."""
        return max(self.compute_floor, self.memory_floor)


def explain(
    config: AcceleratorConfig, program: GemmProgram, run: Run, memory: Memory
) -> Explanation:
    """Explain the run of a program of one GEMM on a memory of fixed latency.

    Raises ValueError for a recording, which is that of one machine and says nothing of others.
    """
    if memory.recording is not None:
        raise ValueError("memory must have a fixed latency to be explained, not a recording")
    d = program.descriptor
    floors = {
        "compute": d.m * d.n * d.k / config.peak_macs,
        "memory bandwidth": float(_memory_floor(config, program)),
    }
    terms = _terms(config, program, run, floors["compute"])
    shares = {term.name: term.cycles / run.cycles for term in terms}

    problem = Problem.of(config, program, memory)
    before = run if problem.whole else problem.run({})
    assert before is not None  # a part of what can be run
    lifts = list(singles(problem, before, shares))
    if problem.whole:
        lifts.append(one_of_several(problem, before))
    name = _at_a_floor(run.cycles, floors) or _by_one(lifts)
    if _saved(lifts, name) < LEAST:
        lifts += [lift for lift in pairs(problem, before) if lift.saves >= LEAST]
    name = name or _by_two(lifts, shares) or _left(run.cycles, floors, shares)
    best = _best(lift for lift in lifts if name in lift.terms)
    return Explanation(
        run.cycles,
        terms,
        floors["compute"],
        floors["memory bandwidth"],
        next(term for term in terms if term.name == name),
        best if best is not None and best.counts > 0 else None,
        tuple(sorted(lifts, key=lambda lift: lift.saves, reverse=True)),
        problem.sizes,
    )


# What binds.


def _best(lifts: Iterable[Lift]) -> Lift | None:
    """The one of which most counts."""
    best: Lift | None = None
    for lift in lifts:
        if best is None or lift.counts > best.counts + _SAME:
            best = lift
    return best


def _saved(lifts: Iterable[Lift], name: str) -> float:
    best = _best(lift for lift in lifts if name in lift.terms)
    return 0.0 if best is None else best.counts


def _at_a_floor(cycles: int, floors: Mapping[str, float]) -> str:
    name = max(floors, key=lambda side: floors[side])
    return name if floors[name] >= (1 - NEAR) * cycles else ""


def _by_one(lifts: Iterable[Lift]) -> str:
    lifts = list(lifts)
    best = _best(lifts)
    if best is None or best.counts < LEAST:
        return ""
    (name,) = best.terms
    if name == "compute" and _saved(lifts, "padding") >= LEAST:
        return "padding"
    return name


def _by_two(lifts: Iterable[Lift], shares: Mapping[str, float]) -> str:
    best = _best(lift for lift in lifts if len(lift.terms) == 2)
    if best is None or best.counts < LEAST:
        return ""
    return max(best.terms, key=lambda term: shares[term])


def _left(cycles: int, floors: Mapping[str, float], shares: Mapping[str, float]) -> str:
    floor = max(floors, key=lambda side: floors[side])
    return floor if 2 * floors[floor] >= cycles else max(shares, key=lambda term: shares[term])


# What the cycles are spent on.


def _terms(
    config: AcceleratorConfig, program: GemmProgram, run: Run, compute: float
) -> tuple[Term, ...]:
    d = program.descriptor
    macs = d.m * d.n * d.k
    counts = run.executor.counts
    at_ends = ends(run)
    starts = run.executor.spans[0].first
    waits = _waits(run)
    padded_k = ceil_div(d.k, config.rows) * config.rows
    row_blocks = ceil_div(d.m, d.tile_rows)
    between = run.cycles - sum(counts.values()) - sum(at_ends.values())
    between += sum(span.cycles for span in run.executor.waits if span.last < starts)
    return (
        Term("compute", compute, f"{macs:,} MACs, {config.peak_macs} a cycle", "a larger array"),
        Term(
            "padding",
            counts["busy"] - compute,
            f"K of {d.k} and N of {d.n} on sides of {config.rows} and {config.cols}",
            "sides that divide K and N, or a smaller array",
        ),
        Term(
            "weight ingest",
            waits["load_weight"],
            f"a tile of weights takes {config.load_cycles} cycles to shift in, and meets "
            f"{_counted(min(d.m, d.tile_rows), 'row')}",
            "more weight rows a cycle (load_rows), or larger M",
        ),
        Term(
            "memory bandwidth",
            waits["bandwidth"],
            f"the bus brings {config.bus.bytes} bytes a cycle; A is read "
            f"{_times(_reads_of_a(run) / (d.m * padded_k))}, B {_times(row_blocks)}",
            "a wider bus, or more rows of A for the same weights",
        ),
        Term(
            "memory latency",
            waits["latency"],
            f"at most {config.bus.outstanding} bursts of {config.bus.max_burst} beats are in flight",
            "more or longer bursts in flight (bus.outstanding, bus.max_burst)",
        ),
        Term(
            "room on chip",
            waits["room"],
            "the load engine waits for a place in the scratchpad or the weight ring",
            "larger sram.activation_rows or sram.weight_tiles",
        ),
        Term(
            "store",
            waits["store"],
            _post(config),
            "more build.post_lanes, or more accumulator rows",
        ),
        Term(
            "fill",
            at_ends["fill"],
            "descriptor and first operands, before the first row",
            "several GEMMs in one program, a memory of less latency",
        ),
        Term(
            "between blocks",
            between,
            f"{_counted(len(run.storer.spans), 'block')}, each begun anew",
            "larger blocks",
        ),
        Term(
            "drain",
            at_ends["drain"],
            "the last results through array, post-processing and bus",
            "several GEMMs in one program, smaller last blocks",
        ),
    )


def _waits(run: Run) -> dict[str, int]:
    """Cycles of the execute engine's waits between its first row and its last, by what they are for."""
    starts = run.executor.spans[0].first
    found = dict.fromkeys(("load_weight", "bandwidth", "latency", "room", "store"), 0)
    memory: list[tuple[int, int]] = []
    for span in run.executor.waits:
        if span.last < starts:
            continue
        if span.name == "load_weight":
            found["load_weight"] += span.cycles
        elif span.name == "wait_accumulator":
            found["store"] += span.cycles
        else:
            memory.append((span.first, span.last))
    busy = overlap(memory, run.reads.busy)
    flight = overlap(memory, run.reads.in_flight)
    found["bandwidth"] = busy
    found["latency"] = flight - busy
    found["room"] = sum(last - first + 1 for first, last in memory) - flight
    return found


def _post(config: AcceleratorConfig) -> str:
    if config.build.post_multiplier == "serial":
        return "post-processing takes a column in some 70 cycles"
    return f"post-processing takes {_counted(config.build.post_lanes, 'column')} a cycle"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _times(times: float) -> str:
    return "once" if round(times, 1) == 1 else f"{times:.3g} times"


def _reads_of_a(run: Run) -> int:
    """Elements of A that are read, with their padding."""
    loads = [span for span in run.loader.spans if span.name == "load A"]
    return sum(_size(span, "rows") * _size(span, "k_panels") for span in loads) * run.config.rows


def _size(span: Span, side: str) -> int:
    first, end = span.place[side]
    return int(end - first)


def _memory_floor(config: AcceleratorConfig, program: GemmProgram) -> int:
    """Beats of all operands, or of the result: what is read and what is written go at the same time."""
    d = program.descriptor
    raw, table = bool(d.flags & Flag.RAW), bool(d.flags & Flag.TABLE)
    reads = d.m * layout.a_row_bytes(config, d.k)
    reads += ceil_div(d.k, config.rows) * layout.b_stride(config, d.n)
    reads += layout.table_bytes(config, d.n) if table else 0
    writes = d.m * layout.d_row_bytes(config, d.n, raw)
    return max(ceil_div(reads, config.bus.bytes), ceil_div(writes, config.bus.bytes))
