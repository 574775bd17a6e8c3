# SPDX-License-Identifier: Apache-2.0
"""A clock other than the board's: settings of a PLL, found by the families' own tools."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from . import cache
from .errors import BoardError
from .tools import Tool, find_tool, run

__all__ = ["PLL_MODULE", "TOLERANCE", "Pll", "make_pll"]

PLL_MODULE = "matwright_pll"
"""Name of the Verilog module."""

TOLERANCE = 0.02
"""Most that a clock may be off what was asked for."""

_FOUND = {
    "ecppll": re.compile(r"clkout0 frequency: ([\d.e+-]+) MHz"),
    "icepll": re.compile(r"F_PLLOUT: +([\d.]+) MHz \(achieved\)"),
}
_LOG = "pll.log"


@dataclass(frozen=True)
class Pll:
    """A PLL of a family."""

    verilog: str
    """Module :data:`PLL_MODULE`, as the tool writes it."""
    clock_in: str
    """Name of the port."""
    clock_out: str
    """Name of the port; the third is ``locked``."""
    on_pad: bool
    """``clock_in`` is a pin, and not what a buffer makes of it."""
    mhz: float
    """What comes out."""
    tool: Tool


def make_pll(tool_name: str, board_mhz: float, mhz: float) -> Pll:
    """The PLL of ``tool_name``, ``ecppll`` or ``icepll``, that makes ``mhz`` of ``board_mhz``.

    Raises :class:`.BoardError` where it makes none within :data:`TOLERANCE`, :class:`.ToolError`.
    """
    tool = find_tool(tool_name)
    arguments = _arguments(tool_name, board_mhz, mhz)

    def make(folder: Path) -> None:
        run(tool, arguments, folder, _LOG)
        found = _FOUND[tool_name].search((folder / _LOG).read_text(encoding="utf-8"))
        text = (folder / "pll.v").read_text(encoding="utf-8")
        assert found is not None, f"{tool_name} has not said what it found"
        (folder / "pll.json").write_text(json.dumps({"mhz": float(found[1]), "verilog": text}))

    name = cache.key("pll", tool.name, tool.version, *arguments)
    made = json.loads((cache.entry("fpga-pll", name, make) / "pll.json").read_text())
    if abs(made["mhz"] - mhz) > TOLERANCE * mhz:
        raise BoardError(
            f"the clock must be one that the PLL makes of {board_mhz:g} MHz within "
            f"{TOLERANCE:.0%}, not {mhz:g} MHz: the nearest is {made['mhz']:g} MHz"
        )
    ice = tool_name == "icepll"
    ports = ("clock_in", "clock_out") if ice else ("clkin", "clkout0")
    return Pll(made["verilog"], *ports, ice, made["mhz"], tool)


def _arguments(tool_name: str, board_mhz: float, mhz: float) -> list[str]:
    clocks = [f"{board_mhz:g}", f"{mhz:g}"]
    if tool_name == "icepll":
        # The pin of a board's oscillator is where a PLL without its own pin would be.
        return ["-i", clocks[0], "-o", clocks[1], "-p", "-m", "-n", PLL_MODULE, "-f", "pll.v"]
    return ["--clkin", clocks[0], "--clkout0", clocks[1], "--module", PLL_MODULE, "-f", "pll.v"]
