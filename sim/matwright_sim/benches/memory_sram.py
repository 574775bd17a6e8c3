# SPDX-License-Identifier: Apache-2.0
"""Bench of the SRAM. Parameters ``WIDTH``, ``DEPTH``."""

import os
import random
from typing import Any

import cocotb

from ..agents.trace import element_of, play, start
from .memory_cases import SramCase

WIDTH = int(os.environ["WIDTH"])
DEPTH = int(os.environ["DEPTH"])


@cocotb.test()
async def words_are_exact(dut: Any) -> None:
    """Reads between, and in the cycles of, writes to other words."""
    case = SramCase(random.Random(random.getrandbits(32)), WIDTH, DEPTH)
    await start(dut, case.inputs)
    record = await play(dut, case.inputs, ["r_data"])
    seen = [element_of(bits, WIDTH, 0, signed=False) for bits in record["r_data"][case.known :]]
    assert seen == case.r_data[case.known :]
