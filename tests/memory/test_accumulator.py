# SPDX-License-Identifier: Apache-2.0
"""The accumulator banks in Icarus Verilog and in Verilator."""

from collections.abc import Callable

import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.memory.accumulator import Accumulator


def config(
    rows: int,
    cols: int,
    load_rows: int,
    depth: int,
    widths: tuple[int, int, int] = (8, 8, 32),
    *,
    post_lanes: int = 1,
    registers: int = 0,
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
        build=Build(post_lanes=post_lanes, sram_registers=registers),
    )


# With more than 128 rows each bank has a memory of its own.
CONFIGS = {
    "load_1": config(4, 4, 4, 8),
    "load_1_banks": config(4, 4, 4, 256),
    "load_2": config(8, 3, 4, 16, (12, 5, 32)),
    "load_3": config(6, 3, 2, 8),
    "load_3_banks": config(6, 10, 2, 256, post_lanes=4),
    "load_5": config(5, 5, 1, 16, post_lanes=2),
    "load_1_wraps": config(4, 4, 4, 2, (8, 8, 18), post_lanes=4),
    "load_4_wraps": config(8, 4, 2, 8, (8, 8, 16)),
    "load_1_registers": config(4, 4, 4, 8, registers=1, post_lanes=4),
    "load_1_banks_registers": config(4, 3, 4, 256, registers=1),
    "load_2_registers": config(8, 3, 4, 16, registers=1),
    "load_2_banks_registers": config(8, 3, 4, 256, (12, 5, 32), registers=1, post_lanes=2),
    "load_3_registers": config(6, 9, 2, 8, registers=1),
    "load_4_banks_registers": config(8, 4, 2, 256, (8, 8, 16), registers=1),
    "load_5_registers": config(5, 5, 1, 16, registers=1),
    "load_5_banks_registers": config(5, 10, 1, 256, registers=1, post_lanes=4),
}
CASES = [
    *(("icarus", name) for name in CONFIGS),
    *(("verilator", name) for name in ("load_2", "load_3", "load_2_banks_registers")),
]


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
        collisions=shape.load_cycles < Accumulator.hazard(shape.build),
        seed=44,
    )


@pytest.mark.parametrize(
    ("name", "protection"),
    [
        ("load_3", "parity"),
        ("load_2", "secded"),
        ("load_1_registers", "parity"),
        ("load_2_registers", "secded"),
        ("load_5_registers", "secded"),
    ],
)
def test_check_bits(
    name: str, protection: str, protect: Protect, run_memory: Callable[..., None]
) -> None:
    shape = protect(CONFIGS[name], protection)
    forwards = shape.load_cycles < Accumulator.hazard(shape.build)
    run_memory(Accumulator(shape), shape, "accumulator", "icarus", collisions=forwards, seed=45)
