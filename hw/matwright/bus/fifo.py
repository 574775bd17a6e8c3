# SPDX-License-Identifier: Apache-2.0
"""First-in first-out queue of bookkeeping entries."""

from typing import Any

from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered

__all__ = ["small_fifo"]


def small_fifo(width: int, depth: int) -> Any:
    """Queue (of amaranth.lib.fifo) whose entry can be read from the cycle after it was written.

    One entry is a register: as a memory it would have addresses of no bits, which become
    ``[-1:0]`` in Verilog.
    """
    if depth == 1:
        return SyncFIFOBuffered(width=width, depth=1)
    return SyncFIFO(width=width, depth=depth)
