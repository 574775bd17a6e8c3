# SPDX-License-Identifier: Apache-2.0
"""The performance counters as a page of the reference: what each tells, and what to do about it."""

from typing import NamedTuple

from ..bus.register_map import COUNTERS
from .markdown import join, markdown_table

__all__ = ["ADVICE", "Advice", "counters_markdown"]


class Advice(NamedTuple):
    """What it means when a counter is high, and what changes it."""

    tells: str
    remedy: str


_NOTHING = "-"

ADVICE: dict[str, Advice] = {
    "CYCLES": Advice("The time of the program.", _NOTHING),
    "LOAD_BUSY": Advice(
        "Near CYCLES: the read bus is the limit.",
        "A wider `bus.data_width`; larger on-chip memories, so that less is read twice; larger M.",
    ),
    "LOAD_WAIT_MEMORY": Advice(
        "Memory answers late or in pieces.",
        "More `bus.outstanding`, longer `bus.max_burst`; rows of A that are longer runs "
        "(a larger `k_panels_log2`).",
    ),
    "LOAD_WAIT_SPACE": Advice(
        "The engine is ahead of the array: good, unless the array waits too.",
        "If EXEC_WAIT_* is high as well: larger `sram.activation_rows` or `sram.weight_tiles`.",
    ),
    "LOAD_IDLE": Advice(
        "All is loaded: the end of a program, and fences.",
        "More descriptors in a program, fewer FENCE.",
    ),
    "EXEC_BUSY": Advice("Near CYCLES: the array is the limit, as it should be.", "A larger array."),
    "EXEC_WAIT_ACTIVATION": Advice(
        "Rows of A come too late.", "See LOAD_BUSY and LOAD_WAIT_MEMORY; larger N in a block."
    ),
    "EXEC_WAIT_WEIGHT": Advice(
        "Tiles of B come too late.",
        "A wider bus; more rows of A for each tile (larger M or `tile_rows`).",
    ),
    "EXEC_LOAD_WEIGHT": Advice(
        "Fewer rows meet a tile than it takes cycles to enter the array.",
        "More `load_rows`, or more rows of A for each tile.",
    ),
    "EXEC_WAIT_ACCUMULATOR": Advice(
        "Both banks wait to be stored.", "More `build.post_lanes`; a longer K; int8 instead of RAW."
    ),
    "EXEC_IDLE": Advice(
        "No tile is under way: start and end of a program, and fences.",
        "More descriptors in a program, fewer FENCE.",
    ),
    "STORE_BUSY": Advice(
        "Near CYCLES: the write bus is the limit.", "A wider bus; int8 instead of RAW; a longer K."
    ),
    "STORE_WAIT_BUS": Advice("Memory takes data slowly.", "A memory that does not."),
    "STORE_WAIT_POST": Advice(
        "Post-processing makes beats slower than the bus takes them.", "More `build.post_lanes`."
    ),
    "STORE_WAIT_PARAMETER": Advice(
        "Bias and scales come too late.", "One scale for all columns; see LOAD_BUSY."
    ),
    "STORE_WAIT_RESPONSE": Advice(
        "All is written, but not acknowledged.", "More descriptors in a program, fewer FENCE."
    ),
    "STORE_IDLE": Advice("Nothing is ready to be stored: normal for a long K.", _NOTHING),
    "BEATS_READ": Advice("Times the bytes of a beat: what was read.", "As LOAD_BUSY."),
    "BEATS_WRITTEN": Advice("Times the bytes of a beat: what was written.", "As STORE_BUSY."),
    "SRAM_CORRECTED": Advice(
        "Now and then: radiation. Often: a memory or its supply is going bad.",
        "Watch the rate; replace the part.",
    ),
    "SRAM_UNCORRECTED": Advice(
        "The program has stopped, with SRAM if that was its first error.", "Run it again."
    ),
}
"""By counter."""

_INTRODUCTION = """\
# Counters

With `build.counters`. 32 bits each; cleared by START and by a soft reset; they wrap. They count while
a program runs. In every cycle of it each engine is in exactly one state, so

    CYCLES = LOAD_BUSY + LOAD_WAIT_MEMORY + LOAD_WAIT_SPACE + LOAD_IDLE
           = EXEC_BUSY + EXEC_WAIT_ACTIVATION + EXEC_WAIT_WEIGHT + EXEC_LOAD_WEIGHT
             + EXEC_WAIT_ACCUMULATOR + EXEC_IDLE
           = STORE_BUSY + STORE_WAIT_BUS + STORE_WAIT_POST + STORE_WAIT_PARAMETER
             + STORE_WAIT_RESPONSE + STORE_IDLE

Of the `EXEC_BUSY * rows * cols` multiply-accumulates that the array made, `M * N * K` of each GEMM were
useful and the others
met padding. `matwright simulate` and the driver's `Report` (`macs`, `padded_macs`) say both. The SRAM
counters are built with `build.sram_protection` alone and read 0 without."""


def counters_markdown() -> str:
    """The page."""
    rows = [
        (f"`{name}`", doc, ADVICE[name].tells, ADVICE[name].remedy)
        for name, doc in COUNTERS.items()
    ]
    return join(
        [
            _INTRODUCTION,
            markdown_table(("Counter", "Counts", "What it tells", "What to do about it"), rows),
        ]
    )
