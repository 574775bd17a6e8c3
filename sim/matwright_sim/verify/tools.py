# SPDX-License-Identifier: Apache-2.0
"""The programs and packages that checks call: which are there, and what installs the others."""

import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterable

from ..toolchain import ToolError, find_compiler, find_icarus, find_verilator

__all__ = ["TOOLS", "survey"]


def _verilator() -> str:
    find_compiler()
    return find_verilator().version


def _icarus() -> str:
    return f"{find_icarus().version}; cocotb {_package('cocotb', 'sim')}"


def _yosys() -> str:
    from matwright_fpga.errors import ToolError as Missing
    from matwright_fpga.tools import find_tool

    try:
        return find_tool("yosys").version
    except Missing as error:
        raise ToolError(str(error)) from error


def _package(name: str, extra: str) -> str:
    if importlib.util.find_spec(name) is None:
        raise ToolError(
            f"the package {name} is not installed; install it with pip install 'matwright[{extra}]'"
        )
    return importlib.metadata.version(name)


TOOLS: dict[str, Callable[[], str]] = {
    "verilator": _verilator,
    "icarus": _icarus,
    "yosys": _yosys,
}
"""By name what tells a tool's version; raises :class:`.ToolError`, which says how to install it."""


def survey(names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Versions of those of the tools that are there, and of those that are not the sentence."""
    there, missing = {}, {}
    for name in dict.fromkeys(names):
        try:
            there[name] = TOOLS[name]()
        except ToolError as error:
            missing[name] = str(error)
    return there, missing
