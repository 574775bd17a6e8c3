#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cycles of GEMMs on the presets, from doorbell to interrupt, beside the floors below them.

usage: python scripts/bench_gemm.py [--json FILE] [--markdown FILE] [--quick]

Each GEMM runs on the compiled Verilog, through the driver and its tiling rule, with a memory that
answers after 40 cycles. Every result is compared with NumPy. Two floors:

- array: ``Lw + (T - 1) * max(rows, Lw) + rows + R + C - 2`` for one column of blocks of ``rows`` =
  M rows, with T tiles and Lw cycles to load one: what the array itself takes when nothing ever waits;
- bytes: the larger of the beats that the tiling reads and those that it writes.

The speed of simulation is cycles of the preset by CPU time of the process.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from matwright.commands.common import print_table, progress, table
from matwright.config import AcceleratorConfig, ceil_div
from matwright.presets import preset
from matwright_sim.reference import reference_gemm
from matwright_sim.session import Session, open_machine
from matwright_sw import Report
from matwright_sw.operands import scale_words

__all__ = ["MODES", "Measurement", "array_floor", "measure"]

LATENCY = 40
SEED = 1
MODES = ("raw", "int8", "table")
"""int32 out; int8 out, one scale for all; int8 out, bias and scale of each column."""

# Preset to shapes M, N, K and outputs; --quick leaves out what takes seconds.
SHAPES: dict[str, list[tuple[int, int, int, str]]] = {
    "tiny": [(64, 64, 64, "table")],
    "small": [(64, 64, 64, "table"), (256, 256, 256, "table")],
    "wide": [(64, 64, 64, "table"), (256, 256, 256, "table")],
    "edge": [
        (1, 1, 1, "table"),
        (16, 16, 16, "table"),
        (64, 64, 64, "table"),
        (256, 256, 256, "table"),
        (1, 512, 512, "table"),
        (360, 48, 64, "table"),
        (512, 512, 512, "raw"),
        (512, 512, 512, "int8"),
        (512, 512, 512, "table"),
    ],
    "decode": [
        (1, 512, 512, "raw"),
        (1, 512, 512, "int8"),
        (1, 512, 512, "table"),
        (1, 2048, 2048, "table"),
        (4, 512, 512, "table"),
        (256, 256, 256, "table"),
    ],
    "server": [(512, 512, 512, "table"), (1, 1024, 1024, "int8")],
}
_QUICK_MACS = 64**3


