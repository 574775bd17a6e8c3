# SPDX-License-Identifier: Apache-2.0
"""Models of FPGA primitives, for the simulators: Verilog text by the name of the module."""

from .mult18x18d import MULT18X18D

__all__ = ["MODELS", "with_models"]

MODELS = {"MULT18X18D": MULT18X18D}
"""Name of a primitive to the Verilog of its model."""


def with_models(verilog: str) -> str:
    """``verilog`` behind the models of the primitives that it instantiates.

    An instance may leave pins open that nothing in the FPGA connects either.
    """
    used = [text for name, text in MODELS.items() if name in verilog]
    return "\n".join([*(["/* verilator lint_off PINMISSING */"] if used else []), *used, verilog])
