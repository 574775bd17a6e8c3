# SPDX-License-Identifier: Apache-2.0
"""The dispatcher, cycle by cycle, in Icarus Verilog and in Verilator."""

import dataclasses
from pathlib import Path

import pytest

from matwright.presets import PRESETS
from matwright.schedule.dispatcher import Dispatcher
from matwright_sim.benches.schedule_jobs import CONFIGS
from matwright_sim.runner import run_bench

CASES = [
    *(("icarus", name, 90 + i) for i, name in enumerate(["square", "split", "odd", "decode"])),
    ("icarus", "server", 96),
    ("icarus", "tiny", 95),
    ("verilator", "packed", 97),
]
"""Descriptors of 16, 8 and 1 beats; counts that take a register and that take a division."""


@pytest.mark.parametrize(("simulator", "name", "seed"), CASES)
def test_dispatcher(simulator: str, name: str, seed: int, tmp_path: Path) -> None:
    run_bench(
        Dispatcher((CONFIGS | PRESETS)[name]),
        name="dispatcher",
        bench="matwright_sim.benches.schedule_dispatcher",
        simulator=simulator,
        parameters={"CONFIG": name},
        seed=seed,
        build_root=tmp_path,
    )


@pytest.mark.parametrize("name", ["odd", "square"])
def test_unchecked(name: str, tmp_path: Path) -> None:
    """Without checks a program runs as soon as its panels are counted, whatever is open."""
    config = CONFIGS[name]
    build = dataclasses.replace(config.build, unsafe_unchecked=True)
    run_bench(
        Dispatcher(dataclasses.replace(config, build=build)),
        name="dispatcher_unchecked",
        bench="matwright_sim.benches.schedule_dispatcher",
        parameters={"CONFIG": name, "UNCHECKED": "1"},
        seed=98,
        build_root=tmp_path,
    )


def test_single(tmp_path: Path) -> None:
    """One descriptor under way, and sides that are no powers of two."""
    config = CONFIGS["odd"]
    build = dataclasses.replace(config.build, descriptors=1)
    run_bench(
        Dispatcher(dataclasses.replace(config, build=build)),
        name="dispatcher_single",
        bench="matwright_sim.benches.schedule_dispatcher",
        parameters={"CONFIG": "odd", "SINGLE": "1"},
        seed=99,
        build_root=tmp_path,
    )
