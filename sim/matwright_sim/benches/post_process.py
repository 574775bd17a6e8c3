# SPDX-License-Identifier: Apache-2.0
"""Bench of post-processing as a whole. Parameters ``CONFIG`` (TOML text), ``ITEMS``."""

import os
import random
from typing import Any

import cocotb

from matwright.config import AcceleratorConfig
from matwright.post.payload import beat_layout, sums_layout

from .post_cases import beats_of, bits_of, elements_of, random_rows, random_settings
from .post_streams import exchange, start

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
ITEMS = int(os.environ.get("ITEMS", "200"))


@cocotb.test()
@cocotb.parametrize(rates=[(1.0, 1.0), (1.0, 0.4), (0.5, 0.7)])
async def beats_are_exact(dut: Any, rates: tuple[float, float]) -> None:
    """Every beat is that of the golden arithmetic and the layout; settings change when idle."""
    rng = random.Random(random.getrandbits(32))
    lanes, beat_bytes = CONFIG.build.post_lanes, CONFIG.bus.bytes
    source, sink = sums_layout(CONFIG.precision, lanes), beat_layout(beat_bytes)
    await start(dut)
    for raw in (False, True, True, False):
        settings = random_settings(rng, raw)
        for name, value in settings.ports().items():
            getattr(dut, name).value = value % 2 ** len(getattr(dut, name))
        items = random_rows(rng, CONFIG.precision, lanes, ITEMS // 4)
        elements = elements_of(items, CONFIG.precision, settings)
        expected = beats_of(elements, lanes, beat_bytes, raw)
        words = [bits_of(source, item) for item in items]
        received = await exchange(dut, words, len(expected), rng, *rates)
        beats = [sink.from_bits(word) for word in received]
        assert [(beat.data, beat.strb) for beat in beats] == expected, f"{settings}"
