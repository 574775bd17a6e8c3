# SPDX-License-Identifier: Apache-2.0
"""What if there were more of something: a GEMM on machines that have twice as much of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from matwright.config import ceil_div

from .exact import Run
from .problem import Problem, Values

__all__ = ["Lift", "ends", "one_of_several", "pairs", "singles"]


@dataclass(frozen=True)
class Lift:
    """What a change does to the cycles of a GEMM."""

    terms: tuple[str, ...]
    """The term of which there is less; of two changes at once, that of each."""
    what: str
    """Such as ``build.post_lanes 8 instead of 4``."""
    before: int
    cycles: int
    most: float = 1.0
    """Of the saving no larger share of the cycles is the term's."""

    @property
    def saves(self) -> float:
        """Share of the cycles before; negative where the change costs cycles."""
        return 1 - self.cycles / self.before

    @property
    def counts(self) -> float:
        """Share of the cycles before that is saved of the term."""
        return min(self.saves, self.most)

    def __str__(self) -> str:
        return f"{self.what}: {self.before:,} -> {self.cycles:,} cycles"


def ends(run: Run) -> dict[str, int]:
    """Cycles before the first row enters the array, and after the last has."""
    spans = run.executor.spans
    return {"fill": spans[0].first - 1, "drain": run.cycles - spans[-1].last}


def singles(problem: Problem, before: Run, shares: Mapping[str, float]) -> Iterator[Lift]:
    """Twice as much of one resource, where such a machine can be built.

    ``shares`` of the cycles are what each term takes. Twice the array halves no more than the cycles in
    which rows enter it; what else it saves, since twice the columns take in twice the weights, does
    not count. A memory of half the latency lifts fill or drain if it saves most there.
    """
    at_ends = ends(before)
    for term, values in _doubled(problem):
        run = problem.run(values)
        if run is None:
            continue
        most = 1.0
        if term == "compute":
            most = (shares["compute"] + shares["padding"]) / 2
        elif "latency" in values:
            saved = sum(at_ends.values()) - sum(ends(run).values())
            if 2 * saved > before.cycles - run.cycles:
                term = max(at_ends, key=lambda name: at_ends[name])
        yield Lift((term,), problem.told(values), before.cycles, run.cycles, most)
    done: set[tuple[str, ...]] = set()
    for growth, values in _fitting(problem):
        run = None if tuple(values) in done else problem.run(values)
        if run is None:
            continue
        done.add(tuple(values))
        if growth * run.cycles < _WORTH * before.cycles:
            most = shares["padding"]
            yield Lift(("padding",), problem.told(values), before.cycles, run.cycles, most)


def one_of_several(problem: Problem, before: Run) -> Lift:
    """The GEMM behind another one in a program: its start and its end are hidden by its neighbours."""
    values: Values = {"programs": 2}
    alone: Run | None = before
    if problem.config.build.descriptors == 1:
        values = {"programs": 2, "build.descriptors": 4}
        alone = problem.run({"build.descriptors": 4})
    both = problem.run(values)
    assert alone is not None and both is not None  # what runs once runs twice
    at_ends = ends(before)
    term = max(at_ends, key=lambda name: at_ends[name])
    return Lift((term,), problem.told(values), before.cycles, both.cycles - alone.cycles)


def pairs(problem: Problem, before: Run) -> Iterator[Lift]:
    """Twice as much of two resources at once, of those that work side by side."""
    kinds = [
        (term, values) for term, values in _doubled(problem) if _first(values) in _SIDE_BY_SIDE
    ]
    kinds.sort(key=lambda kind: _SIDE_BY_SIDE.index(_first(kind[1])))
    for (one, few), (other, more) in combinations(kinds, 2):
        if one != other:
            run = problem.run({**few, **more})
            if run is not None:
                what = problem.told({**few, **more})
                yield Lift((one, other), what, before.cycles, run.cycles)


_WORTH = 0.95
"""Elements of the array times cycles, by those before: the array is used better if it is less."""

_SIDE_BY_SIDE = ("load_rows", "bus.data_width", "bus.outstanding", "build.post_lanes", "cols")


def _first(values: Values) -> str:
    return next(iter(values))


def _doubled(problem: Problem) -> Iterator[tuple[str, Values]]:
    """Each resource with its term. A bus of twice the width has as many bytes in a burst: more of them in
    flight would also hide more of the memory's latency."""
    config, latency = problem.config, problem.memory.read_latency
    sram, bus, build = config.sram, config.bus, config.build
    yield "compute", {"rows": 2 * config.rows}
    yield "compute", {"cols": 2 * config.cols}
    yield "weight ingest", {"load_rows": 2 * config.load_rows}
    wider: Values = {"bus.data_width": 2 * bus.data_width}
    if bus.max_burst > 1:
        wider = {**wider, "bus.max_burst": bus.max_burst // 2}
    yield "memory bandwidth", wider
    yield "memory latency", {"bus.outstanding": 2 * bus.outstanding}
    yield "memory latency", {"bus.max_burst": 2 * bus.max_burst}
    if latency > 1:
        yield "memory latency", {"latency": latency // 2}
    sizes = {
        "sram.activation_rows": 2 * sram.activation_rows,
        "sram.weight_tiles": 2 * sram.weight_tiles,
        "sram.accumulator_rows": 2 * sram.accumulator_rows,
    }
    for name, size in sizes.items():
        yield "room on chip", {name: size}
    yield "room on chip", sizes  # each may need the others
    if build.post_multiplier == "serial":
        yield "store", {"build.post_multiplier": "parallel"}
    else:
        yield "store", {"build.post_lanes": 2 * build.post_lanes}


def _fitting(problem: Problem) -> Iterator[tuple[float, Values]]:
    """Arrays on which less of the GEMM is padding: the next sides that save a panel, or sides of another
    ratio; each with its elements by those before."""
    config, (_, n, k) = problem.config, problem.sizes
    rows, cols, lanes = config.rows, config.cols, config.load_rows
    k_panels, n_panels = ceil_div(k, rows), ceil_div(n, cols)
    sides: list[dict[str, int]] = []
    if k_panels > 1:
        # A few more, so that a tile is whole beats.
        least = ceil_div(ceil_div(k, k_panels - 1), lanes) * lanes
        sides += [{"rows": least + more * lanes} for more in range(4)]
    if n_panels > 1:
        sides.append({"cols": ceil_div(n, n_panels - 1)})
    if cols % 2 == 0:
        sides.append({"rows": 2 * rows, "load_rows": 2 * lanes, "cols": cols // 2})
    if rows % 2 == 0:
        sides.append({"rows": rows // 2, "load_rows": max(1, lanes // 2), "cols": 2 * cols})
    padded = k_panels * rows * n_panels * cols
    for side in sides:
        r, c = side.get("rows", rows), side.get("cols", cols)
        if ceil_div(k, r) * r * ceil_div(n, c) * c < padded:
            yield r * c / config.peak_macs, side
