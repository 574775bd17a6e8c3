# SPDX-License-Identifier: Apache-2.0
"""Store engine: reads finished blocks for post-processing and asks for their place in memory."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.write import write_request_layout
from ..config import PARAMETER_BYTES, AcceleratorConfig
from ..memory.parameter import ParameterMemory
from ..memory.sram import address_width
from ..post.payload import sums_layout
from .job import StoreJob
from .tokens import Tokens

__all__ = ["StoreEngine"]


class StoreEngine(wiring.Component):
    """Walks the blocks of a job row by row, ``post_lanes`` columns per cycle.

    A block starts when its accumulator bank is filled and, with a table, its parameters are. For
    each row one write request goes out with the row's first columns. ``r_*`` read the accumulator
    and the parameter memory, whose answers come back as ``sums`` and ``entries`` in the next cycle
    and leave as ``columns`` after that of the cycle in which ``columns`` can take them.

    ``settings`` hold the job's options for post-processing; they change only while ``post_idle``.
    The last request of a job has ``end`` set.
    """

    JOB_SETUP = 3
    """Cycles from taking a job until its first block can start."""
    BLOCK_SETUP = 2
    """Cycles from the last columns of a block leaving until the next of the same rows can start."""
    ROWS_SETUP = 3
    """The same for a block of other rows."""
    REQUEST_LATENCY = 1
    """Cycles from the start of a block to its first request."""

    job: stream.Interface  # In, StoreJob
    accumulator_filled: Signal  # In
    parameter_filled: Signal  # In
    accumulator_freed: Signal  # Out
    parameter_freed: Signal  # Out
    r_en: Signal  # Out
    r_bank: Signal  # Out
    r_addr: Signal  # Out
    r_half: Signal  # Out
    r_group: Signal  # Out
    sums: data.View  # In, ArrayLayout(signed(acc_width), cols)
    entries: data.View  # In, ArrayLayout(64, post_lanes)
    columns: stream.Interface  # Out, sums_layout
    settings: data.View  # Out, StoreJob
    request: stream.Interface  # Out, write_request_layout
    post_idle: Signal  # In
    wait_parameter: Signal  # Out
    working: Signal  # Out, columns are on their way to post-processing

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        precision, lanes = config.precision, config.build.post_lanes
        groups = address_width(ParameterMemory.groups(config))
        sums = data.ArrayLayout(signed(precision.acc_width), config.cols)
        entries = data.ArrayLayout(8 * PARAMETER_BYTES, lanes)
        super().__init__(
            {
                "job": In(stream.Signature(StoreJob(config))),
                "accumulator_filled": In(1),
                "parameter_filled": In(1),
                "accumulator_freed": Out(1),
                "parameter_freed": Out(1),
                "r_en": Out(1),
                "r_bank": Out(1),
                "r_addr": Out(address_width(config.sram.accumulator_rows)),
                "r_half": Out(1),
                "r_group": Out(groups),
                "sums": In(sums),
                "entries": In(entries),
                "columns": Out(stream.Signature(sums_layout(precision, lanes))),
                "settings": Out(StoreJob(config)),
                "request": Out(stream.Signature(write_request_layout(config.bus))),
                "post_idle": In(1),
                "wait_parameter": Out(1),
                "working": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bus = self.config, self.config.bus
        lanes = config.build.post_lanes
        groups_per_panel = config.col_pitch // lanes
        beat_bits = bus.bytes.bit_length() - 1

        m.submodules.banks = banks = Tokens(2)
        m.submodules.tables = tables = Tokens(2)
        m.d.comb += [
            banks.put.eq(self.accumulator_filled),
            tables.put.eq(self.parameter_filled),
        ]

        job = Signal(StoreJob(config))
        blocks = job.blocks
        m.d.comb += self.settings.eq(job)

        # The block: rows and panels, what is left beyond it, where it starts, beats of a row of it.
        m_left = Signal.like(blocks.m)
        rows = Signal.like(blocks.tile_rows)
        panels_left = Signal.like(blocks.panels)
        panels = Signal(range(config.sram.column_panels + 1))
        full_panels = Signal.like(panels)
        m.d.comb += full_panels.eq(1 << blocks.n_panels_log2)
        ends_row = Signal()  # the block holds the last columns of D
        last_columns = Signal()
        last_block = Signal()
        m.d.comb += [
            last_columns.eq(panels_left == panels),
            last_block.eq(last_columns & (m_left == rows)),
        ]
        d_rows = Signal(bus.addr_width)
        d_block = Signal(bus.addr_width)
        d_next = Signal(bus.addr_width)
        first_block = Signal()
        bank = Signal()
        half = Signal()

        elements = Signal(range(config.sram.column_panels * config.col_pitch + 1))
        beats = Signal(range(config.sram.column_panels * config.col_pitch * 4 // bus.bytes + 1))
        with m.If(ends_row):
            m.d.comb += elements.eq((panels - 1) * config.col_pitch + job.n_tail)
        with m.Else():
            m.d.comb += elements.eq((panels - 1) * config.col_pitch + config.cols)

        # Where the next columns stand.
        row_left = Signal.like(rows)
        row_start = Signal.like(self.r_addr)
        addr = Signal.like(self.r_addr)
        panel_left = Signal.like(panels)
        group = Signal(address_width(groups_per_panel))
        entry = Signal.like(self.r_group)
        row_addr = Signal(bus.addr_width)
        row_begins = Signal()

        last_panel = Signal()
        columns_left = Signal(range(config.cols + 1))  # from this group to the end of its panel
        columns_of_panel = Signal.like(columns_left)
        m.d.comb += [
            last_panel.eq(panel_left == 1),
            columns_of_panel.eq(Mux(ends_row & last_panel, job.n_tail, config.cols)),
            columns_left.eq(
                Mux(columns_of_panel > group * lanes, columns_of_panel - group * lanes, 0)
            ),
        ]
        count = Signal(range(lanes + 1))
        row_ends = Signal()
        m.d.comb += [
            count.eq(Mux(columns_left > lanes, lanes, columns_left)),
            row_ends.eq(last_panel & (columns_left <= lanes)),
        ]

        # Two stages: the memories are read, then columns are offered with what was read.
        offered = Signal()
        moves = Signal()
        reading = Signal()
        m.d.comb += [
            moves.eq(~offered | self.columns.ready),
            self.columns.valid.eq(offered),
            self.r_bank.eq(bank),
            self.r_addr.eq(addr),
            self.r_half.eq(half),
            self.r_group.eq(entry),
            self.request.p.addr.eq(row_addr),
            self.request.p.beats.eq(beats),
            self.request.p.end.eq(last_block & (row_left == 1)),
            self.working.eq(offered | reading),
        ]
        group_q = Signal.like(group)
        with m.If(moves):
            m.d.sync += offered.eq(self.r_en)
        with m.If(self.r_en):
            m.d.sync += [
                self.columns.p.count.eq(count),
                self.columns.p.last.eq(row_ends),
                group_q.eq(group),
            ]
        width = config.precision.acc_width
        chosen = self.sums.as_value()
        if groups_per_panel > 1:
            padded = Signal(config.col_pitch * width)
            m.d.comb += padded.eq(chosen)
            chosen = padded.word_select(group_q, lanes * width)
        m.d.comb += self.columns.p.sums.as_value().eq(chosen)
        for lane in range(lanes):
            m.d.comb += [
                self.columns.p.biases[lane].eq(self.entries[lane][:32].as_signed()),
                self.columns.p.words[lane].eq(self.entries[lane][32:]),
            ]

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.job.ready.eq(self.post_idle & ~offered)
                with m.If(self.job.valid & self.job.ready):
                    m.d.sync += [
                        job.eq(self.job.p),
                        m_left.eq(self.job.p.blocks.m),
                        d_rows.eq(self.job.p.d_addr),
                    ]
                    m.next = "ROWS"

            with m.State("ROWS"):
                m.d.sync += [
                    rows.eq(Mux(m_left <= blocks.tile_rows, m_left, blocks.tile_rows)),
                    panels_left.eq(blocks.panels),
                    d_block.eq(d_rows),
                    first_block.eq(1),
                ]
                m.next = "BLOCK"

            with m.State("BLOCK"):
                m.d.sync += [
                    ends_row.eq(panels_left <= full_panels),
                    panels.eq(Mux(panels_left <= full_panels, panels_left, full_panels)),
                ]
                m.next = "WAIT"

            with m.State("WAIT"):
                scaled = Mux(job.raw, elements << 2, elements)
                m.d.comb += self.wait_parameter.eq(banks.some & job.table & ~tables.some)
                m.d.sync += [
                    beats.eq((scaled + (bus.bytes - 1)) >> beat_bits),
                    row_left.eq(rows),
                    row_start.eq(1),
                    addr.eq(0),
                    panel_left.eq(panels),
                    group.eq(0),
                    entry.eq(0),
                    row_addr.eq(d_block),
                    row_begins.eq(1),
                ]
                with m.If(banks.some & (tables.some | ~job.table)):
                    m.d.comb += [banks.take.eq(1), tables.take.eq(job.table)]
                    m.next = "COLUMNS"

            with m.State("COLUMNS"):
                m.d.comb += [
                    reading.eq(1),
                    self.request.valid.eq(row_begins & moves),
                    self.r_en.eq(moves & (~row_begins | self.request.ready)),
                ]
                with m.If(self.r_en):
                    m.d.sync += [row_begins.eq(0), group.eq(group + 1), entry.eq(entry + 1)]
                    with m.If(group == groups_per_panel - 1):
                        m.d.sync += [
                            group.eq(0),
                            panel_left.eq(panel_left - 1),
                            addr.eq(addr + rows),
                        ]
                    with m.If(row_ends):
                        m.d.sync += [
                            group.eq(0),
                            entry.eq(0),
                            panel_left.eq(panels),
                            addr.eq(row_start),
                            row_start.eq(row_start + 1),
                            row_addr.eq(row_addr + job.d_stride),
                            row_left.eq(row_left - 1),
                            row_begins.eq(1),
                        ]
                        with m.If(row_left == 1):
                            m.next = "NEXT"

            with m.State("NEXT"):
                # The bank is given back when the last columns read from it have left.
                pitch = Mux(job.raw, 4 * config.col_pitch, config.col_pitch)
                m.d.comb += [
                    self.accumulator_freed.eq(moves),
                    self.parameter_freed.eq(moves & job.table),
                ]
                with m.If(moves):
                    m.d.sync += [
                        bank.eq(~bank),
                        half.eq(half ^ job.table),
                        panels_left.eq(panels_left - panels),
                        d_block.eq(d_block + (pitch << blocks.n_panels_log2)),
                        first_block.eq(0),
                    ]
                    with m.If(first_block):
                        m.d.sync += d_next.eq(row_addr)
                    m.next = "BLOCK"
                    with m.If(last_columns):
                        m.d.sync += [
                            m_left.eq(m_left - rows),
                            d_rows.eq(Mux(first_block, row_addr, d_next)),
                        ]
                        m.next = "ROWS"
                    with m.If(last_block):
                        m.next = "IDLE"

        return m
