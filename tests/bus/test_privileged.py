# SPDX-License-Identifier: Apache-2.0
"""Privileged page of the register file under cocotb; the checks are in the bench."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from amaranth import Value
from amaranth.sim import Simulator

from matwright.bus.privileged import PrivilegedPage
from matwright.bus.register_map import PRIVILEGED, REGISTERS
from matwright.bus.registers import RegisterFile
from matwright_sim.benches.bus_cases import CONFIGS
from matwright_sim.runner import run_bench

CASES = [*(("icarus", name) for name in CONFIGS if name != "tiny"), ("verilator", "small")]


@pytest.mark.parametrize(("simulator", "name"), CASES)
def test_privileged_page(simulator: str, name: str, tmp_path: Path) -> None:
    run_bench(
        RegisterFile(CONFIGS[name]),
        name="register_file",
        bench="matwright_sim.benches.bus_privileged",
        simulator=simulator,
        parameters={"CONFIG": CONFIGS[name].to_toml()},
        seed=70 + CASES.index((simulator, name)),
        build_root=tmp_path,
    )


@pytest.mark.parametrize("protection", ["none", "secded"])
def test_without_checks_there_are_no_windows(protection: str) -> None:
    """What CONTEXT and INJECT do is still there."""
    build = dataclasses.replace(
        CONFIGS["small"].build, unsafe_unchecked=True, sram_protection=protection
    )
    dut = PrivilegedPage(dataclasses.replace(CONFIGS["small"], build=build))
    offsets = [register.offset for register in REGISTERS if register.offset >= PRIVILEGED]

    async def bench(ctx: Any) -> None:
        ctx.set(dut.write, 1)
        ctx.set(dut.w_strb, 15)
        ctx.set(dut.w_data, 0x3FF_FFFF)
        for offset in offsets:
            ctx.set(dut.word, offset >> 2)
            await ctx.tick().repeat(2)
            assert ctx.get(dut.end) == (offset == PRIVILEGED)
        ctx.set(dut.write, 0)
        for offset in offsets:
            ctx.set(dut.word, offset >> 2)
            await ctx.tick()
            injects = protection != "none" and 0 < offset - PRIVILEGED <= 8
            assert bool(ctx.get(dut.r_data)) == injects, f"{offset:#x}"
        assert ctx.get(Value.cast(dut.windows)) == 0

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
