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
from pathlib import Path

from . import cache, toolchain
from .toolchain import ToolError

__all__ = ["BuildError", "library", "run_compiler"]

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


def library(
    verilog: str, top: str, *, native: Sequence[str], trace: str = "", unknown: bool = False
) -> Path:
    """Path of the library of module ``top`` and of ``native``, files of that folder.

    The first of ``native`` is compiled, the others it includes. ``trace`` is the kind of waveform that
    it can write: ``vcd``, ``fst`` or none. With ``unknown``, what has no value in the Verilog gets one when
    the simulation starts. Raises :class:`BuildError` and :class:`.ToolError`.
    """
    tool = toolchain.find_verilator()
    texts = "".join((_NATIVE / name).read_text("utf-8") for name in sorted(native))
    verilate = list(toolchain.VERILATOR_LIBRARY_FLAGS)
    verilate += toolchain.VERILATOR_UNKNOWN_FLAGS if unknown else ()
    flags = [*verilate, *toolchain.LIBRARY_CXX_FLAGS]
    flags += [toolchain.LIBRARY_OPTIMIZE_OFTEN, toolchain.LIBRARY_OPTIMIZE_ONCE]
    name = cache.key(verilog, top, texts, trace, tool.version, toolchain.compiler_version(), *flags)
    harness = _NATIVE / native[0]
    place = cache.entry(
        "library", name, lambda to: _build(verilog, top, harness, trace, verilate, to)
    )
    return place / _FILE


def _build(
    verilog: str, top: str, harness: Path, trace: str, verilate: Sequence[str], folder: Path
) -> None:
    tool = toolchain.find_verilator()
    tracing = toolchain.LIBRARY_TRACING[trace]
    source, generated = folder / f"{top}.v", folder / "generated"
    source.write_text(verilog, encoding="utf-8")
    command: list[Path | str] = [tool.executable, "--cc", "--Mdir", generated, "--prefix", "Vtop"]
    command += ["--top-module", top, *verilate, *tracing.flags, source]
    run_compiler(command, f"Verilator refused {top}", tool.environment)

    runtime = _runtime(trace)
    flags = _cxx_flags(tracing)
    jobs: list[_Job] = []
    for speed, sources in _units(generated):
        unit = folder / f"unit{len(jobs)}.cpp"
        unit.write_text("".join(f'#include "{path.name}"\n' for path in sources))
        unit_command: list[Path | str] = [*flags, speed, f"-I{generated}", "-c", unit]
        jobs.append((unit_command, unit.with_suffix(".o")))
    harness_command: list[Path | str] = [*flags, _SPEED, f"-I{generated}", "-c", harness]
    jobs.append((harness_command, folder / "harness.o"))
    _compile(jobs)
    objects = [*(made for _, made in jobs), *sorted(runtime.glob("*.o"))]
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


def _units(generated: Path) -> list[tuple[str, list[Path]]]:
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
                room = _UNIT_BYTES
            units[-1][1].append(path)
            room -= size
    return units


def _runtime(trace: str) -> Path:
    """Folder of Verilator's own runtime as objects, compiled once for all accelerators."""
    tool = toolchain.find_verilator()
    tracing = toolchain.LIBRARY_TRACING[trace]
    flags = _cxx_flags(tracing)

    def build(folder: Path) -> None:
        include = tool.root / "include"
        _compile(
            [
                ([*flags, _SPEED, "-c", include / source], folder / f"{Path(source).stem}.o")
                for source in (*toolchain.LIBRARY_RUNTIME, *tracing.runtime)
            ]
        )

    try:
        name = cache.key(trace, tool.version, toolchain.compiler_version(), *map(str, flags))
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
