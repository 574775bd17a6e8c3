# SPDX-License-Identifier: Apache-2.0
"""A module around the accelerator that looks for unknown bits on its buses, for a 4-state simulator."""

from typing import NamedTuple

from amaranth import Shape
from amaranth.lib.wiring import In

from matwright.bus.axi import axi4, axi4_lite
from matwright.config import AcceleratorConfig

from .stripped import READS

__all__ = ["WATCH", "Watched", "watched"]

WATCH = "watch"
"""Name of the module."""

_CHANNELS = ("aw", "w", "b", "ar", "r")


class Watched(NamedTuple):
    """The Verilog of the module, and what it counts."""

    verilog: str
    looks: dict[str, str]
    """Channel, and the integer that counts its valid cycles; ``handshakes``, and that of all cycles."""
    unknown: dict[str, str]
    """Output of the accelerator, and the integer that counts the cycles in which it was unknown."""


def watched(config: AcceleratorConfig, top: str) -> Watched:
    """Module :data:`WATCH` with the ports of the accelerator ``top``, which is ``dut`` in it.

    In the middle of every cycle but the first of a reset all outputs that are a valid, a ready or ``irq``
    must be known, and the others of a channel while its valid is high or unknown.
    """
    inputs, outputs = {"clk": 1, "rst": 1}, {"irq": 1}
    for prefix, signature, theirs in (
        ("m_axi_", axi4(config.bus), True),
        ("s_axil_", axi4_lite(), False),
    ):
        for name, member in signature.members.items():
            side = inputs if (member.flow == In) == theirs else outputs
            side[prefix + name] = Shape.cast(member.shape).width
    ports = {**inputs, **outputs}
    looks = {"handshakes": "look_handshakes"}
    unknown = {name: f"unknown_{name}" for name in outputs}
    always, payload = [], []
    for name in outputs:
        prefix = next((p for p in ("m_axi_", "s_axil_") if name.startswith(p)), "")
        if name == "irq" or name.endswith(("valid", "ready")):
            always.append(f"if (^{name} === 1'bx) {unknown[name]} = {unknown[name]} + 1;")
            continue
        channel = max((c for c in _CHANNELS if name.removeprefix(prefix).startswith(c)), key=len)
        valid = f"{prefix}{channel}valid"
        looks[prefix + channel] = f"look_{prefix}{channel}"
        payload.append(
            f"if ({valid} !== 1'b0 && ^{name} === 1'bx) {unknown[name]} = {unknown[name]} + 1;"
        )
    counted = [
        f"if ({channel}valid === 1'b1) {name} = {name} + 1;"
        for channel, name in looks.items()
        if channel != "handshakes"
    ]
    integers = [*READS, *looks.values(), *unknown.values()]
    lines = [
        f"module {WATCH} ({', '.join(ports)});",
        *(f"  input {_range(width)}{name};" for name, width in inputs.items()),
        *(f"  output {_range(width)}{name};" for name, width in outputs.items()),
        *(f"  integer {name} = 0;" for name in integers),
        "  reg begun = 0;",
        f"  {top} dut ({', '.join(f'.{name}({name})' for name in ports)});",
        "  always @(posedge clk) if (rst === 1'b1) begun <= 1;",
        "  always @(negedge clk) if (begun) begin",
        f"    {looks['handshakes']} = {looks['handshakes']} + 1;",
        *(f"    {line}" for line in (*always, *counted, *payload)),
        "  end",
        "endmodule",
        "",
    ]
    return Watched("\n".join(lines), looks, unknown)


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""
