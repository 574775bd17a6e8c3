# SPDX-License-Identifier: Apache-2.0
"""The netlist that Yosys leaves: its cells, and which signal of the Verilog a wire of it is.

Synthesis flattens the design, and names what it makes after its neighbours
(``count_TRELLIS_FF_Q_14_DI_LUT4_Z``). Names that do stand in the Verilog carry the attributes
:data:`NAMED` and, for a module's input, :data:`INPUT`, which :mod:`.synthesis` sets before
anything else is done; ``hdlname`` keeps the modules on the way to them apart. Mapping to LUTs leaves
one name of each wire, any one; :func:`trace` finds in the netlist before it which is the best.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from . import cells

__all__ = ["INPUT", "NAMED", "Names", "Netlist", "Signal", "place", "top_module", "trace"]

NAMED = "matwright_named"
"""Attribute of the wires that stand in the Verilog under their name."""

INPUT = "matwright_input"
"""Attribute of the wires that are inputs of their module."""

# What nextpnr appends to the name of a cell of the netlist where it makes others of it.
_PACKED = re.compile(r"(_LC|_DFFLC|_RAM|_DSP|_SPRAM)$")
# What Amaranth appends to tell signals of one name apart, and how it calls ports it has to make up.
_AMARANTH = re.compile(r"\$\d+")
_MADE_UP = re.compile(r"^(port|signal|lhs|rhs)\$|^\$")
# The instance of an SRAM's Verilog module tells nothing that the memory around it does not.
_PLUMBING = "cells"

# The line of a Verilog file that a register comes from, and the assignment there.
_SOURCE = re.compile(r"design\.v:\d+\.\d+-(\d+)\.\d+")
_ASSIGNED = re.compile(r"(\\\S+|[A-Za-z_]\w*)\s*(?:\[[\d:]+\]\s*)?<=")


class Names(TypedDict):
    """What wires and registers of a netlist are called in the Verilog: modules, then name."""

    wires: Mapping[str, Sequence[Sequence[str] | None]]
    """For each bit of each wire, from the top on."""
    registers: Mapping[str, Sequence[str]]
    """For registers whose output has no name: the Verilog module and the signal assigned there."""


@dataclass(frozen=True)
class Signal:
    """A signal of the Verilog."""

    module: tuple[str, ...]
    """Instances on the way from the top."""
    name: str


def top_module(data: Mapping[str, Any]) -> dict[str, Any]:
    """The top module of a netlist in Yosys' JSON format."""
    tops = [m for m in data["modules"].values() if int(m["attributes"].get("top", "0"), 2)]
    (top,) = tops
    return dict(top)


def trace(before: Mapping[str, Any], after: Mapping[str, Any], verilog: str) -> Names:
    """Names in the top module ``after`` mapping, by all that its wires had ``before``.

    The output of a register that was mapped as its inverse has none; it is called by the line of
    ``verilog`` that it comes from.
    """
    wires = _wires(before, after)
    named = {
        bit
        for name, paths in wires.items()
        for bit, path in zip(after["netnames"][name]["bits"], paths, strict=True)
        if path is not None
    }
    lines = verilog.splitlines()
    registers = {
        name: found
        for name, cell in after["cells"].items()
        if cells.kind(cell["type"]) == cells.REGISTER and named.isdisjoint(_outputs(cell))
        if (found := _assigned(cell["attributes"].get("src", ""), lines)) is not None
    }
    return {"wires": wires, "registers": registers}


def _outputs(cell: Mapping[str, Any]) -> Iterator[Any]:
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == "output":
            yield from bits


def _assigned(source: str, lines: Sequence[str]) -> list[str] | None:
    """Module and signal that a line of Verilog assigns, if ``source`` names one that does."""
    for found in _SOURCE.finditer(source):
        last = int(found[1]) - 1
        assigned = _ASSIGNED.findall(lines[last])
        if assigned and not _MADE_UP.match(assigned[-1].removeprefix("\\")):
            module = next(line for line in reversed(lines[:last]) if line.startswith("module "))
            return [
                re.split(r"[\s(]", module.removeprefix("module ").removeprefix("\\"))[0],
                _AMARANTH.sub("", assigned[-1].removeprefix("\\")),
            ]
    return None


