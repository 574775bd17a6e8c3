# SPDX-License-Identifier: Apache-2.0
"""Netlists and reports in the tools' formats, as short as they can be."""

from typing import Any

from matwright_fpga.netlist import INPUT, NAMED, Netlist, trace


def wire(bits: list[int | str], path: str = "", *, mark: str = NAMED) -> dict[str, Any]:
    """A wire; ``path`` is its name with the modules on the way, ``mark`` one or both attributes."""
    attributes = dict.fromkeys(mark.split(), "1")
    return {"bits": bits, "attributes": attributes | ({"hdlname": path} if path else {})}


def cell(kind: str, source: str = "", **ports: int | str) -> dict[str, Any]:
    """A cell; the last port is its output."""
    return {
        "type": kind,
        "attributes": {"src": source} if source else {},
        "port_directions": {
            port: "output" if port == list(ports)[-1] else "input" for port in ports
        },
        "connections": {port: [bit] for port, bit in ports.items()},
    }


def module(wires: dict[str, Any], cells: dict[str, Any]) -> dict[str, Any]:
    """The top module."""
    return {
        "attributes": {"top": "1"},
        "netnames": wires,
        "cells": cells,
        "ports": {"clk": {"direction": "input", "bits": [2]}},
    }


def netlist(wires: dict[str, Any], cells: dict[str, Any], verilog: str = "") -> Netlist:
    """A netlist whose wires were called the same before mapping to LUTs."""
    top = module(wires, cells)
    library = {"attributes": {"blackbox": "1"}, "netnames": {}, "cells": {}, "ports": {}}
    return Netlist({"modules": {"LUT4": library, "top": top}}, trace(top, top, verilog))


def report(*steps: tuple[str, float, str, str, str], clocks: dict[str, float]) -> dict[str, Any]:
    """A report of nextpnr with one path.

    Each step is its type, delay, and wire or ``port>port`` inside a cell, then source and sink as
    ``cell.port``.
    """
    path = []
    for kind, delay, net, source, sink in steps:
        ends = [
            dict(zip(("cell", "port"), end.rsplit(".", 1), strict=True)) for end in (source, sink)
        ]
        step = {"type": kind, "delay": delay, "from": ends[0], "to": ends[1]}
        path.append(step | ({"net": net} if net else {}))
    return {
        "fmax": {name: {"achieved": clock, "constraint": 12} for name, clock in clocks.items()},
        "critical_paths": [
            {"from": "<async>", "to": "posedge clk", "path": [{**path[0], "delay": 99.0}]},
            {"from": "posedge clk", "to": "posedge clk", "path": path},
        ],
        "utilization": {"TRELLIS_COMB": {"used": 10, "available": 24288}},
    }


BOTH = f"{NAMED} {INPUT}"
