# SPDX-License-Identifier: Apache-2.0
"""What was reached of each module of the Verilog: lines, branches, and bits of signals.

Instances of a module are joined: what one of them reaches is reached. A bit has two points, its rise
and its fall. Not counted are what Yosys writes only for simulators, registers called
``$auto$verilog_backend...`` and the conditions on them, variables of loops, and the clock.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Bit", "Coverage", "Line", "Tally", "declarations", "instances", "read"]

_DUMMY = "$auto$verilog_backend"
_CLOCK = "clk"
_VARIABLE = "i"
"""Of a loop that sets a memory to 0 in simulation."""
_POINT = re.compile(r"^C '(.*)' (\d+)$")
_KINDS = {"v_line": "line", "v_branch": "branch"}
_NAME = r"(\\\S+ |[A-Za-z_]\w*)"
_MODULE = re.compile(rf"^module {_NAME}.*?^endmodule", re.DOTALL | re.MULTILINE)
_INSTANCE = re.compile(rf"^  {_NAME} +(?:#\(.*?^  \) )?{_NAME} *\(\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, order=True)
class Line:
    """A line that may run, or one way of a branch."""

    module: str
    kind: str
    """``line`` or ``branch``."""
    line: int
    """Of the Verilog, from 1 on."""
    column: int
    comment: str
    """Which way: ``if``, ``else``, ``block``, ``case``..."""


@dataclass(frozen=True, order=True)
class Bit:
    """A bit of a signal."""

    module: str
    signal: str
    index: int


@dataclass
class Tally:
    """Points of one kind, and how many of them were reached."""

    points: int = 0
    reached: int = 0

    @property
    def percent(self) -> float:
        """100 where there is nothing to reach."""
        return 100 * self.reached / self.points if self.points else 100.0


@dataclass
class Coverage:
    """What one or more runs have reached."""

    lines: dict[Line, int] = field(default_factory=dict)
    """How often each has run."""
    widths: dict[tuple[str, str], int] = field(default_factory=dict)
    """Bits of each signal of each module."""
    rose: dict[tuple[str, str], int] = field(default_factory=dict)
    fell: dict[tuple[str, str], int] = field(default_factory=dict)
    """Bits of each signal that have risen, and fallen."""
    high: dict[tuple[str, str], int] = field(default_factory=dict)
    """Bits of each signal that are high at the end, in some instance."""

    def modules(self) -> list[str]:
        """All modules, in order."""
        return sorted({line.module for line in self.lines} | {module for module, _ in self.widths})

    def still(self) -> Iterator[tuple[Bit, bool, bool]]:
        """Bits that have not both risen and fallen, with which of the two is missing."""
        for (module, signal), width in self.widths.items():
            rose, fell = self.rose[module, signal], self.fell[module, signal]
            both = rose & fell
            for index in range(width):
                if not both >> index & 1:
                    missing = not rose >> index & 1, not fell >> index & 1
                    yield Bit(module, signal, index), *missing

    def tally(self, module: str | None, kind: str) -> Tally:
        """Of a module, or of all, the points of ``line``, ``branch`` or ``toggle``."""
        tally = Tally()
        if kind == "toggle":
            for key, width in self.widths.items():
                if module in (None, key[0]):
                    tally.points += 2 * width
                    tally.reached += self.rose[key].bit_count() + self.fell[key].bit_count()
            return tally
        for line, count in self.lines.items():
            if line.kind == kind and module in (None, line.module):
                tally.points += 1
                tally.reached += count > 0
        return tally


def instances(verilog: str) -> dict[str, str]:
    """Module of each instance of Yosys' Verilog, by its path; that of the first module is its name."""
    modules = {_plain(match[1]): match[0] for match in _MODULE.finditer(verilog)}
    inside = {
        name: [(_plain(kind), _plain(instance)) for kind, instance in _INSTANCE.findall(text)]
        for name, text in modules.items()
    }
    top = next(iter(modules))
    found = {top: top}
    todo = [top]
    while todo:
        path = todo.pop()
        for kind, instance in inside[found[path]]:
            if kind in modules:
                found[f"{path}.{instance}"] = kind
                todo.append(f"{path}.{instance}")
    return found


def declarations(verilog: str) -> dict[tuple[str, str], int]:
    """The line, from 1 on, of the first use of each signal in what a module does."""
    found: dict[tuple[str, str], int] = {}
    module = ""
    for number, text in enumerate(verilog.splitlines(), 1):
        if match := re.match(rf"module {_NAME}", text):
            module = _plain(match[1])
        elif match := re.match(rf" +(?:assign )?{_NAME} *(?:\[\S+\] )?<?= ", text):
            found.setdefault((module, _plain(match[1])), number)
    return found


def _plain(name: str) -> str:
    return name.removeprefix("\\").strip()


def read(verilog: str, files: Iterable[tuple[Path, Path]]) -> Coverage:
    """What the runs that wrote ``files`` have reached of ``verilog``."""
    found = Coverage()
    lines, kinds = verilog.splitlines(), instances(verilog)
    for counts, moves in files:
        for text in counts.read_text(encoding="utf-8", errors="replace").splitlines():
            if match := _POINT.match(text):
                _add_line(found, lines, match[1], int(match[2]))
        for text in moves.read_text(encoding="utf-8").splitlines():
            _add_signal(found, kinds, text)
    return found


def _add_line(found: Coverage, lines: list[str], key: str, count: int) -> None:
    words = dict(word.split("\2", 1) for word in key.split("\1") if word)
    kind, _, module = words["page"].partition("/")
    number = int(words["l"])
    if kind not in _KINDS or _DUMMY in lines[number - 1]:
        return
    module = module.split("__")[0]  # with parameters it is ``name__parameters``
    line = Line(module, _KINDS[kind], number, int(words["n"]), words["o"])
    found.lines[line] = found.lines.get(line, 0) + count


def _add_signal(found: Coverage, kinds: dict[str, str], text: str) -> None:
    scope, name, width, rose, fell, high = text.split("\t")
    name = _plain(name)
    if scope not in kinds or name in (_CLOCK, _VARIABLE) or _DUMMY in name:
        return
    key, ones = (kinds[scope], name), (1 << int(width)) - 1
    found.widths[key] = max(int(width), found.widths.get(key, 0))
    found.rose[key] = found.rose.get(key, 0) | int(rose, 16) & ones
    found.fell[key] = found.fell.get(key, 0) | int(fell, 16) & ones
    found.high[key] = found.high.get(key, 0) | int(high, 16) & ones
