# SPDX-License-Identifier: Apache-2.0
"""The netlist that is placed, simulated cell by cell: the same bench as the Verilog it came from."""

from dataclasses import replace

import pytest

from matwright.presets import PRESETS
from matwright_sim.netlists import MappedNetlist, netlist
from matwright_sim.verify.netlist import check_program
from matwright_sim.verify.structure import faults
from matwright_sim.verilog import cached_verilog

TINY = PRESETS["tiny"]
SINGLE_PORT = replace(TINY, name="single_port", build=replace(TINY.build, activation_ports=1))
"""Activations are in SPRAM."""

SEED = 51


@pytest.fixture(scope="module")
def tiny() -> MappedNetlist:
    return netlist(TINY, "ice40", cached_verilog(TINY))


@pytest.mark.parametrize(("world", "stall"), [("model", 0.0), ("stalls", 0.3)])
def test_a_program_on_the_netlist(tiny: MappedNetlist, world: str, stall: float) -> None:
    print(f"seed {SEED}")
    check_program(TINY, tiny.verilog, world, stall, SEED)


def test_activations_in_spram() -> None:
    made = netlist(SINGLE_PORT, "ice40", cached_verilog(SINGLE_PORT))
    assert made.cells["SB_SPRAM256KA"] == 4
    assert not faults(made.top)
    print(f"seed {SEED}")
    check_program(SINGLE_PORT, made.verilog, "stalls", 0.3, SEED)


def test_the_clock_of_every_cell(tiny: MappedNetlist) -> None:
    assert sum(count for kind, count in tiny.cells.items() if kind.startswith("SB_DFF")) > 1000
    assert not faults(tiny.top)
    register = next(cell for cell in tiny.top["cells"].values() if cell["type"] == "SB_DFF")
    for changed, what in (("SB_DFFN", "on the falling edge"), ("SB_DFFR", "an asynchronous set")):
        register["type"] = changed
        assert what in " ".join(faults(tiny.top))
    register["type"] = "SB_DFF"
    own, register["connections"]["C"] = register["connections"]["C"], register["connections"]["Q"]
    assert "on another clock" in " ".join(faults(tiny.top))
    register["connections"]["C"] = own
