# SPDX-License-Identifier: Apache-2.0
"""Execute engine: streams activations through the array, weight tile after weight tile."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..memory.accumulator import AccumulateCommand
from ..memory.activation import ActivationRead
from ..memory.sram import address_width
from .feeder import WeightFeeder
from .job import ExecuteJob, chunk_panels
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

    ``row`` reads the scratchpad, ``switch_out`` goes with the first row of a tile, and ``sum`` says what
    becomes of the row; the top delays both as the data is delayed. ``weight_step`` and
    ``weight_last`` read the weight ring.

    Counters: in each cycle exactly one of ``busy``, ``wait_activation``, ``wait_weight``,
    ``load_weight``, ``wait_accumulator`` and ``idle`` is high.
    """

    BLOCK_SETUP = 2
    """Cycles from the start of a block's last tile to the earliest start of the next block."""
    JOB_SETUP = 2
    """Cycles from taking a job to the earliest start of its first tile."""

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
        word_panels = config.panels_per_activation_word
        panel_bits = word_panels.bit_length() - 1

        m.submodules.chunks = chunks = Tokens(2)
        m.submodules.banks = banks = Tokens(2, init=2)
        m.submodules.feeder = feeder = WeightFeeder(config)
        start = Signal()  # a tile starts: its first row is issued in the next cycle
        m.d.comb += [
            chunks.put.eq(self.activation_filled),
            banks.put.eq(self.accumulator_freed),
            feeder.filled.eq(self.weight_filled),
            feeder.start.eq(start),
            self.weight_step.eq(feeder.step),
            self.weight_last.eq(feeder.last),
        ]

        # The next tile: where it stands in block, chunk and job.
        job = Signal(ExecuteJob(config))
        blocks = job.blocks
        valid = Signal()
        rows = Signal.like(blocks.tile_rows)
        m_left = Signal.like(blocks.m)
        panels_left = Signal.like(blocks.panels)
        panels = Signal(range(config.sram.column_panels + 1))
        panel_left = Signal.like(panels)
        full_panels = Signal.like(panels)
        m.d.comb += full_panels.eq(1 << blocks.n_panels_log2)
        k_left = Signal.like(job.k_panels)
        k_full = Signal(range(chunk_panels(config) + 1))
        m.d.comb += k_full.eq(1 << job.k_panels_log2)
        step = Signal(address_width(chunk_panels(config)))
        first_panel = Signal()
        first_chunk_tile = Signal()
        first_block_tile = Signal()
        half = Signal()
        bank = Signal()
        whole = Signal()  # one chunk holds all of K: it serves every block of the same rows
        last_columns = Signal()
        chunk_ends = Signal()
        m.d.comb += [
            whole.eq(job.k_panels <= k_full),
            last_columns.eq(panels_left == panels),
            chunk_ends.eq(
                Mux(whole, (k_left == 1) & last_columns, (k_left == 1) | (step == k_full - 1))
            ),
        ]

        # Words of a row in the chunk; a chunk in which K ends is shorter.
        pitch = Signal(range(config.activation_words + 1))
        k_rest = Signal.like(k_left)

        def words_of(k_panels: Signal) -> Value:
            rounded = Signal.like(k_full, name="k_rounded")
            m.d.comb += rounded.eq(Mux(k_panels <= k_full, k_panels, k_full))
            return (rounded + (word_panels - 1)) >> panel_bits

        # The rows of the tile under way.
        m.submodules.row_stream = row_stream = RowStream(config)
        tile = row_stream.tile
        m.d.comb += [
            start.eq(
                valid
                & feeder.ready
                & row_stream.free
                & (chunks.some | ~first_chunk_tile)
                & (banks.some | ~first_block_tile)
            ),
            chunks.take.eq(start & first_chunk_tile),
            banks.take.eq(start & first_block_tile),
            row_stream.start.eq(start),
            tile.rows.eq(rows),
            tile.pitch.eq(pitch),
            tile.top.eq(panel_left == panels),
            tile.read.half.eq(half),
            tile.read.word.eq(step >> panel_bits),
            tile.read.panel.eq(step[:panel_bits]),
            tile.read.count.eq(Mux(k_left == 1, job.k_tail, config.rows)),
            tile.read.flip.eq(job.a_unsigned),
            tile.read.done.eq((panel_left == 1) & chunk_ends),
            tile.sum.bank.eq(bank),
            tile.sum.first.eq(first_panel),
            tile.sum.done.eq((panel_left == 1) & (k_left == 1)),
            self.row.eq(row_stream.row),
            self.switch_out.eq(row_stream.switch_out),
            self.sum.eq(row_stream.sum),
        ]

        def begin_block(left: Signal) -> None:
            block_panels = Mux(left <= full_panels, left, full_panels)
            m.d.sync += [
                panels.eq(block_panels),
                panel_left.eq(block_panels),
                k_left.eq(job.k_panels),
                step.eq(0),
                pitch.eq(words_of(job.k_panels)),
                first_panel.eq(1),
                first_block_tile.eq(1),
                valid.eq(1),
            ]
            m.next = "TILES"

        # Walk to the next tile when one starts.
        m.d.comb += k_rest.eq(k_left - 1)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.job.ready.eq(1)
                m.d.sync += job.eq(self.job.p)
                with m.If(self.job.valid):
                    m.d.sync += m_left.eq(self.job.p.blocks.m)
                    m.next = "ROWS"

            with m.State("ROWS"):
                m.d.sync += [
                    rows.eq(Mux(m_left <= blocks.tile_rows, m_left, blocks.tile_rows)),
                    panels_left.eq(blocks.panels),
                    first_chunk_tile.eq(1),
                ]
                begin_block(blocks.panels)

            with m.State("BLOCK"):
                m.d.sync += first_chunk_tile.eq(~whole)
                begin_block(panels_left)

            with m.State("TILES"):
                with m.If(start):
                    m.d.sync += [
                        panel_left.eq(panel_left - 1),
                        first_chunk_tile.eq(0),
                        first_block_tile.eq(0),
                    ]
                    with m.If(panel_left == 1):
                        m.d.sync += [
                            panel_left.eq(panels),
                            first_panel.eq(0),
                            k_left.eq(k_rest),
                            step.eq(step + 1),
                        ]
                        with m.If(chunk_ends):
                            m.d.sync += [
                                step.eq(0),
                                pitch.eq(words_of(k_rest)),
                                first_chunk_tile.eq(1),
                                half.eq(~half),
                            ]
                        with m.If(k_left == 1):
                            m.d.sync += [
                                valid.eq(0),
                                bank.eq(~bank),
                                panels_left.eq(panels_left - panels),
                            ]
                            m.next = "BLOCK"
                            with m.If(last_columns):
                                m.d.sync += m_left.eq(m_left - rows)
                                m.next = "ROWS"
                                with m.If(m_left == rows):
                                    m.next = "IDLE"

        # Where the cycle goes, seen when a row would be issued in the next one.
        working = Signal()
        blocked = Signal()
        m.d.comb += [
            working.eq(row_stream.busy | start),
            blocked.eq(valid & ~working),
            self.busy.eq(working),
            self.wait_accumulator.eq(blocked & first_block_tile & ~banks.some),
            self.wait_activation.eq(
                blocked & ~self.wait_accumulator & first_chunk_tile & ~chunks.some
            ),
            self.load_weight.eq(
                blocked & ~self.wait_accumulator & ~self.wait_activation & feeder.step
            ),
            self.wait_weight.eq(
                blocked & ~self.wait_accumulator & ~self.wait_activation & ~feeder.step
            ),
            self.idle.eq(~working & ~blocked),
        ]

        return m
