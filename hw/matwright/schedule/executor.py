# SPDX-License-Identifier: Apache-2.0
"""Execute engine: streams activations through the array, weight tile after weight tile."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..memory.accumulator import AccumulateCommand
from ..memory.activation import ActivationRead
from ..memory.sram import address_width
from .feeder import WeightFeeder
from .job import ExecuteJob, chunk_panels
from .pieces import counted, cut_blocks
from .rows import RowStream
from .tokens import Tokens

__all__ = ["ExecuteEngine"]


class ExecuteEngine(wiring.Component):
    """Takes the tiles of a job in the order in which the load engine asked for them.

    For each tile it streams the rows of the block, one per cycle, while the weight feeder shifts the
    following tile into the array. A tile starts in the cycle after the last row of the tile before,
    or ``load_cycles`` cycles after that tile's start if that is later. It waits for its weights, with
    the first tile of a chunk for the chunk, and with the first of a block for an accumulator bank.
    Between blocks :attr:`BLOCK_SETUP` cycles pass in which no tile can start; they are hidden
    behind the rows of the last tile where it has as many.

    The payload of ``job`` is looked at until ``ready``, which comes with the start of the last tile.

    ``row`` reads the scratchpad, ``switch_out`` goes with the first row of a tile, and ``sum`` says what
    becomes of the row; the top delays both as the data is delayed. ``weight_step`` and
    ``weight_last`` read the weight ring.

    Counters: in each cycle exactly one of ``busy``, ``wait_activation``, ``wait_weight``,
    ``load_weight``, ``wait_accumulator`` and ``idle`` is high.
    """

    BLOCK_SETUP = 2
    """Cycles from the start of a block's last tile to the earliest start of the next block."""
    JOB_SETUP = 2
    """Cycles from a job on offer to the earliest start of its first tile."""

    job: stream.Interface  # In, ExecuteJob
    row: data.View  # Out, ActivationRead
    switch_out: Signal  # Out
    sum: data.View  # Out, AccumulateCommand
    weight_step: Signal  # Out
    weight_last: Signal  # Out
    activation_filled: Signal  # In
    weight_filled: Signal  # In
    accumulator_freed: Signal  # In
    busy: Signal  # Out
    wait_activation: Signal  # Out
    wait_weight: Signal  # Out
    load_weight: Signal  # Out
    wait_accumulator: Signal  # Out
    idle: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "job": In(stream.Signature(ExecuteJob(config))),
                "row": Out(ActivationRead(config)),
                "switch_out": Out(1),
                "sum": Out(AccumulateCommand(config)),
                "weight_step": Out(1),
                "weight_last": Out(1),
                "activation_filled": In(1),
                "weight_filled": In(1),
                "accumulator_freed": In(1),
                "busy": Out(1),
                "wait_activation": Out(1),
                "wait_weight": Out(1),
                "load_weight": Out(1),
                "wait_accumulator": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        job = self.job.p
        word_panels = config.panels_per_activation_word
        panel_bits = word_panels.bit_length() - 1

        # What goes on, one at a time.
        idle = Signal(init=1)
        block = Signal()  # a block is begun
        tiles = Signal()

        # Where in the job: rows and column panels of the block.
        rows, columns = cut_blocks(m, config, job.blocks, block)
        block_rows = Signal.like(rows.size, reset_less=True)
        panels = Signal.like(columns.size, reset_less=True)
        last_columns = Signal(reset_less=True)
        last_block = Signal(reset_less=True)

        # The next tile: panel of columns, panel of K, step in the chunk.
        panels_left = Signal.like(panels, reset_less=True)
        last_panel = Signal()
        top = Signal(reset_less=True)
        k_left = Signal.like(job.k_panels, reset_less=True)
        last_k = Signal(reset_less=True)
        first_k = Signal(reset_less=True)
        step = Signal(address_width(chunk_panels(config)), reset_less=True)
        last_step = Signal(reset_less=True)
        opens_chunk = Signal(reset_less=True)
        opens_block = Signal(reset_less=True)
        half = Signal()
        bank = Signal()

        # Panels of K in a chunk: all of them if K is not more, then it serves all blocks of the
        # same rows.
        k_full = Signal(range(chunk_panels(config) + 1))
        k_padded = Signal(max(len(k_full), len(k_left)))
        k_beyond = Signal(len(k_padded) + 1)
        k_ends = Signal()
        k_chunk = Signal.like(k_full)
        whole = Signal(reset_less=True)
        pitch = Signal(range(config.activation_words + 1), reset_less=True)  # words of a row of it
        m.d.comb += [
            k_full.eq(1 << job.k_panels_log2),
            k_padded.eq(k_full),
            k_beyond.eq(k_left + ~k_padded),  # carries when k_left > k_full
            k_ends.eq(~k_beyond[-1]),
            k_chunk.eq(Mux(k_ends, k_left, k_full)),
        ]

        m.submodules.chunks = chunks = Tokens(2)
        m.submodules.banks = banks = Tokens(2, init=2)
        m.submodules.feeder = feeder = WeightFeeder(config)
        m.submodules.row_stream = row_stream = RowStream(config)
        tile = row_stream.tile

        # What happens in the cycle.
        lacks_chunk = Signal()
        lacks_bank = Signal()
        start = Signal()  # a tile starts: its first row is issued in the next cycle
        panels_end = Signal()  # with the last of the column panels
        chunk_ends = Signal()
        block_ends = Signal()
        k_on = Signal()  # after this panel of K comes another of the block
        m.d.comb += [
            lacks_chunk.eq(opens_chunk & ~chunks.some),
            lacks_bank.eq(opens_block & ~banks.some),
            start.eq(tiles & row_stream.free & feeder.ready & ~lacks_chunk & ~lacks_bank),
            last_panel.eq(panels_left == 1),
            panels_end.eq(start & last_panel),
            chunk_ends.eq(Mux(whole, last_k & last_columns, last_k | last_step)),
            block_ends.eq(panels_end & last_k),
            k_on.eq(~idle & ~last_k),
            chunks.put.eq(self.activation_filled),
            chunks.take.eq(start & opens_chunk),
            banks.put.eq(self.accumulator_freed),
            banks.take.eq(start & opens_block),
            feeder.filled.eq(self.weight_filled),
            feeder.start.eq(start),
            row_stream.start.eq(start),
            rows.start.eq(idle),
            rows.step.eq(block_ends & last_columns),
            columns.start.eq(idle | (block_ends & last_columns)),
            columns.step.eq(block_ends & ~last_columns),
            self.job.ready.eq(block_ends & last_block),
        ]
        m.d.sync += [
            idle.eq((idle & ~self.job.valid) | (block_ends & last_block)),
            block.eq((idle & self.job.valid) | (block_ends & ~last_block)),
            tiles.eq(block | (tiles & ~block_ends)),
        ]

        # On to the next tile.
        with m.If(block):
            m.d.sync += [
                block_rows.eq(rows.size),
                panels.eq(columns.size),
                last_columns.eq(columns.last),
                last_block.eq(columns.last & rows.last),
                whole.eq(k_ends),
            ]
        with m.If(block | start):
            m.d.sync += [
                panels_left.eq(Mux(block, columns.size, Mux(last_panel, panels, panels_left - 1))),
                top.eq(block | last_panel),
                opens_block.eq(block),
            ]
        with m.If(idle | panels_end):
            m.d.sync += [
                k_left.eq(counted(k_left, k_on, job.k_panels)),
                last_k.eq(Mux(k_on, k_left == 2, job.k_panels == 1)),
                first_k.eq(~k_on),
            ]
            chunk_begins = ~k_on | last_step
            m.d.sync += [
                step.eq(Mux(chunk_begins, 0, step + 1)),
                last_step.eq(
                    Mux(chunk_begins, k_full == 1, _next_is_last(step, job.k_panels_log2))
                ),
            ]
        with m.If(idle | start):
            m.d.sync += opens_chunk.eq(idle | (last_panel & chunk_ends))
        with m.If(start & opens_chunk):
            m.d.sync += pitch.eq((k_chunk + (word_panels - 1)) >> panel_bits)
        m.d.sync += [
            half.eq(half ^ (panels_end & chunk_ends)),
            bank.eq(bank ^ block_ends),
        ]

        m.d.comb += [
            tile.rows.eq(block_rows),
            tile.pitch.eq(pitch),
            tile.top.eq(top),
            tile.read.half.eq(half),
            tile.read.word.eq(step >> panel_bits),
            tile.read.panel.eq(step[:panel_bits]),
            tile.read.count.eq(Mux(last_k, job.k_tail, config.rows)),
            tile.read.flip.eq(job.a_unsigned),
            tile.read.done.eq(last_panel & chunk_ends),
            tile.sum.bank.eq(bank),
            tile.sum.first.eq(first_k),
            tile.sum.done.eq(last_panel & last_k),
            self.row.eq(row_stream.row),
            self.switch_out.eq(row_stream.switch_out),
            self.sum.eq(row_stream.sum),
            self.weight_step.eq(feeder.step),
            self.weight_last.eq(feeder.last),
        ]

        # Where the cycle goes, seen when a row would be issued in the next one.
        could = tiles & row_stream.free
        fed = could & ~lacks_bank & ~lacks_chunk
        m.d.comb += [
            self.busy.eq(row_stream.busy | start),
            self.wait_accumulator.eq(could & lacks_bank),
            self.wait_activation.eq(could & ~lacks_bank & lacks_chunk),
            self.load_weight.eq(fed & ~feeder.ready & feeder.step),
            self.wait_weight.eq(fed & ~feeder.ready & ~feeder.step),
            self.idle.eq(~tiles & row_stream.free),
        ]

        return m


def _next_is_last(step: Value, log2: Value) -> Value:
    """The low ``log2`` >= 1 bits of ``step + 1`` are all 1."""
    return Cat(~step[0], *(step[i] | (log2 <= i) for i in range(1, len(step)))).all()
