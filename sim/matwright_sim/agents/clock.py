# SPDX-License-Identifier: Apache-2.0
"""Clock and reset of a bench."""

from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

__all__ = ["PERIOD_NS", "start_clock"]

PERIOD_NS = 10


async def start_clock(dut: Any) -> None:
    """Start ``clk`` and hold ``rst`` for three cycles. Drive the other inputs before."""
    dut.rst.value = 1
    Clock(dut.clk, PERIOD_NS, unit="ns").start()
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
