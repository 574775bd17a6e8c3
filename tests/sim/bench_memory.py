# SPDX-License-Identifier: Apache-2.0
"""cocotb module for test_memory.py: the stand-in copies, and the memory answers with errors."""

import os
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from matwright.bus.register_map import REGISTERS
from matwright_sim.agents.memory import MemoryModel

STROBE = 0x81C  # of the stand-in
OFFSETS = {register.name: register.offset for register in REGISTERS}


@cocotb.test()
async def errors(dut):
    """Copies 4 bursts; injects ERRORS ("channel:burst:response ..."); leaves memory and STATUS."""
    folder = Path(os.environ["FOLDER"])
    memory = np.load(folder / "before.npy")
    Clock(dut.clk, 10, "ns").start()
    dut.rst.value = 1
    model = MemoryModel(dut, dut.clk, memory, 7, 5, reset=dut.rst)
    for error in os.environ["ERRORS"].split():
        channel, burst, response = error.split(":")
        model.inject_error(channel, int(burst), response)
    lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    await lite.write_dword(STROBE, int(os.environ["STROBE"]))
    for name, value in (("IRQ_ENABLE", 3), ("PROGRAM_COUNT", 4), ("CONTROL", 1)):
        await lite.write_dword(OFFSETS[name], value)
    await with_timeout(RisingEdge(dut.irq), 20, "us")
    np.save(folder / "after.npy", memory)
    status = await lite.read_dword(OFFSETS["STATUS"])
    cycles = await lite.read_dword(OFFSETS["CYCLES"])
    (folder / "result").write_text(f"{status} {cycles}", encoding="utf-8")
    assert model.counts == {
        "read_bursts": 4,
        "read_beats": 16,
        "write_bursts": 4,
        "write_beats": 16,
    }
