#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many GEMMs a second the cycle model follows, and which of many arrays suits which language model.

The GEMMs of one step of each model (a prompt of 2,048 tokens; one more token for 16 sequences of
4,096) on random legal arrays of 1,024 multipliers and a bus of 128 bits; the best takes least cycles.
"""

import argparse
import time
from typing import Any

import numpy as np

from matwright.commands.common import print_table, table
from matwright.config import AcceleratorConfig, Build, Bus, ConfigError, Sram
from matwright.presets import PRESETS
from matwright_sim import workloads
from matwright_sim.cycles import estimate
from matwright_sim.cycles.estimate import How

SMALL = 20_000
"""GEMMs of sizes from 1 to 40."""


def main() -> None:
    """Measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrays", type=int, default=10_000, help="how many (default 10,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    speed(rng)
    configs = arrays(rng, arguments.arrays)
    for step in ("prefill", "decode"):
        question(step, configs, arguments.threads)


def speed(rng: np.random.Generator) -> None:
    """Estimates a second on one core."""
    steps = table("preset", ">sizes 1 to 40", ">of ten models", ">of ten models, searched")
    small = rng.integers(1, 41, (SMALL, 3))
    large = sorted({(m, n, k) for step in models().values() for m, n, k, _ in step})
    for name in ("small", "edge", "wide"):
        config, cells = PRESETS[name], []
        runs: list[tuple[Any, How]] = [(small, "rule"), (large, "rule"), (large, "search")]
        for shapes, how in runs:
            begin = time.process_time()
            estimate([config], shapes, tiling=how)
            cells.append(f"{len(shapes) / (time.process_time() - begin):,.0f}")
        steps.add_row(name, *cells)
    print("GEMMs a second of CPU")
    print_table(steps)


def models() -> dict[tuple[str, str], tuple[tuple[int, int, int, int], ...]]:
    """M, N, K and count of the GEMMs of both steps of each model."""
    found = {}
    for name in workloads.names():
        model = workloads.load(name)
        found[name, "prefill"] = workloads.distinct(workloads.prefill(model, 2048))
        found[name, "decode"] = workloads.distinct(workloads.decode(model, 16, 4096))
    return found


def arrays(rng: np.random.Generator, count: int) -> list[AcceleratorConfig]:
    """Random legal configurations, no two alike."""
    found: set[AcceleratorConfig] = set()
    while len(found) < count:
        rows = int(1 << rng.integers(2, 9))

        def one_of(*values: int) -> int:
            return int(rng.choice(values))

        try:
            found.add(
                AcceleratorConfig(
                    name="array",
                    rows=rows,
                    cols=1024 // rows,
                    load_rows=one_of(1, 2, 4),
                    sram=Sram(
                        activation_rows=one_of(512, 2048, 8192),
                        weight_tiles=one_of(16, 64, 256),
                        accumulator_rows=one_of(128, 512, 2048),
                        column_panels=one_of(4, 16),
                    ),
                    bus=Bus(
                        data_width=128,
                        addr_width=40,
                        max_burst=one_of(8, 32),
                        outstanding=one_of(4, 16, 64),
                    ),
                    build=Build(
                        post_lanes=one_of(4, 8, 16),
                        sram_registers=one_of(0, 1),
                        request_registers=one_of(0, 1, 2),
                    ),
                )
            )
        except ConfigError:
            continue
    return list(found)


def question(step: str, configs: list[AcceleratorConfig], threads: int) -> None:
    """Which of the arrays takes least for a step of each model."""
    steps = {name: gemms for (name, of), gemms in models().items() if of == step}
    shapes = sorted({(m, n, k) for gemms in steps.values() for m, n, k, _ in gemms})
    place = {shape: i for i, shape in enumerate(shapes)}
    begin = time.perf_counter()
    cycles = estimate(configs, shapes, tiling="rule", threads=threads)
    best = table("model", "step", "array", "weight rows a cycle", ">cycles", ">of its peak")
    for name, gemms in steps.items():
        taken = cycles[:, [place[m, n, k] for m, n, k, _ in gemms]]
        total = taken @ np.array([count for *_, count in gemms])
        chosen = int(np.where((taken > 0).all(1), total, total.max() + 1).argmin())
        config, macs = configs[chosen], sum(m * n * k * count for m, n, k, count in gemms)
        best.add_row(
            name,
            step,
            f"{config.rows} x {config.cols}",
            str(config.load_rows),
            f"{total[chosen]:,}",
            f"{macs / total[chosen] / config.peak_macs:.1%}",
        )
    seconds = time.perf_counter() - begin
    pairs = len(configs) * len(shapes)
    print(
        f"\n{step}: {len(configs):,} arrays x {len(shapes)} GEMMs in {seconds:.1f} s, {threads} threads: "
        f"{pairs / seconds:,.0f} a second"
    )
    print_table(best)


if __name__ == "__main__":
    main()
