# SPDX-License-Identifier: Apache-2.0
"""The families that Verilog is written for, by name."""

from ..config import ConfigError
from .ecp5 import Ecp5Platform
from .ice40 import Ice40Platform
from .nexus import NexusPlatform
from .verilog import VerilogPlatform

__all__ = ["FAMILIES", "family_platform"]

FAMILIES: dict[str, type[VerilogPlatform]] = {
    "generic": VerilogPlatform,
    "ecp5": Ecp5Platform,
    "ice40": Ice40Platform,
    "nexus": NexusPlatform,
    "gowin": VerilogPlatform,
}
"""Name of a family to its platform; ``generic`` is what every tool and simulator accepts."""


def family_platform(name: str) -> type[VerilogPlatform]:
    """Platform of a family; raises :class:`ConfigError` for a name that is none."""
    if name not in FAMILIES:
        raise ConfigError(f"the family must be one of {', '.join(FAMILIES)}, not {name!r}")
    return FAMILIES[name]
