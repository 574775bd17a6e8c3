# SPDX-License-Identifier: Apache-2.0
"""cocotb module for test_runner.py: an accumulator of 8 bits."""

import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly


@cocotb.test()
async def accumulates(dut):
    """STEP is added in every one of 20 cycles."""
    step = int(os.environ["STEP"])
    Clock(dut.clk, 10, "ns").start()
    dut.rst.value = 1
    dut.step.value = 0
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    dut.step.value = step
    await ClockCycles(dut.clk, 20)
    await ReadOnly()
    assert dut.total.value.to_unsigned() == (20 * step) % 256


@cocotb.test()
async def expectation(dut):
    """The second test: fails when told to."""
    assert "FAIL" not in os.environ


@cocotb.test(skip="DRAW" not in os.environ)
async def draw(dut):
    """Shows the seed at work."""
    Path(os.environ["DRAW"]).write_text(str(random.random()), encoding="utf-8")
