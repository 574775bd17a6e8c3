# SPDX-License-Identifier: Apache-2.0
"""Which bits of a design can never move: proven by Yosys, from the Verilog alone or from stated premises.

The design is flattened and simplified; a bit that ends as a constant is one for every input, for ever.
A premise says that bits of registers, 0 after reset, never become 1; what then ends as a constant
follows from it.
"""

import json
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from matwright_fpga.tools import find_tool

from .counts import Bit, instances

__all__ = ["Constants", "find_constants", "prove"]

_MARK = "mw_"
"""Before the name of a signal that starts with a dollar: Yosys takes such for its own, and drops them."""
_HEADER = r"module \\?{} ?\("
_WIDEST = 1024
"""At least the bits of a register."""


class Constants:
    """Values of bits that are constant."""

    def __init__(self, netlist: dict[str, list[int | str]], paths: dict[str, list[str]]) -> None:
        self._netlist, self._paths = netlist, paths

    def value(self, bit: Bit) -> str | None:
        """``0`` or ``1`` if the bit is that in every instance of its module, ``x`` if nothing drives it;
        None if it may move."""
        values = set()
        for path in self._paths[bit.module]:
            bits = self._netlist.get(_net(path, bit.signal))
            if bits is None or bit.index >= len(bits):
                return None
            values.add(bits[bit.index])
        if len(values) != 1:
            return None
        value = values.pop()
        return value if isinstance(value, str) else None


def _net(path: str, signal: str) -> str:
    name = _MARK + signal if signal.startswith("$") else signal
    return f"{path}.{name}" if path else name


def find_constants(
    verilog: str, still: Iterable[Bit], premises: Iterable[Bit]
) -> tuple[Constants, Constants]:
    """What is constant by itself, and what is if the bits of ``premises`` are 0.

    ``still`` are bits of which it will be asked: their signals are kept.
    """
    kinds = instances(verilog)
    top = next(iter(kinds))
    paths: dict[str, list[str]] = defaultdict(list)
    for path, module in kinds.items():
        paths[module].append(path.removeprefix(top).removeprefix("."))
    signals = sorted({(bit.module, bit.signal) for bit in still})
    nets = [_net(path, signal) for module, signal in signals for path in paths[module]]
    found = []
    with tempfile.TemporaryDirectory() as name:
        # Yosys breaks off where bits of one register that has an initial value end as constants and
        # others do not (opt_dff, "Conflicting init values"): under premises it is not told of them.
        bare = ["setattr -unset init w:*"]
        for text, more in ((verilog, []), (_with_premises(verilog, premises), bare)):
            script = [
                "read_verilog -DSYNTHESIS design.v",
                f"hierarchy -top {top}",
                "proc",
                "flatten",
                f"cd {top}",
                *(f"setattr -set keep 1 w:{net}" for net in nets),
                *more,
                "opt -full",
                # Bit by bit: choices between constants that differ in some bits only.
                "wreduce",
                "pmuxtree",
                "simplemap t:$mux t:$dff t:$dffe t:$sdff t:$sdffe t:$sdffce",
                "opt -full",
                "write_json netlist.json",
            ]
            _yosys(Path(name), text, script)
            with (Path(name) / "netlist.json").open(encoding="utf-8") as handle:
                netnames = json.load(handle)["modules"][top]["netnames"]
            netlist = {net: entry["bits"] for net, entry in netnames.items()}
            found.append(Constants(netlist, paths))
    return found[0], found[1]


def _with_premises(verilog: str, premises: Iterable[Bit]) -> str:
    """The same design, whose registers never take a one into the bits of ``premises``."""
    masks: dict[tuple[str, str], int] = defaultdict(int)
    for bit in premises:
        masks[bit.module, bit.signal] |= 1 << bit.index
    lines = verilog.splitlines()
    for (module, signal), mask in masks.items():
        name = re.escape(signal if re.fullmatch(r"[A-Za-z_]\w*", signal) else f"\\{signal} ")
        start = next(
            n for n, text in enumerate(lines) if re.match(_HEADER.format(re.escape(module)), text)
        )
        for number in range(start, lines.index("endmodule", start)):
            if match := re.fullmatch(rf"( *(?:assign )?{name} <?= )(.*);", lines[number]):
                lines[number] = f"{match[1]}({match[2]}) & ~{_WIDEST}'h{mask:x};"
    return "\n".join(lines) + "\n"


def prove(verilog: str, levels: Mapping[Bit, int]) -> set[Bit]:
    """Of bits with the value each is thought to have always, those that have it whatever their module
    is given: by induction over a cycle from reset on, other modules being free."""
    groups: dict[tuple[str, str], list[Bit]] = defaultdict(list)
    for bit in levels:
        groups[bit.module, bit.signal].append(bit)
    together = [sorted(bits) for _, bits in sorted(groups.items())]
    found: set[Bit] = set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = _proven(folder, verilog, together, levels)
        found.update(bit for bits in whole for bit in bits)
        alone = [[bit] for bits in together if bits not in whole and len(bits) > 1 for bit in bits]
        found.update(bits[0] for bits in _proven(folder, verilog, alone, levels))
    return found


def _proven(
    folder: Path, verilog: str, goals: list[list[Bit]], levels: Mapping[Bit, int]
) -> list[list[Bit]]:
    """The goals of which all bits are proven at once."""
    if not goals:
        return []
    top = next(iter(instances(verilog)))
    script = ["read_verilog -DSYNTHESIS design.v", f"hierarchy -top {top}", "proc", "opt_expr"]
    module = ""
    for number, bits in enumerate(goals):
        if bits[0].module != module:
            module = bits[0].module
            script += ["cd", f"cd {module}"]
        wanted = " ".join(f"-prove {_net('', b.signal)}[{b.index}] {levels[b]}" for b in bits)
        script += [
            f"log goal {number}",
            f"sat -tempinduct -maxsteps 1 -ignore_unknown_cells {wanted}",
        ]
    output = _yosys(folder, verilog, script, quiet=False)
    proven = set()
    number = -1
    for line in output.splitlines():
        if line.startswith("goal "):
            number = int(line.split()[1])
        elif "Induction step proven: SUCCESS!" in line:
            proven.add(number)
    return [bits for number, bits in enumerate(goals) if number in proven]


def _yosys(folder: Path, verilog: str, script: list[str], quiet: bool = True) -> str:
    text = verilog.replace("\\$", f"\\{_MARK}$")
    (folder / "design.v").write_text(text, encoding="utf-8")
    (folder / "constants.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    command = [str(find_tool("yosys").executable), *(["-q"] if quiet else []), "constants.ys"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"yosys fails: {(result.stdout + result.stderr)[-2000:]}")
    return result.stdout
