# SPDX-License-Identifier: Apache-2.0
"""Netlists of a whole accelerator, as Verilog that Icarus simulates cell by cell.

``gates`` is of AND, OR, XOR, NOT, MUX and flip-flops, around the SRAM of the Verilog; ``ice40`` and ``ecp5``
are what is placed on an FPGA, with models of all cells.
"""

import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from matwright.config import AcceleratorConfig
from matwright.platform.verilog import SINGLE_PORT_SRAM_VERILOG, SRAM_VERILOG
from matwright_fpga import tools
from matwright_fpga.design import design
from matwright_fpga.devices import find_device
from matwright_fpga.netlist import top_module
from matwright_fpga.synthesis import synthesize

from . import cache
from .models.dp16kd import DP16KD
from .models.mult18x18d import MULT18X18D
from .models.yosys_cells import ecp5_cells, ice40_cells

__all__ = ["KINDS", "MappedNetlist", "netlist"]

KINDS = ("gates", "ice40", "ecp5")

_DEVICES = {"ice40": "up5k", "ecp5": "25k"}

_GATES = """\
read_verilog design.v
synth -flatten -top {top}
abc -g AND,OR,XOR,MUX
opt_clean
write_json netlist.json
write_verilog -noattr netlist.v
"""

_WRITE = "read_json netlist.json\nwrite_verilog -noattr netlist.v\n"

_BOX = """\
(* blackbox *) module {name} (clk, w_en, w_addr, w_data, r_en, r_addr, r_data);
  parameter WIDTH = 8;
  parameter DEPTH = 2;
  parameter ADDR_WIDTH = 1;
  input clk;
  input w_en;
  input [ADDR_WIDTH-1:0] w_addr;
  input [WIDTH-1:0] w_data;
  input r_en;
  input [ADDR_WIDTH-1:0] r_addr;
  output [WIDTH-1:0] r_data;
endmodule
"""

# LUT RAM without contents holds something, and not what is not known.
_NO_CONTENTS = re.compile(r"(?<=\.INITVAL\()64'hx{16}")
_CONTENTS = "64'h9e3779b97f4a7c15"


class MappedNetlist(NamedTuple):
    """A netlist."""

    verilog: str
    """Its modules and those of its cells."""
    top: dict[str, Any]
    """The top module in Yosys' JSON format."""
    cells: Counter[str]
    """Number of cells by type."""


def netlist(config: AcceleratorConfig, kind: str, verilog: str) -> MappedNetlist:
    """The netlist of ``config`` of one of :data:`KINDS`.

    ``gates`` is made of ``verilog``, the accelerator's generic Verilog; the others have Verilog for their
    family. Raises :class:`matwright_fpga.errors.ToolError` without Yosys.
    """
    if kind not in KINDS:
        raise ValueError(f"the kind of a netlist must be one of {', '.join(KINDS)}, not {kind!r}")
    with tempfile.TemporaryDirectory(prefix="matwright-netlist-") as name:
        folder = Path(name)
        if kind == "gates":
            models = _gates(verilog, f"matwright_{config.name}", folder)
        else:
            models = _family(config, kind, folder)
        text = (folder / "netlist.v").read_text(encoding="utf-8")
        top = top_module(json.loads((folder / "netlist.json").read_text(encoding="utf-8")))
    count = Counter(cell["type"] for cell in top["cells"].values())
    for nothing in ("$scopeinfo",):
        del count[nothing]
    return MappedNetlist(_NO_CONTENTS.sub(_CONTENTS, text) + models, top, count)


def _gates(verilog: str, top: str, folder: Path) -> str:
    """Leaves netlist.v and netlist.json in ``folder``; the Verilog of the SRAM."""
    srams = ""
    for kind, body in (
        ("sram", SRAM_VERILOG),
        ("single_port_sram", SINGLE_PORT_SRAM_VERILOG),
    ):
        module = body.format(name=f"{top}_{kind}")
        if module in verilog:
            verilog = verilog.replace(module, _BOX.format(name=f"{top}_{kind}"))
            srams += module
    yosys = tools.find_tool("yosys")
    script = _GATES.format(top=top)

    def make(to: Path) -> None:
        (to / "design.v").write_text(verilog, encoding="utf-8", newline="\n")
        (to / "gates.ys").write_text(script, encoding="utf-8", newline="\n")
        tools.run(yosys, ["-q", "gates.ys"], to, "gates.log")

    made = cache.entry("gates", cache.key(verilog, script, yosys.version), make)
    for name in ("netlist.v", "netlist.json"):
        (folder / name).write_bytes((made / name).read_bytes())
    return srams


def _family(config: AcceleratorConfig, name: str, folder: Path) -> str:
    """Likewise; the models of the cells."""
    family, device, _ = find_device(name, _DEVICES[name], None)
    yosys = tools.find_tool("yosys")
    synthesize(design(config, name), family, device, yosys).copy(folder)
    (folder / "write.ys").write_text(_WRITE, encoding="utf-8")
    tools.run(yosys, ["write.ys"], folder, "write.log")
    return ice40_cells() if name == "ice40" else ecp5_cells() + DP16KD + MULT18X18D
