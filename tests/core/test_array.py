# SPDX-License-Identifier: Apache-2.0
"""The systolic array in Icarus Verilog, in Verilator and in Amaranth's simulator."""

from random import Random

import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision
from matwright.core.array import SystolicArray
from matwright.emit import convert
from matwright_sim.agents.trace import simulate
from matwright_sim.benches.core_cases import ArrayCase, tiles_at
from matwright_sim.models import with_models
from matwright_sim.runner import run_bench


def array(
    rows: int,
    cols: int,
    load_rows: int,
    product_registers: int = 1,
    widths: tuple[int, int, int] = (8, 8, 32),
) -> AcceleratorConfig:
    a_width, b_width, acc_width = widths
    precision = Precision(a_width=a_width, b_width=b_width, acc_width=acc_width)
    return AcceleratorConfig(
        name=f"array_{rows}x{cols}_f{load_rows}",
        rows=rows,
        cols=cols,
        load_rows=load_rows,
        precision=precision,
        bus=Bus(data_width=32),
        limits=Limits(max_k=min(131_071, precision.max_depth)),
        build=Build(product_registers=product_registers, post_lanes=1),
    )


CONFIGS = {
    "2x2_f2": array(2, 2, 2),
    "4x4_f1": array(4, 4, 1),
    "8x4_f4": array(8, 4, 4),
    "5x3_f1": array(5, 3, 1),
    "4x4_f1_p2": array(4, 4, 1, 2),
    "8x4_f4_p2": array(8, 4, 4, 2),
    "4x1_f4": array(4, 1, 4),
    "1x4_f1": array(1, 4, 1),
    "4x19_f2": array(4, 19, 2),
    "6x3_f2_a12_b5": array(6, 3, 2, widths=(12, 5, 32)),
    "4x4_f2_wraps": array(4, 4, 2, widths=(8, 8, 16)),
    "4x2_f1_a16_b16": array(4, 2, 1, 2, widths=(16, 16, 32)),
    "5x5_f1_a8_b4": array(5, 5, 1, widths=(8, 4, 32)),
    "8x4_f4_a8_b4_p2": array(8, 4, 4, 2, widths=(8, 4, 32)),
    "4x4_f2_a2_b2": array(4, 4, 2, widths=(2, 2, 4)),
    "9x12_f1": array(9, 12, 1),
    "9x12_f1_p2": array(9, 12, 1, 2),
}
ICE40 = ("5x3_f1", "8x4_f4_p2", "6x3_f2_a12_b5", "4x2_f1_a16_b16", "4x4_f2_a2_b2")
CASES = [
    *(("icarus", name, "generic") for name in CONFIGS),
    *(("icarus", name, "ecp5") for name in CONFIGS),
    *(
        ("icarus", name, "ice40")
        for name in ("5x3_f1", "8x4_f4_p2", "6x3_f2_a12_b5", "4x4_f2_a2_b2")
    ),
    *(
        ("icarus", name, "nexus")
        for name in ("5x3_f1", "8x4_f4_p2", "6x3_f2_a12_b5", "4x2_f1_a16_b16", "4x4_f2_a2_b2")
    ),
    ("verilator", "8x4_f4", "generic"),
    ("verilator", "5x3_f1", "generic"),
    ("verilator", "8x4_f4_p2", "ecp5"),
    ("verilator", "8x4_f4_p2", "nexus"),
]


@pytest.mark.parametrize(("simulator", "name", "family"), CASES)
def test_array(simulator: str, name: str, family: str) -> None:
    config = CONFIGS[name]
    component = SystolicArray(config)
    run_bench(
        verilog=with_models(convert(component, "array", family=family)),
        toplevel="array",
        bench="matwright_sim.benches.core_array",
        simulator=simulator,
        parameters={"CONFIG": config.to_toml(), "LATENCY": str(component.latency)},
        seed=31,
    )


@pytest.mark.parametrize(
    ("config", "held"),
    [
        (array(8, 8, 1, 2), False),
        (array(5, 13, 1), True),
        (array(9, 12, 1), True),
        (array(9, 12, 1, 2), True),
    ],
    ids=["8x8_p2", "5x13", "9x12", "9x12_p2"],
)
def test_large_arrays_need_fewer_enables_on_ecp5(config: AcceleratorConfig, held: bool) -> None:
    """Their elements have none of their own, so that blocks of four multipliers can be full."""
    text = convert(SystolicArray(config), "array", family="ecp5")
    elements = [line for line in text.splitlines() if "array_pe_" in line and "(" in line]
    assert any("array_pe_held_" in line for line in elements) == held
    assert "pe_held" not in convert(SystolicArray(config), "array")


@pytest.mark.parametrize("name", ["2x2_f2", "5x3_f1"])
def test_without_shared_parts(name: str) -> None:
    config, rng = CONFIGS[name], Random(32)
    band = config.load_cycles
    schedule = [(i * band, (i + 1) * band) for i in range(10)]
    case = ArrayCase(config, tiles_at(config, rng, schedule), 11 * band + 40, rng)
    dut = SystolicArray(config)
    inputs = case.inputs()
    del inputs["clear"]  # without a platform, an enclosing ResetInserter does it
    record = simulate(dut, inputs, ["psum"])
    assert case.wrong(record, dut.latency, dut.psum_width(config)) == []


@pytest.mark.parametrize("name", CONFIGS)
def test_psum_width_holds_the_largest_sum(name: str) -> None:
    config = CONFIGS[name]
    a_lowest = -(2 ** (config.precision.a_width - 1))
    b_lowest = -(2 ** (config.precision.b_width - 1))
    needed = (config.rows * a_lowest * b_lowest).bit_length() + 1
    assert SystolicArray.psum_width(config) == min(needed, config.precision.acc_width)
