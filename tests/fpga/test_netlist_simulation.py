# SPDX-License-Identifier: Apache-2.0
"""The netlist that is placed, simulated cell by cell: the same bench as the Verilog it came from."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matwright.config import AcceleratorConfig
from matwright.emit import top_name
from matwright.presets import PRESETS
from matwright_fpga import tools
from matwright_fpga.design import design
from matwright_fpga.devices import find_device
from matwright_fpga.synthesis import synthesize
from matwright_sim.agents.programs import build_program
from matwright_sim.benches.accelerator import run_job
from matwright_sim.models.yosys_cells import ice40_cells

TINY = PRESETS["tiny"]
SINGLE_PORT = replace(TINY, name="single_port", build=replace(TINY.build, activation_ports=1))
"""Activations are in SPRAM."""

SHAPES = [(5, 9, 6), (3, 4, 11)]
DONE = 2


def netlist(config: AcceleratorConfig, folder: Path) -> str:
    """Verilog of the netlist on a UP5K, and of the cells."""
    family, device, _ = find_device("ice40", "up5k", None)
    yosys = tools.find_tool("yosys")
    synthesize(design(config, "ice40"), family, device, yosys).copy(folder)
    (folder / "write.ys").write_text("read_json netlist.json\nwrite_verilog -noattr netlist.v\n")
    tools.run(yosys, ["write.ys"], folder, "write.log")
    return (folder / "netlist.v").read_text(encoding="utf-8") + ice40_cells()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return netlist(TINY, tmp_path_factory.mktemp("netlist"))


@pytest.mark.parametrize(("world", "stall"), [("model", 0.0), ("stalls", 0.3)])
def test_a_program_on_the_netlist(tiny: str, world: str, stall: float) -> None:
    check(TINY, tiny, world, stall)


def test_activations_in_spram(tmp_path: Path) -> None:
    text = netlist(SINGLE_PORT, tmp_path)
    assert len(re.findall(r"^ +SB_SPRAM256KA ", text, re.MULTILINE)) == 4
    check(SINGLE_PORT, text, "stalls", 0.3)


def check(config: AcceleratorConfig, text: str, world: str, stall: float) -> None:
    """Run a program."""
    seed = 51
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    image = build_program(config, rng, SHAPES, memory_bytes=1 << 15, dependent=True)
    result = run_job(
        text,
        toplevel=top_name(config),
        memory=image.before,
        program=image.address,
        count=image.count,
        world=world,
        stall=stall,
        seed=seed,
        expected=image.after,
    )
    assert result.registers["STATUS"] == DONE
    assert result.registers["COMPLETED"] == image.count
