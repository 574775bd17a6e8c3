# SPDX-License-Identifier: Apache-2.0
"""Store engine: reads finished blocks for post-processing and asks for their place in memory."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.write import write_request_layout
from ..config import PARAMETER_BYTES, AcceleratorConfig, Build
from ..memory.accumulator import Accumulator
from ..memory.parameter import ParameterMemory
from ..memory.sram import address_width
from ..post.payload import sums_layout
from .job import StoreJob
from .pieces import counted, cut_blocks
from .tokens import Tokens

__all__ = ["StoreEngine"]


class StoreEngine(wiring.Component):
    """Walks the blocks of a job row by row, ``post_lanes`` columns per cycle.

    A block starts when its accumulator bank is filled and, with a table, its parameters are. Each
    row has a write request; its columns follow from the cycle in which that is taken on. ``r_*`` read
    the accumulator and the parameter memory, whose answers come back as ``sums`` and ``entries`` after
    :meth:`.Accumulator.latency` and leave as ``columns`` in the cycle in which these can take them.
    The last request of a job has ``end`` set. With ``queued_results`` columns are read only
    when ``columns`` is ready, told with ``comes``, and come without waiting; ``r_*`` are registers.

    ``settings`` are the payload of ``job``, which is looked at until ``ready``: that is, until all of
    its columns have left and after that ``post_idle``.
    """

    JOB_SETUP = 2
    """Cycles from a job on offer until its first block can start."""
    BLOCK_SETUP = 2
    """Cycles from the last columns of a block leaving the memories until the next block can start."""
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
    r_group: Signal  # Out, group of columns of the block
    r_columns: Signal  # Out, group of columns of the panel
    r_moves: Signal  # Out, what was read goes on; if results_wait
    sums: data.View  # In, ArrayLayout(signed(acc_width), post_lanes)
    entries: data.View  # In, ArrayLayout(64, post_lanes)
    columns: stream.Interface  # Out, sums_layout
    comes: Signal  # Out, if queued_results
    settings: data.View  # Out, StoreJob
    request: stream.Interface  # Out, write_request_layout
    post_idle: Signal  # In
    wait_parameter: Signal  # Out
    working: Signal  # Out, columns are on their way to post-processing

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        precision, lanes = config.precision, config.build.post_lanes
        groups = address_width(ParameterMemory.groups(config))
        sums = data.ArrayLayout(signed(precision.acc_width), lanes)
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
                "r_columns": Out(address_width(config.col_pitch // lanes)),
                **({"r_moves": Out(1)} if config.build.results_wait else {}),
                "sums": In(sums),
                "entries": In(entries),
                "columns": Out(stream.Signature(sums_layout(precision, lanes))),
                **({"comes": Out(1)} if config.build.queued_results else {}),
                "settings": Out(StoreJob(config)),
                "request": Out(stream.Signature(write_request_layout(config.bus))),
                "post_idle": In(1),
                "wait_parameter": Out(1),
                "working": Out(1),
            }
        )

    @staticmethod
    def stages(build: Build) -> int:
        """Cycles in which something moves, from a read until its columns are on offer."""
        return Accumulator.latency(build) + build.queued_results

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bus = self.config, self.config.bus
        queued = config.build.queued_results
        job = self.job.p
        cols, pitch, lanes = config.cols, config.col_pitch, config.build.post_lanes
        lane_bits, beat_bits = lanes.bit_length() - 1, bus.bytes.bit_length() - 1
        groups_per_panel = pitch // lanes
        group_bits = groups_per_panel.bit_length() - 1
        m.d.comb += self.settings.eq(job)

        # What goes on, one at a time.
        idle = Signal(init=1)
        block = Signal()  # a block is begun
        waits = Signal()
        reading = Signal()
        leaves = Signal()  # the last columns of a block leave
        drains = Signal()

        # Where in the job: rows and column panels of the block.
        rows, columns = cut_blocks(m, config, job.blocks, block)
        block_rows = Signal.like(rows.size, reset_less=True)
        final_panel = Signal(address_width(config.sram.column_panels), reset_less=True)
        last_columns = Signal(reset_less=True)
        last_block = Signal(reset_less=True)
        bank = Signal()
        half = Signal()

        # Where the next columns stand: groups of lanes, panel by panel, in a row of the block.
        entry = Signal.like(self.r_group, reset_less=True)
        group = entry[:group_bits]
        addr = Signal.like(self.r_addr, reset_less=True)
        row = Signal.like(block_rows, reset_less=True)  # the row after this one
        row_begins = Signal(reset_less=True)
        last_panel = Signal()
        last_row = Signal()
        m.d.comb += [
            last_panel.eq(entry[group_bits:] == final_panel),
            last_row.eq(row == block_rows),
        ]

        # The row ends with the group of its last column; in the groups before, lanes are padding
        # only where the sides of the array are no powers of two.
        tail = Signal(range(cols))  # the last column of D in its panel
        final_column = Signal(range(cols))
        final_group = Signal(group_bits + len(final_panel))
        groups_left = Signal(group_bits + len(final_panel), reset_less=True)
        goes_on = Signal(reset_less=True)  # the row, after this group
        count = Signal(range(lanes + 1))
        m.d.comb += [
            tail.eq(job.n_tail - 1),
            final_column.eq(Mux(last_columns, tail, cols - 1)),
            final_group.eq(Cat((final_column >> lane_bits)[:group_bits], final_panel)),
            count.eq(lanes),
        ]
        with m.If(~goes_on & last_columns):
            m.d.comb += count.eq(tail[:lane_bits] + 1)
        with m.Elif(~(last_panel & last_columns)):
            with m.Switch(group):
                for i in range(cols // lanes, groups_per_panel):
                    with m.Case(i):
                        m.d.comb += count.eq(max(0, cols - i * lanes))

        # What happens in the cycle. The memories are read, and columns are offered with what was
        # read, which is as far behind as the memories take; all that is between goes on together.
        m.submodules.banks = banks = Tokens(2)
        m.submodules.tables = tables = Tokens(2)
        opens = Signal()
        stages = self.stages(config.build)
        offered = Signal(stages)  # the last bit: columns are on offer
        moves = Signal()
        goes = self.columns.ready if queued else moves
        # With registers the memories have one of their own for what is on offer.
        inside: Value = offered[0] if stages > 1 else Const(0)
        left: Value = offered[2:].any() if stages > 1 else Const(0)
        reads = Signal()
        over = Signal()
        row_done = Signal()
        block_done = Signal()
        m.d.comb += [
            banks.put.eq(self.accumulator_filled),
            tables.put.eq(self.parameter_filled),
            opens.eq(waits & banks.some & (tables.some | ~job.table)),
            banks.take.eq(opens),
            tables.take.eq(opens & job.table),
            self.wait_parameter.eq(waits & banks.some & ~tables.some & job.table),
            moves.eq(~offered[-1] | self.columns.ready | queued),
            reads.eq(reading & goes & (~row_begins | self.request.ready)),
            row_done.eq(reads & ~goes_on),
            block_done.eq(leaves & moves & ~inside),
            self.accumulator_freed.eq(block_done),
            self.parameter_freed.eq(block_done & job.table),
            over.eq(drains & self.post_idle & ~left),
            rows.start.eq(idle),
            rows.step.eq(block_done & last_columns),
            columns.start.eq(idle | (block_done & last_columns)),
            columns.step.eq(block_done & ~last_columns),
        ]
        m.d.sync += [
            idle.eq((idle & ~self.job.valid) | self.job.ready),
            block.eq((idle & self.job.valid) | (block_done & ~last_block)),
            waits.eq(block | (waits & ~opens)),
            reading.eq(opens | (reading & ~(row_done & last_row))),
            leaves.eq((row_done & last_row) | (leaves & ~block_done)),
            drains.eq((block_done & last_block) | (drains & ~self.job.ready)),
            bank.eq(bank ^ block_done),
            half.eq(half ^ (block_done & job.table)),
        ]
        with m.If(moves):
            m.d.sync += offered.eq(Cat(reads, offered))
        with m.If(block):
            m.d.sync += [
                block_rows.eq(rows.size),
                final_panel.eq(~columns.minus),
                last_columns.eq(columns.last),
                last_block.eq(columns.last & rows.last),
            ]

        # On to the next group, panel, row.
        with m.If(block):
            m.d.sync += goes_on.eq(0)
        with m.Elif(opens | reads):
            m.d.sync += [
                goes_on.eq(Mux(goes_on, groups_left != 1, final_group != 0)),
                groups_left.eq(counted(groups_left, goes_on, final_group)),
                entry.eq(Mux(goes_on, entry + 1, 0)),
                row_begins.eq(~goes_on),
            ]
        with m.Elif(self.request.ready):
            m.d.sync += row_begins.eq(0)
        with m.If(waits):
            m.d.sync += [row.eq(1), addr.eq(0)]
        with m.Elif(row_done):
            m.d.sync += [row.eq(row + 1), addr.eq(row)]
        with m.Elif(reads & (group == groups_per_panel - 1)):
            m.d.sync += addr.eq(addr + block_rows)

        # Addresses, in beats: of the row, of the first row of the next block.
        shape = bus.addr_width - beat_bits
        row_addr = Signal(shape, reset_less=True)
        d_block = Signal(shape, reset_less=True)
        stride = Signal(shape)
        before = columns.offset * pitch
        m.d.comb += stride.eq(job.d_stride >> beat_bits)
        with m.If(block | row_done):
            m.d.sync += row_addr.eq(
                Mux(block, d_block, row_addr)
                + Mux(block, (Mux(job.raw, 4 * before, before) >> beat_bits)[:shape], stride)
            )
        with m.If(idle | (row_done & last_columns)):
            m.d.sync += d_block.eq(Mux(idle, job.d_addr >> beat_bits, d_block + stride))

        # Beats of a row, from the element that is its last.
        final = Cat((final_column)[: pitch.bit_length() - 1], final_panel)
        beats = Signal(
            range(config.sram.column_panels * pitch * 4 // bus.bytes + 1), reset_less=True
        )
        m.d.sync += beats.eq((Mux(job.raw, Cat(Const(3, 2), final), final) >> beat_bits) + 1)

        item: Value = Cat(count, ~goes_on)
        for stage in range(stages):
            later = Signal(len(item), name=f"item_{stage + 1}")
            with m.If(moves if stage else reads):
                m.d.sync += later.eq(item)
            item = later
        m.d.comb += self.job.ready.eq(over)
        if queued:
            # What takes the next job may be far, and so may post-processing.
            ends = Signal()
            m.d.sync += ends.eq(over & ~ends)
            m.d.comb += [self.job.ready.eq(ends), self.comes.eq(reads)]
        if config.build.results_wait:
            m.d.comb += self.r_moves.eq(moves)
        domain = m.d.sync if queued else m.d.comb
        domain += [
            self.r_en.eq(reads),
            self.r_bank.eq(bank),
            self.r_addr.eq(addr),
            self.r_half.eq(half),
            self.r_group.eq(entry),
            self.r_columns.eq(group),
        ]
        m.d.comb += [
            self.request.valid.eq(reading & row_begins),
            self.request.p.addr[beat_bits:].eq(row_addr),
            self.request.p.beats.eq(beats),
            self.request.p.end.eq(last_block & last_row),
            self.columns.valid.eq(offered[-1]),
            Cat(self.columns.p.count, self.columns.p.last).eq(item),
            self.columns.p.sums.eq(self.sums),
            self.working.eq(offered.any() | reading),
        ]
        for lane in range(lanes):
            m.d.comb += [
                self.columns.p.biases[lane].eq(self.entries[lane][:32].as_signed()),
                self.columns.p.words[lane].eq(self.entries[lane][32:]),
            ]

        return m
