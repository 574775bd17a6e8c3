# SPDX-License-Identifier: Apache-2.0
"""Bench of the bridge: given frames and answers. ``EXAMPLES`` holds them as JSON, in hexadecimal."""

import json
import os
from typing import Any

import cocotb

from .system_bridge import ready

EXAMPLES = json.loads(os.environ.get("EXAMPLES", "[]"))


@cocotb.test()
async def examples(dut: Any) -> None:
    """Each frame has its answer."""
    bench = await ready(dut)
    for frame, answer in EXAMPLES:
        for byte in bytes.fromhex(frame):
            await bench.line.send(byte)
        expected = bytes.fromhex(answer)
        assert await bench.line.take(len(expected)) == expected
    assert not await bench.line.take(1, silence=60)
