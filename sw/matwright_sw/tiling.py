# SPDX-License-Identifier: Apache-2.0
"""The rule by which the driver cuts a GEMM into blocks and chunks.

In one step, one panel of K, a block of ``r`` rows and ``p`` column panels loads r*R elements of A
and p tiles of B while the array works p * max(r, R/f) cycles on them. Work grows with the block's
area and loading with its sides, so a block that is large and as long in bytes as it is wide keeps
the array busy; but the first loads and the last store of a program overlap with nothing, and they
grow with the block too. :func:`choose` weighs the two. It looks at every legal ``n_panels_log2``
and ``k_panels_log2`` and, for each, at the tallest block that fits, its height evened out over M,
and at heights of a half and a quarter of that. Of the choices whose :func:`estimate` is within one
part in ``SLACK`` of the least, it takes the one that keeps the load engine least busy, because the
memory of a real system is shared; then the one of least cycles, then the smallest.

The estimate of one block is the longest of its three engines:

- load: a run of n beats takes ``max(n, bursts * LATENCY / outstanding)`` cycles, so that short
  row segments of A cost what they cost on a memory of ``LATENCY`` cycles; each chunk costs
  ``CHUNK_COST`` cycles on top, so that a single row is not cut into crumbs;
- compute: one tile takes ``max(rows, R/f)`` cycles;
- store: the slower of ``post_lanes`` columns a cycle and the bus.

Blocks follow one another; the first chunk, the first tile and the last store are added.
"""

from dataclasses import dataclass
from functools import lru_cache

from matwright.config import AcceleratorConfig, ceil_div

__all__ = ["CHUNK_COST", "LATENCY", "SLACK", "Tiling", "choose", "estimate", "legal"]

LATENCY = 64
"""Cycles from a read request to its data that the estimate assumes."""

CHUNK_COST = 4
"""Cycles that starting one chunk of A is assumed to cost the load engine."""

SLACK = 64
"""Choices within one part in ``SLACK`` of the least cycles count as equally fast."""

_MAX_TILE_ROWS = (1 << 16) - 1
_MAX_LOG2 = 15


@dataclass(frozen=True)
class Tiling:
    """The three fields of a descriptor that cut a GEMM into blocks and chunks."""

    tile_rows: int
    n_panels_log2: int
    k_panels_log2: int


def legal(config: AcceleratorConfig, tiling: Tiling, n: int) -> bool:
    """Whether the device accepts the tiling for a GEMM of ``n`` columns (its TILE check)."""
    rows, panels_log2 = tiling.tile_rows, tiling.n_panels_log2
    per_word_log2 = config.panels_per_activation_word.bit_length() - 1
    words_log2 = tiling.k_panels_log2 - per_word_log2
    one_column_block = n <= config.cols << panels_log2
    return (
        1 <= rows <= _MAX_TILE_ROWS
        and 0 <= panels_log2 <= _MAX_LOG2
        and tiling.k_panels_log2 <= _MAX_LOG2
        and 1 << panels_log2 <= config.sram.column_panels
        and rows << panels_log2 <= config.sram.accumulator_rows
        and words_log2 >= 0
        and rows << words_log2 <= config.activation_words
        and (one_column_block or config.col_pitch << panels_log2 >= config.bus.bytes)
    )


@lru_cache(maxsize=4096)
def choose(config: AcceleratorConfig, m: int, n: int, k: int, raw: bool = False) -> Tiling:
    """The tiling of least estimated cycles for an M x N x K GEMM; ``raw``: D is int32."""
    k_panels, n_panels = ceil_div(k, config.rows), ceil_div(n, config.cols)
    per_word_log2 = config.panels_per_activation_word.bit_length() - 1
    most_n = min(config.sram.column_panels.bit_length() - 1, (n_panels - 1).bit_length())
    most_k = min(_MAX_LOG2, max(per_word_log2, (k_panels - 1).bit_length()))
    choices: list[tuple[int, int, int, int, int]] = []
    for n_log2 in range(most_n + 1):
        for k_log2 in range(per_word_log2, most_k + 1):
            tallest = min(
                m,
                config.sram.accumulator_rows >> n_log2,
                config.activation_words >> (k_log2 - per_word_log2),
                _MAX_TILE_ROWS,
            )
            if tallest == 0 or not legal(config, Tiling(tallest, n_log2, k_log2), n):
                continue
            blocks = ceil_div(m, tallest)
            for rows in sorted({ceil_div(m, blocks << cut) for cut in range(3)}):
                tiling = Tiling(rows, n_log2, k_log2)
                cycles, loading = _cost(config, m, n, k, tiling, raw)
                choices.append((loading, cycles, rows, n_log2, k_log2))
    # Never empty: the configuration's own checks leave room for one row of a legal width.
    fastest = min(cycles for _, cycles, *_ in choices)
    limit = fastest + fastest // SLACK
    _, _, *fields = min(choice for choice in choices if choice[1] <= limit)
    return Tiling(*fields)


def estimate(
    config: AcceleratorConfig, m: int, n: int, k: int, tiling: Tiling, raw: bool = False
) -> int:
    """Cycles that the rule expects of a GEMM; for comparing tilings, not for timing."""
    return _cost(config, m, n, k, tiling, raw)[0]


def _cost(
    config: AcceleratorConfig, m: int, n: int, k: int, tiling: Tiling, raw: bool
) -> tuple[int, int]:
    """Estimated cycles, and the cycles of them in which the load engine is busy."""
    beat, max_burst = config.bus.bytes, config.bus.max_burst
    burst_cost = ceil_div(LATENCY, config.bus.outstanding)

    def transfer(size: int) -> int:
        beats = ceil_div(size, beat)
        return max(beats, ceil_div(beats, max_burst) * burst_cost)

    k_panels = ceil_div(k, config.rows)
    chunk = min(k_panels, 1 << tiling.k_panels_log2)
    full_chunks, k_tail = divmod(k_panels, chunk)
    a_segment = transfer(chunk * config.panel_bytes)
    a_row = full_chunks * a_segment + (transfer(k_tail * config.panel_bytes) if k_tail else 0)
    chunk_cost = (full_chunks + (k_tail > 0)) * CHUNK_COST
    element = 4 if raw else 1

    def block(rows: int, columns: int) -> tuple[int, int, int]:
        panels = ceil_div(columns, config.cols)
        load = rows * a_row + k_panels * transfer(panels * config.tile_bytes) + chunk_cost
        compute = k_panels * panels * max(rows, config.load_cycles)
        post = panels * ceil_div(config.cols, config.build.post_lanes)
        return load, compute, rows * max(post, transfer(columns * element))

    n_block = config.cols << tiling.n_panels_log2
    busiest = loading = 0
    heights = ((tiling.tile_rows, m // tiling.tile_rows), (m % tiling.tile_rows, 1))
    widths = ((n_block, n // n_block), (n % n_block, 1))
    last_store = 0
    for rows, row_blocks in heights:
        for columns, column_blocks in widths:
            count = row_blocks * column_blocks
            if rows and columns and count:
                load, compute, last_store = block(rows, columns)
                busiest += count * max(load, compute, last_store)
                loading += count * load
    start = LATENCY + min(m, tiling.tile_rows) * a_segment + transfer(config.tile_bytes)
    drain = config.load_cycles + config.rows + config.cols
    return busiest + start + drain + last_store, loading