@dataclass(frozen=True)
class Measurement:
    """One GEMM on one preset."""

    config: str
    m: int
    n: int
    k: int
    output: str
    cycles: int
    array_floor: int
    bytes_floor: int
    utilization: float
    match: bool
    tiling: tuple[int, int, int]
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Cycles by the larger floor."""
        return self.cycles / max(self.array_floor, self.bytes_floor)


def array_floor(config: AcceleratorConfig, m: int, n: int, k: int) -> int:
    """Cycles that the array alone takes."""
    tiles = ceil_div(n, config.cols) * ceil_div(k, config.rows)
    load = config.load_cycles
    return load + (tiles - 1) * max(m, load) + m + config.rows + config.cols - 2


def measure(session: Session, m: int, n: int, k: int, output: str) -> Measurement:
    """Run one GEMM of random operands; ``output`` is one of :data:`MODES`."""
    config, driver = session.config, session.driver
    rng = np.random.default_rng(SEED)
    a = rng.integers(-128, 128, (m, k), dtype=np.int8)
    b = rng.integers(-128, 128, (k, n), dtype=np.int8)
    bias = rng.integers(-1000, 1000, n).astype(np.int32) if output == "table" else None
    scale = 1 / (128.0 * np.sqrt(k)) * rng.uniform(0.5, 2, n if output == "table" else 1)
    raw = output == "raw"
    before = session.machine.statistics()
    with driver.upload_a(a) as on_a, driver.upload_b(b) as on_b:
        program = driver.program()
        params = driver.upload_table(bias, scale, n=n) if output == "table" else None
        common = float(scale[0]) if output == "int8" else None
        result = program.gemm(on_a, on_b, table=params, scale=common, raw=raw)
        report: Report = driver.run(program)
        got = driver.download(result)
        result.free()
        if params is not None:
            params.free()
    after = session.machine.statistics()
    expected = reference_gemm(
        a, b, bias=0 if bias is None else bias, words=None if raw else scale_words(scale)
    )
    (descriptor,) = program.descriptors
    beats = [after[name] - before[name] for name in ("read_beats", "write_beats")]
    return Measurement(
        config=config.name,
        m=m,
        n=n,
        k=k,
        output=output,
        cycles=session.cycles,
        array_floor=array_floor(config, m, n, k),
        bytes_floor=max(beats),
        utilization=report.macs / (session.cycles * config.peak_macs),
        match=bool(np.array_equal(got, expected)) and not session.machine.violations,
        tiling=(descriptor.tile_rows, descriptor.n_panels_log2, descriptor.k_panels_log2),
        counters=report.counters,
    )


def simulation_speed(config: AcceleratorConfig) -> float:
    """Cycles by second of CPU, over a second or so of a GEMM that keeps the array busy."""
    size = 256
    with open_machine(config, memory_bytes=1 << 22) as session:
        rng = np.random.default_rng(SEED)
        driver = session.driver
        a = driver.upload_a(rng.integers(-128, 128, (size, size), dtype=np.int8))
        b = driver.upload_b(rng.integers(-128, 128, (size, size), dtype=np.int8))
        program = driver.program()
        for _ in range(6):
            program.gemm(a, b, raw=True)
        start, cycles = time.process_time(), session.machine.cycles
        driver.run(program)
        return (session.machine.cycles - cycles) / (time.process_time() - start)


HEADINGS = (
    "preset",
    ">M",
    ">N",
    ">K",
    "output",
    ">cycles",
    ">array floor",
    ">bytes floor",
    ">ratio",
    ">of peak",
    "tiling",
    "execute waits most for",
)


def row(x: Measurement) -> list[str]:
    """Cells of the table."""
    waits = {
        name.removeprefix("EXEC_").removeprefix("WAIT_").lower().replace("_", " "): count
        for name, count in x.counters.items()
        if name.startswith("EXEC_") and name != "EXEC_BUSY"
    }
    most = max(waits, key=lambda name: waits[name]) if waits else ""
    rows, n_log2, k_log2 = x.tiling
    return [
        x.config,
        *(str(size) for size in (x.m, x.n, x.k)),
        x.output if x.match else f"{x.output} WRONG",
        f"{x.cycles:,}",
        f"{x.array_floor:,}",
        f"{x.bytes_floor:,}",
        f"{x.ratio:.3f}",
        f"{x.utilization:.1%}",
        f"{rows} x {1 << n_log2}, {1 << k_log2}",
        f"{most} {waits[most] / x.cycles:.1%}" if most else "(no counters)",
    ]


def markdown(measurements: list[Measurement]) -> str:
    """The table for docs/results.md."""
    lines = ["| " + " | ".join(heading.removeprefix(">") for heading in HEADINGS) + " |"]
    lines.append("|" + "|".join("---:" if h[0] == ">" else "---" for h in HEADINGS) + "|")
    lines += ["| " + " | ".join(row(x)) + " |" for x in measurements]
    return "\n".join(lines) + "\n"


def update(page: Path, text: str) -> None:
    """Put ``text`` between the page's marks."""
    begin, end = "<!-- bench_gemm begin -->\n", "<!-- bench_gemm end -->\n"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    page.write_text(before + begin + text + end + after, encoding="utf-8")


def main() -> int:
    """Measure, print, write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=Path("build/bench_gemm.json"), metavar="FILE")
    parser.add_argument("--update", type=Path, metavar="PAGE", help="Markdown page with the marks")
    parser.add_argument("--quick", action="store_true", help="small shapes alone")
    arguments = parser.parse_args()

    measurements: list[Measurement] = []
    with progress() as bar:
        task = bar.add_task("", total=sum(map(len, SHAPES.values())))
        for name, shapes in SHAPES.items():
            bar.update(task, description=name)
            with open_machine(
                preset(name), memory_bytes=1 << 24, read_latency=LATENCY, write_latency=LATENCY
            ) as session:
                for m, n, k, output in shapes:
                    if not arguments.quick or m * n * k <= _QUICK_MACS:
                        measurements.append(measure(session, m, n, k, output))
                    bar.advance(task)
        bar.update(task, description="speed of simulation")
        speed = simulation_speed(preset("edge"))

    made = table(*HEADINGS, title=f"GEMMs from doorbell to interrupt, memory of {LATENCY} cycles")
    for x in measurements:
        made.add_row(*row(x))
    print_table(made)
    print(f"edge simulates {speed:,.0f} cycles per second of CPU")
    document: dict[str, Any] = {
        "latency": LATENCY,
        "seed": SEED,
        "edge_cycles_per_cpu_second": speed,
        "gemms": [asdict(x) | {"ratio": x.ratio} for x in measurements],
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if arguments.update is not None:
        update(arguments.update, markdown(measurements))
    return 0 if all(x.match for x in measurements) else 1


if __name__ == "__main__":
    sys.exit(main())
