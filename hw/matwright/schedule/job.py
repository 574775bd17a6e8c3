# SPDX-License-Identifier: Apache-2.0
"""Jobs: what each engine needs of a checked descriptor."""

from amaranth import signed
from amaranth.lib import data

from ..config import AcceleratorConfig, ceil_div

__all__ = ["BlockShape", "ExecuteJob", "LoadJob", "StoreJob", "chunk_panels"]


def _log2_width(largest: int) -> int:
    """Bits that hold log2 of a power of two up to ``largest``, at least 1."""
    return max(1, (largest.bit_length() - 1).bit_length())


def chunk_panels(config: AcceleratorConfig) -> int:
    """Most panels of K that a chunk of one row may have: one half of the activation scratchpad."""
    return config.activation_words * config.panels_per_activation_word


class BlockShape(data.StructLayout):
    """How D is cut into blocks; every engine walks the same blocks.

    ``m`` rows in blocks of ``tile_rows``; ``panels`` panels of columns in blocks of
    ``2**n_panels_log2``.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "m": range(config.limits.max_m + 1),
                "tile_rows": range(config.sram.accumulator_rows + 1),
                "panels": range(ceil_div(config.limits.max_n, config.cols) + 1),
                "n_panels_log2": _log2_width(config.sram.column_panels),
            }
        )


class LoadJob(data.StructLayout):
    """Job of the load engine. ``k_panels`` panels of K, the last with ``k_tail_beats`` beats a row."""

    def __init__(self, config: AcceleratorConfig) -> None:
        address = config.bus.addr_width
        stride = min(32, address)
        super().__init__(
            {
                "blocks": BlockShape(config),
                "k_panels": range(ceil_div(config.limits.max_k, config.rows) + 1),
                "k_tail_beats": range(config.beats_per_activation_word + 1),
                "k_panels_log2": _log2_width(chunk_panels(config)),
                "table": 1,
                "a_addr": address,
                "a_stride": stride,
                "b_addr": address,
                "b_stride": stride,
                "params": address,
            }
        )


class ExecuteJob(data.StructLayout):
    """Job of the execute engine. The last panel of K has ``k_tail`` elements."""

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "blocks": BlockShape(config),
                "k_panels": range(ceil_div(config.limits.max_k, config.rows) + 1),
                "k_tail": range(config.rows + 1),
                "k_panels_log2": _log2_width(chunk_panels(config)),
                "a_unsigned": 1,
            }
        )


class StoreJob(data.StructLayout):
    """Job of the store engine. The last panel of columns has ``n_tail`` columns."""

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "blocks": BlockShape(config),
                "n_tail": range(config.cols + 1),
                "d_addr": config.bus.addr_width,
                "d_stride": min(32, config.bus.addr_width),
                "raw": 1,
                "relu": 1,
                "table": 1,
                "d_unsigned": 1,
                "scale": 32,
                "zero_point": signed(8),
            }
        )
