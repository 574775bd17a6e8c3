# SPDX-License-Identifier: Apache-2.0
"""What stands around a system, in Icarus: clock and reset, with models of the cells by their data sheets."""

import re
import subprocess
from pathlib import Path

import pytest

from matwright_fpga.boards import find_board
from matwright_fpga.pll import Pll, make_pll
from matwright_fpga.shell import Shell, board_clock, shell_text

CELLS = """
module IB(input I, output O); assign O = I; endmodule
module OBZ(input I, input T, output O); assign O = T ? 1'bz : I; endmodule
module SB_IO(inout PACKAGE_PIN, input D_OUT_0, input OUTPUT_ENABLE, output D_IN_0);
  parameter PIN_TYPE = 0;
  parameter IO_STANDARD = "";
  parameter PULLUP = 0;
  assign D_IN_0 = PACKAGE_PIN;
  assign PACKAGE_PIN = PIN_TYPE[5] ? D_OUT_0 : 1'bz;
endmodule
module SB_GB_IO(inout PACKAGE_PIN, output GLOBAL_BUFFER_OUTPUT, output D_IN_0);
  parameter PIN_TYPE = 0;
  parameter IO_STANDARD = "";
  assign GLOBAL_BUFFER_OUTPUT = PACKAGE_PIN;
  assign D_IN_0 = PACKAGE_PIN;
endmodule
// Locked from 5 us on, but not from 40 us to 45 us.
module matwright_pll(input {clock_in}, output reg {clock_out}, output locked);
  initial {clock_out} = 0;
  always #({half}) {clock_out} = ~{clock_out};
  reg first = 0, second = 1;
  initial #5000 first = 1;
  initial #40000 second = 0;
  initial #45000 second = 1;
  assign locked = first & second;
endmodule
module sys(input clk, input rst, input rx, output tx, output irq);
  assign tx = ~rx;
  assign irq = 0;
  always @(rst) $display("rst %b at %0t", rst, $time);
  always @(posedge clk) if ($time > 90000 && $time < 92000) $display("clk at %0t", $time);
endmodule
"""

BENCH = """
`timescale 1ns/1ns
module bench;
  reg clk = 0, rx = 1;
  wire tx;
  wire rx_pin = rx;
  wire clk_pin = clk;
  always #({board_half}) clk = ~clk;
  top top(.{clk}(clk_pin), .uart_0__rx__io(rx_pin), .uart_0__tx__io(tx){button});
  initial begin
    #80000 if (tx !== 0) $display("tx is not of rx");
    rx = 0;
    #20000 if (tx !== 1) $display("tx is not of rx");
    $finish;
  end
endmodule
"""


def simulate(name: str, mhz: float, pll: Pll | None, folder: Path, button: str = "") -> str:
    board = find_board(name)
    text = shell_text(Shell(board, "sys", pll, mhz), "top").verilog
    clock = re.search(r"\bclk\w*__io\b", text)
    assert clock
    ports = (pll.clock_in, pll.clock_out) if pll else ("a", "b")
    cells = (
        CELLS.replace("{clock_in}", ports[0])
        .replace("{clock_out}", ports[1])
        .replace("{half}", f"{500 / mhz:.0f}")
    )
    bench = BENCH.format(board_half=f"{500 / board_clock(board):.0f}", clk=clock[0], button=button)
    (folder / "bench.v").write_text(bench + text + cells)
    subprocess.run(["iverilog", "-g2005", "-o", "sim", "bench.v"], cwd=folder, check=True)
    done = subprocess.run(
        ["vvp", "sim"], cwd=folder, check=True, capture_output=True, text=True, timeout=300
    )
    print(done.stdout)
    assert "tx is not" not in done.stdout
    return done.stdout


def resets(said: str) -> list[tuple[int, int]]:
    """Level and nanosecond of each change of reset."""
    found = re.findall(r"rst (\d) at (\d+)", said)
    return [(int(level), int(time)) for level, time in found]


@pytest.mark.parametrize(("name", "mhz"), [("ulx3s_85f", 50.0), ("icebreaker", 24.0)])
def test_reset_follows_the_lock_of_the_pll(name: str, mhz: float, tmp_path: Path) -> None:
    board = find_board(name)
    pll = make_pll(board.bitstream.pll, board_clock(board), mhz)
    said = simulate(name, mhz, pll, tmp_path)
    # Held for 20 us from the lock on, and again when that is lost for a while.
    (first, begin), (low, released), (high, lost), (last, again) = resets(said)[-4:]
    assert (first, low, high, last) == (1, 0, 1, 0)
    assert begin < 100
    assert 25_000 <= released <= 40_000
    assert 40_000 <= lost <= 40_000 + 5_000 / mhz
    assert 65_000 <= again <= 80_000
    (tick, *_) = (int(time) for time in re.findall(r"clk at (\d+)", said))
    period = 2 * round(500 / mhz)
    assert (released - tick) % period == (again - tick) % period == 0


def test_reset_without_a_pll(tmp_path: Path) -> None:
    said = simulate("icebreaker", 12.0, None, tmp_path)
    *_, (high, begin), (low, released) = resets(said)
    assert (high, low) == (1, 0)
    assert begin < 100 and 20_000 <= released <= 45_000


def test_the_button_resets(tmp_path: Path) -> None:
    """It is low when pressed, as here all the time."""
    button = ", .rst_0__io(1'b0)"
    assert [
        level for level, _ in resets(simulate("ecpix5_85f", 100.0, None, tmp_path, button))
    ] == [1]
