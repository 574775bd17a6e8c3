# SPDX-License-Identifier: Apache-2.0
"""Bench of the SRAM. Parameters ``WIDTH``, ``DEPTH``, ``REGISTERS``; ``PORTS``, 1 or 2; ``WAITS``, 0 or 1."""

import os
import random
from typing import Any

import cocotb

from ..agents.trace import play, start
from .memory_cases import SramCase

WIDTH = int(os.environ["WIDTH"])
DEPTH = int(os.environ["DEPTH"])
REGISTERS = int(os.environ["REGISTERS"])
WAITS = os.environ.get("WAITS", "1") == "1"
SINGLE = os.environ.get("PORTS", "2") == "1"


@cocotb.test()
async def words_are_exact(dut: Any) -> None:
    """Reads between, and with two ports in the cycles of, writes to other words."""
    rng = random.Random(random.getrandbits(32))
    case = SramCase(rng, WIDTH, DEPTH, REGISTERS, single=SINGLE, waits=WAITS)
    await start(dut, case.inputs)
    record = await play(dut, case.inputs, ["r_data"])
    case.check(record["r_data"])
