# SPDX-License-Identifier: Apache-2.0
"""What a netlist is made of: one clock, one edge, no latch, no loop, every wire driven once."""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from matwright_fpga import tools

__all__ = ["Structure", "faults", "look"]

_SCRIPT = """\
read_verilog design.v
hierarchy -check -top {top}
proc
flatten
tee -q -o driven.txt check
opt_expr
opt_merge
opt_dff
opt_clean
memory -nomap
opt_clean
tee -q -o loops.txt check
tee -q -o types.json stat -json
select {top}/t:$*ff* {top}/t:$*latch* {top}/t:$sr {top}/t:$mem* {top}/i:clk
write_json -selected state.json
"""

_COMBINATIONAL = re.compile(
    r"\$(not|pos|neg|buf|and|or|xor|xnor|reduce_(and|or|xor|xnor|bool)|shl|shr|sshl|sshr|shift|shiftx"
    r"|lt|le|eq|ne|eqx|nex|ge|gt|add|sub|mul|div|mod|divfloor|modfloor|pow|logic_(not|and|or)|mux|pmux"
    r"|bmux|demux|bwmux|slice|concat|macc|macc_v2|alu|lcu|fa|lut|sop|scopeinfo)"
)
_MEMORIES = ("$mem_v2",)
_FLIP_FLOPS = ("$dff", "$dffe", "$sdff", "$sdffe", "$sdffce")
_RESET = "$s"


class Structure(NamedTuple):
    """What is in a netlist."""

    cells: int
    flip_flops: int
    """Bits of registers."""
    reset: int
    """Of them, those that a reset reaches."""
    memories: int
    memory_bits: int
    faults: list[str]
    """What is wrong, a sentence each."""


def look(verilog: str, top: str) -> Structure:
    """Structure of the Verilog once it is flat. Raises :class:`matwright_fpga.errors.ToolError`."""
    with tempfile.TemporaryDirectory(prefix="matwright-structure-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog, encoding="utf-8", newline="\n")
        (folder / "look.ys").write_text(_SCRIPT.format(top=top), encoding="utf-8", newline="\n")
        tools.run(tools.find_tool("yosys"), ["-q", "look.ys"], folder, "look.log")
        told = [
            line.strip().removeprefix("Warning: ")
            for file in ("driven.txt", "loops.txt")
            for line in (folder / file).read_text(encoding="utf-8").splitlines()
            if line.startswith("Warning: ")
        ]
        types = json.loads((folder / "types.json").read_text(encoding="utf-8"))
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))["modules"][top]
    count: dict[str, int] = types["design"]["num_cells_by_type"]
    cells = state["cells"]
    found = [f"{text}." for text in dict.fromkeys(told)]
    found += [
        f"There are {number} cells of type {kind}, which is neither logic, flip-flop nor memory."
        for kind, number in count.items()
        if kind not in _FLIP_FLOPS + _MEMORIES and not _COMBINATIONAL.fullmatch(kind)
    ]
    found += faults(state)
    widths = Counter[str]()
    bits = 0
    for cell in cells.values():
        if cell["type"] in _FLIP_FLOPS:
            widths[cell["type"]] += _number(cell["parameters"]["WIDTH"])
        elif cell["type"] in _MEMORIES:
            bits += _number(cell["parameters"]["WIDTH"]) * _number(cell["parameters"]["SIZE"])
    return Structure(
        cells=sum(number for kind, number in count.items() if kind != "$scopeinfo"),
        flip_flops=widths.total(),
        reset=sum(width for kind, width in widths.items() if kind.startswith(_RESET)),
        memories=sum(cell["type"] in _MEMORIES for cell in cells.values()),
        memory_bits=bits,
        faults=found,
    )


