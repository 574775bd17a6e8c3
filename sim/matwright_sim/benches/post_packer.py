# SPDX-License-Identifier: Apache-2.0
"""Bench of the packer. Parameters ``BEAT``, ``LANES``, ``ITEMS``."""

import os
import random
from typing import Any

import cocotb

from matwright.config import Precision
from matwright.post.payload import beat_layout, values_layout

from .post_cases import beats_of, bits_of, random_rows, raw_elements
from .post_streams import exchange, start

BEAT = int(os.environ["BEAT"])
LANES = int(os.environ["LANES"])
ITEMS = int(os.environ.get("ITEMS", "200"))


@cocotb.test()
@cocotb.parametrize(raw=[False, True], rates=[(1.0, 1.0), (1.0, 0.4), (0.5, 0.7)])
async def beats_are_exact(dut: Any, raw: bool, rates: tuple[float, float]) -> None:
    """Every beat has the bytes and strobes of the layout, whatever the pauses."""
    rng = random.Random(random.getrandbits(32))
    source, sink = values_layout(LANES), beat_layout(BEAT)
    await start(dut)
    dut.raw.value = int(raw)
    items = raw_elements(random_rows(rng, Precision(), LANES, ITEMS))
    expected = beats_of(items, LANES, BEAT, raw)
    words = [bits_of(source, item) for item in items]
    received = await exchange(dut, words, len(expected), rng, *rates)
    beats = [sink.from_bits(word) for word in received]
    assert [(beat.data, beat.strb) for beat in beats] == expected
