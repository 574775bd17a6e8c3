# SPDX-License-Identifier: Apache-2.0
"""From a configuration to one Verilog file."""

import os
import re
from collections.abc import Callable

from amaranth.back import rtlil, verilog  # type: ignore[attr-defined]
from amaranth.hdl import Signal
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from .accelerator import Accelerator
from .config import AcceleratorConfig, ConfigError
from .names import keep_names
from .platform.families import family_platform
from .platform.verilog import (
    SINGLE_PORT_RAM_VERILOG,
    SINGLE_PORT_SRAM_VERILOG,
    SRAM_VERILOG,
    VerilogPlatform,
)
from .wishbone import WishboneAccelerator

__all__ = ["BUSES", "convert", "to_verilog", "top_name", "without_sources"]

BUSES: dict[str, Callable[[AcceleratorConfig], wiring.Component]] = {
    "axi": Accelerator,
    "wishbone": WishboneAccelerator,
}
"""Name of a bus to the top with it."""

_ELEMENT = re.compile(
    r"^( *attribute .*\n)* *(wire (.* )?|connect )\\\S*\[\d+\]\S*( .*)?\n", re.MULTILINE
)
"""A wire for an element of an array, in Amaranth's RTLIL: a second name, which nothing reads."""

_SOURCE_LINE = re.compile(r'^ *\(\* src = "[^"]*" \*\)\n', re.MULTILINE)
_SOURCE = re.compile(r'\(\* src = "[^"]*" \*\) ')


def top_name(config: AcceleratorConfig) -> str:
    """Name of the top module."""
    return f"matwright_{config.name}"


def to_verilog(
    config: AcceleratorConfig, family: str = "generic", bus: str = "axi", *, sources: bool = False
) -> str:
    """Verilog-2005 of the whole accelerator, the same bytes for the same configuration.

    ``family`` is one of :data:`.platform.families.FAMILIES`: its own multipliers and memories in place
    of the portable bodies. ``bus`` is one of :data:`BUSES`. Raises :class:`.ConfigError` for another.

    The top module comes first; parts that occur often are modules of their own, converted once;
    the SRAM is one module, and that with a single port another, that can be replaced by a macro.

    With ``sources`` attributes say from which line of Python each thing comes, by paths of this machine;
    :func:`without_sources` gives the text that is made without.
    """
    if bus not in BUSES:
        raise ConfigError(f"the bus must be one of {', '.join(BUSES)}, not {bus!r}")
    top = BUSES[bus](config)
    return convert(top, top_name(config), flat=True, family=family, sources=sources)


def without_sources(text: str) -> str:
    """Verilog without the attributes that name lines of Python."""
    return _SOURCE.sub("", _SOURCE_LINE.sub("", text))


def convert(
    component: wiring.Component,
    name: str,
    *,
    flat: bool = False,
    family: str = "generic",
    sources: bool = False,
) -> str:
    """Verilog of a component and of the parts it shares.

    With ``flat``, the members of an interface are named ``interface_member``, as AXI tools expect,
    instead of Amaranth's ``interface__member``.
    """
    # The yosys of the package, whichever is on PATH: the text must not depend on the machine.
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    keep_names()
    platform = family_platform(family)(name)
    ports = _flat_ports(component) if flat else None
    texts = [_rtlil(component, name, platform, ports, sources)]
    written: set[str] = set()
    while missing := [module for module in platform.parts if module not in written]:
        for module in missing:
            written.add(module)
            part = platform.parts[module]()
            texts.append(_rtlil(part, f"{name}_{module}", platform, None, sources))
    # Yosys takes longer to start than to translate, so it is called once.
    text = verilog._convert_rtlil_text("\n".join(texts))  # type: ignore[attr-defined]
    for module, body in (
        (f"{name}_sram", SRAM_VERILOG),
        (f"{name}_single_port_sram", SINGLE_PORT_SRAM_VERILOG),
        (f"{name}_single_port_ram", SINGLE_PORT_RAM_VERILOG),
    ):
        if module in text:
            text += "\n" + body.format(name=module)
    return text


def _rtlil(
    component: wiring.Component,
    name: str,
    platform: VerilogPlatform,
    ports: dict | None,
    sources: bool,
) -> str:
    text = rtlil.convert(component, name=name, platform=platform, ports=ports, emit_src=sources)
    return _ELEMENT.sub("", text)


def _flat_ports(component: wiring.Component) -> dict[str, tuple[Signal, PortDirection]]:
    ports = {}
    for path, member, value in component.signature.flatten(component):
        direction = PortDirection.Input if member.flow is In else PortDirection.Output
        ports["_".join(str(part) for part in path)] = (value, direction)
    return ports
