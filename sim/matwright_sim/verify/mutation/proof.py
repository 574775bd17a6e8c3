# SPDX-License-Identifier: Apache-2.0
"""Mutants that nothing can tell from the sound machine, shown by Yosys.

Proven is that the whole accelerator, in any state whatever of its registers and memories, does the same in
a cycle with the mutant and without: every output, every next state of a register, everything that goes to
a memory. So each proof is one question about logic without registers, and holds for all time. What differs
only in states that no program reaches is not proven by it.

Bits of registers that nothing reads, or only such bits do, may differ: :func:`dead_bits`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from matwright_fpga import tools

from .netlist import TOP, Mutant, Netlist, apply, yosys

__all__ = ["dead_bits", "equivalent", "netlist_difference"]

_SECONDS = 20
"""For a proof; without an answer it is none."""

_REGISTER = """\
(* keep *)
module matwright_register (D, Q);
  parameter WIDTH = 1;
  input [WIDTH-1:0] D;
  output [WIDTH-1:0] Q;
  assign Q = ~D;
endmodule
"""
_MAP = """\
(* techmap_celltype = "$dff" *)
module register_map (CLK, D, Q);
  parameter WIDTH = 1;
  parameter CLK_POLARITY = 1;
  input CLK;
  input [WIDTH-1:0] D;
  output [WIDTH-1:0] Q;
  matwright_register #(.WIDTH(WIDTH)) _TECHMAP_REPLACE_ (.D(D), .Q(Q));
endmodule
"""
"""A register becomes a part whose name and ports stay, so that mutants find it."""

_BASE = (
    "read_verilog parts.v",
    f"read_rtlil {TOP}.il",
    f"rename {TOP} gold",
    "memory_map gold",
    "techmap -map map.v gold",
    # Parts of the widths that they have: what a part's module says is what is exposed.
    "hierarchy -top gold",
    "design -save base",
)
"""The sound machine without registers and memories: these are inputs and outputs."""

_ROUNDS = 8
"""Of splitting and leaving out; those that are dead only after more are not found."""

_SHARED = (
    *("opt_merge miter", "opt_expr miter", "opt_merge miter", "opt_expr miter"),
    *("opt_clean -purge miter", "opt_muxtree miter", "opt_expr miter", "opt_clean -purge miter"),
)
"""What the two have in common becomes one, until little but what the mutant reaches is compared."""

_MARK = "the mutant"
_YES = "SAT proof finished - no model found: SUCCESS!"


def equivalent(
    netlist: Netlist, mutants: Sequence[Mutant], folder: Path, advance: Callable[[int], None]
) -> list[bool]:
    """Which of the mutants are equivalent. ``advance`` is called with the number of proofs begun."""
    if not mutants:
        return []
    _copy(netlist, folder)
    dead = dead_bits(folder)
    answers = {
        m.number: True for m in mutants if _port(m) in {(cell, "D", bit) for cell, bit in dead}
    }
    asked = [mutant for mutant in mutants if mutant.number not in answers]
    _silence(folder / f"{TOP}.il", dead)
    commands = list(_BASE)
    for number, mutant in enumerate(asked):
        commands += [
            f"log {_MARK} {number}",
            "design -load base",
            "copy gold gate",
            _for_gate(mutant),
            "expose -evert gold/t:*matwright_* gate/t:*matwright_*",
            "miter -equiv -flatten gold gate miter",
            *_SHARED,
            f"sat -timeout {_SECONDS} -prove trigger 0 miter",
        ]
    begun = 0

    def watch(said: str) -> None:
        nonlocal begun
        begun += len(re.findall(rf"^{_MARK} \d+$", said, re.MULTILINE))
        advance(begun)

    (folder / "proof.ys").write_text("\n".join(commands) + "\n", "utf-8")
    tools.run(tools.find_tool("yosys"), ["-s", "proof.ys"], folder, "proof.log", watch=watch)
    said = (folder / "proof.log").read_text("utf-8")
    found = re.split(rf"^{_MARK} \d+$", said, flags=re.MULTILINE)[1:]
    answers |= {m.number: _YES in answer for m, answer in zip(asked, found, strict=True)}
    return [answers[mutant.number] for mutant in mutants]


def dead_bits(folder: Path) -> set[tuple[str, int]]:
    """Bits of registers on which nothing depends but such bits, by the register's cell."""
    commands = ["read_verilog stubs.v", f"read_rtlil {TOP}.il", "memory_map", "write_json all.json"]
    commands += _ROUNDS * [f"splitcells {TOP}", "opt_clean -purge"]
    yosys(folder, "dead", [*commands, "write_json live.json"])
    before, after = (_registers(folder / name) for name in ("all.json", "live.json"))
    live: dict[str, set[int]] = defaultdict(set)
    for name, width in after.items():
        # A slice of a slice of a register: its_name[7:4][1:0].
        cell, *slices = re.split(r"(?=\[\d+(?::\d+)?\])", name)
        low = 0
        while cell not in before:  # a name that ends like a slice
            cell += slices.pop(0)
        for piece in slices:
            low += int(re.findall(r"\d+", piece)[-1])
        live[cell] |= set(range(low, low + width))
    return {(cell, bit) for cell, width in before.items() for bit in set(range(width)) - live[cell]}


