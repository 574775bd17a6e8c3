# SPDX-License-Identifier: Apache-2.0
"""The manifest, and the artefacts as the generator really writes them."""

import json
import re

import pytest

from matwright.artefacts.bundle import bundle
from matwright.artefacts.manifest import manifest, ports
from matwright.emit import BUSES
from matwright.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_ports_follow_the_widths_of_the_bus(name: str) -> None:
    config = PRESETS[name]
    made = {port.name: (port.direction, port.width) for port in ports(config)}
    assert len(made) == len(ports(config))
    assert made["clk"] == made["rst"] == ("input", 1)
    assert made["irq"] == ("output", 1)
    assert made["m_axi_rdata"] == ("input", config.bus.data_width)
    assert made["m_axi_wdata"] == ("output", config.bus.data_width)
    assert made["m_axi_wstrb"] == ("output", config.bus.data_width // 8)
    assert made["m_axi_araddr"] == made["m_axi_awaddr"] == ("output", config.bus.addr_width)
    assert made["s_axil_awaddr"] == made["s_axil_araddr"] == ("input", 13)
    assert made["s_axil_rdata"] == ("output", 32)
    assert made["s_axil_wready"] == ("output", 1)


def test_manifest_names_versions_and_configuration() -> None:
    config = PRESETS["small"]
    made = json.loads(manifest(config, {"small.v": "x"}))
    assert made["tools"]["amaranth"].startswith("0.5.")
    assert made["tools"]["yosys"].startswith("0.50.")
    assert made["configuration"] == config.to_dict()
    assert made["configuration_sha256"] == config.digest
    assert made["files"]["small.v"]["bytes"] == 1
    assert made["files"]["small.v"]["sha256"].startswith("2d711642b726b044")


@pytest.mark.parametrize("bus", BUSES)
def test_the_verilog_has_the_ports_of_the_manifest(bus: str) -> None:
    """The real Verilog: its top module, read by a parser that knows nothing of the signatures."""
    files = bundle(PRESETS["tiny"], bus=bus)
    text = files["tiny.v"]
    made = json.loads(files["manifest.json"])
    body = re.search(rf"^module {made['top']}\b.*?^endmodule", text, re.DOTALL | re.MULTILINE)
    assert body, f"module {made['top']} is in the Verilog"
    declared = {
        (match["name"], match["direction"], int(match["high"] or 0) + 1)
        for match in re.finditer(
            r"^\s*(?P<direction>input|output)\s+(?:\[(?P<high>\d+):0\]\s+)?(?P<name>\w+)\s*;",
            body[0],
            re.MULTILINE,
        )
    }
    assert declared == {(p["name"], p["direction"], p["width"]) for p in made["ports"]}
    assert bundle(PRESETS["tiny"], bus=bus) == files, "the same from run to run"
