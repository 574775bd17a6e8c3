# SPDX-License-Identifier: Apache-2.0
"""Verilog and a harness in C++ as one shared library: what the compiled simulations are made of.

Verilator turns the Verilog into C++; a file of ``native`` is compiled with it, which gives it clock,
inputs and a C interface. Libraries are kept in the cache, named by all that they are made of.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import cache, toolchain
from .toolchain import ToolError

__all__ = ["BuildError", "Variant", "library", "run_compiler"]

_FILE = "accelerator.so"
_NATIVE = Path(__file__).parent / "native"
_TAIL_LINES = 60


class BuildError(RuntimeError):
    """The Verilog could not be compiled; the message quotes the log."""


_Job = tuple[Sequence[Path | str], Path]
"""A compilation: its command without the output, and the output."""

_SPEED = "-O2"
"""For the harness and Verilator's runtime, which are small."""

_UNIT_BYTES = 600_000
"""Generated C++ that is compiled together: starting the compiler costs a second."""

_COVERAGE_UNIT_BYTES = 2_500_000
"""The same where it is compiled for counting: it is many small files, and compile time is all."""


@dataclass(frozen=True)
class Variant:
    """What a library can do beside its work; each needs a build of its own."""

    trace: str = ""
    """The kind of waveform that it can write: ``vcd``, ``fst`` or none."""
    coverage: bool = False
    """Verilator counts what runs and keeps every signal; the harness has ``MW_COVERAGE``."""
    unknown: bool = False
    """What has no value in the Verilog gets one when the simulation starts."""

    @property
    def flags(self) -> tuple[str, ...]:
        """For Verilator."""
        return (
            *toolchain.VERILATOR_LIBRARY_FLAGS,
            *(toolchain.VERILATOR_UNKNOWN_FLAGS if self.unknown else ()),
            *(toolchain.LIBRARY_COVERAGE_FLAGS if self.coverage else ()),
        )

    @property
    def control(self) -> str:
        """A control file for Verilator, or nothing."""
        return toolchain.LIBRARY_COVERAGE_CONTROL if self.coverage else ""


_PLAIN = Variant()


def library(verilog: str, top: str, *, native: Sequence[str], variant: Variant = _PLAIN) -> Path:
    """Path of the library of module ``top`` and of ``native``, files of that folder.

    The first of ``native`` is compiled, the others it includes. Raises :class:`BuildError` and
    :class:`.ToolError`.
    """
    tool = toolchain.find_verilator()
    texts = "".join((_NATIVE / name).read_text("utf-8") for name in sorted(native))
    flags = [*variant.flags, variant.control, *toolchain.LIBRARY_CXX_FLAGS]
    flags += [toolchain.LIBRARY_OPTIMIZE_OFTEN, toolchain.LIBRARY_OPTIMIZE_ONCE]
    made_with = (variant.trace, tool.version, toolchain.compiler_version(), *flags)
    name = cache.key(verilog, top, texts, *made_with)
    harness = _NATIVE / native[0]
    place = cache.entry("library", name, lambda to: _build(verilog, top, harness, variant, to))
    return place / _FILE


