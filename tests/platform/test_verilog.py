# SPDX-License-Identifier: Apache-2.0
"""The emitted Verilog: the same bytes, each part once, and no port that nobody asked for."""

import hashlib
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.hdl import Shape
from amaranth.lib import wiring

import matwright
from matwright.bus.axi import axi4, axi4_lite
from matwright.config import AcceleratorConfig, Build, Bus
from matwright.core.array import SystolicArray
from matwright.core.pe import ProcessingElement
from matwright.emit import convert, to_verilog, top_name
from matwright.memory.accumulator import Accumulator
from matwright.memory.activation import ActivationScratchpad
from matwright.memory.parameter import ParameterMemory
from matwright.memory.weight import WeightRing
from matwright.presets import preset
from matwright_sim.ports import modules

COMPONENTS = {
    c.__name__: c
    for c in (SystolicArray, ActivationScratchpad, WeightRing, Accumulator, ParameterMemory)
}
SHAPE = AcceleratorConfig(rows=4, cols=3, bus=Bus(data_width=32), build=Build(post_lanes=1))
EVERYTHING = AcceleratorConfig(
    name="everything",
    rows=4,
    cols=2,
    load_rows=2,
    bus=Bus(data_width=64, addr_width=40),
    build=Build(product_registers=2, post_lanes=2, counters=True),
)
"""Small, with all that a configuration may add."""

DIGEST = """
import hashlib
import itertools
from matwright.core.pe import ProcessingElement
from matwright.emit import to_verilog
from matwright.presets import preset
print(hashlib.sha256(to_verilog(preset("tiny")).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def tiny() -> str:
    return to_verilog(preset("tiny"))


@pytest.mark.parametrize("name", COMPONENTS)
def test_component_is_converted_to_the_same_bytes_twice(name: str) -> None:
    component, other = COMPONENTS[name](SHAPE), COMPONENTS[name](SHAPE)
    text = convert(component, "part")
    assert convert(component, "part") == text
    assert convert(other, "part") == text


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_accelerator_has_the_same_bytes_in_another_process(
    hash_seed: str, tiny: str, tmp_path: Path
) -> None:
    package = Path(matwright.__file__).parents[1]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(package)}
    result = subprocess.run(
        [sys.executable, "-c", DIGEST],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == hashlib.sha256(tiny.encode()).hexdigest()


def test_text_names_no_place_and_no_time(tiny: str) -> None:
    assert "src =" not in tiny
    assert str(Path(matwright.__file__).parents[2]) not in tiny
    assert str(Path.home()) not in tiny


def test_every_module_is_there_once_and_used(tiny: str) -> None:
    names = re.findall(r"^module (\\\S+|\w+)", tiny, re.MULTILINE)
    assert len(names) == len(set(names))
    assert names[0] == "matwright_tiny"
    shared = [name for name in modules(tiny) if name != names[0]]
    assert shared
    for name in shared:
        instance = rf"^ +{name} (#\(|\S+ \()"
        assert re.search(instance, tiny, re.MULTILINE), f"nothing is a {name}"


def test_array_has_one_element_per_pair_of_widths() -> None:
    config = AcceleratorConfig(rows=8, cols=10, bus=SHAPE.bus, build=SHAPE.build)
    text = convert(SystolicArray(config), "array")
    # One product has 16 bits, a sum of 1 or 2 of them has 16 and 17, of 4 to 7 has 18, of 8 has 19.
    # There is nothing above the first row.
    widths = (0, 16, 17, 17, 18, 18, 18, 18, 19)
    pairs = dict.fromkeys(itertools.pairwise(widths))
    expected = [
        f"array_{part}_{a}_{b}" for part in ("segment_8", "segment_2", "pe") for a, b in pairs
    ]
    strips = ["array_strip_8", "array_strip_2"]
    assert sorted(modules(text)) == sorted(["array", *strips, *expected])
    assert re.findall(r"^ +(array_strip_\d) strip_\d ", text, re.MULTILINE) == strips
    rows = re.findall(r"^ +array_segment_8_(\d+)_(\d+) row_\d ", text, re.MULTILINE)
    assert [(int(a), int(b)) for a, b in rows] == list(itertools.pairwise(widths))


def test_sram_is_one_module(tiny: str) -> None:
    assert len(re.findall(r"^module matwright_tiny_sram ", tiny, re.MULTILINE)) == 1
    assert "memory [0:DEPTH-1]" in tiny
    assert "single_port" not in tiny
    pe = ProcessingElement(SHAPE.precision, SHAPE.build, 16, 17)
    assert list(modules(convert(pe, "pe"))) == ["pe"]


def _widths(signature: wiring.Signature, prefix: str = "") -> dict[str, int]:
    return {
        f"{prefix}{name}": Shape.cast(member.shape).width
        for name, member in signature.members.items()
    }


@pytest.mark.parametrize("config", [preset("tiny"), EVERYTHING], ids=lambda config: config.name)
def test_ports_of_the_accelerator(config: AcceleratorConfig, tiny: str) -> None:
    text = tiny if config.name == "tiny" else to_verilog(config)
    expected = {"clk": 1, "rst": 1, "irq": 1}
    expected |= _widths(axi4(config.bus), "m_axi_") | _widths(axi4_lite(), "s_axil_")
    assert modules(text)[top_name(config)] == expected


@pytest.mark.parametrize("name", COMPONENTS)
def test_ports_of_a_component(name: str) -> None:
    component = COMPONENTS[name](SHAPE)
    ports = modules(convert(component, "part"))["part"]
    assert ports == {"clk": 1, "rst": 1, **_widths(component.signature)}


def test_a_large_array_is_little_text() -> None:
    """256 x 256, the size of the first TPU: what is equal is written once."""
    large = AcceleratorConfig(
        name="large", rows=256, cols=256, bus=Bus(data_width=512), build=Build(post_lanes=64)
    )
    assert len(to_verilog(large)) < 2_000_000
