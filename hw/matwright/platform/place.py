# SPDX-License-Identifier: Apache-2.0
"""Placing a part in a module: plainly, or as an instance of a Verilog module converted once.

Amaranth writes one Verilog module per submodule, so an array of equal parts would be converted as
often as it has parts. A platform with ``shared`` gets each distinct part once and answers with an
``Instance``; without one (Amaranth's simulator, unit tests) the part is a plain submodule.
"""

from collections.abc import Callable, Mapping

from amaranth import Module, ResetSignal, Value, ValueLike
from amaranth.lib import wiring

__all__ = ["place"]


def place(
    m: Module,
    platform: object,
    *,
    name: str,
    module: str,
    make: Callable[[], wiring.Component],
    inputs: Mapping[str, ValueLike],
    outputs: Mapping[str, Value],
    clear: ValueLike = 0,
) -> None:
    """Add a part to ``m`` as submodule ``name`` and connect its flat ports.

    ``module`` names the Verilog module; equal names must mean equal parts. ``clear`` resets the
    part beside the domain's own reset; a plain submodule gets that from an enclosing
    ``ResetInserter`` instead, which does not reach into an instance.

    Platform overrides: ``shared(module, make, inputs, outputs, reset)`` returns what is added.
    """
    if hasattr(platform, "shared"):
        reset = ResetSignal() | clear
        m.submodules[name] = platform.shared(module, make, inputs, outputs, reset)
        return
    part = make()
    m.submodules[name] = part
    m.d.comb += [getattr(part, port).eq(value) for port, value in inputs.items()]
    m.d.comb += [value.eq(getattr(part, port)) for port, value in outputs.items()]
