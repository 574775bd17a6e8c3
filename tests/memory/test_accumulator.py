# SPDX-License-Identifier: Apache-2.0
"""The accumulator banks in Icarus Verilog and in Verilator."""

from collections.abc import Callable

import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.memory.accumulator import Accumulator


def config(
    rows: int, cols: int, load_rows: int, depth: int, widths: tuple[int, int, int] = (8, 8, 32)
) -> AcceleratorConfig:
    a_width, b_width, acc_width = widths
    precision = Precision(a_width=a_width, b_width=b_width, acc_width=acc_width)
    return AcceleratorConfig(
        rows=rows,
        cols=cols,
        load_rows=load_rows,
        precision=precision,
        sram=Sram(accumulator_rows=depth, column_panels=2),
        bus=Bus(data_width=32),
        limits=Limits(max_k=min(131_071, precision.max_depth)),
        build=Build(post_lanes=1),
    )


CONFIGS = {
    "load_1": config(4, 4, 4, 8),
    "load_2": config(8, 3, 4, 16, (12, 5, 32)),
    "load_3": config(6, 3, 2, 8),
    "load_5": config(5, 5, 1, 16),
    "load_1_wraps": config(4, 4, 4, 2, (8, 8, 18)),
    "load_4_wraps": config(8, 4, 2, 8, (8, 8, 16)),
}
CASES = [*(("icarus", name) for name in CONFIGS), ("verilator", "load_2"), ("verilator", "load_3")]


Protect = Callable[[AcceleratorConfig, str], AcceleratorConfig]


@pytest.mark.parametrize(("simulator", "name"), CASES)
def test_accumulator(simulator: str, name: str, run_memory: Callable[..., None]) -> None:
    shape = CONFIGS[name]
    # Where sums are forwarded, a row is also read while it is written, and what is read is dropped.
    run_memory(
        Accumulator(shape),
        shape,
        "accumulator",
        simulator,
        collisions=shape.load_cycles < Accumulator.HAZARD,
        seed=44,
    )


@pytest.mark.parametrize(("name", "protection"), [("load_3", "parity"), ("load_2", "secded")])
def test_check_bits(
    name: str, protection: str, protect: Protect, run_memory: Callable[..., None]
) -> None:
    shape = protect(CONFIGS[name], protection)
    forwards = shape.load_cycles < Accumulator.HAZARD
    run_memory(Accumulator(shape), shape, "accumulator", "icarus", collisions=forwards, seed=45)
