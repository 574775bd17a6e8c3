# SPDX-License-Identifier: Apache-2.0
"""A rule of thumb for cutting a GEMM into blocks and chunks; :mod:`.search` looks at those it puts first.

In one step, one panel of K, a block of ``r`` rows and ``p`` column panels loads r*R elements of A
and p tiles of B while the array works p * max(r, R/f) cycles on them. Work grows with the block's
area and loading with its sides, so a block that is large and as long in bytes as it is wide keeps
the array busy; but the first loads and the last store of a program overlap with nothing, and they
grow with the block too. One chunk that holds all of K is loaded once for all blocks of its rows:
then narrow blocks cost nothing, and store less at the end. :func:`choose` weighs all this. It looks
at every legal ``n_panels_log2`` and ``k_panels_log2`` and, for each, at the tallest block that fits,
its height evened out over M, and at parts of that. Of the choices whose :func:`estimate` is within
one part in ``SLACK`` of the least, it takes the one that keeps the load engine least busy, because
the memory of a real system is shared; then the one of least cycles, then the smallest.

The estimate of a block, or of all blocks that share one chunk, is the longest of its three engines:

- load: a run of n beats takes ``max(n, bursts * LATENCY / outstanding)`` cycles, so that short
  row segments of A cost what they cost on a memory of ``LATENCY`` cycles; but not less than one
  cycle for each request and ``CHUNK_COST`` for each chunk;
- compute: one tile takes ``max(rows, R/f)`` cycles;
- store: the slower of ``post_lanes`` columns a cycle and the bus.

They follow one another. The first chunk and the first tile come before all computation, the last
store after it.
"""

from dataclasses import dataclass
from functools import lru_cache

from matwright.config import PARAMETER_BYTES, AcceleratorConfig, ceil_div

__all__ = ["CHUNK_COST", "LATENCY", "SLACK", "Tiling", "choose", "estimate", "legal"]

LATENCY = 64
"""Cycles from a read request to its data that the estimate assumes."""

CHUNK_COST = 4
"""Cycles without a request that starting one chunk of A is assumed to take."""

SLACK = 4096
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
def choose(
    config: AcceleratorConfig, m: int, n: int, k: int, raw: bool = False, table: bool = False
) -> Tiling:
    """The tiling of least estimated cycles for an M x N x K GEMM.

    ``raw``: D is int32. ``table``: there is a parameter table.
    """
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
            for rows in sorted({ceil_div(m, blocks * parts) for parts in (1, 2, 3, 4)}):
                tiling = Tiling(rows, n_log2, k_log2)
                cycles, loading = _cost(config, m, n, k, tiling, raw, table)
                choices.append((loading, cycles, rows, n_log2, k_log2))
    # Never empty: the configuration's own checks leave room for one row of a legal width.
    fastest = min(cycles for _, cycles, *_ in choices)
    limit = fastest + fastest // SLACK
    _, _, *fields = min(choice for choice in choices if choice[1] <= limit)
    return Tiling(*fields)


def estimate(
    config: AcceleratorConfig,
    m: int,
    n: int,
    k: int,
    tiling: Tiling,
    raw: bool = False,
    table: bool = False,
) -> int:
    """Cycles that the rule expects of a GEMM; for comparing tilings, not for timing."""
    return _cost(config, m, n, k, tiling, raw, table)[0]


def _cost(
    config: AcceleratorConfig, m: int, n: int, k: int, tiling: Tiling, raw: bool, table: bool
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
    chunks = full_chunks + (k_tail > 0)
    a_segment = transfer(chunk * config.panel_bytes)
    a_row = full_chunks * a_segment + (transfer(k_tail * config.panel_bytes) if k_tail else 0)
    n_block = config.cols << tiling.n_panels_log2
    parameters = PARAMETER_BYTES * config.col_pitch if table else 0
    lanes = ceil_div(config.cols, config.build.post_lanes)

    def store(rows: int, columns: int) -> int:
        panels = ceil_div(columns, config.cols)
        return rows * max(panels * lanes, transfer(columns * (4 if raw else 1)))

    def work(rows: int, columns: int, loads_a: bool) -> tuple[int, int, int]:
        """Cycles of load, compute and store of a block, which loads its A or finds it there."""
        panels = ceil_div(columns, config.cols)
        load = k_panels * transfer(panels * config.tile_bytes) + transfer(panels * parameters)
        requests = k_panels + table
        if loads_a:
            load += rows * a_row
            requests += chunks * (rows + CHUNK_COST)
        compute = k_panels * panels * max(rows, config.load_cycles)
        return max(load, requests), compute, store(rows, columns)

    full, tail = divmod(n, n_block)
    busiest = loading = 0
    # What is loaded before anything is computed overlaps with nothing, and is counted apart.
    first = min(m, tiling.tile_rows) * a_segment + transfer(config.tile_bytes)
    early = first
    for rows, rows_of_blocks in (
        (tiling.tile_rows, m // tiling.tile_rows),
        (m % tiling.tile_rows, 1),
    ):
        if not rows or not rows_of_blocks:
            continue
        again = chunks > 1
        parts = [(1, work(rows, n_block if full else tail, True))]
        if full:
            parts += [(full - 1, work(rows, n_block, again)), (bool(tail), work(rows, tail, again))]
        parts = [(count, block) for count, block in parts if count]
        loads = sum(count * block[0] for count, block in parts)
        for count, blocked in ((1, early), (rows_of_blocks - 1, 0)):
            if again:
                busiest += count * _pace(parts, blocked)
            else:
                alone = [(many, (0, compute, stored)) for many, (_, compute, stored) in parts]
                busiest += count * max(loads - blocked, _pace(alone, 0))
        loading += rows_of_blocks * loads
        early = 0
    last_store = store(m % tiling.tile_rows or tiling.tile_rows, n % n_block or min(n, n_block))
    drain = config.load_cycles + config.rows + config.cols
    return LATENCY + first + busiest + drain + last_store, loading


def _pace(parts: list[tuple[int, tuple[int, int, int]]], early: int) -> int:
    """Cycles of one row of blocks: how many of each, and their cycles of load, compute and store.

    While a block is computed in one accumulator bank, the block before is stored from the other,
    the first of a row after the last of another like it. ``early`` cycles of loading are done.
    """
    cycles = 0
    _, (_, _, before) = parts[-1]
    for count, (load, compute, stored) in parts:
        cycles += max(load - early, compute, before) + (count - 1) * max(load, compute, stored)
        before, early = stored, 0
    return cycles
