# SPDX-License-Identifier: Apache-2.0
"""The compiled accelerator with mutants in it."""

import ctypes
import functools
from pathlib import Path

from ...compiled import CompiledAccelerator
from ...library import Variant, library
from .netlist import MEMORIES, TOP

__all__ = ["MutatedAccelerator"]

_NATIVE = ("mutants.cpp", "harness.cpp", "axi_memory.hpp")


@functools.cache
def _library(verilog: str, variant: Variant) -> Path:
    return library(verilog, TOP, native=_NATIVE, variant=variant)


class MutatedAccelerator(CompiledAccelerator):
    """A :class:`.CompiledAccelerator` of a text of :class:`.Netlist`, in which no mutant is on at first."""

    def _compile(self, verilog: str, variant: Variant) -> Path:
        return _library(verilog, variant)

    def switch(self, mutant: int | None) -> None:
        """Mutant number ``mutant`` is on from now on, from a reset on; or none."""
        self._library.mw_mutant.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int]
        if self._on is not None:
            self._library.mw_mutant(self._open, self._on, 0)
        if mutant is not None:
            self._library.mw_mutant(self._open, mutant, 1)
        self._on = mutant
        self.reset()

    def weaken(self, *, unchecked: bool = False, forget: str = "", stray: int = 0) -> None:
        """From now on the dispatcher takes every window to be open, a block ``forget``s what is in it, one of
        :data:`.netlist.MEMORIES`, and rows of activations and accumulators are read whose numbers differ by
        ``stray``, bit by bit: faults that the guards on the bus and the marks of the memories are there
        for."""
        u32 = ctypes.c_uint32
        self._library.mw_weaken.argtypes = [ctypes.c_void_p, u32, u32]
        what = 2 << MEMORIES.index(forget) if forget else 0
        self._library.mw_weaken(self._open, unchecked | what, stray)

    _on: int | None = None
