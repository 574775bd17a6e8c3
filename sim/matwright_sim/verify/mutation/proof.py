# SPDX-License-Identifier: Apache-2.0
"""Mutants that nothing can tell from the sound machine, shown by Yosys.

Proven is that the whole accelerator, in any state whatever of its registers and memories, does the same in
a cycle with the mutant and without: every output, every next state of a register, everything that goes to
a memory. So each proof is one question about logic without registers, and holds for all time. What differs
only in states that no program reaches is not proven by it.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from matwright_fpga import tools

from .netlist import TOP, Mutant, Netlist, apply

__all__ = ["equivalent", "netlist_difference"]

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
    commands = _base(netlist, folder)
    for number, mutant in enumerate(mutants):
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
    answers = re.split(rf"^{_MARK} \d+$", said, flags=re.MULTILINE)[1:]
    return [_YES in answer for answer in answers]


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


def _base(netlist: Netlist, folder: Path) -> list[str]:
    """Commands that make the sound machine without registers and memories: these are inputs and outputs."""
    _copy(netlist, folder)
    return [
        "read_verilog parts.v",
        f"read_rtlil {TOP}.il",
        f"rename {TOP} gold",
        "memory_map gold",
        "techmap -map map.v gold",
        # Parts of the widths that they have: what a part's module says is what is exposed.
        "hierarchy -top gold",
        "opt_clean",
        "design -save base",
    ]


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