def faults(top: Mapping[str, Any], clock: str = "clk") -> list[str]:
    """What is wrong with the flip-flops and memories of a module in Yosys' JSON format.

    The module may be of Yosys' own cells, coarse or gates, or of cells of the iCE40 or the ECP5.
    """
    (clk,) = top["netnames"][clock]["bits"]
    wrong = Counter[str]()
    example: dict[str, str] = {}
    for name, cell in top["cells"].items():
        for what in _cell_faults(cell, clk):
            wrong[what] += 1
            example.setdefault(what, name)
    return [
        f"{number} {'cells' if number > 1 else 'cell'} {what}, the first {example[what]}."
        for what, number in wrong.items()
    ]


def _cell_faults(cell: Mapping[str, Any], clk: Any) -> Iterator[str]:
    kind, pins, settings = cell["type"], cell["connections"], cell["parameters"]
    lower = kind.lower()
    clocks: list[tuple[list[Any], bool]] = []
    if kind in _MEMORIES:
        for port in ("WR", "RD"):
            enabled = _bits(settings[f"{port}_CLK_ENABLE"])
            rising = _bits(settings[f"{port}_CLK_POLARITY"])
            bits = pins[f"{port}_CLK"]
            for bit, on, up in zip(bits, enabled, rising, strict=False):
                if on == "1":
                    clocks.append(([bit], up == "1"))
                elif port == "WR":
                    yield "written without a clock"
        if set(pins["RD_ARST"]) - {"0", "x"}:
            yield "with an asynchronous reset"
    elif "latch" in lower or lower in ("$sr",) or lower.startswith("$_sr_"):
        yield "that are latches"
    elif kind.startswith("$_") and "DFF" in kind:
        # $_SDFFCE_PP0P_: the first letter after the name is the edge.
        name, letters = kind.strip("$_").split("_", 1) if "_" in kind.strip("$_") else (kind, "")
        if name not in ("DFF", "DFFE", "SDFF", "SDFFE", "SDFFCE") or (
            name in ("DFF", "DFFE") and len(letters) > len(name) - 2
        ):
            yield "with an asynchronous set or reset"
        clocks.append((pins["C"], letters.startswith("P")))
    elif kind in _FLIP_FLOPS:
        clocks.append((pins["CLK"], _number(settings["CLK_POLARITY"]) == 1))
    elif kind.startswith("$") and "ff" in lower:
        yield f"of type {kind}, with an asynchronous set or reset or no clock"
    elif kind.startswith("SB_DFF"):
        # SB_DFFNESR: N for the falling edge, E an enable, SR and SS synchronous, R and S not.
        rest = kind.removeprefix("SB_DFF")
        if rest.removeprefix("N").removeprefix("E") in ("R", "S"):
            yield "with an asynchronous set or reset"
        clocks.append((pins["C"], not rest.startswith("N")))
    elif kind == "TRELLIS_FF":
        if settings.get("SRMODE", "LSR_OVER_CE") == "ASYNC" and pins["LSR"] not in (["0"], []):
            yield "with an asynchronous set or reset"
        clocks.append((pins["CLK"], settings.get("CLKMUX", "CLK") == "CLK"))
    else:
        for pin, inverted in _HARD.get(kind, ()):
            clocks.append((pins[pin], settings.get(inverted, pin) == pin))
    for bits, rises in clocks:
        if bits != [clk]:
            yield "on another clock"
        if not rises:
            yield "on the falling edge"


_HARD = {
    "SB_RAM40_4K": (("RCLK", ""), ("WCLK", "")),
    "SB_SPRAM256KA": (("CLOCK", ""),),
    "SB_MAC16": (("CLK", ""),),
    "DP16KD": (("CLKA", "CLKAMUX"), ("CLKB", "CLKBMUX")),
    "PDPW16KD": (("CLKW", "CLKWMUX"), ("CLKR", "CLKRMUX")),
    "TRELLIS_DPR16X4": (("WCK", "WCKMUX"),),
    "MULT18X18D": (("CLK0", "CLK0MUX"),),
}
"""Clock pins of other cells, and the setting that may invert them."""


def _number(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 2)


def _bits(value: int | str) -> str:
    """A parameter's bits from the lowest on."""
    return f"{value:b}"[::-1] if isinstance(value, int) else value[::-1]