def _registers(path: Path) -> dict[str, int]:
    """Widths of the registers of a design that is written as JSON."""
    cells = json.loads(path.read_text("utf-8"))["modules"][TOP]["cells"]
    return {name: len(c["connections"]["Q"]) for name, c in cells.items() if c["type"] == "$dff"}


def _port(mutant: Mutant) -> tuple[str, str, int]:
    """The cell, the port and the bit that a mutant changes."""
    port, _, bit = mutant.port.partition("[")
    return mutant.cell, port, int(bit.rstrip("]"))


def _silence(path: Path, dead: set[tuple[str, int]]) -> None:
    """Dead bits of registers become 0 in a text of Yosys."""

    def changed(found: re.Match[str]) -> str:
        cell, width = found[2], int(found[3])
        silent = [bit for bit in range(width) if (cell, bit) in dead]
        if not silent:
            return found[0]
        bits = ("1'0" if bit in silent else f"{found[5]} [{bit}]" for bit in reversed(range(width)))
        return f"{found[1]}{found[4]}{{ {' '.join(bits)} }}"

    pattern = r"^(  cell \$dff \\(\S+)\n    parameter \\WIDTH (\d+)\n)((?:    .*\n)*?    connect \\D )(.*)$"
    path.write_text(re.sub(pattern, changed, path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")


def netlist_difference(netlist: Netlist, mutant: Mutant, folder: Path) -> str:
    """The cell of a mutant before and after, as Yosys writes them."""
    texts = []
    for name in ("sound", "mutated"):
        commands = ["read_verilog stubs.v", f"read_rtlil {TOP}.il"]
        if name == "mutated":
            commands.append(_for_gate(mutant).replace("-module gate", f"-module {TOP}"))
        commands.append(f"write_rtlil {name}.il")
        _copy(netlist, folder)
        (folder / f"{name}.ys").write_text("\n".join(commands) + "\n", "utf-8")
        tools.run(tools.find_tool("yosys"), ["-s", f"{name}.ys"], folder, f"{name}.log")
        texts.append((folder / f"{name}.il").read_text("utf-8"))
    sound, mutated = (text.splitlines() for text in texts)
    before, after = set(sound), set(mutated)
    lines = [f"- {line.strip()}" for line in sound if line not in after]
    lines += [f"+ {line.strip()}" for line in mutated if line not in before]
    return "\n".join(line for line in lines if "autoidx" not in line)


def _copy(netlist: Netlist, folder: Path) -> None:
    # What is in a part has no meaning, but a part with nothing in it does not get the widths it has.
    stubs = (netlist.folder / "stubs.v").read_text("utf-8").replace("blackbox", "keep")
    stubs = stubs.replace("endmodule", "  assign r_data = ~w_data;\nendmodule")
    (folder / "parts.v").write_text(_REGISTER + stubs, "utf-8")
    (folder / "map.v").write_text(_MAP, "utf-8")
    for name in ("stubs.v", f"{TOP}.il"):
        (folder / name).write_text((netlist.folder / name).read_text("utf-8"), "utf-8")


def _for_gate(mutant: Mutant) -> str:
    return apply(mutant).replace(f"-module {mutant.block}", "-module gate")
