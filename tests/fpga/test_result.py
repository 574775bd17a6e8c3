# SPDX-License-Identifier: Apache-2.0
"""The figures follow from what the tools report."""

from collections import Counter
from pathlib import Path

import pytest

from matwright.presets import PRESETS
from matwright_fpga import timing
from matwright_fpga.devices import find_device
from matwright_fpga.placement import Placement
from matwright_fpga.result import Result
from matwright_fpga.synthesis import Synthesis
from matwright_fpga.tools import Run, Tool

PATH = timing.Path("a", "b", (), 1, 0, (), (), 2.0, 3.0)


def result(
    *clocks: float | None, part: str = "", family: str = "ecp5", device: str = "85k"
) -> Result:
    kin, chip, speed = find_device(family, device)
    synthesis = Synthesis("", "", Path(), Counter(SB_DFF=7, SB_DFFSR=5), Run(2.0, 1.0), True)
    used = {"TRELLIS_COMB": 1250, "TRELLIS_FF": 100, "MULT18X18D": 64, "ICESTORM_LC": 300}
    placements = [
        Placement(seed, clock, used, PATH, Run(4.0, 3.0), False, Path())
        for seed, clock in enumerate(clocks, 1)
    ]
    tools = (Tool("yosys", Path(), "1"), Tool("nextpnr-ecp5", Path(), "2"))
    return Result(PRESETS["small"], part, kin, chip, speed, 200, synthesis, placements, tools)


@pytest.mark.parametrize(
    ("clocks", "best", "median", "typical"),
    [((100.0,), 100, 100, 1), ((110.0, 90.0, 100.0), 110, 100, 3), ((90.0, 110.0), 110, 100, 1)],
)
def test_clocks(clocks: tuple[float, ...], best: float, median: float, typical: int) -> None:
    made = result(*clocks)
    assert (made.best, made.median, made.typical.seed) == (best, median, typical)


def test_throughput() -> None:
    made = result(100.0, 200.0, 125.0)
    assert made.gmacs == pytest.approx(8 * 8 * 125e6 / 1e9)
    assert made.gmacs_per_klut == pytest.approx(8.0 / 1.25)
    assert result(125.0, part="engine.array").gmacs == pytest.approx(8.0)
    assert result(125.0, part="engine.loader").gmacs is None
    assert result(125.0, part="engine.loader").gmacs_per_klut is None


def test_resources_with_capacity_and_share() -> None:
    uses = result(100.0).resources
    assert {name: (use.used, use.capacity) for name, use in uses.items()} == {
        "comb": (1250, 83640),
        "ff": (100, 83640),
        "dsp": (64, 156),
        "bram": (0, 208),
    }
    assert uses["dsp"].percent == pytest.approx(100 * 64 / 156)
    # What nextpnr does not report is counted in the netlist.
    uses = result(100.0, family="ice40", device="up5k").resources
    assert (uses["comb"].used, uses["ff"].used, uses["spram"].capacity) == (300, 12, 4)


def test_nothing_to_time() -> None:
    made = result(None, None)
    assert made.best is made.median is made.gmacs is made.gmacs_per_klut is None
    assert made.to_dict()["fmax_mhz"] == {"best": None, "median": None}


def test_json() -> None:
    told = result(100.0, 120.0).to_dict()
    assert told["config_sha256"] == PRESETS["small"].digest
    assert (told["family"], told["device"], told["speed"], told["part"]) == (
        "ecp5",
        "85k",
        "6",
        None,
    )
    assert told["fmax_mhz"] == {"best": 120.0, "median": 110.0}
    assert told["macs_per_cycle"] == 64
    assert told["tools"] == {"yosys": "1", "nextpnr-ecp5": "2"}
    assert told["critical_path"]["text"] == (
        "from a through 1 LUT, 2.0 ns logic + 3.0 ns routing, to b"
    )
    assert told["critical_path"]["ns"] == 5.0
    assert [seed["fmax_mhz"] for seed in told["seeds"]] == [100.0, 120.0]
    assert told["seeds"][0]["cpu_seconds"] == 3.0
    assert told["synthesis"] == {"seconds": 2.0, "cpu_seconds": 1.0, "cached": True}
