# SPDX-License-Identifier: Apache-2.0
"""What is measured of a point: cycles of model and Verilog, and reasons."""

from typing import Any

import pytest

from matwright.config import AcceleratorConfig, Limits
from matwright.presets import PRESETS
from matwright_sim.cycles import Memory, exact
from matwright_sim.cycles.gemm import gemm_program
from matwright_sim.sweep import measure as module
from matwright_sim.sweep.measure import Measured, Task, measure
from matwright_sim.sweep.workload import Shape

SHAPES = (Shape(3, 20, 9), Shape(3, 20, 9, raw=True), Shape(1, 8, 30))
NEAR = Memory(read_latency=7, write_latency=3)
SMALL_LIMIT = AcceleratorConfig(rows=4, cols=16, limits=Limits(max_k=20))


def _task(kind: str, *configs: AcceleratorConfig, **more: Any) -> Task:
    return Task(kind, tuple(map(str, range(len(configs)))), configs, SHAPES, NEAR, **more)


def _expected(config: AcceleratorConfig) -> Measured:
    cycles = []
    for s in SHAPES:
        program = gemm_program(config, s.m, s.n, s.k, raw=s.raw, memory=NEAR)
        cycles.append(exact(config, [program.descriptor], NEAR, program.address).cycles)
    return Measured(cycles)


def test_the_model() -> None:
    configs = PRESETS["tiny"], PRESETS["edge"]
    done = measure(_task("model", *configs))
    assert done.results == tuple(map(_expected, configs))
    assert done.seconds > 0


def test_one_that_fails_leaves_the_others() -> None:
    done = measure(_task("model", PRESETS["tiny"], SMALL_LIMIT, PRESETS["edge"]))
    told = Measured(reason="k must be at most 20, the limit of custom, not 30")
    assert done.results == (_expected(PRESETS["tiny"]), told, _expected(PRESETS["edge"]))


def test_what_nobody_foresaw(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no\nluck")

    monkeypatch.setattr(module, "model_cycles", broken)
    (result,) = measure(_task("model", PRESETS["tiny"])).results
    assert result == Measured(reason="RuntimeError: no luck", lasting=False)


def test_the_verilog_takes_the_cycles_of_the_model() -> None:
    (result,) = measure(_task("rtl", PRESETS["tiny"])).results
    assert result == _expected(PRESETS["tiny"])
