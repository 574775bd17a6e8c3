# SPDX-License-Identifier: Apache-2.0
"""From Verilog to a netlist of the device's cells, by Yosys."""

import gzip
import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from . import cache
from .design import Design
from .devices import Device, Family
from .netlist import INPUT, NAMED, Netlist, top_module, trace
from .tools import Run, Tool, run

__all__ = ["Synthesis", "script", "synthesize"]

_NETLIST = "netlist.json.gz"
_NAMES = "names.json.gz"
_SUMMARY = "summary.json"
# Names as of elements of an array, on which ABC9 of Yosys 0.70 may fail: to it, they are bits.
_ELEMENT = re.compile(r"\\\S*\[\S*(?=\s)")
_FILES = ("synthesis.ys", "synthesis.log")


@dataclass(frozen=True)
class Synthesis:
    """A netlist, kept in the cache."""

    key: str
    verilog: str
    """What Yosys was given."""
    folder: Path
    cells: Counter[str]
    """Number of cells by type."""
    took: Run
    cached: bool
    """Whether it was there before."""

    def netlist(self) -> Netlist:
        """The netlist itself, which takes a second for a hundred thousand cells."""
        with (
            gzip.open(self.folder / _NETLIST, "rt", encoding="utf-8") as netlist,
            gzip.open(self.folder / _NAMES, "rt", encoding="utf-8") as names,
        ):
            return Netlist(json.load(netlist), json.load(names))

    def copy(self, folder: Path) -> None:
        """Leaves Verilog, script, log and netlist in ``folder``."""
        (folder / "design.v").write_text(self.verilog, encoding="utf-8", newline="\n")
        for name in _FILES:
            shutil.copyfile(self.folder / name, folder / name)
        with (
            gzip.open(self.folder / _NETLIST) as packed,
            (folder / "netlist.json").open("wb") as file,
        ):
            shutil.copyfileobj(packed, file)


def script(family: Family, device: Device, top: str) -> str:
    """What Yosys is told. Names of the Verilog are marked first, and all of them written before
    mapping to LUTs, so that they are known afterwards."""
    command = rf"{family.synthesis} {device.synthesis} -top \{top}"
    return "\n".join(
        [
            "read_verilog design.v",
            rf"hierarchy -top \{top}",
            "select -set named w:* w:$* %d",
            f"setattr -set {NAMED} 1 @named",
            f"setattr -set {INPUT} 1 i:*",
            *family.before_synthesis,
            *(
                [
                    rf"{command} -run begin:map_ffs",
                    *family.before_registers,
                    rf"{command} -run map_ffs:map_luts",
                ]
                if family.before_registers
                else [rf"{command} -run begin:map_luts"]
            ),
            # Saved and written last: writing sorts a design, after which LUTs come out otherwise.
            "design -save before",
            rf"{command} -run map_luts: -json netlist.json",
            "design -load before",
            rf"select -module {top}",
            "write_json -selected before.json",
            "",
        ]
    )


def synthesize(design: Design, family: Family, device: Device, yosys: Tool) -> Synthesis:
    """The netlist of ``design``, from the cache if it is there; raises :class:`.ToolError`."""
    text = script(family, device, design.top)
    verilog = _ELEMENT.sub(lambda found: re.sub(r"\[(\w*)\]", r".\1", found[0]), design.verilog)
    name = cache.key("synthesis", verilog, text, yosys.version)
    cached = cache.has("fpga-synthesis", name)

    def make(folder: Path) -> None:
        (folder / "design.v").write_text(verilog, encoding="utf-8", newline="\n")
        (folder / "synthesis.ys").write_text(text, encoding="utf-8", newline="\n")
        took = run(yosys, ["synthesis.ys"], folder, "synthesis.log")
        before, after = (
            json.loads((folder / name).read_text(encoding="utf-8"))
            for name in ("before.json", "netlist.json")
        )
        names = trace(top_module(before), top_module(after), verilog)
        cells = Netlist(after, names).count()
        (folder / _SUMMARY).write_text(json.dumps({"cells": cells, "took": took}))
        with gzip.open(folder / _NAMES, "wt", 4, encoding="utf-8") as file:
            json.dump(names, file)
        with (
            (folder / "netlist.json").open("rb") as file,
            gzip.open(folder / _NETLIST, "wb", 4) as packed,
        ):
            shutil.copyfileobj(file, packed)
        for leftover in ("design.v", "before.json", "netlist.json"):
            (folder / leftover).unlink()

    folder = cache.entry("fpga-synthesis", name, make)
    summary = json.loads((folder / _SUMMARY).read_text())
    return Synthesis(
        name, verilog, folder, Counter(summary["cells"]), Run(*summary["took"]), cached
    )
