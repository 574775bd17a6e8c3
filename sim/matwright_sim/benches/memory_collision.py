# SPDX-License-Identifier: Apache-2.0
"""Bench of the SRAM of 4 words of 8 bits: a word is read in the cycle in which one is written.

Parameter ``PORTS``, 1 or 2.
"""

import os
from typing import Any

import cocotb

from ..agents.trace import play, start


@cocotb.test()
async def what_is_read_is_wrong(dut: Any) -> None:
    """But the word is written. Other words are read as they are, if there are two ports."""
    inputs = {
        "w_en": [1, 1, 1, 0, 1, 0],
        "w_addr": [2, 1, 2, 0, 3, 0],
        "w_data": [0x21, 0x31, 0x99, 0, 0x55, 0],
        "r_en": [0, 0, 1, 1, 1, 0],
        "r_addr": [0, 0, 2, 2, 1, 0],
    }
    await start(dut, inputs)
    record = await play(dut, inputs, ["r_data"])
    other = 0x31 if os.environ.get("PORTS", "2") == "2" else 0x31 ^ 0xFF
    assert [int(bits, 2) for bits in record["r_data"][3:]] == [0x21 ^ 0xFF, 0x99, other]
