# SPDX-License-Identifier: Apache-2.0
"""The cycle model in C++, for one GEMM at a time: compiled when first asked for, and kept."""

import ctypes
import functools
from pathlib import Path

from .. import cache, toolchain
from ..library import run_compiler

__all__ = ["load"]

_SOURCES = Path(__file__).parent.parent / "native" / "cycles"
_FILE = "cycles.so"
_FLAGS = ("-std=gnu++17", "-O3", "-fPIC", "-fvisibility=hidden", "-shared")


@functools.cache
def load() -> ctypes.CDLL:
    """The library. Raises :class:`..toolchain.ToolError` without a compiler."""
    compiler = toolchain.find_compiler()
    texts = [path.read_text("utf-8") for path in sorted(_SOURCES.iterdir())]
    name = cache.key(*texts, toolchain.compiler_version(), *_FLAGS)

    def build(folder: Path) -> None:
        command: list[Path | str] = [compiler, *_FLAGS, _SOURCES / "estimate.cpp"]
        run_compiler([*command, "-o", folder / _FILE], "the cycle model could not be compiled")

    return ctypes.CDLL(str(cache.entry("cycles", name, build) / _FILE))
