# SPDX-License-Identifier: Apache-2.0
"""The results of a sweep: a row for each point, with what was measured or the reason why not."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matwright.artefacts.figures import figures

from .measure import Measured
from .points import Point
from .spec import Sweep

__all__ = ["GEMM_COLUMNS", "STATUSES", "Column", "Results", "collate"]

STATUSES = ("ok", "failed", "illegal")
"""Measured; could not be measured, or the Verilog disagrees; is no configuration."""

GEMM_COLUMNS = ("point", "workload", "gemm", "m", "n", "k", "raw", "count", "cycles", "rtl_cycles")


@dataclass(frozen=True)
class Column:
    """A column of the table of points."""

    name: str
    kind: str
    """``axis``, ``metric``, or ``about`` for what tells of the row itself."""
    better: str = ""
    """``less`` or ``more``, or nothing where neither is."""
    meaning: str = ""


@dataclass(frozen=True)
class Results:
    """All rows of a sweep, in the order of its points."""

    sweep: Sweep
    points: Sequence[Point]
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    cycles: tuple[tuple[int, ...] | None, ...]
    """Of each point, the cycles of ``sweep.shapes`` by the model."""
    rtl_cycles: tuple[tuple[int, ...] | None, ...]
    """Of each point that was simulated, the cycles of ``sweep.rtl_shapes``."""
    disagreements: int
    """Points of which the Verilog says something else than the model, or computes something wrong."""
    measured: int = 0
    """Measurements made by this run."""
    reused: int = 0
    """Measurements that earlier runs had made."""
    notes: tuple[str, ...] = field(default=())
    """What the reader should know, one sentence each."""

    @property
    def counts(self) -> dict[str, int]:
        """Points by their status."""
        counts = Counter(row["status"] for row in self.rows)
        return {status: counts[status] for status in STATUSES}

    @property
    def reasons(self) -> list[tuple[str, str, int]]:
        """Status, reason and number of points of all that are not ok, the most frequent first."""
        counts = Counter((r["status"], r["reason"]) for r in self.rows if r["status"] != "ok")
        return [(status, reason, count) for (status, reason), count in counts.most_common()]

    def gemms(self) -> Iterator[tuple[Any, ...]]:
        """A row of :data:`GEMM_COLUMNS` for each point, workload and shape."""
        places = {shape: index for index, shape in enumerate(self.sweep.shapes)}
        rtl_places = {shape: index for index, shape in enumerate(self.sweep.rtl_shapes)}
        for point, cycles, simulated in zip(self.points, self.cycles, self.rtl_cycles, strict=True):
            if cycles is None:
                continue
            for load in self.sweep.workloads:
                for name, s, count in load.gemms:
                    rtl = None
                    if simulated is not None and s in rtl_places:
                        rtl = simulated[rtl_places[s]]
                    told = (s.m, s.n, s.k, s.raw, count, cycles[places[s]], rtl)
                    yield (point.number, load.name, name, *told)

    def front(self, *metrics: str) -> list[Mapping[str, Any]]:
        """The rows that no other beats: none is at least as good in all ``metrics`` and better in one.

        Sorted by the first. Raises :class:`KeyError` for what is not a metric with a better side.
        """
        sides = {column.name: column.better for column in self.columns if column.better}
        signs = [1 if sides[name] == "less" else -1 for name in metrics]
        ranked = sorted(
            (tuple(s * row[name] for s, name in zip(signs, metrics, strict=True)), number)
            for number, row in enumerate(self.rows)
            if row["status"] == "ok" and all(row[name] is not None for name in metrics)
        )
        front: list[tuple[tuple[float, ...], int]] = []
        for values, number in ranked:
            # What comes before is not worse in the first; equals stand side by side.
            if not any(
                best != values and all(b <= v for b, v in zip(best, values, strict=True))
                for best, _ in front
            ):
                front.append((values, number))
        return [self.rows[number] for _, number in front]


def collate(
    sweep: Sweep,
    points: Sequence[Point],
    found: Mapping[str, Mapping[int, Measured]],
    **about: Any,
) -> Results:
    """Rows of what was found, by kind and number of the point."""
    rows, model, rtl, wrong = [], [], [], 0
    sums = _Sum.of(sweep)
    for point in points:
        n = point.number
        row: dict[str, Any] = {"point": n, "status": "ok", "reason": "", **point.settings}
        cycles, reason = None, ""
        simulated: list[int] | None = None
        if point.config is None:
            row |= {"status": "illegal", "reason": point.reason}
        else:
            row["config_sha256"] = point.config.digest
            row |= _facts(point)
            result = found["model"].get(n, Measured(reason="not measured"))
            cycles, reason = result.value, result.reason
            if cycles is not None:
                for load in sums:
                    row |= load.row(cycles, point.config.peak_macs)
                simulated, fault, disagrees = _of_rtl(sweep, found["rtl"].get(n), cycles)
                wrong += disagrees
                reason = fault
                if simulated is not None and not fault:
                    row["rtl_gemms"] = len(simulated)
            placed = found["synth"].get(n)
            if placed is not None and placed.reason:
                reason = reason or f"synthesis: {placed.reason}"
            elif placed is not None:
                row |= _of_synthesis(sweep, placed.value, row)
            if reason:
                row |= {"status": "failed", "reason": reason}
        rows.append(row)
        model.append(None if cycles is None else tuple(cycles))
        rtl.append(None if simulated is None else tuple(simulated))
    columns = _columns(sweep, rows)
    full = tuple({column.name: row.get(column.name) for column in columns} for row in rows)
    return Results(sweep, points, columns, full, tuple(model), tuple(rtl), wrong, **about)


def _facts(point: Point) -> dict[str, Any]:
    config = point.config
    assert config is not None
    lanes = config.build.post_lanes if config.build.post_multiplier == "parallel" else 0
    known = figures(config)
    return {
        "peak_macs": config.peak_macs,
        "multipliers": config.peak_macs + lanes,
        "sram_bytes": known["sram_bytes_total"],
    }


@dataclass(frozen=True)
class _Sum:
    """How the cycles of a workload follow from those of the shapes of its sweep."""

    name: str
    macs: int
    parts: tuple[tuple[int, int], ...]
    """Count and place of each shape."""

    @classmethod
    def of(cls, sweep: Sweep) -> list["_Sum"]:
        """Those of all workloads."""
        places = {shape: index for index, shape in enumerate(sweep.shapes)}
        return [
            cls(load.name, load.macs, tuple((n, places[shape]) for _, shape, n in load.gemms))
            for load in sweep.workloads
        ]

    def row(self, cycles: Sequence[int], peak: int) -> dict[str, Any]:
        """The columns of the workload, on an array of ``peak`` multiply-accumulates per cycle."""
        total = sum(count * cycles[place] for count, place in self.parts)
        return {
            f"{self.name}.macs": self.macs,
            f"{self.name}.cycles": total,
            f"{self.name}.utilization": self.macs / (total * peak),
        }


def _of_rtl(
    sweep: Sweep, result: Measured | None, cycles: Sequence[int]
) -> tuple[list[int] | None, str, bool]:
    """Cycles of the Verilog, the reason why a point fails by them, and whether it disagrees."""
    if result is None:
        return None, "", False
    if result.reason:
        # Lasting are refusals, which the model would have told too, and wrong results.
        return None, f"on the Verilog: {result.reason}", result.lasting
    simulated: list[int] = result.value
    predicted = dict(zip(sweep.shapes, cycles, strict=True))
    for shape, took in zip(sweep.rtl_shapes, simulated, strict=True):
        if took != predicted[shape]:
            fault = (
                f"the Verilog takes {took} cycles for {shape.m},{shape.n},{shape.k}, "
                f"the model says {predicted[shape]}"
            )
            return simulated, fault, True
    return simulated, "", False


def _of_synthesis(sweep: Sweep, value: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(value)
    clock = value["fmax_mhz"]
    for load in sweep.workloads:
        total = row.get(f"{load.name}.cycles")
        if clock and total is not None:
            found[f"{load.name}.ms"] = total / clock / 1000
    return found


def _columns(sweep: Sweep, rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    columns = [
        Column("point", "about", meaning="number of the point"),
        Column("status", "about", meaning="ok, failed or illegal"),
        Column("reason", "about", meaning="why it is not ok"),
        *(Column(field, "axis") for field in sweep.fields),
        Column("peak_macs", "metric", "less", "multiply-accumulates per cycle of a full array"),
        Column(
            "multipliers", "metric", "less", "peak_macs, and one for each lane of post-processing"
        ),
        Column("sram_bytes", "metric", "less", "bytes of all on-chip memories"),
    ]
    for load in sweep.workloads:
        what = f"of {load.name}"
        columns += [
            Column(f"{load.name}.macs", "metric", "", f"useful multiply-accumulates {what}"),
            Column(f"{load.name}.cycles", "metric", "less", f"cycles of all GEMMs {what}"),
            Column(f"{load.name}.utilization", "metric", "more", f"MACs / (cycles * peak) {what}"),
        ]
    if sweep.rtl is not None:
        columns.append(
            Column("rtl_gemms", "metric", "", "GEMMs simulated, which take the cycles of the model")
        )
    if sweep.synth is not None:
        columns.append(Column("fmax_mhz", "metric", "more", "median clock of the seeds"))
        for name in ("comb", "ff", "dsp", "bram", "spram"):
            if any(row.get(name) is not None for row in rows):
                columns.append(Column(name, "metric", "less", f"{name.upper()} of the device"))
        columns += [
            Column(f"{load.name}.ms", "metric", "less", f"milliseconds of {load.name} at fmax_mhz")
            for load in sweep.workloads
        ]
    return (*columns, Column("config_sha256", "about", meaning="SHA-256 of the configuration"))