def _build(verilog: str, top: str, harness: Path, variant: Variant, folder: Path) -> None:
    tool = toolchain.find_verilator()
    tracing, coverage = toolchain.LIBRARY_TRACING[variant.trace], variant.coverage
    source, generated = folder / f"{top}.v", folder / "generated"
    source.write_text(verilog, encoding="utf-8")
    control = folder / "control.vlt"
    control.write_text(variant.control or "`verilator_config\n", encoding="utf-8")
    command: list[Path | str] = [tool.executable, "--cc", "--Mdir", generated, "--prefix", "Vtop"]
    command += ["--top-module", top, *variant.flags, *tracing.flags, control, source]
    run_compiler(command, f"Verilator refused {top}", tool.environment)

    runtime = [_runtime(variant.trace, (*toolchain.LIBRARY_RUNTIME, *tracing.runtime))]
    flags = _cxx_flags(tracing)
    if coverage:
        runtime.append(_runtime(variant.trace, toolchain.LIBRARY_COVERAGE_RUNTIME))
        flags.append("-DMW_COVERAGE=1")
    jobs: list[_Job] = []
    for speed, sources in _units(generated, _COVERAGE_UNIT_BYTES if coverage else _UNIT_BYTES):
        unit = folder / f"unit{len(jobs)}.cpp"
        unit.write_text("".join(f'#include "{path.name}"\n' for path in sources))
        unit_command: list[Path | str] = [*flags, speed, f"-I{generated}", "-c", unit]
        jobs.append((unit_command, unit.with_suffix(".o")))
    harness_command: list[Path | str] = [*flags, _SPEED, f"-I{generated}", "-c", harness]
    jobs.append((harness_command, folder / "harness.o"))
    _compile(jobs)
    objects = [made for _, made in jobs]
    for place in runtime:
        objects += sorted(place.glob("*.o"))
    target = folder / _FILE
    link: list[Path | str] = [
        toolchain.find_compiler(),
        "-shared",
        "-o",
        target,
        *objects,
        *tracing.libraries,
        "-pthread",
    ]
    run_compiler(link, f"the library of {top} could not be linked")
    for item in folder.iterdir():
        if item not in (source, target):
            shutil.rmtree(item) if item.is_dir() else item.unlink()


def _units(generated: Path, unit_bytes: int) -> list[tuple[str, list[Path]]]:
    """Sources that Verilator wrote, in groups to be compiled together, with their -O flag.

    What runs once (``Slow`` and the symbol table) is compiled in haste, the rest for speed.
    """
    sources = sorted(generated.glob("*.cpp"), key=lambda path: (-path.stat().st_size, path.name))
    once = [path for path in sources if "Slow" in path.name or "Syms" in path.name]
    often = [path for path in sources if path not in once]
    units: list[tuple[str, list[Path]]] = []
    groups = ((toolchain.LIBRARY_OPTIMIZE_OFTEN, often), (toolchain.LIBRARY_OPTIMIZE_ONCE, once))
    for speed, group in groups:
        room = 0
        for path in group:
            size = path.stat().st_size
            if size > room:
                units.append((speed, []))
                room = unit_bytes
            units[-1][1].append(path)
            room -= size
    return units


def _runtime(trace: str, sources: Sequence[str]) -> Path:
    """Folder of ``sources`` of Verilator's own runtime as objects, compiled once for all accelerators."""
    tool = toolchain.find_verilator()
    tracing = toolchain.LIBRARY_TRACING[trace]
    flags = _cxx_flags(tracing)

    def build(folder: Path) -> None:
        include = tool.root / "include"
        _compile(
            [
                ([*flags, _SPEED, "-c", include / source], folder / f"{Path(source).stem}.o")
                for source in sources
            ]
        )

    try:
        words = (trace, *sources, tool.version, toolchain.compiler_version(), *map(str, flags))
        name = cache.key(*words)
        return cache.entry("runtime", name, build)
    except BuildError as error:
        if trace == "fst":
            raise ToolError(
                "an FST trace needs the headers lz4.h and zlib.h; install them with `apt-get "
                "install liblz4-dev zlib1g-dev`, or trace to a .vcd file"
            ) from error
        raise


def _cxx_flags(tracing: toolchain.Tracing) -> list[str]:
    include = toolchain.find_verilator().root / "include"
    return [
        *toolchain.LIBRARY_CXX_FLAGS,
        *(f"-D{macro}" for macro in tracing.macros),
        f"-I{include}",
        f"-I{include / 'vltstd'}",
    ]


def _compile(jobs: list[_Job]) -> None:
    """Compile each command's source to its object, some at a time."""
    compiler = toolchain.find_compiler()
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        calls = [
            pool.submit(
                run_compiler, [compiler, *command, "-o", made], "the compiler refused its output"
            )
            for command, made in jobs
        ]
        for call in calls:
            call.result()


def run_compiler(
    command: Sequence[Path | str], failure: str, environment: Mapping[str, str] | None = None
) -> None:
    """Runs a compiler; raises :class:`BuildError`, which begins with ``failure``."""
    result = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        tail = (result.stdout + result.stderr).splitlines()[-_TAIL_LINES:]
        raise BuildError("\n".join([f"{failure}:", *tail]))
