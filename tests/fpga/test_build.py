# SPDX-License-Identifier: Apache-2.0
"""``matwright build``: with the real tools on a system in small, and how it refuses."""

import json
import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import matwright.system.emit
import matwright_sw
from matwright import cli
from matwright.presets import preset
from matwright_fpga import build, timing, tools
from matwright_fpga.boards import BOARDS
from matwright_fpga.build import BAUD, cycles_per_bit
from matwright_fpga.design import Design
from matwright_fpga.errors import BoardError, RoutingError
from matwright_fpga.placement import Placement
from matwright_fpga.tools import Run

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch

SYSTEM = """
module matwright_tiny_system(clk, rst, rx, tx, irq);
  input clk, rst, rx;
  output tx, irq;
  reg [23:0] count;
  reg echo;
  always @(posedge clk) begin
    count <= rst ? 0 : count + 1;
    echo <= rx ^ count[23];
  end
  assign tx = echo;
  assign irq = count[0];
endmodule
"""

PATH = timing.Path("`a` of b", "`c` of d", (), 1, 0, (), (), 2.0, 3.0)


@pytest.fixture(autouse=True)
def _own_commands(monkeypatch: Patch) -> None:
    """The command, whether the package is installed or not."""
    point = EntryPoint("fpga", "matwright_fpga.commands:register", cli.ENTRY_POINTS)
    monkeypatch.setattr(cli, "entry_points", lambda group: [point])


@pytest.fixture
def little(monkeypatch: Patch) -> list[dict[str, Any]]:
    """Every system is a counter of 24 bits and an echo; what it was asked to be like."""
    asked: list[dict[str, Any]] = []

    def system_to_verilog(_: object, **facts: Any) -> str:
        asked.append(facts)
        return SYSTEM

    monkeypatch.setattr(matwright.system.emit, "system_to_verilog", system_to_verilog)
    return asked


