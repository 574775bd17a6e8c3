# SPDX-License-Identifier: Apache-2.0
"""The report of a sweep: one HTML file with data, style and script in it, which asks nothing of a network."""

import html
import json
from collections import Counter
from pathlib import Path
from typing import Any

from matwright import __version__

from ...files import replace_text
from ...page import base_style, fill
from ..axes import shown
from ..results import Results

__all__ = ["render", "report_data", "write_report"]

_HERE = Path(__file__).parent
_SCRIPT = ("data", "front", "drawing", "scatter", "lines", "table", "panel", "pointer", "page")
"""Files of the script, in the order in which they run; they share their names."""

_MOST_GEMM_CYCLES = 400_000
"""Numbers of cycles of single GEMMs that are put in; beyond, they are in the tables alone."""


def report_data(results: Results) -> dict[str, Any]:
    """What the report shows, as plain data: columns, not rows, of the points that are configurations."""
    sweep = results.sweep
    legal = [point for point in results.points if point.config is not None]
    rows = [results.rows[point.number] for point in legal]
    columns = [
        {
            "name": column.name,
            "kind": column.kind,
            "better": column.better,
            "meaning": column.meaning,
            "values": [_short(row[column.name]) for row in rows],
        }
        for column in results.columns
        if column.kind != "about"
    ]
    return {
        "name": sweep.name,
        "digest": sweep.digest,
        "version": __version__,
        "counts": results.counts,
        "memory": [sweep.memory.read_latency, sweep.memory.write_latency],
        "workloads": [
            {"name": load.name, "source": load.source, "macs": load.macs}
            for load in sweep.workloads
        ],
        "notes": _notes(results),
        "points": [point.number for point in legal],
        "status": [row["status"] for row in rows],
        "reasons": [row["reason"] for row in rows],
        "columns": columns,
        "toml": _texts([point.config.to_toml() for point in legal if point.config is not None]),
        "gemms": _gemms(results, [point.number for point in legal]),
        "illegal": _illegal(results),
    }


def _short(value: Any) -> Any:
    """Six digits are enough to look at; the tables have them all."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _notes(results: Results) -> list[str]:
    simulated = [cycles for cycles in results.rtl_cycles if cycles is not None]
    notes = []
    if results.sweep.rtl is not None:
        runs = sum(map(len, simulated))
        verdict = (
            f"{results.disagreements} points disagree"
            if results.disagreements
            else "all took the cycles of the model"
        )
        notes.append(
            f"{runs} GEMMs on {len(simulated)} points were simulated on the Verilog: {verdict}"
        )
    if results.sweep.synth is not None:
        synth = results.sweep.synth
        notes.append(f"clock and area are those of {synth.family} {synth.device}, by open tools")
    return notes


def _texts(texts: list[str]) -> dict[str, Any]:
    """Texts of equally many lines: the lines of the first, and of those that differ the variants.

    ``varying`` has for each such line its place, its variants, and of each text which it has.
    """
    split = [text.splitlines() for text in texts]
    varying = []
    for place in range(len(split[0])):
        variants = list(Counter(lines[place] for lines in split))
        if len(variants) > 1:
            index = {variant: number for number, variant in enumerate(variants)}
            varying.append([place, variants, [index[lines[place]] for lines in split]])
    return {"lines": split[0], "varying": varying}


def _gemms(results: Results, numbers: list[int]) -> dict[str, Any]:
    sweep = results.sweep
    place = {shape: index for index, shape in enumerate(sweep.shapes)}
    listed = [
        [load.name, name, s.m, s.n, s.k, count, place[s]]
        for load in sweep.workloads
        for name, s, count in load.gemms
    ]
    cycles = None
    if len(numbers) * len(place) <= _MOST_GEMM_CYCLES:
        cycles = [results.cycles[number] for number in numbers]
    return {"list": listed, "cycles": cycles}


def _illegal(results: Results) -> list[list[Any]]:
    """For each reason its points: reason, and of each number and settings."""
    found: dict[str, list[Any]] = {}
    for point in results.points:
        if point.config is None:
            settings = ", ".join(f"{name} = {shown(v)}" for name, v in point.settings.items())
            found.setdefault(point.reason, []).append([point.number, settings])
    return [[reason, points] for reason, points in found.items()]


def render(data: dict[str, Any]) -> str:
    """The report of :func:`report_data`, as HTML."""
    # No text of the data may end the element that holds it.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    parts = {
        "TITLE": html.escape(data["name"]),
        "STYLE": base_style() + (_HERE / "report.css").read_text(encoding="utf-8"),
        "DATA": text,
        "SCRIPT": _script(),
    }
    return fill((_HERE / "report.html").read_text(encoding="utf-8"), parts)


def _script() -> str:
    files = [_HERE / "script" / f"{name}.js" for name in _SCRIPT]
    parts = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return f'"use strict";\n(() => {{\n{parts}}})();'


def write_report(results: Results, folder: Path) -> None:
    """Writes ``report.html``."""
    replace_text(folder / "report.html", render(report_data(results)))
