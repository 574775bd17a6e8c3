# SPDX-License-Identifier: Apache-2.0
"""A descriptor as the engines see it: how it is cut into blocks, chunks and panels."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from matwright.config import AcceleratorConfig, ceil_div
from matwright.schedule.descriptor import Descriptor, Flag

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """A descriptor on a configuration."""

    config: AcceleratorConfig
    descriptor: Descriptor

    @property
    def raw(self) -> bool:
        """D is int32."""
        return bool(self.descriptor.flags & Flag.RAW)

    @property
    def table(self) -> bool:
        """Parameters come from a table."""
        return bool(self.descriptor.flags & Flag.TABLE)

    @property
    def fenced(self) -> bool:
        """It waits for all before it."""
        return bool(self.descriptor.flags & Flag.FENCE)

    @cached_property
    def k_panels(self) -> int:
        """Panels of K."""
        return ceil_div(self.descriptor.k, self.config.rows)

    @cached_property
    def n_panels(self) -> int:
        """Panels of N."""
        return ceil_div(self.descriptor.n, self.config.cols)

    @cached_property
    def row_blocks(self) -> list[int]:
        """Rows of each row of blocks."""
        return list(_pieces(self.descriptor.m, self.descriptor.tile_rows))

    @cached_property
    def column_blocks(self) -> list[int]:
        """Column panels of each column of blocks."""
        return list(_pieces(self.n_panels, 1 << self.descriptor.n_panels_log2))

    @cached_property
    def chunks(self) -> list[int]:
        """Panels of K of each chunk."""
        return list(_pieces(self.k_panels, 1 << self.descriptor.k_panels_log2))

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.row_blocks) * len(self.column_blocks)


def _pieces(total: int, piece: int) -> Iterator[int]:
    yield from [piece] * (total // piece)
    if total % piece:
        yield total % piece
