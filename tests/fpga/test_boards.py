# SPDX-License-Identifier: Apache-2.0
"""The data of boards are those of amaranth-boards, and pins and clock come from there."""

import sys
from pathlib import Path

import pytest

from matwright.presets import preset
from matwright.system.emit import system_to_verilog
from matwright_fpga.boards import BOARDS, Board, find_board
from matwright_fpga.devices import FAMILIES, find_device, with_package
from matwright_fpga.errors import BoardError, ToolError
from matwright_fpga.shell import Shell, board_clock, shell_text


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_device_and_package_are_those_of_amaranth_boards(board: Board) -> None:
    platform = board.make_platform()
    _, device, speed = board.find_device()
    arguments = with_package(device, board.package).placer_arguments(speed)
    assert arguments[0] == platform._nextpnr_device_options[platform.device]
    package = arguments[arguments.index("--package") + 1]
    if board.family == "ecp5":
        assert package == platform._nextpnr_package_options[platform.package].upper()
        assert arguments[arguments.index("--speed") + 1] == platform.speed
    else:
        assert package == platform.package.lower()


@pytest.mark.parametrize(
    ("name", "clock", "rx", "tx"),
    [
        ("icebreaker", 12, "set_io uart_0__rx__io 6", "set_io uart_0__tx__io 9"),
        ("ulx3s_85f", 25, 'COMP "uart_0__rx__io" SITE "M1"', 'COMP "uart_0__tx__io" SITE "L4"'),
        (
            "orangecrab_r0_2_85f",
            48,
            'COMP "uart_0__rx__io" SITE "N17"',
            'COMP "uart_0__tx__io" SITE "M18"',
        ),
        ("ecpix5_85f", 100, 'COMP "uart_0__rx__io" SITE "R26"', 'COMP "uart_0__tx__io" SITE "R24"'),
    ],
)
def test_pins_and_clock(name: str, clock: int, rx: str, tx: str) -> None:
    """As the boards' schematics have them."""
    board = find_board(name.upper())
    assert board_clock(board) == clock
    text = shell_text(Shell(board, "sys", None, float(clock)), "top").constraints
    assert rx in text and tx in text
    hertz = f"{clock}.0" if board.family == "ice40" else f"{clock}000000.0 HZ"
    assert hertz in text


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_the_guide_has_the_usual_clock(board: Board) -> None:
    page = (Path(__file__).parents[2] / "docs" / "user" / "board.md").read_text()
    (row,) = (line for line in page.splitlines() if line.startswith("|") and board.name in line)
    assert f"| {board.clock:g} MHz |" in row


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_defaults_are_legal(board: Board) -> None:
    family, device, _ = board.find_device()
    form = board.bitstream
    assert family.bitstream is form
    assert board.memory <= device.capacity[form.memory] * form.memory_bytes
    assert board.memory & (board.memory - 1) == 0


def test_memory_of_a_system_is_what_a_family_counts() -> None:
    """As many blocks as the table says, whole: no other memory beside them."""
    for family, kind, size in (("ice40", "SB_SPRAM256KA", 1 << 17), ("ecp5", "DP16KD", 1 << 15)):
        form = FAMILIES[family].bitstream
        assert form is not None
        text = system_to_verilog(
            preset("tiny"), memory_bytes=size, divisor=12, clock_hz=12_000_000, family=family
        )
        assert text.count(f"  {kind} ") == size // form.memory_bytes
        assert "_single_port_ram" not in text


def test_another_package() -> None:
    _, device, speed = find_device("ecp5", "85k")
    words = with_package(device, "CSFBGA285").placer_arguments(speed)
    assert " ".join(words) == "--85k --package CSFBGA285 --speed 6"


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BoardError) as refused:
        find_board("ulx4s")
    assert str(refused.value) == f"the board must be one of {', '.join(BOARDS)}, not 'ulx4s'"
    monkeypatch.setitem(sys.modules, "amaranth_boards.icebreaker", None)
    with pytest.raises(ToolError) as missing:
        find_board("icebreaker").make_platform()
    assert str(missing.value) == (
        "amaranth-boards is missing; install it with: pip install 'matwright[fpga]'"
    )
