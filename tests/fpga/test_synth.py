# SPDX-License-Identifier: Apache-2.0
"""``matwright synth``: with the real tools on a design in small, and how it refuses."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from matwright import cli
from matwright_fpga import flow, tools
from matwright_fpga.design import Design
from matwright_fpga.devices import find_device

Capture = pytest.CaptureFixture[str]

WORDS = re.compile(r"`([^`]*)`")


@pytest.fixture(autouse=True)
def _own_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, whether the package is installed or not."""
    point = EntryPoint("fpga", "matwright_fpga.commands:register", cli.ENTRY_POINTS)
    monkeypatch.setattr(cli, "entry_points", lambda group: [point])


def fails(capsys: Capture, *arguments: str) -> str:
    """Runs a command that must fail with status 2 and one sentence, which is returned."""
    assert cli.main(["synth", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("matwright: error: ")
    assert err.count("\n") == 1
    return err.removeprefix("matwright: error: ").rstrip("\n")


def synth(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert cli.main(["synth", *arguments, "--jobs", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    told: dict[str, Any] = json.loads(out)
    return told


def in_our_words(text: str) -> bool:
    """Whether a path names nothing but signals and modules of toy.v, and all that it can."""
    signals = set(WORDS.findall(text))
    modules = re.findall(r" of ([\w.]+)|via ([\w.]+)", text)
    known = {"engine", "engine.east_adder", "engine.west_adder", "the"}
    named = {module for pair in modules for module in pair if module}
    if "a register of" in text:
        return False
    return signals <= {"held_a", "held_b", "row", "sum", "total", "product.0"} and named <= known


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("family", "device", "dsp", "ff"),
    [
        ("ecp5", "25k", 1, 121),
        ("ice40", "hx8k", None, 121),
        ("ice40", "up5k", 0, 121),  # multipliers that are not placed by hand stay LUTs
        ("nexus", "lifcl-17", 2, None),
        ("gowin", "gw1nr-9c", 1, 121),
    ],
)
def test_every_family_is_placed_out_of_context(
    family: str, device: str, dsp: int | None, ff: int | None, capsys: Capture
) -> None:
    """The toy has 8 + 8 + 9 + 3 * 32 = 121 bits of register; some DSPs swallow those before them."""
    told = synth(capsys, "tiny", "--family", family, "--device", device)
    used = {name: resource["used"] for name, resource in told["resources"].items()}
    assert used.get("dsp") == dsp
    assert ff is None or used["ff"] == ff
    assert used["bram"] in (2, 4)
    assert 64 <= used["comb"] < 500
    assert 30 < told["fmax_mhz"]["median"] < 500
    path = told["critical_path"]
    assert in_our_words(path["text"]), path["text"]
    # Setup and clock-to-output included, a path takes one period.
    assert path["ns"] == pytest.approx(1000 / told["fmax_mhz"]["median"], rel=0.01)


@pytest.mark.usefixtures("toy")
def test_seeds_files_and_the_cache(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["tiny", "--family", "ecp5", "--device", "25k", "--seeds", "2"]
    told = synth(capsys, *arguments)
    clocks = [seed["fmax_mhz"] for seed in told["seeds"]]
    assert told["fmax_mhz"] == {"best": max(clocks), "median": sum(clocks) / 2}
    assert not any(seed["cached"] for seed in [*told["seeds"], told["synthesis"]])

    def no_tool(*_: object) -> None:
        raise AssertionError("a tool was called")

    monkeypatch.setattr(tools.subprocess, "Popen", no_tool)
    again = synth(capsys, *arguments, "-o", str(tmp_path / "out"))
    assert all(seed["cached"] for seed in [*again["seeds"], again["synthesis"]])
    assert [seed["fmax_mhz"] for seed in again["seeds"]] == clocks
    assert again["critical_path"] == told["critical_path"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "design.v",
        "netlist.json",
        "placement-1.log",
        "placement-2.log",
        "report-1.json",
        "report-2.json",
        "result.json",
        "synthesis.log",
        "synthesis.ys",
    }
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == again
    assert "product.0" in (tmp_path / "out" / "design.v").read_text()

    assert cli.main(["synth", *arguments]) == 0
    out = capsys.readouterr().out
    assert f"{told['fmax_mhz']['median']:.1f} MHz of 2 seeds" in out
    assert re.search(r"^DSP +1 of 28, 3.6 % *$", out, re.MULTILINE)
    assert f"critical path of seed {1 if clocks[0] <= clocks[1] else 2}: from " in out
    assert "_TRELLIS_" not in out


@pytest.mark.usefixtures("toy")
def test_a_part_alone(capsys: Capture) -> None:
    told = synth(
        capsys, "tiny", "--family", "ice40", "--device", "hx1k", "--part", "engine.west_adder"
    )
    assert told["part"] == "engine.west_adder"
    assert told["gmacs_per_second"] is None
    assert told["resources"]["ff"]["used"] == 32
    assert told["critical_path"]["end"].endswith(" of engine.west_adder")


def test_a_part_of_the_generators_own(capsys: Capture) -> None:
    """The Verilog of the generator is understood: hierarchy, names, sizes."""
    told = synth(
        capsys, "tiny", "--family", "ecp5", "--device", "25k", "--part", "engine.executor.feeder"
    )
    assert told["resources"]["ff"]["used"] > 5
    assert "`" in told["critical_path"]["text"]
    assert "engine.executor.feeder" in told["critical_path"]["text"]
    assert fails(
        capsys, "tiny", "--family", "ecp5", "--device", "25k", "--part", "engine.executer"
    ).startswith(
        "the part must be a module of matwright_tiny, such as engine.array, not 'engine.executer'; "
        "near are engine.executor, "
    )


# Refusals.


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--device", "85k"], "the following arguments are required: --family (see "),
        (["--family", "ecp6", "--device", "85k"], "the family must be one of ecp5, ice40, nexus, "),
        (["--family", "ecp5", "--device", "85"], "the device of family ecp5 must be one of 12k, "),
        (
            ["--family", "ecp5", "--device", "85k", "--speed", "5"],
            "the speed grade of ecp5 85k must be one of 6, 7, 8, not '5'",
        ),
        (
            ["--family", "ecp5", "--device", "85k", "--seeds", "0"],
            "argument --seeds: must be an integer from 1 to 100, not '0' (see ",
        ),
        (
            ["--family", "ecp5", "--device", "85k", "--freq", "-3"],
            "argument --freq: must be an integer from 1 to 1000, not '-3' (see ",
        ),
    ],
)
def test_wrong_arguments(arguments: list[str], sentence: str, capsys: Capture) -> None:
    assert fails(capsys, "tiny", *arguments).startswith(sentence)


@pytest.mark.usefixtures("toy")
def test_too_large_is_told_before_placement(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    family, device, speed = find_device("ecp5", "25k")
    little = dataclasses.replace(device, capacity={"comb": 24288, "ff": 100, "bram": 1})
    monkeypatch.setattr(flow, "find_device", lambda *_: (family, little, speed))
    monkeypatch.setattr(flow, "place_and_route", None)
    assert fails(capsys, "tiny", "--family", "ecp5", "--device", "25k") == (
        "tiny does not fit ecp5 25k: it needs at least 121 flip-flops of 100, 21 too many; "
        "at least 1 multipliers (MULT18X18D) of 0, 1 too many; "
        "at least 2 block RAMs (DP16KD) of 1, 1 too many"
    )


def test_too_large_by_hand_is_told_before_synthesis(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The array of `edge` places 256 multipliers by hand."""
    verilog = "module matwright_edge(clk);\n" + "".join(
        f"  MULT18X18D m{i} (\n    .CLK0(clk)\n  );\n" for i in range(256)
    )
    monkeypatch.setattr(flow, "design", lambda *_: Design(verilog, "matwright_edge"))
    monkeypatch.setattr(flow, "synthesize", None)
    assert fails(capsys, "edge", "--family", "ecp5", "--device", "85k") == (
        "edge does not fit ecp5 85k: it needs at least 256 multipliers (MULT18X18D) of 156, "
        "100 too many"
    )


@pytest.mark.usefixtures("toy", "fresh_tools")
@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "Info:      ICESTORM_LC:    1300/   1280   101%\nERROR: Unable to place cell 'x_LC'",
            "engine of tiny does not fit ice40 hx1k: it needs 1,300 logic cells (LC) of 1,280, 20 too many",
        ),
        ("ERROR: no luck", "nextpnr-ice40 failed: no luck"),
    ],
)
def test_what_nextpnr_refuses(
    said: str, sentence: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It packs, tells what that takes, and only then finds no place."""
    program = tmp_path / "nextpnr-ice40"
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "(Version nextpnr-0.11.1)" && exit\n'
        f'echo "{said}"; exit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    arguments = ["tiny", "--family", "ice40", "--device", "hx1k", "--part", "engine"]
    assert fails(capsys, *arguments) == sentence


@pytest.mark.usefixtures("toy", "fresh_tools")
def test_a_missing_tool(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert fails(capsys, "tiny", "--family", "ice40", "--device", "up5k") == (
        "yosys is missing; install it with: pip install 'matwright[fpga]'"
    )


@pytest.mark.usefixtures("toy")
def test_folders_that_take_nothing(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    monkeypatch.setenv("MATWRIGHT_CACHE", str(taken))
    said = fails(capsys, "tiny", "--family", "ice40", "--device", "hx1k")
    assert said.startswith(f"{taken}") and said.endswith("cannot be written: Not a directory")


def test_the_generator_does_without() -> None:
    """Nothing of the generator imports this package."""
    code = (
        "import sys, matwright.cli, matwright.emit; print([m for m in sys.modules if 'fpga' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
