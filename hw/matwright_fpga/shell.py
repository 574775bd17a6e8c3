# SPDX-License-Identifier: Apache-2.0
"""What stands between a system and the pins of a board: clock, reset, UART."""

import math
from dataclasses import dataclass
from typing import Any

from amaranth import ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.back import verilog
from amaranth.build import Attrs, Pins, Resource, Subsignal
from amaranth.hdl import Elaboratable
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer  # type: ignore[import-untyped]

from .boards import Board
from .pll import PLL_MODULE, Pll

__all__ = ["Shell", "ShellText", "board_clock", "shell_text"]

_HELD_US = 20
"""Microseconds of reset after the clock is there: block RAM of an iCE40 reads as 0 for the first 3 to 15,
https://github.com/YosysHQ/icestorm/issues/76."""


@dataclass(frozen=True)
class ShellText:
    """A shell as the tools read it."""

    verilog: str
    constraints: str


def board_clock(board: Board) -> float:
    """MHz of the board's oscillator."""
    platform = board.make_platform()
    return float(platform.default_clk_frequency) / 1e6


class Shell(Elaboratable):
    """Instance of the Verilog module ``system`` on ``board``, which runs at ``mhz``.

    Its clock is that of ``pll``, or, with None, the board's oscillator. Reset is held while the PLL is
    not locked or the board's reset button is pressed, and for 20 microseconds more; its end is in step
    with the clock.
    """

    def __init__(self, board: Board, system: str, pll: Pll | None, mhz: float) -> None:
        self.board = board
        self.system = system
        self.pll = pll
        self.mhz = mhz

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.start = ClockDomain(local=True)
        m.domains.sync = ClockDomain(local=True)
        ready = Signal(init=1)
        self._clock(m, platform, ready)
        m.d.comb += ClockSignal("sync").eq(ClockSignal("start"))

        pressed = Signal()
        if platform.default_rst is not None:
            button = platform.request(platform.default_rst, dir="-")
            m.submodules.button = buffer = io.Buffer(io.Direction.Input, button)
            m.d.comb += pressed.eq(buffer.i)
        m.submodules.stable = ResetSynchronizer(~ready | pressed, domain="start")
        passed = Signal(range(2 * math.ceil(_HELD_US * self.mhz)))
        reset = Signal(init=1)
        with m.If(~passed[-1]):
            m.d.start += passed.eq(passed + 1)
        m.d.start += reset.eq(~passed[-1])
        m.d.comb += ResetSignal("sync").eq(reset)

        if self.board.uart is not None:
            platform.add_resources([_uart(self.board)])
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        m.submodules.system = Instance(
            self.system,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_rx=rx.i,
            o_tx=tx.o,
            o_irq=Signal(name="irq"),
        )
        return m

    def _clock(self, m: Module, platform: Any, ready: Signal) -> None:
        oscillator = platform.request(platform.default_clk, dir="-")
        if self.pll is None:
            m.submodules.oscillator = buffer = io.Buffer(io.Direction.Input, oscillator)
            m.d.comb += ClockSignal("start").eq(buffer.i)
            return
        source: Any = oscillator.io
        if not self.pll.on_pad:
            m.submodules.oscillator = buffer = io.Buffer(io.Direction.Input, oscillator)
            source = buffer.i
        m.submodules.pll = Instance(
            PLL_MODULE,
            **{f"i_{self.pll.clock_in}": source},
            **{f"o_{self.pll.clock_out}": ClockSignal("start")},
            o_locked=ready,
        )


def _uart(board: Board) -> Resource:
    assert board.uart is not None
    return Resource(
        "uart",
        0,
        Subsignal("rx", Pins(board.uart["rx"], dir="i", conn=("io", 0))),
        Subsignal("tx", Pins(board.uart["tx"], dir="o", conn=("io", 0))),
        Attrs(**dict(board.uart_attributes)),
    )


def shell_text(shell: Shell, name: str) -> ShellText:
    """Verilog of ``shell`` as module ``name``, and the constraints of its pins and its clock."""
    files = shell.board.make_platform().prepare(shell, name, emit_src=False).files
    suffix = shell.board.bitstream.constraints
    return ShellText(
        verilog._convert_rtlil_text(files[f"{name}.il"]),  # type: ignore[attr-defined]
        files[f"{name}.{suffix}"],
    )
