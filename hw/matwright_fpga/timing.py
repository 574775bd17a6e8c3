# SPDX-License-Identifier: Apache-2.0
"""What limits the clock, in words: a path of nextpnr's report told by modules and signals."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import cells
from .netlist import Netlist, Signal, place

__all__ = ["Path", "critical_path", "fmax"]

_CARRY_PORTS = {"FCI", "FCO", "CIN", "COUT", "CI", "CO"}
_ENABLE_PORTS = {"CE", "CEN", "SP", "E"}
_RESET_PORTS = {"LSR", "SR", "R", "S", "PD", "CD", "RESET", "SET", "CLEAR", "PRESET"}


@dataclass(frozen=True)
class Path:
    """A path from register to register."""

    start: str
    """Where it starts: signal and module, or what of which module."""
    end: str
    """Where it ends, likewise."""
    via: tuple[str, ...]
    """Modules between, by the signals on the way that stand in the Verilog."""
    luts: int
    multiplexers: int
    carries: tuple[int, ...]
    """Bits of each carry chain."""
    others: tuple[str, ...]
    """Multipliers and memories that it goes through."""
    logic_ns: float
    routing_ns: float

    @property
    def ns(self) -> float:
        """Nanoseconds that it takes."""
        return self.logic_ns + self.routing_ns

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Path":
        """What :meth:`to_dict` made."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**fields)

    def __str__(self) -> str:
        through = self._through()
        return (
            f"from {self.start} {through}, {self.logic_ns:.1f} ns logic + "
            f"{self.routing_ns:.1f} ns routing{self._via()}, to {self.end}"
        )

    def _through(self) -> str:
        parts = []
        if self.luts:
            parts.append(_several(self.luts, "LUT"))
        if self.multiplexers:
            parts.append(_several(self.multiplexers, "multiplexer"))
        if len(self.carries) == 1:
            parts.append(f"{_article(self.carries[0])} {self.carries[0]}-bit carry chain")
        elif self.carries:
            parts.append(f"carry chains of {_listed([str(bits) for bits in self.carries])} bits")
        parts += self.others
        return f"through {_listed(parts)}" if parts else "directly"

    def _via(self) -> str:
        return f", via {_listed(self.via)}" if self.via else ""


def fmax(report: Mapping[str, Any]) -> float | None:
    """Highest clock in MHz that a report of nextpnr gives; None if no path ends in a register."""
    found = [clock["achieved"] for clock in report["fmax"].values()]
    return min(found, default=None)


def critical_path(report: Mapping[str, Any], netlist: Netlist, part: str) -> Path | None:
    """The longest path from register to register in a report of nextpnr, None if there is none.

    ``part`` is what of the accelerator the netlist is of; nothing: all of it.
    """
    paths = [
        path["path"]
        for path in report["critical_paths"]
        if path["from"] == path["to"] and path["from"].startswith(("posedge", "negedge"))
    ]
    longest = max(paths, key=lambda path: sum(step["delay"] for step in path), default=None)
    return _told(longest, netlist, part) if longest else None


def _told(steps: Sequence[Mapping[str, Any]], netlist: Netlist, part: str) -> Path:
    routing = [step for step in steps if step["type"] == "routing"]
    logic = [step for step in steps if step["type"] != "routing"]
    luts = multiplexers = 0
    carries: list[int] = []
    others: list[str] = []
    in_carry = False
    for step in _inner(logic):
        cell = step["to"]["cell"]
        kind = netlist.kind(cell)
        if {step["from"]["port"], step["to"]["port"]} & _CARRY_PORTS:
            if not in_carry:
                carries.append(0)
            # What nextpnr inserts leads a carry in or out, and adds nothing.
            carries[-1] += not cell.startswith("$nextpnr")
            in_carry = True
            continue
        in_carry = False
        if kind in (cells.MULTIPLIER, cells.BLOCK_RAM, cells.LUT_RAM):
            others.append(f"the {kind} of {place(part, netlist.module(cell))}")
        elif kind == cells.MULTIPLEXER or step["to"]["port"] == "OFX":
            multiplexers += 1
        else:
            luts += 1
    start = _start(steps, netlist, part)
    end = _end(steps, netlist, part)
    ends = {start.rpartition(" of ")[2], end.rpartition(" of ")[2]}
    signals = [netlist.signal(step["net"]) for step in routing]
    modules = [place(part, signal.module) for signal in signals if signal is not None]
    return Path(
        start=start,
        end=end,
        via=tuple(module for module in dict.fromkeys(modules) if module not in ends),
        luts=luts,
        multiplexers=multiplexers,
        carries=tuple(bits for bits in carries if bits),
        others=tuple(other for other in dict.fromkeys(others) if other not in (start, end)),
        logic_ns=sum(step["delay"] for step in logic),
        routing_ns=sum(step["delay"] for step in routing),
    )


def _inner(logic: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The cells between the ends. On the iCE40 a path ends at a LUT before the register."""
    for step in logic:
        if step["type"] == "logic" or (
            step["type"] == "setup" and step["to"]["port"] in ("I0", "I1", "I2", "I3")
        ):
            yield step


def _start(steps: Sequence[Mapping[str, Any]], netlist: Netlist, part: str) -> str:
    cell = steps[0]["from"]["cell"]
    signal = netlist.register(cell)
    if signal is None and netlist.kind(cell) in ("", cells.LUT):
        wires = (netlist.signal(step["net"]) for step in steps if step["type"] == "routing")
        signal = next(wires, None)
    return _end_point(cell, signal, netlist, part)


def _end(steps: Sequence[Mapping[str, Any]], netlist: Netlist, part: str) -> str:
    cell, port = steps[-1]["to"]["cell"], steps[-1]["to"]["port"]
    text = _end_point(cell, netlist.register(cell), netlist, part)
    if netlist.kind(cell) in (cells.REGISTER, cells.LUT):
        if port in _ENABLE_PORTS:
            return f"the enable of {text}"
        if port in _RESET_PORTS:
            return f"the reset of {text}"
    return text


def _end_point(cell: str, signal: Signal | None, netlist: Netlist, part: str) -> str:
    if signal is not None:
        return f"`{signal.name}` of {place(part, signal.module)}"
    kind = netlist.kind(cell)
    if kind in (cells.MULTIPLIER, cells.BLOCK_RAM, cells.LUT_RAM):
        return f"the {kind} of {place(part, netlist.module(cell))}"
    assigned = netlist.assigned(cell)
    if assigned is not None:
        module, name = assigned
        return f"`{name}` of {module.partition('.')[2] or module}"
    return f"a register of {place(part, netlist.module(cell))}"


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def _article(number: int) -> str:
    return "an" if number in (8, 11, 18) or 80 <= number < 90 else "a"


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
