# SPDX-License-Identifier: Apache-2.0
"""Makes again what docs/examples/sweep shows: runs its sweep, keeps table and data of the report, and writes
the answer into its README.

python scripts/make_sweep_example.py            # in build/arrays, where it goes on if it was stopped
"""

import argparse
import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from matwright_sim.sweep import Sweep, run
from matwright_sim.sweep.report import report_data

__all__ = ["DATA", "FOLDER", "MARKS", "PAGE", "SWEEP", "TABLE", "answer", "read_rows", "updated"]

FOLDER = Path(__file__).parents[1] / "docs" / "examples" / "sweep"
SWEEP, TABLE, DATA, PAGE = (
    FOLDER / name for name in ("arrays.toml", "results.csv", "report.json", "README.md")
)
MARKS = ("<!-- answer begin -->\n", "<!-- answer end -->\n")

_TITLES = {"llama": "Llama-3-8B", "gpt_oss": "gpt-oss-120b"}


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def answer(rows: Sequence[Mapping[str, str]]) -> str:
    """For each size an array and how far it is from the best of all, in Markdown.

    Of those within a percent of the best of their size it is the one that takes the fewest rows of weights
    in a cycle, and of these the fastest.
    """
    lines = ["| MACs per cycle |", "|---:|"]
    for title in _TITLES.values():
        lines[0] += f" {title} | cycles | to the best |"
        lines[1] += "---|---:|---:|"
    best = {name: min(int(row[f"{name}.cycles"]) for row in rows) for name in _TITLES}
    for size in sorted({int(row["peak_macs"]) for row in rows}):
        line = f"| {size:,} |"
        for name in _TITLES:
            same = [row for row in rows if int(row["peak_macs"]) == size]
            least = min(int(row[f"{name}.cycles"]) for row in same)
            near = [row for row in same if int(row[f"{name}.cycles"]) <= 1.01 * least]
            row = min(near, key=lambda row: (int(row["load_rows"]), int(row[f"{name}.cycles"])))
            cycles = int(row[f"{name}.cycles"])
            array = f"{row['rows']} x {row['cols']}, {row['load_rows']} a cycle"
            line += f" {array} | {cycles / 1e6:,.1f} M | +{100 * (cycles / best[name] - 1):.1f} % |"
        lines.append(line)
    return "\n".join(lines) + "\n"


def updated(page: str, table: str) -> str:
    """``page`` with ``table`` between its marks."""
    before, rest = page.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return before + MARKS[0] + table + MARKS[1] + after


def main() -> None:
    """Runs, keeps, writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("build/arrays"))
    folder = parser.parse_args().output
    results = run(Sweep.read(SWEEP), folder)
    TABLE.write_text((folder / "results.csv").read_text(encoding="utf-8"), encoding="utf-8")
    # A line for each part, so that a change can be read.
    parts = (f"{json.dumps(key)}: {json.dumps(part)}" for key, part in report_data(results).items())
    DATA.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(updated(page, answer(read_rows(TABLE))), encoding="utf-8")


if __name__ == "__main__":
    main()
