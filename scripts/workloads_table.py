# SPDX-License-Identifier: Apache-2.0
"""Writes the table of models in docs/user/workloads.md from the models that ship.

python scripts/workloads_table.py
"""

from pathlib import Path

from matwright_sim.workloads import load, names

__all__ = ["MARKS", "PAGE", "table", "updated"]

PAGE = Path("docs/user/workloads.md")
MARKS = ("<!-- workloads_table begin -->\n", "<!-- workloads_table end -->\n")

_HEAD = """\
| name | layers | experts | parameters | active | cache a token | at 8,192 tokens |
|---|---:|---:|---:|---:|---:|---:|
"""


def table() -> str:
    """The table in Markdown: parameters in billions, the cache of keys and values at 16 bits."""
    lines = []
    for name in names():
        model = load(name)
        experts = f"{model.experts.top_k} of {model.experts.count}" if model.experts else ""
        cells = [
            f"`{name}`",
            f"{model.layers}",
            experts,
            f"{model.parameters / 1e9:.2f} B",
            f"{model.active_parameters / 1e9:.2f} B",
            f"{model.kv_bytes_per_token() / 2**10:.1f} KiB",
            f"{model.kv_bytes(8192) / 2**30:.2f} GiB",
        ]
        lines.append(f"| {' | '.join(cells)} |\n")
    return _HEAD + "".join(lines)


def updated(page: str) -> str:
    """``page`` with the table between its marks."""
    before, rest = page.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return before + MARKS[0] + table() + MARKS[1] + after


def main() -> None:
    """Writes the page."""
    path = Path(__file__).parents[1] / PAGE
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