def _wires(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, list[list[str] | None]]:
    best: dict[Any, tuple[tuple[Any, ...], list[str]]] = {}
    for name, wire in before["netnames"].items():
        attributes = wire["attributes"]
        path = attributes.get("hdlname", name).split(" ")
        plain = path[-1].removeprefix("\\")
        if NAMED not in attributes or _MADE_UP.match(plain):
            continue
        # Where it is driven, which is the deepest place that is no input, and there the plainest.
        rank = (INPUT in attributes, -len(path), "$" in plain, len(plain), plain)
        signal = [*path[:-1], _AMARANTH.sub("", plain)]
        for bit in wire["bits"]:
            if isinstance(bit, int) and (bit not in best or rank < best[bit][0]):
                best[bit] = (rank, signal)
    names = {}
    for name in after["netnames"]:
        if name in before["netnames"]:
            found = [best.get(bit, (None, None))[1] for bit in before["netnames"][name]["bits"]]
            if any(found):
                names[name] = found
    return names


class Netlist:
    """The top module of ``data``, a netlist in Yosys' JSON format, and what its wires are called."""

    def __init__(self, data: dict[str, Any], names: Names) -> None:
        self.data = data
        top = top_module(data)
        self._cells: dict[str, dict[str, Any]] = top["cells"]
        self._wires: dict[str, dict[str, Any]] = top["netnames"]
        self._ports: dict[str, Any] = top["ports"]
        self._given = names

    def count(self) -> Counter[str]:
        """Number of cells of each type."""
        return Counter(
            cell["type"] for cell in self._cells.values() if not cell["type"].startswith("$")
        )

    def cut_ports(self) -> None:
        """Takes the ports off: inputs become wires that nobody drives, outputs such as nobody reads.

        nextpnr then neither needs pins nor times what crosses the boundary.
        """
        self._ports.clear()

    @property
    def cells(self) -> Mapping[str, Mapping[str, Any]]:
        """The cells by name, as in ``data``."""
        return self._cells

    def fix(self, places: Mapping[str, str]) -> None:
        """Tells nextpnr the place of each cell in ``places``."""
        for name, place in places.items():
            self._cells[name]["attributes"]["BEL"] = place

    def tie_nearby(self, groups: Mapping[str, str], ports: re.Pattern[str]) -> None:
        """Ties constants at ``ports`` of each cell in ``groups`` to a LUT that its group has for it.

        nextpnr has one LUT for each constant, and looks for the way from there to the farthest input
        last, when everything else is in its way.
        """
        wires: dict[tuple[str, str], int] = {}
        used = (bit for wire in self._wires.values() for bit in wire["bits"])
        free = 1 + max((bit for bit in used if isinstance(bit, int)), default=0)
        for name, group in groups.items():
            for port, bits in self._cells[name]["connections"].items():
                if ports.fullmatch(port):
                    bits[:] = [
                        wires.setdefault((group, bit), free + len(wires))
                        if bit in ("0", "1")
                        else bit
                        for bit in bits
                    ]
        for (group, value), wire in wires.items():
            name = f"{group}.tie_{value}"
            self._wires[name] = {"bits": [wire], "attributes": {}}
            self._cells[name] = {
                "type": "LUT4",
                "parameters": {"INIT": value * 16},
                "attributes": {},
                "port_directions": {**dict.fromkeys("ABCD", "input"), "Z": "output"},
                "connections": {**{port: ["0"] for port in "ABCD"}, "Z": [wire]},
            }

    def free_carries(self) -> None:
        """Leaves open the inputs of carry chains' first cells that are tied to a constant.

        Such a cell of a Nexus (CCU2) makes its own carry; its input has no route to a constant, and
        nextpnr refuses one. Yosys' mapping leaves it open, but its ABC9 step ties what is open to 0.
        """
        low = {
            bit
            for cell in self._cells.values()
            if cell["type"] == "VLO"
            for bit in cell["connections"]["Z"]
        }
        for cell in self._cells.values():
            if cell["type"] == "CCU2" and {*cell["connections"].get("CIN", ())} & {*low, "0", "x"}:
                del cell["connections"]["CIN"]

    # Names.

    def kind(self, cell: str) -> str:
        """Kind (:mod:`.cells`) of the cell that nextpnr calls ``cell``; ``""`` if it is not known."""
        own = self._own(cell)
        return cells.kind(self._cells[own]["type"]) if own else ""

    def register(self, cell: str) -> Signal | None:
        """Signal that the register in ``cell`` drives, if there is a register and it has a name.

        On the iCE40 the cell may be called by the LUT before the register.
        """
        own = self._register(cell)
        bits = _outputs(self._cells[own]) if own else ()
        return next((self._names[bit] for bit in bits if bit in self._names), None)

    def assigned(self, cell: str) -> tuple[str, str] | None:
        """Verilog module, and signal in it, that the register in ``cell`` comes from, where
        :meth:`register` has no name for it."""
        found = self._given["registers"].get(self._register(cell))
        return None if found is None else (found[0], found[1])

    def _register(self, cell: str) -> str:
        own = self._own(cell)
        if own and cells.kind(self._cells[own]["type"]) == cells.LUT:
            after = {self._register_after.get(bit, "") for bit in _outputs(self._cells[own])}
            own = max(after, default="")
        return own if own and cells.kind(self._cells[own]["type"]) == cells.REGISTER else ""

    def signal(self, wire: str) -> Signal | None:
        """Signal of the Verilog that is the wire nextpnr calls ``wire``, if any is."""
        index = 0
        if wire not in self._wires:
            match = re.fullmatch(r"(.*)\[(\d+)\]", wire)
            if match is None or match[1] not in self._wires:
                return None
            wire, index = match[1], int(match[2])
            index -= int(self._wires[wire].get("offset", 0))
        bits = self._wires[wire]["bits"]
        return self._names.get(bits[index]) if 0 <= index < len(bits) else None

    def module(self, cell: str) -> tuple[str, ...]:
        """Module that the cell is in: of what it drives, or for a memory as far as its name tells."""
        own = self._own(cell)
        if own and cells.kind(self._cells[own]["type"]) != cells.BLOCK_RAM:
            for bit in _outputs(self._cells[own]):
                if bit in self._names:
                    return self._names[bit].module
        end = len(cell)
        while (end := cell.rfind(".", 0, end)) >= 0:
            if cell[:end] in self._scopes:
                return self._scopes[cell[:end]]
        return ()

    def _own(self, cell: str) -> str:
        """Name in this netlist of a cell that nextpnr may have renamed, else ``""``."""
        while cell and cell not in self._cells:
            short = _PACKED.sub("", cell)
            cell = short if short != cell else cell[: max(cell.rfind("$"), cell.rfind("/"), 0)]
        return cell

    @functools.cached_property
    def _register_after(self) -> dict[Any, str]:
        """Register by the wire at its data input."""
        return {
            bit: name
            for name, cell in self._cells.items()
            if cells.kind(cell["type"]) == cells.REGISTER
            for bit in (cell["connections"].get("D") or cell["connections"].get("DI") or [])
        }

    @functools.cached_property
    def _names(self) -> dict[Any, Signal]:
        """By wire."""
        return {
            bit: Signal(tuple(path[:-1]), path[-1])
            for name, paths in self._given["wires"].items()
            for bit, path in zip(self._wires[name]["bits"], paths, strict=True)
            if path is not None
        }

    @functools.cached_property
    def _scopes(self) -> dict[str, tuple[str, ...]]:
        """The modules of the hierarchy, by their names as flattening joins them."""
        found: dict[str, tuple[str, ...]] = {}
        for record in (*self._wires.values(), *self._cells.values()):
            path = record["attributes"].get("hdlname", "").split(" ")[:-1]
            for end in range(1, len(path) + 1):
                found.setdefault(".".join(path[:end]), tuple(path[:end]))
        return found


def place(part: str, module: tuple[str, ...]) -> str:
    """A module in words: its name from the accelerator on, where ``part`` is the top."""
    path = [*part.split(".")] if part else []
    path += [name for name in module if name != _PLUMBING]
    return ".".join(path) or "the top module"
