# SPDX-License-Identifier: Apache-2.0
"""How the driver cuts a GEMM: of the tilings that the rule puts first, the one of least cycles.

Cycles are those of the cycle model, :mod:`matwright_sim.cycles`, on a memory of given latency. The model
is compiled when first asked for; where there is no compiler the rule of :mod:`.tiling` decides alone.
"""

from functools import lru_cache
from typing import NamedTuple

from matwright.config import AcceleratorConfig

from . import tiling as rule
from .tiling import Tiling

__all__ = ["Choice", "choose"]


class Choice(NamedTuple):
    """A tiling, and what chose it."""

    tiling: Tiling
    by: str
    """``model``, ``rule`` or ``caller``."""


@lru_cache(maxsize=4096)
def choose(
    config: AcceleratorConfig,
    m: int,
    n: int,
    k: int,
    *,
    raw: bool = False,
    table: bool = False,
    read_latency: int = rule.LATENCY,
    write_latency: int = rule.LATENCY,
) -> Choice:
    """The tiling for an M x N x K GEMM. ``raw``: D is int32. ``table``: there is a parameter table."""
    # The model knows the driver, so the driver may not know the model before it is asked.
    from matwright_sim.cycles import Memory, tilings
    from matwright_sim.toolchain import ToolError

    memory = Memory(read_latency=read_latency, write_latency=write_latency)
    try:
        found = tilings([config], [(m, n, k)], memory, raw=raw, table=table)[0, 0]
    except ToolError:
        return Choice(rule.choose(config, m, n, k, raw, table), "rule")
    if not found[0]:  # beyond the limits, which is told elsewhere
        return Choice(rule.choose(config, m, n, k, raw, table), "rule")
    return Choice(Tiling(*map(int, found)), "model")
