# SPDX-License-Identifier: Apache-2.0
"""Names of signals that are assigned in pairs, the same in every version of Python.

Amaranth calls a signal after the variable that its value is stored in, which it reads from the bytecode.
Since Python 3.13 one instruction may store two variables (``a, b = Signal(), Signal()``), which Amaranth
0.5 does not know: the signal would lose its name, and the Verilog would differ.
"""

import sys
from opcode import opname
from types import CodeType
from typing import Any

from amaranth import tracer

__all__ = ["keep_names"]

_PAIR = "STORE_FAST_STORE_FAST"
_WORD = 2
_RAISE: Any = object()


def keep_names() -> None:
    """Lets Amaranth find such names, where Python has the instruction. Twice is once."""
    original, not_found = tracer.get_var_name, vars(tracer)["NameNotFound"]
    if _PAIR not in opname or hasattr(original, "pairs"):
        return

    def get_var_name(depth: int = 2, default: Any = _RAISE) -> str:
        try:
            return original(depth + 1)
        except not_found:
            frame = sys._getframe(depth)
            name = _first_of_pair(frame.f_code, frame.f_lasti)
            if name:
                return name
            if default is _RAISE:
                raise
            return default

    get_var_name.pairs = True  # type: ignore[attr-defined]
    tracer.get_var_name = get_var_name


def _first_of_pair(code: CodeType, call: int) -> str:
    """The variable that the top of the stack is stored in, if a pair is stored after the call."""
    index = call + _WORD
    while opname[code.co_code[index]] == "CACHE":
        index += _WORD
    if opname[code.co_code[index]] != _PAIR:
        return ""
    name: str = code._varname_from_oparg(code.co_code[index + 1] >> 4)  # type: ignore[attr-defined]
    return name
