# SPDX-License-Identifier: Apache-2.0
"""Figures that follow from a configuration, without a simulation."""

from typing import Any

from ..config import AcceleratorConfig, ceil_div

__all__ = ["MEANINGS", "figures"]

MEANINGS: dict[str, str] = {
    "peak_macs_per_cycle": "multiply-accumulates per cycle when the array is full",
    "bus_bytes_per_cycle": "bytes per cycle that the bus can carry each way",
    "weight_load_cycles": "cycles in which one weight tile enters the array (rows / load_rows)",
    "weight_fetch_cycles": "cycles in which one weight tile crosses the bus",
    "weight_ingest_cycles": "cycles per weight tile, the larger of both: with fewer rows of A per "
    "tile than this, weights are the limit",
    "max_m": "largest M of one descriptor",
    "max_n": "largest N of one descriptor",
    "max_k": "largest K of one descriptor; no sum can overflow",
    "sram_bytes.activation": "both halves of the activation scratchpad",
    "sram_bytes.weight": "weight ring",
    "sram_bytes.accumulator": "both accumulator banks",
    "sram_bytes.parameter": "both halves of the parameter memory",
    "sram_bytes_total": "all on-chip memories",
}
"""What each figure means; a name with a dot is a part of a figure that has parts."""


def figures(config: AcceleratorConfig) -> dict[str, Any]:
    """The figures by name; numbers, and for ``sram_bytes`` a dictionary of numbers."""
    fetch = ceil_div(config.tile_bytes, config.bus.bytes)
    return {
        "peak_macs_per_cycle": config.peak_macs,
        "bus_bytes_per_cycle": config.bus.bytes,
        "weight_load_cycles": config.load_cycles,
        "weight_fetch_cycles": fetch,
        "weight_ingest_cycles": max(fetch, config.load_cycles),
        "max_m": config.limits.max_m,
        "max_n": config.limits.max_n,
        "max_k": config.limits.max_k,
        "sram_bytes": config.sram_bytes,
        "sram_bytes_total": sum(config.sram_bytes.values()),
    }
