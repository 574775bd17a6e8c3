# SPDX-License-Identifier: Apache-2.0
"""Bench of the single-port RAM. Parameters ``WIDTH``, ``DEPTH``, ``BLANK``."""

import os
import random
from typing import Any

import cocotb

from ..agents.trace import play, start
from .system_cases import RamCase

WIDTH = int(os.environ.get("WIDTH", "8"))
DEPTH = int(os.environ.get("DEPTH", "4"))
BLANK = bool(int(os.environ.get("BLANK", "0")))


@cocotb.test()
async def words_are_exact(dut: Any) -> None:
    """Reads, writes of some bytes, and pauses."""
    rng = random.Random(random.getrandbits(32))
    case = RamCase(rng, WIDTH, DEPTH, blank=BLANK)
    await start(dut, case.inputs)
    record = await play(dut, case.inputs, ["r_data"])
    case.check(record["r_data"])
