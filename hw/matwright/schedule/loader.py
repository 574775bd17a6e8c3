# SPDX-License-Identifier: Apache-2.0
"""Load engine: turns a job into read requests, as far ahead as the on-chip memories have room."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.burst import BEATS_WIDTH
from ..bus.read import read_request_layout
from ..config import PARAMETER_BYTES, AcceleratorConfig
from .job import LoadJob, chunk_panels
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
    """

    CHUNK_SETUP = 1
    """Cycles without a request before the next chunk of a block."""
    REUSE_SETUP = 2
    """Cycles without a request before a block that reads the chunk of the block before it."""
    BLOCK_SETUP = 3
    """Cycles without a request before any other block; from taking a job to its first request."""
    JOB_SETUP = 2
    """Cycles from the last request of a job until the next job can be taken."""

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
        request, tag = self.request.p, data.View(ReadTag(), self.request.p.tag)
        panel_beats = config.beats_per_activation_word
        word_panels = config.panels_per_activation_word
        tile_beats = config.tile_bytes // bus.bytes
        parameter_beats = PARAMETER_BYTES * config.col_pitch // bus.bytes
        most_panels = config.sram.column_panels

        job = Signal(LoadJob(config))
        blocks = job.blocks
        m.submodules.halves = halves = Tokens(2, init=2)
        m.submodules.tiles = tiles = Tokens(config.sram.weight_tiles, init=config.sram.weight_tiles)
        m.submodules.tables = tables = Tokens(2, init=2)
        m.d.comb += [
            halves.put.eq(self.activation_freed),
            tiles.put.eq(self.weight_freed),
            tables.put.eq(self.parameter_freed),
        ]

        # The block: its rows and column panels, what is left beyond it, where it starts.
        m_left = Signal.like(blocks.m)
        rows = Signal.like(blocks.tile_rows)
        panels_left = Signal.like(blocks.panels)
        panels = Signal(range(most_panels + 1))
        a_block = Signal(bus.addr_width)
        b_block = Signal(bus.addr_width)
        table = Signal(bus.addr_width)
        full_panels = Signal(range(most_panels + 1))
        m.d.comb += full_panels.eq(1 << blocks.n_panels_log2)

        last_columns = Signal()
        last_block = Signal()
        m.d.comb += [
            last_columns.eq(panels_left == panels),
            last_block.eq(last_columns & (m_left == rows)),
        ]

        # The chunk: panels of K in it, left after it, offset of its first byte in a row of A.
        k_left = Signal.like(job.k_panels)
        offset = Signal(bus.addr_width)
        b_panel = Signal(bus.addr_width)
        k_full = Signal(range(chunk_panels(config) + 1))
        m.d.comb += k_full.eq(1 << job.k_panels_log2)
        whole = Signal()  # one chunk holds all of K: it serves every block of the same rows
        m.d.comb += whole.eq(job.k_panels <= k_full)
        k_ends = Signal()
        k_chunk = Signal.like(k_full)
        m.d.comb += [k_ends.eq(k_left <= k_full), k_chunk.eq(Mux(k_ends, k_left, k_full))]
        chunk_beats = Signal(BEATS_WIDTH)
        if panel_beats == 1:
            m.d.comb += chunk_beats.eq(
                (k_chunk + (word_panels - 1)) >> (word_panels.bit_length() - 1)
            )
        else:
            tail = Mux(k_ends, job.k_tail_beats, panel_beats)
            m.d.comb += chunk_beats.eq((k_chunk - 1) * panel_beats + tail)

        row_addr = Signal(bus.addr_width)
        rows_left = Signal.like(rows)
        segment = Signal(BEATS_WIDTH)
        steps_left = Signal.like(k_chunk)
        next_row = Signal(bus.addr_width)
        m.d.comb += next_row.eq(row_addr + job.a_stride)
        a_next = Signal(bus.addr_width)
        first_chunk = Signal()

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.job.ready.eq(1)
                m.d.sync += job.eq(self.job.p)
                with m.If(self.job.valid):
                    m.d.sync += [
                        m_left.eq(self.job.p.blocks.m),
                        a_block.eq(self.job.p.a_addr),
                    ]
                    m.next = "ROWS"

            with m.State("ROWS"):
                m.d.sync += [
                    rows.eq(Mux(m_left <= blocks.tile_rows, m_left, blocks.tile_rows)),
                    panels.eq(Mux(blocks.panels <= full_panels, blocks.panels, full_panels)),
                    panels_left.eq(blocks.panels),
                    k_left.eq(job.k_panels),
                    offset.eq(0),
                    b_block.eq(job.b_addr),
                    b_panel.eq(job.b_addr),
                    table.eq(job.params),
                    first_chunk.eq(1),
                ]
                m.next = "CHUNK"

            with m.State("BLOCK"):
                m.d.sync += [
                    panels.eq(Mux(panels_left <= full_panels, panels_left, full_panels)),
                    b_panel.eq(b_block),
                ]
                with m.If(whole):
                    m.d.sync += [k_left.eq(0), steps_left.eq(job.k_panels)]
                    m.next = "WEIGHTS"
                with m.Else():
                    m.d.sync += [k_left.eq(job.k_panels), offset.eq(0)]
                    m.next = "CHUNK"

            with m.State("CHUNK"):
                m.d.comb += self.waiting.eq(~halves.some)
                m.d.sync += [
                    row_addr.eq(a_block + offset),
                    rows_left.eq(rows),
                    segment.eq(chunk_beats),
                    steps_left.eq(k_chunk),
                ]
                with m.If(halves.some):
                    m.d.comb += halves.take.eq(1)
                    m.next = "ACTIVATIONS"

            with m.State("ACTIVATIONS"):
                m.d.comb += [
                    self.request.valid.eq(1),
                    request.addr.eq(row_addr),
                    request.beats.eq(segment),
                    tag.target.eq(Target.ACTIVATION),
                    tag.end_chunk.eq(rows_left == 1),
                ]
                with m.If(self.request.ready):
                    m.d.sync += [row_addr.eq(next_row), rows_left.eq(rows_left - 1)]
                    with m.If(rows_left == 1):
                        with m.If(first_chunk):
                            m.d.sync += a_next.eq(next_row)
                        m.d.sync += [
                            k_left.eq(k_left - k_chunk),
                            offset.eq(offset + (config.panel_bytes << job.k_panels_log2)),
                            first_chunk.eq(0),
                        ]
                        m.next = "WEIGHTS"

            with m.State("WEIGHTS"):
                m.d.comb += [
                    self.waiting.eq(tiles.count < panels),
                    self.request.valid.eq(tiles.count >= panels),
                    request.addr.eq(b_panel),
                    request.beats.eq(panels * tile_beats),
                    tag.target.eq(Target.WEIGHT),
                    tag.end_job.eq(last_block & (steps_left == 1) & (k_left == 0) & ~job.table),
                ]
                with m.If(self.request.valid & self.request.ready):
                    m.d.comb += [tiles.take.eq(1), tiles.amount.eq(panels)]
                    m.d.sync += [b_panel.eq(b_panel + job.b_stride), steps_left.eq(steps_left - 1)]
                    with m.If(steps_left == 1):
                        m.next = "CHUNK"
                        with m.If(k_left == 0):
                            m.next = "NEXT"
                            with m.If(job.table):
                                m.next = "PARAMETERS"

            with m.State("PARAMETERS"):
                m.d.comb += [
                    self.waiting.eq(~tables.some),
                    self.request.valid.eq(tables.some),
                    request.addr.eq(table),
                    request.beats.eq(panels * parameter_beats),
                    tag.target.eq(Target.PARAMETER),
                    tag.end_job.eq(last_block),
                ]
                with m.If(self.request.valid & self.request.ready):
                    m.d.comb += tables.take.eq(1)
                    m.next = "NEXT"

            with m.State("NEXT"):
                m.d.sync += [
                    panels_left.eq(panels_left - panels),
                    b_block.eq(b_block + (config.tile_bytes << blocks.n_panels_log2)),
                    table.eq(
                        table + ((PARAMETER_BYTES * config.col_pitch) << blocks.n_panels_log2)
                    ),
                ]
                m.next = "BLOCK"
                with m.If(last_columns):
                    m.d.sync += [m_left.eq(m_left - rows), a_block.eq(a_next)]
                    m.next = "ROWS"
                with m.If(last_block):
                    m.next = "IDLE"

        return m