def fails(capsys: Capture, *arguments: str) -> str:
    """Runs a command that must fail with status 2 and one sentence, which is returned."""
    assert cli.main(["build", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("matwright: error: ")
    assert err.count("\n") == 1
    return err.removeprefix("matwright: error: ").rstrip("\n")


def built(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert cli.main(["build", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    told: dict[str, Any] = json.loads(out)
    return told


def test_icebreaker(
    capsys: Capture, little: list[dict[str, Any]], tmp_path: Path, monkeypatch: Patch
) -> None:
    """From the oscillator, without PLL; all files are there; the second time no tool is called."""
    out = tmp_path / "out"
    arguments = ["tiny", "--board", "icebreaker", "-o", str(out)]
    told = built(capsys, *arguments)
    assert little == [
        {"memory_bytes": 1 << 17, "divisor": 12, "clock_hz": 12_000_000, "family": "ice40"}
    ]
    assert told["config_sha256"] == preset("tiny").digest
    clock = told["clock"]
    assert clock["board_mhz"] == clock["asked_mhz"] == clock["system_mhz"] == 12
    assert 12 <= clock["reached_mhz"] < 200
    assert told["uart"] == {"baud": 1_000_000, "divisor": 12, "bits_per_second": 1e6}
    assert told["memory_bytes"] == 1 << 17
    # Counter and echo; two to end reset in step, one of 9 bits and its own bit to hold it.
    assert told["resources"]["ff"]["used"] == 24 + 1 + 2 + 9 + 1
    assert "`count` of system" in told["critical_path"]["text"]
    assert told["seed"] == 1 and len(told["seeds"]) == 1
    assert set(told["tools"]) == {"yosys", "nextpnr-ice40", "icepack"}
    assert {path.name for path in out.iterdir()} == {
        "design.v",
        "netlist.json",
        "pins.pcf",
        "placement-1.log",
        "report-1.json",
        "result.json",
        "synthesis.log",
        "synthesis.ys",
        "timing.txt",
        "tiny_icebreaker.bin",
    }
    assert json.loads((out / "result.json").read_text()) == told
    # The preamble of an iCE40 bitstream.
    assert b"\x7e\xaa\x99\x7e" in (out / "tiny_icebreaker.bin").read_bytes()[:64]
    assert "set_io uart_0__rx__io 6\n" in (out / "pins.pcf").read_text()
    assert f"seed 1 reaches   {clock['reached_mhz']:.1f} MHz" in (out / "timing.txt").read_text()

    def no_tool(*_: object) -> None:
        raise AssertionError("a tool was called")

    monkeypatch.setattr(tools.subprocess, "Popen", no_tool)
    again = built(capsys, *arguments)
    assert again["clock"] == clock and again["seeds"][0]["cached"]
    assert cli.main(["build", *arguments]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^clock +12 MHz *$", text, re.MULTILINE)
    assert "matwright demo --port PORT --config tiny\n" in text


def test_ulx3s_by_a_pll(capsys: Capture, little: list[dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["--freq", "60", "--baud", "500000", "--memory", "4096", "--family-free"]
    told = built(capsys, "tiny", "--board", "ULX3S_12F", "-o", str(out), *arguments)
    assert little == [
        {"memory_bytes": 4096, "divisor": 120, "clock_hz": 60_000_000, "family": "generic"}
    ]
    clock = told["clock"]
    assert (clock["board_mhz"], clock["asked_mhz"], clock["system_mhz"]) == (25, 60, 60)
    assert clock["reached_mhz"] >= 60
    assert (told["uart"]["divisor"], told["uart"]["bits_per_second"]) == (120, 500_000)
    assert told["portable_verilog"] is True
    assert told["resources"]["ff"]["used"] == 24 + 1 + 2 + 12 + 1
    assert set(told["tools"]) == {"yosys", "nextpnr-ecp5", "ecppack", "ecppll"}
    assert 'LOCATE COMP "uart_0__tx__io" SITE "L4";' in (out / "pins.lpf").read_text()
    log = (out / "placement-1.log").read_text()
    assert re.search(r"EHXPLLL: +1/", log)
    report = json.loads((out / "report-1.json").read_text())
    (clock,) = report["fmax"].values()
    assert clock["constraint"] == pytest.approx(60, rel=0.001)
    # The device's number, and the preamble of an ECP5 bitstream.
    bitstream = (out / "tiny_ulx3s_12f.bit").read_bytes()
    assert b"\xff\xff\xbd\xb3" in bitstream and b"LFE5U-12F" in bitstream


@pytest.mark.usefixtures("little")
def test_icebreaker_by_a_pll(capsys: Capture, tmp_path: Path) -> None:
    """The PLL is at the oscillator's pin, and what it makes is timed as that."""
    out = tmp_path / "out"
    told = built(capsys, "tiny", "--board", "icebreaker", "--freq", "24", "-o", str(out))
    assert told["clock"]["system_mhz"] == 24
    assert told["uart"]["divisor"] == 24
    log = (out / "placement-1.log").read_text()
    assert re.search(r"ICESTORM_PLL: +1/", log)
    report = json.loads((out / "report-1.json").read_text())
    (clock,) = report["fmax"].values()
    assert clock["constraint"] == pytest.approx(24, rel=0.001)


# Seeds.


@pytest.mark.usefixtures("little")
def test_a_seed_that_is_not_routed_is_passed_over(monkeypatch: Patch) -> None:
    def place(*_: object, seed: int, **__: object) -> Placement:
        if seed == 1:
            raise RoutingError("round and round")
        return placed(seed, 13.0)

    monkeypatch.setattr(build, "place_and_route", place)
    monkeypatch.setattr(build, "_packed", lambda *_: Path("x.bin"))
    made = build.build(preset("tiny"), "icebreaker")
    assert [run.seed for run in made.placements] == [2]


def placed(seed: int, fmax: float | None) -> Placement:
    return Placement(seed, fmax, {}, PATH, Run(1.0, 1.0), False, Path())


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize(("clocks", "tried"), [((10.0, 12.0, 14.0), 2), ((30.0,), 1)])
def test_seeds_are_tried_until_one_meets_the_clock(
    clocks: tuple[float, ...], tried: int, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(
        build, "place_and_route", lambda *_, seed, **__: placed(seed, clocks[seed - 1])
    )
    monkeypatch.setattr(build, "_packed", lambda *_: Path("x.bin"))
    made = build.build(preset("tiny"), "icebreaker", seeds=3)
    assert [run.seed for run in made.placements] == [*range(1, tried + 1)]
    assert made.placed.fmax == clocks[tried - 1]


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize(
    ("seeds", "best"),
    [(3, "the best of 3 seeds reaches 11.9 MHz"), (1, "the best of 1 seed reaches 10.0 MHz")],
)
def test_no_seed_meets_the_clock(
    seeds: int, best: str, capsys: Capture, monkeypatch: Patch
) -> None:
    clocks = (10.0, 11.9, 11.0)
    monkeypatch.setattr(
        build, "place_and_route", lambda *_, seed, **__: placed(seed, clocks[seed - 1])
    )
    assert fails(capsys, "tiny", "--board", "icebreaker", "--seeds", str(seeds)) == (
        f"tiny on icebreaker must reach 12 MHz, and {best}, limited from `a` of b through 1 LUT, "
        "2.0 ns logic + 3.0 ns routing, to `c` of d"
    )


@pytest.mark.usefixtures("little", "fresh_tools")
def test_no_seed_is_routed(capsys: Capture, tmp_path: Path, monkeypatch: Patch) -> None:
    """A router that goes round and round is ended, and the next seed is tried."""
    program = tmp_path / "nextpnr-ice40"
    rounds = "".join(
        f"echo 'Info:  iter={i} wires=9 overused=70 overuse=80';" for i in (1, 99, 100)
    )
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "(Version nextpnr-0.11.1)" && exit\n'
        f"echo run >> {tmp_path}/runs\n{rounds} exec sleep 60\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert fails(capsys, "tiny", "--board", "icebreaker", "--seeds", "2") == (
        "tiny on icebreaker must be routed with one of 2 seeds, and is with none: "
        "its wires do not suffice"
    )
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


# Memory.


def blocks(count: int, kind: str) -> str:
    return "".join(f"  {kind} m{i} (\n    .CLKA(clk)\n  );\n" for i in range(count))


@pytest.mark.parametrize(
    ("others", "expected"), [(0, 1 << 16), (24, 1 << 16), (25, 1 << 15), (41, 1 << 14)]
)
def test_default_memory_is_what_is_left(others: int, expected: int, monkeypatch: Patch) -> None:
    """A ULX3S 12F has 56 block RAMs of 2 KiB; the accelerator's are seen after synthesis or before."""
    asked = []

    def system(config: object, board: object, clock: object, *facts: Any) -> tuple[Design, str]:
        asked.append(facts[2])
        text = "module top(clk);\n" + blocks(facts[2] // 2048 + others // 2, "DP16KD")
        return Design(text, "top"), ""

    class Synthesized:
        def __init__(self, made: Design) -> None:
            self.cells = made.primitives()
            self.cells["DP16KD"] += others - others // 2

    monkeypatch.setattr(build, "_design", system)
    monkeypatch.setattr(build, "synthesize", lambda made, *_: Synthesized(made))
    monkeypatch.setattr(build, "place_and_route", lambda *_, seed, **__: placed(seed, None))
    monkeypatch.setattr(build, "_packed", lambda *_: Path("x.bit"))
    made = build.build(preset("tiny"), "ulx3s_12f")
    assert made.memory_bytes == asked[-1] == expected


def test_memory_that_was_asked_for_is_not_made_less(capsys: Capture, monkeypatch: Patch) -> None:
    text = "module top(clk);\n" + blocks(60, "DP16KD")
    monkeypatch.setattr(build, "_design", lambda *_: (Design(text, "top"), ""))
    monkeypatch.setattr(build, "synthesize", None)
    assert fails(capsys, "tiny", "--board", "ulx3s_12f", "--memory", "65536") == (
        "tiny on ulx3s_12f does not fit ecp5 12k: it needs at least 60 block RAMs (DP16KD) of 56, "
        "4 too many"
    )


def test_an_accelerator_that_does_not_fit(capsys: Capture, monkeypatch: Patch) -> None:
    """Without another try at less memory, and before synthesis."""
    text = "module top(clk);\n" + blocks(60, "DP16KD") + blocks(29, "MULT18X18D")
    monkeypatch.setattr(build, "_design", lambda *_: (Design(text, "top"), ""))
    monkeypatch.setattr(build, "synthesize", None)
    assert fails(capsys, "tiny", "--board", "ulx3s_12f") == (
        "tiny on ulx3s_12f does not fit ecp5 12k: it needs at least 29 multipliers (MULT18X18D) of 28, "
        "1 too many; at least 60 block RAMs (DP16KD) of 56, 4 too many"
    )


# Bits per second.


@pytest.mark.parametrize(
    ("mhz", "baud", "divisor"),
    [(12, BAUD, 12), (12, 115_200, 104), (50, 3_000_000, 17), (12, 3_000_000, 4), (50, 780, 64103)],
)
def test_cycles_per_bit(mhz: float, baud: int, divisor: int) -> None:
    assert cycles_per_bit(mhz, baud) == divisor


@pytest.mark.parametrize(
    ("mhz", "baud", "nearest"),
    [(12, 921_600 * 2, 1_714_286), (12, 4_000_000, 3_000_000), (50, 300, 763)],
)
def test_baud_that_the_clock_does_not_make(mhz: float, baud: int, nearest: int) -> None:
    with pytest.raises(BoardError) as refused:
        cycles_per_bit(mhz, baud)
    assert str(refused.value) == (
        f"baud must be what 4 to 65535 cycles of {mhz} MHz make within 2%, not {baud}: "
        f"the nearest is {nearest}"
    )


def test_both_ends_have_the_same_usual_speed() -> None:
    assert BAUD == matwright_sw.serial.BAUD


# Refusals.


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: --board (see "),
        (["--board", "arty"], f"the board must be one of {', '.join(BOARDS)}, not 'arty'"),
        (
            ["--board", "icebreaker", "--freq", "fast"],
            "argument --freq: must be a number above 0 and at most 1000, not 'fast' (see ",
        ),
        (
            ["--board", "icebreaker", "--freq", "nan"],
            "argument --freq: must be a number above 0 and at most 1000, not 'nan' (see ",
        ),
        (
            ["--board", "icebreaker", "--freq", "14"],
            "icepll failed: PLL output frequency 14.000 MHz is outside range 16 MHz",
        ),
        (
            ["--board", "ulx3s_85f", "--freq", "1"],
            "the clock must be one that the PLL makes of 25 MHz within 2%, not 1 MHz: the nearest",
        ),
        (
            ["--board", "icebreaker", "--baud", "7000000"],
            "baud must be what 4 to 65535 cycles of 12 MHz make within 2%, not 7000000: ",
        ),
        (["--board", "icebreaker", "--baud", "0"], "argument --baud: must be an integer from 1 "),
        (
            ["--board", "icebreaker", "--memory", "1000"],
            "memory_bytes must be a multiple of 64, the largest burst of 4-byte beats, and at most",
        ),
        (
            ["--board", "icebreaker", "--memory", "262144"],
            "memory_bytes must be a multiple of 64, the largest burst of 4-byte beats, and at most",
        ),
        (
            ["--board", "icebreaker", "--seeds", "0"],
            "argument --seeds: must be an integer from 1 to 100, not '0' (see ",
        ),
    ],
)
def test_wrong_arguments(arguments: list[str], sentence: str, capsys: Capture) -> None:
    assert fails(capsys, "tiny", *arguments).startswith(sentence)


def test_more_memory_than_the_device_has(capsys: Capture) -> None:
    assert fails(capsys, "small", "--board", "ulx3s_12f", "--memory", "131072") == (
        "the memory must be at most the 114,688 bytes that ecp5 12k has in block RAMs (DP16KD), "
        "not 131,072"
    )


@pytest.mark.usefixtures("fresh_tools")
def test_a_missing_tool(capsys: Capture, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert fails(capsys, "tiny", "--board", "icebreaker") == (
        "yosys is missing; install it with: pip install 'matwright[fpga]'"
    )


def test_without_amaranth_boards(capsys: Capture, monkeypatch: Patch) -> None:
    monkeypatch.setitem(sys.modules, "amaranth_boards.icebreaker", None)
    assert fails(capsys, "tiny", "--board", "icebreaker") == (
        "amaranth-boards is missing; install it with: pip install 'matwright[fpga]'"
    )


@pytest.mark.usefixtures("little")
def test_a_folder_that_takes_nothing(capsys: Capture, tmp_path: Path, monkeypatch: Patch) -> None:
    bitstream = tmp_path / "x.bin"
    monkeypatch.setattr(build, "place_and_route", lambda *_, seed, **__: placed(seed, None))
    monkeypatch.setattr(build, "_packed", lambda *_: bitstream)
    taken = tmp_path / "taken"
    taken.touch()
    said = fails(capsys, "tiny", "--board", "icebreaker", "-o", str(taken))
    assert said == f"folder {taken} cannot be written: File exists"
