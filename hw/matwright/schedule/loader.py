# SPDX-License-Identifier: Apache-2.0
"""Load engine: turns a job into read requests, as far ahead as the on-chip memories have room."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.burst import BEATS_WIDTH
from ..bus.read import read_request_layout
from ..config import PARAMETER_BYTES, AcceleratorConfig
from .job import LoadJob, chunk_panels
from .pieces import Pieces, counted, cut_blocks
from .times import times
from .tokens import Tokens

__all__ = ["LoadEngine", "ReadTag", "Target"]


class Target(enum.Enum, shape=2):
    """Where the beats of a read go."""

    DESCRIPTOR = 0
    ACTIVATION = 1
    WEIGHT = 2
    PARAMETER = 3


class ReadTag(data.StructLayout):
    """Travels with a read request: its target, whether it ends a chunk, whether it ends a job."""

    def __init__(self) -> None:
        super().__init__({"target": Target, "end_chunk": 1, "end_job": 1})


class LoadEngine(wiring.Component):
    """Walks the blocks of a job and asks for activations, weights and parameters in order of use.

    A request is only made when its place on chip is free: a half of the activation scratchpad, room
    in the weight ring for the tiles of one step, a half of the parameter memory. The ``freed``
    inputs give places back. One request per cycle, but for the cycles that the constants name.

    The payload of ``job`` is looked at until ``ready``, which comes in the cycle after the last
    request was taken. Strides are taken modulo the address space.
    """

    CHUNK_SETUP = 1
    """Cycles without a request before the next chunk of a block."""
    BLOCK_SETUP = 2
    """Cycles without a request before the next block; from a job on offer to its first request."""
    JOB_SETUP = 2
    """Cycles from the last request of a job until the next job can be on offer."""

    job: stream.Interface  # In, LoadJob
    request: stream.Interface  # Out, read_request_layout(bus, ReadTag().size)
    activation_freed: Signal  # In
    weight_freed: Signal  # In
    parameter_freed: Signal  # In
    waiting: Signal  # Out, the next request waits for room on chip

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "job": In(stream.Signature(LoadJob(config))),
                "request": Out(stream.Signature(read_request_layout(config.bus, ReadTag().size))),
                "activation_freed": In(1),
                "weight_freed": In(1),
                "parameter_freed": In(1),
                "waiting": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bus = self.config, self.config.bus
        job, request = self.job.p, self.request.p
        tag = data.View(ReadTag(), request.tag)
        ready = self.request.ready

        # What goes on, one at a time.
        idle = Signal(init=1)
        chunk = Signal()  # a chunk begins
        activations = Signal()
        weights = Signal()
        parameters = Signal()
        block = Signal()  # a block has ended

        # Where in the job: rows and column panels of the block, panels of K of the chunk. All go on
        # with the last weights of a chunk.
        still = Signal(init=1)  # not weights
        rows, columns = cut_blocks(m, config, job.blocks, still)
        chunks = Pieces(job.k_panels.shape(), range(chunk_panels(config) + 1))
        m.submodules.chunks = chunks
        m.d.comb += [
            chunks.total.eq(job.k_panels),
            chunks.piece.eq(1 << job.k_panels_log2),
            chunks.look.eq(still),
        ]
        last_rows = Signal(reset_less=True)
        last_columns = Signal(reset_less=True)
        last_chunk = Signal(reset_less=True)
        first_chunk = Signal(reset_less=True)
        reuse = Signal(reset_less=True)  # the one chunk of the block before serves this one too
        ends = Signal(reset_less=True)  # the last weights of the chunk are the job's last request
        panels = Signal.like(columns.size, reset_less=True)
        row_beats = Signal(BEATS_WIDTH, reset_less=True)
        rows_left = Signal.like(rows.size, reset_less=True)
        steps_left = Signal.like(chunks.size, reset_less=True)
        last_row = Signal()
        last_step = Signal(reset_less=True)
        m.d.comb += last_row.eq(rows_left == 1)

        # Places. The tiles of a step are taken when the step before is asked for, those of a block's
        # first step at its beginning: what is below 0 is missing.
        m.submodules.halves = halves = Tokens(2, init=2)
        m.submodules.tables = tables = Tokens(2, init=2)
        tiles = range(-config.sram.column_panels, config.sram.weight_tiles + 1)
        spare = Signal(tiles, init=config.sram.weight_tiles)
        minus_panels = Signal.like(columns.minus, reset_less=True)
        room = Signal()
        take = Signal()
        m.d.comb += [
            halves.put.eq(self.activation_freed),
            tables.put.eq(self.parameter_freed),
            room.eq(~spare[-1]),
        ]
        taken = Cat(self.weight_freed, Mux(take, minus_panels, 0)).as_signed()
        m.d.sync += spare.eq((Cat(Const(1, 1), spare).as_signed() + taken) >> 1)

        # What happens in the cycle.
        opens = Signal()
        loads = Signal()  # the chunk that opens is one to load
        rows_begin = Signal()
        row_taken = Signal()
        rows_end = Signal()
        step_taken = Signal()
        chunk_ends = Signal()
        block_ends = Signal()
        table_taken = Signal()
        job_ends = Signal()
        weights_next = Signal()
        m.d.comb += [
            opens.eq(chunk & (halves.some | reuse)),
            loads.eq(chunk & halves.some & ~reuse),
            row_taken.eq(activations & ready),
            rows_end.eq(row_taken & last_row),
            step_taken.eq(weights & room & ready),
            chunk_ends.eq(step_taken & last_step),
            block_ends.eq(chunk_ends & last_chunk),
            table_taken.eq(parameters & tables.some & ready),
            job_ends.eq(block & last_columns & last_rows),
            weights_next.eq((chunk & reuse) | rows_end | (weights & ~chunk_ends)),
            self.job.ready.eq(job_ends),
            halves.take.eq(loads),
            tables.take.eq(table_taken),
            take.eq(
                (chunk & reuse)
                | (rows_begin & first_chunk)
                | (step_taken & ~(last_step & last_chunk))
            ),
            rows.start.eq(idle),
            rows.step.eq(block_ends & last_columns),
            columns.start.eq(idle | (block_ends & last_columns)),
            columns.step.eq(block_ends),
            chunks.start.eq(idle | block_ends),
            chunks.step.eq(chunk_ends),
        ]
        m.d.sync += [
            idle.eq((idle & ~self.job.valid) | job_ends),
            chunk.eq(
                (idle & self.job.valid)
                | (chunk & ~opens)
                | (chunk_ends & ~last_chunk)
                | (block & ~job_ends)
            ),
            activations.eq(loads | (activations & ~rows_end)),
            rows_begin.eq(loads),
            weights.eq(weights_next),
            still.eq(~weights_next),
            parameters.eq((block_ends & job.table) | (parameters & ~table_taken)),
            block.eq((block_ends & ~job.table) | table_taken),
        ]
        with m.If(chunk):
            m.d.sync += [
                last_rows.eq(rows.last),
                last_columns.eq(columns.last),
                last_chunk.eq(chunks.last),
                ends.eq(rows.last & columns.last & chunks.last & ~job.table),
                row_beats.eq(self._row_beats(m, chunks)),
            ]
        with m.If(chunk | block):
            # At the end of a block already, since `take` looks at it in a chunk that is reused.
            m.d.sync += [panels.eq(columns.size), minus_panels.eq(columns.minus)]
        with m.If(idle | block):
            m.d.sync += [first_chunk.eq(1), reuse.eq(block & first_chunk & ~last_columns)]
        with m.Elif(chunk_ends & ~last_chunk):
            m.d.sync += first_chunk.eq(0)
        with m.If(chunk | row_taken):
            m.d.sync += rows_left.eq(counted(rows_left, activations, rows.size))
        with m.If(chunk | step_taken):
            m.d.sync += [
                steps_left.eq(counted(steps_left, weights, chunks.size)),
                last_step.eq(Mux(chunk, chunks.one, steps_left == 2)),
            ]

        # Addresses, in beats: of the row on offer, of the block's first row, of the weights. While
        # weights are asked for, the row's address becomes that of the parameters.
        beat_bits = bus.bytes.bit_length() - 1
        width = bus.addr_width - beat_bits
        row = Signal(width)  # reset: without a table, the parameters' address is a scale
        first_row = Signal(width, reset_less=True)
        step = Signal(width, reset_less=True)
        stride = Signal(width)
        before = Signal(width)  # in the row of A, before the chunk
        table_before = Signal(width)
        tiles_before = Signal(width)
        m.d.comb += [
            stride.eq(job.a_stride >> beat_bits),
            before.eq(chunks.offset * config.panel_bytes >> beat_bits),
            table_before.eq(columns.offset * (PARAMETER_BYTES * config.col_pitch) >> beat_bits),
            tiles_before.eq(times(columns.offset, config.tile_bytes) >> beat_bits),
        ]
        with m.If(chunk | row_taken | weights):
            base = Mux(activations, row, Mux(chunk, first_row, job.params >> beat_bits))
            m.d.sync += row.eq(base + Mux(activations, stride, Mux(chunk, before, table_before)))
        # It goes on to the next block's with the last chunk that is loaded for its rows.
        with m.If(idle | (row_taken & last_chunk & (first_chunk | last_columns))):
            m.d.sync += first_row.eq(Mux(idle, job.a_addr >> beat_bits, first_row + stride))
        with m.If((chunk & first_chunk) | step_taken):
            m.d.sync += step.eq(
                Mux(weights, step, job.b_addr >> beat_bits)
                + Mux(weights, job.b_stride >> beat_bits, tiles_before)
            )

        # Requests.
        tile_beats = config.tile_bytes // bus.bytes
        table_beats = PARAMETER_BYTES * config.col_pitch // bus.bytes
        block_beats = Mux(weights, times(panels, tile_beats), panels * table_beats)
        block_target = Mux(weights, Target.WEIGHT, Target.PARAMETER)
        m.d.comb += [
            self.request.valid.eq(activations | (weights & room) | (parameters & tables.some)),
            self.waiting.eq((chunk & ~opens) | (weights & ~room) | (parameters & ~tables.some)),
            request.addr[beat_bits:].eq(Mux(weights, step, row)),
            request.beats.eq(Mux(activations, row_beats, block_beats)),
            tag.target.eq(Mux(activations, Target.ACTIVATION, block_target)),
            tag.end_chunk.eq(activations & last_row),
            tag.end_job.eq((weights & last_step & ends) | (parameters & last_columns & last_rows)),
        ]

        return m

    def _row_beats(self, m: Module, chunks: Pieces) -> Value:
        """Beats of a row of the chunk."""
        config = self.config
        panel_beats, word_panels = (
            config.beats_per_activation_word,
            config.panels_per_activation_word,
        )
        if panel_beats == 1:
            return (chunks.size + (word_panels - 1)) >> (word_panels.bit_length() - 1)
        # All panels are whole but the last of K: its beats modulo those of a panel.
        bits = panel_beats.bit_length() - 1
        tail = Signal(bits)
        m.d.comb += tail.eq(Mux(chunks.last, self.job.p.k_tail_beats, 0))
        return Cat(tail, (chunks.size - (tail != 0))[: len(chunks.size)])
