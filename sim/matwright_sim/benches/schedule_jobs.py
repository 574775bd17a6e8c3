# SPDX-License-Identifier: Apache-2.0
"""Random GEMMs for the engines, and what each engine must do for them.

The order of work is written down once more here, as nested loops over the whole GEMM after
docs/developer/machine.md: no counters that run on from step to step, as the engines have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from matwright.config import (
    PARAMETER_BYTES,
    AcceleratorConfig,
    Build,
    Bus,
    Limits,
    Precision,
    Sram,
    ceil_div,
)
from matwright.schedule.descriptor import Descriptor, Error, Flag
from matwright.schedule.loader import Target

from ..golden.machine import check

__all__ = [
    "CONFIGS",
    "Block",
    "Read",
    "Tile",
    "Write",
    "blocks",
    "execute_job",
    "load_job",
    "random_gemm",
    "reads",
    "store_job",
    "tiles",
    "writes",
]


def _config(rows: int, cols: int, load_rows: int, bits: int, **sections: Any) -> AcceleratorConfig:
    defaults: dict[str, Any] = {
        "bus": Bus(data_width=bits, addr_width=24, max_burst=4),
        "limits": Limits(max_m=4095, max_n=4095, max_k=511),
    }
    return AcceleratorConfig(rows=rows, cols=cols, load_rows=load_rows, **(defaults | sections))


CONFIGS: dict[str, AcceleratorConfig] = {
    # A panel is a beat.
    "square": _config(
        *(4, 4, 1, 32),
        sram=Sram(activation_rows=32, weight_tiles=8, accumulator_rows=16, column_panels=4),
        build=Build(post_lanes=1),
    ),
    # A beat has four panels of K, a tile enters in one cycle.
    "packed": _config(
        *(2, 8, 2, 64),
        sram=Sram(activation_rows=64, weight_tiles=4, accumulator_rows=8, column_panels=2),
        build=Build(post_lanes=4),
    ),
    # A panel has four beats.
    "split": _config(
        *(16, 4, 4, 64),
        precision=Precision(a_width=16),
        sram=Sram(activation_rows=16, weight_tiles=4, accumulator_rows=32, column_panels=4),
        build=Build(post_lanes=4),
    ),
    # Sides that are no powers of two, and panels of more beats than the elements need.
    "odd": _config(
        *(9, 5, 1, 32),
        sram=Sram(activation_rows=16, weight_tiles=8, accumulator_rows=16, column_panels=4),
        build=Build(post_lanes=2),
    ),
    # A column panel is less than a beat.
    "column": _config(
        *(8, 1, 8, 32),
        sram=Sram(activation_rows=32, weight_tiles=16, accumulator_rows=16, column_panels=8),
        build=Build(post_lanes=1),
    ),
    # The smallest memories that there are.
    "least": _config(
        *(4, 4, 2, 32),
        sram=Sram(activation_rows=4, weight_tiles=2, accumulator_rows=2, column_panels=1),
        build=Build(post_lanes=2),
    ),
}
"""Small configurations, one for each way in which beats, panels and sides can relate."""


def random_gemm(
    rng: Random, config: AcceleratorConfig, most_rows: int, flags: int = 0
) -> Descriptor:
    """A legal descriptor that streams at most ``most_rows`` rows; other flags are random.

    Strides and addresses are anything legal, so most of them wrap in the address space.
    """
    sram, beat = config.sram, config.bus.bytes
    word_panels = config.panels_per_activation_word
    while True:
        n_log2 = rng.randrange(sram.column_panels.bit_length())
        words_log2 = rng.randrange(config.activation_words.bit_length())
        k_log2 = words_log2 + word_panels.bit_length() - 1
        most = min(sram.accumulator_rows >> n_log2, config.activation_words >> words_log2)
        if not most:
            continue
        tile_rows = rng.choice([1, most, rng.randint(1, most)])
        width, depth = config.cols << n_log2, config.rows << k_log2
        m, n, k = (_size(rng, side) for side in (tile_rows, width, depth))
        descriptor = Descriptor(
            flags=rng.getrandbits(6) | flags,
            n_panels_log2=n_log2,
            k_panels_log2=k_log2,
            zero_point=rng.randint(-128, 127),
            m=m,
            n=n,
            k=k,
            tile_rows=tile_rows,
            **{
                name: rng.randrange((1 << bits) // beat) * beat
                for name, bits in [
                    *((name, 32) for name in ("a_stride", "b_stride", "d_stride")),
                    *((name, config.bus.addr_width) for name in ("a_addr", "b_addr", "d_addr")),
                    ("params", config.bus.addr_width),
                ]
            },
        )
        streamed = m * ceil_div(n, config.cols) * ceil_div(k, config.rows)
        if streamed <= most_rows and check(config, descriptor.pack()) == Error.NONE:
            return descriptor


def _size(rng: Random, side: int) -> int:
    """A size that is one to three blocks, full ones or not."""
    inside, beyond = rng.randint(1, side), rng.randint(side + 1, 3 * side)
    return rng.choice([1, side, 2 * side, inside, beyond, beyond])


# Order of work.


@dataclass(frozen=True)
class Block:
    """``rows`` rows of D from ``row`` on, ``panels`` column panels from ``panel`` on."""

    row: int
    rows: int
    panel: int
    panels: int
    ends_rows: bool
    """It is the last block of these rows."""
    ends_job: bool


def blocks(config: AcceleratorConfig, d: Descriptor) -> Iterator[Block]:
    """Blocks of D, in order."""
    total = ceil_div(d.n, config.cols)
    step = 1 << d.n_panels_log2
    for row in range(0, d.m, d.tile_rows):
        for panel in range(0, total, step):
            ends_rows = panel + step >= total
            yield Block(
                row=row,
                rows=min(d.tile_rows, d.m - row),
                panel=panel,
                panels=min(step, total - panel),
                ends_rows=ends_rows,
                ends_job=ends_rows and row + d.tile_rows >= d.m,
            )


def _chunks(config: AcceleratorConfig, d: Descriptor) -> list[range]:
    """Panels of K of each chunk."""
    total, step = ceil_div(d.k, config.rows), 1 << d.k_panels_log2
    return [range(first, min(total, first + step)) for first in range(0, total, step)]


def _tail(size: int, side: int) -> int:
    """Length of the last panel of a side."""
    return size - (ceil_div(size, side) - 1) * side


class Read(NamedTuple):
    """A request of the load engine. ``room`` is what it takes: halves, tiles or tables."""

    addr: int
    beats: int
    target: Target
    end_chunk: bool
    end_job: bool
    room: int
    begins: str
    """What is new with it: "job", "rows", "columns", "chunk", or nothing."""


def reads(config: AcceleratorConfig, d: Descriptor) -> list[Read]:
    """Requests of the load engine for one job."""
    beat, mask = config.bus.bytes, (1 << config.bus.addr_width) - 1
    table = Flag.TABLE in Flag(d.flags)
    chunks = _chunks(config, d)
    tail_bytes = _tail(d.k, config.rows) * config.precision.a_bytes
    found: list[Read] = []
    for block in blocks(config, d):
        begins = "columns" if block.panel else "rows"
        if not found:
            begins = "job"
        for chunk in chunks:
            final = chunk is chunks[-1]
            last = tail_bytes if final else config.panel_bytes
            length = (len(chunk) - 1) * config.panel_bytes + last
            if len(chunks) > 1 or block.panel == 0:
                for row in range(block.row, block.row + block.rows):
                    addr = d.a_addr + row * d.a_stride + chunk.start * config.panel_bytes
                    found.append(
                        Read(
                            addr=addr & mask,
                            beats=ceil_div(length, beat),
                            target=Target.ACTIVATION,
                            end_chunk=row == block.row + block.rows - 1,
                            end_job=False,
                            room=int(row == block.row),
                            begins=begins,
                        )
                    )
                    begins = ""
            for k in chunk:
                addr = d.b_addr + k * d.b_stride + block.panel * config.tile_bytes
                found.append(
                    Read(
                        addr=addr & mask,
                        beats=block.panels * config.tile_bytes // beat,
                        target=Target.WEIGHT,
                        end_chunk=False,
                        end_job=block.ends_job and final and k == chunk[-1] and not table,
                        room=block.panels,
                        begins=begins,
                    )
                )
                begins = ""
            begins = "chunk"
        if table:
            entry = PARAMETER_BYTES * config.col_pitch
            found.append(
                Read(
                    addr=(d.params + block.panel * entry) & mask,
                    beats=block.panels * entry // beat,
                    target=Target.PARAMETER,
                    end_chunk=False,
                    end_job=block.ends_job,
                    room=1,
                    begins="",
                )
            )
    return found


class Tile(NamedTuple):
    """A tile of weights and the rows that are streamed through it."""

    rows: int
    words: list[tuple[int, int]]
    """Word and panel of each row in the half of the scratchpad."""
    elements: int
    """Elements of each row in the panel of K."""
    sums: list[int]
    """Row of the accumulator bank of each row."""
    first: bool
    opens_chunk: bool
    ends_chunk: bool
    opens_block: bool
    ends_block: bool
    opens_job: bool


def tiles(config: AcceleratorConfig, d: Descriptor) -> list[Tile]:
    """Tiles of the execute engine for one job."""
    word_panels = config.panels_per_activation_word
    chunks = _chunks(config, d)
    last_k = ceil_div(d.k, config.rows) - 1
    found: list[Tile] = []
    for block in blocks(config, d):
        for chunk in chunks:
            pitch = ceil_div(len(chunk), word_panels)
            for k in chunk:
                word, panel = divmod(k - chunk.start, word_panels)
                for n in range(block.panels):
                    ends = n == block.panels - 1
                    opens = k == chunk.start and n == 0
                    found.append(
                        Tile(
                            rows=block.rows,
                            words=[(m * pitch + word, panel) for m in range(block.rows)],
                            elements=_tail(d.k, config.rows) if k == last_k else config.rows,
                            sums=[n * block.rows + m for m in range(block.rows)],
                            first=k == 0,
                            opens_chunk=opens and (len(chunks) > 1 or block.panel == 0),
                            ends_chunk=ends
                            and k == chunk[-1]
                            and (len(chunks) > 1 or block.ends_rows),
                            opens_block=opens and k == 0,
                            ends_block=ends and k == last_k,
                            opens_job=not found,
                        )
                    )
    return found


class Group(NamedTuple):
    """Neighbouring columns of a row that the store engine reads at once."""

    addr: int
    entry: int
    first: int
    """First of the columns in its panel."""
    columns: int
    """Columns of D among them, from the first on."""
    last: bool


class Write(NamedTuple):
    """One row of a block on its way to memory."""

    addr: int
    beats: int
    groups: list[Group]
    ends_block: bool
    ends_rows: bool
    ends_job: bool


def writes(config: AcceleratorConfig, d: Descriptor) -> list[Write]:
    """Rows of the store engine for one job."""
    mask, lanes = (1 << config.bus.addr_width) - 1, config.build.post_lanes
    size = 4 if Flag.RAW in Flag(d.flags) else 1
    found: list[Write] = []
    for block in blocks(config, d):
        tail = _tail(d.n, config.cols) if block.ends_rows else config.cols
        length = ((block.panels - 1) * config.col_pitch + tail) * size
        for m in range(block.rows):
            groups: list[Group] = []
            for n in range(block.panels):
                final = n == block.panels - 1
                width = tail if final else config.cols
                for first in range(0, tail if final else config.col_pitch, lanes):
                    groups.append(
                        Group(
                            addr=n * block.rows + m,
                            entry=(n * config.col_pitch + first) // lanes,
                            first=first,
                            columns=min(lanes, max(0, width - first)),
                            last=final and first + lanes >= tail,
                        )
                    )
            start = block.panel * config.col_pitch * size
            ends = m == block.rows - 1
            found.append(
                Write(
                    addr=(d.d_addr + (block.row + m) * d.d_stride + start) & mask,
                    beats=ceil_div(length, config.bus.bytes),
                    groups=groups,
                    ends_block=ends,
                    ends_rows=ends and block.ends_rows,
                    ends_job=ends and block.ends_job,
                )
            )
    return found


# Jobs, as the dispatcher must make them of a descriptor.


def _shape(config: AcceleratorConfig, d: Descriptor) -> dict[str, int]:
    return {
        "m": d.m,
        "tile_rows": d.tile_rows,
        "panels": ceil_div(d.n, config.cols),
        "n_panels_log2": d.n_panels_log2,
    }


def load_job(config: AcceleratorConfig, d: Descriptor) -> dict[int | str, Any]:
    """Fields of ``LoadJob``."""
    tail = _tail(d.k, config.rows) * config.precision.a_bytes
    space = 1 << config.bus.addr_width
    return {
        "blocks": _shape(config, d),
        "k_panels": ceil_div(d.k, config.rows),
        "k_tail_beats": ceil_div(tail, config.bus.bytes),
        "k_panels_log2": d.k_panels_log2,
        "table": int(Flag.TABLE in Flag(d.flags)),
        "a_addr": d.a_addr,
        "a_stride": d.a_stride % space,
        "b_addr": d.b_addr,
        "b_stride": d.b_stride % space,
        "params": d.params % space,
    }


def execute_job(config: AcceleratorConfig, d: Descriptor) -> dict[int | str, Any]:
    """Fields of ``ExecuteJob``."""
    return {
        "blocks": _shape(config, d),
        "k_panels": ceil_div(d.k, config.rows),
        "k_tail": _tail(d.k, config.rows),
        "k_panels_log2": d.k_panels_log2,
        "a_unsigned": int(Flag.A_UNSIGNED in Flag(d.flags)),
    }


def store_job(config: AcceleratorConfig, d: Descriptor) -> dict[int | str, Any]:
    """Fields of ``StoreJob``."""
    flags = Flag(d.flags)
    return {
        "blocks": _shape(config, d),
        "n_tail": _tail(d.n, config.cols),
        "d_addr": d.d_addr,
        "d_stride": d.d_stride % (1 << config.bus.addr_width),
        "raw": int(Flag.RAW in flags),
        "relu": int(Flag.RELU in flags),
        "table": int(Flag.TABLE in flags),
        "d_unsigned": int(Flag.D_UNSIGNED in flags),
        "scale": d.params & 0xFFFF_FFFF,
        "zero_point": d.zero_point,
    }
