# SPDX-License-Identifier: Apache-2.0
"""From a configuration to the Verilog of a whole system."""

from ..config import AcceleratorConfig
from ..emit import convert, top_name
from .system import System

__all__ = ["system_name", "system_to_verilog"]


def system_name(config: AcceleratorConfig) -> str:
    """Name of the top module."""
    return f"{top_name(config)}_system"


def system_to_verilog(
    config: AcceleratorConfig,
    *,
    memory_bytes: int,
    divisor: int,
    clock_hz: int,
    family: str = "generic",
) -> str:
    """Verilog-2005 of a :class:`.System`; ``family`` as of :func:`matwright.emit.to_verilog`.

    Ports: ``clk``, ``rst`` (synchronous, high), ``rx``, ``tx``, ``irq``.
    """
    system = System(config, memory_bytes=memory_bytes, divisor=divisor, clock_hz=clock_hz)
    return convert(system, system_name(config), flat=True, family=family)
