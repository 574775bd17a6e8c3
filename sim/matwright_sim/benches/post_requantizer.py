# SPDX-License-Identifier: Apache-2.0
"""Bench of the requantizer. Parameters ``ACC_WIDTH``, ``LANES``, ``ITEMS``."""

import os
import random
from typing import Any

import cocotb

from matwright.config import Precision
from matwright.post.payload import sums_layout, values_layout

from .post_cases import bits_of, elements_of, random_rows, random_settings
from .post_streams import exchange, start

ACC_WIDTH = int(os.environ["ACC_WIDTH"])
LANES = int(os.environ["LANES"])
ITEMS = int(os.environ.get("ITEMS", "200"))


@cocotb.test()
@cocotb.parametrize(raw=[False, True], rates=[(1.0, 1.0), (1.0, 0.4), (0.5, 0.7)])
async def elements_are_exact(dut: Any, raw: bool, rates: tuple[float, float]) -> None:
    """Every element is that of the golden model, whatever the pauses."""
    rng = random.Random(random.getrandbits(32))
    precision = Precision(a_width=2, b_width=2, acc_width=ACC_WIDTH)
    source, sink = sums_layout(precision, LANES), values_layout(LANES)
    await start(dut)
    for _ in range(4):
        settings = random_settings(rng, raw)
        for name, value in settings.ports().items():
            getattr(dut, name).value = value % 2 ** len(getattr(dut, name))
        items = random_rows(rng, precision, LANES, ITEMS // 4)
        expected = elements_of(items, precision, settings)
        words = [bits_of(source, item) for item in items]
        received = await exchange(dut, words, len(items), rng, *rates)
        mask = 0xFFFF_FFFF if raw else 0xFF
        for index, (word, wanted) in enumerate(zip(received, expected, strict=True)):
            got = sink.from_bits(word)
            values = [got.values[lane] & mask for lane in range(wanted["mask"].bit_length())]
            found = {"values": values, "mask": got.mask, "last": got.last}
            assert found == wanted, f"{settings}, item {index} {items[index]}"
