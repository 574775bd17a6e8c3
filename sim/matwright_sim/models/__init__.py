# SPDX-License-Identifier: Apache-2.0
"""Models of the FPGA primitives that :mod:`matwright.platform` instantiates, for the simulators."""

import re
from collections.abc import Callable
from functools import partial

from .mult18x18d import MULT18X18D
from .yosys_cells import ice40_cell, nexus_cell

__all__ = ["MODELS", "with_models"]

MODELS: dict[str, Callable[[], str]] = {
    "MULT18X18D": lambda: MULT18X18D,
    "SB_MAC16": partial(ice40_cell, "SB_MAC16"),
    "MULT9X9": partial(nexus_cell, "MULT9X9"),
    "MULT18X18": partial(nexus_cell, "MULT18X18"),
    "SB_SPRAM256KA": partial(ice40_cell, "SB_SPRAM256KA"),
}
"""Name of a primitive to what gives the Verilog of its model."""


def with_models(verilog: str) -> str:
    """``verilog`` behind the models of the primitives that it instantiates.

    An instance may leave pins open that nothing in the FPGA connects either.
    """
    used = [model() for name, model in MODELS.items() if re.search(rf"\b{name}\b", verilog)]
    return "\n".join([*(["/* verilator lint_off PINMISSING */"] if used else []), *used, verilog])
