# SPDX-License-Identifier: Apache-2.0
"""Named configurations, one sentence each on who it is for."""

from .config import AcceleratorConfig, Build, Bus, ConfigError, Limits, Sram

__all__ = ["PRESETS", "WHO", "preset"]

tiny = AcceleratorConfig(
    name="tiny",
    rows=4,
    cols=4,
    sram=Sram(activation_rows=512, weight_tiles=64, accumulator_rows=128, column_panels=4),
    bus=Bus(data_width=32, addr_width=17, max_burst=16, outstanding=2, windows=2),
    limits=Limits(max_m=1023, max_n=1023, max_k=1023),
    build=Build(post_lanes=1, post_multiplier="serial", descriptors=1, counters=False),
)

small = AcceleratorConfig(
    name="small",
    rows=8,
    cols=8,
    sram=Sram(activation_rows=2048, weight_tiles=64, accumulator_rows=512, column_panels=8),
    bus=Bus(data_width=64, max_burst=32, outstanding=16, windows=2),
    build=Build(
        product_registers=2, sram_registers=1, post_lanes=4, post_registers=1, request_registers=2
    ),
)

edge = AcceleratorConfig(
    name="edge",
    rows=16,
    cols=16,
    sram=Sram(activation_rows=2048, weight_tiles=64, accumulator_rows=512, column_panels=16),
    bus=Bus(data_width=64, max_burst=32, outstanding=16),
    build=Build(post_lanes=8),
)

server = AcceleratorConfig(
    name="server",
    rows=64,
    cols=64,
    sram=Sram(activation_rows=2048, weight_tiles=32, accumulator_rows=512, column_panels=8),
    bus=Bus(data_width=512, addr_width=48, max_burst=16, outstanding=32),
    build=Build(post_lanes=64),
)

decode = AcceleratorConfig(
    name="decode",
    rows=16,
    cols=16,
    load_rows=4,
    sram=Sram(activation_rows=4096, weight_tiles=256, accumulator_rows=256, column_panels=16),
    bus=Bus(data_width=512, addr_width=40, max_burst=16, outstanding=16),
    build=Build(post_lanes=16),
)

wide = AcceleratorConfig(
    name="wide",
    rows=8,
    cols=16,
    sram=Sram(activation_rows=2048, weight_tiles=64, accumulator_rows=512, column_panels=8),
    bus=Bus(data_width=64, max_burst=32, outstanding=16),
    build=Build(post_lanes=8),
)

PRESETS: dict[str, AcceleratorConfig] = {
    c.name: c for c in (tiny, small, edge, server, decode, wide)
}

WHO: dict[str, str] = {
    "tiny": "4x4 for the smallest FPGAs (an iCE40 UP5K) and for the quickest simulation.",
    "small": "8x8 for a mid-size FPGA such as an ECP5.",
    "edge": "16x16 on a 64-bit bus, for an embedded system with one DRAM channel.",
    "server": "64x64 on a 512-bit bus, for large GEMMs beside wide memory.",
    "decode": "16x16 that takes four weight rows a cycle from a 512-bit bus, for matrix-vector work.",
    "wide": "8x16, rectangular: half the depth of edge, for layers with a short K.",
}


def preset(name: str) -> AcceleratorConfig:
    """The preset of that name; raises :class:`ConfigError` for a name that is none."""
    if name not in PRESETS:
        raise ConfigError(f"{name} is not a preset; the presets are {', '.join(PRESETS)}")
    return PRESETS[name]
