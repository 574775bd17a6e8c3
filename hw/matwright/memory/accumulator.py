# SPDX-License-Identifier: Apache-2.0
"""Accumulator banks: partial sums are added where they leave the array, column by column."""

from functools import partial

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig, Build
from ..core.array import SystolicArray
from ..platform.place import place
from .accumulator_columns import AccumulateStep, AccumulatorColumns
from .marks import Marks
from .protected import Injector, protection_ports
from .sram import address_width, read_latency

__all__ = ["AccumulateCommand", "Accumulator"]


class AccumulateCommand(data.StructLayout):
    """What becomes of one row of partial sums.

    ``first`` makes it replace row ``addr`` of ``bank`` instead of being added; ``done`` comes with the
    last row of an output block.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "valid": 1,
                "bank": 1,
                "addr": address_width(config.sram.accumulator_rows),
                "first": 1,
                "done": 1,
            }
        )


class Accumulator(wiring.Component):
    """Two banks of ``accumulator_rows`` rows of ``cols`` sums: one is filled while one is stored.

    *Adding.* ``command`` comes :meth:`lead` cycles before column 0 of ``psum``, and so in the skew of the
    array: column c takes its sum c cycles later. A row comes in every cycle; the same row of the same
    bank comes back after ``load_cycles`` cycles at the earliest. ``filled`` pulses in the cycle
    after which a block whose last row was ``done`` may be read.

    *Reading.* ``sums`` holds columns ``r_group * post_lanes`` on of row ``r_addr`` of ``r_bank``
    :meth:`latency` cycles after ``r_en``, until the next ``r_en``; columns beyond the last are 0. With
    ``results_wait`` those are cycles in which ``r_moves`` is high, that of ``r_en`` among them: while
    it is low, all that was read stays. The bank read is one that is not being added to.

    *Written.* The rows of a block are ``first`` in order from row 0, with which what the bank held
    before ends. After ``forget`` no row counts as written, nor do those of a block that is under way
    then. An unwritten row counts as 0 where it is added to and where it is read, and ``unwritten``
    pulses a cycle after that ``command`` or ``r_en``.

    With protection there are the ports of :func:`.protected.protection_ports`; column c of bank b has
    number ``b * cols + c``.
    """

    command: data.View  # In, AccumulateCommand
    psum: data.View  # In, ArrayLayout(signed(psum_width), cols)
    filled: Signal  # Out
    r_en: Signal  # In
    r_bank: Signal  # In
    r_addr: Signal  # In
    r_group: Signal  # In
    r_moves: Signal  # In, if results_wait
    sums: data.View  # Out, ArrayLayout(signed(acc_width), post_lanes)
    forget: Signal  # In
    unwritten: Signal  # Out

    GROUP = 8
    """Columns of a part; the last has what is left."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        build = config.build
        psum = signed(SystolicArray.psum_width(config))
        sum_shape = signed(config.precision.acc_width)
        super().__init__(
            {
                "command": In(AccumulateCommand(config)),
                "psum": In(data.ArrayLayout(psum, config.cols)),
                "filled": Out(1),
                "r_en": In(1),
                "r_bank": In(1),
                "r_addr": In(address_width(config.sram.accumulator_rows)),
                "r_group": In(address_width(config.col_pitch // build.post_lanes)),
                **({"r_moves": In(1)} if build.results_wait else {}),
                "sums": Out(data.ArrayLayout(sum_shape, build.post_lanes)),
                "forget": In(1),
                "unwritten": Out(1),
                **protection_ports(build),
            }
        )

    @staticmethod
    def latency(build: Build) -> int:
        """Cycles from ``r_en`` to ``sums``."""
        return 1 + 2 * build.sram_registers

    @staticmethod
    def lead(build: Build) -> int:
        """Cycles from ``command`` to column 0 of ``psum``."""
        return AccumulatorColumns.lead(build)

    @staticmethod
    def hazard(build: Build) -> int:
        """Cycles after which a sum can be read back from its bank instead of being forwarded."""
        return AccumulatorColumns.lead(build) + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, build = self.config, self.config.build

        # Adding to an unwritten row is what `first` does.
        m.submodules.marks = marks = Marks(config.sram.accumulator_rows, readers=2)
        begins = self.command.valid & self.command.first
        m.d.comb += [
            marks.forget.eq(self.forget),
            marks.w_begin.eq(begins),
            marks.w_end.eq(begins),
            marks.w_half.eq(self.command.bank),
            marks.w_row.eq(self.command.addr),
            marks.reads[0].half.eq(self.command.bank),
            marks.reads[0].row.eq(self.command.addr),
            marks.reads[1].half.eq(self.r_bank),
            marks.reads[1].row.eq(self.r_addr),
        ]
        # Each use has a flip-flop beside its comparison.
        added, stored_row = Signal(), Signal()
        m.d.sync += [
            added.eq(self.command.valid & ~self.command.first & ~marks.written[0]),
            stored_row.eq(self.r_en & ~marks.written[1]),
        ]
        m.d.comb += self.unwritten.eq(added | stored_row)

        # What columns do waits in a chain of registers, for each one a cycle longer.
        layout = AccumulateStep(config)
        step = Signal(layout)
        count = AccumulatorColumns.stages(config, config.cols)
        # After a reset nothing is taken over from what a bank still has on its output.
        idle = layout.const({"first": 1}).as_value().value
        init = sum(idle << i * layout.size for i in range(count - 1))
        chain = Signal((count - 1) * layout.size, init=init)
        steps = Cat(step, chain)
        m.d.sync += chain.eq(steps)
        m.d.comb += [
            step.valid.eq(self.command.valid),
            step.bank.eq(self.command.bank),
            step.addr.eq(self.command.addr),
            step.first.eq(self.command.first | ~marks.written[0]),
            step.done.eq(self.command.done),
        ]
        nearer: Value = step.first
        for i, distance in enumerate(AccumulatorColumns.distances(config)):
            before = data.View(layout, steps[distance * layout.size :][: layout.size])
            same = before.valid & (before.bank == step.bank) & (before.addr == step.addr)
            forward = Signal(name=f"forward_{distance}")
            m.d.comb += [forward.eq(same & ~nearer), step.forward[i].eq(forward)]
            nearer = nearer | forward
        last = data.View(layout, steps[-layout.size :])
        m.d.comb += self.filled.eq(last.valid & last.done)

        # Reading: the pipeline of the banks, and of what belongs to a row.
        moves = self.r_moves if build.results_wait else Const(1)
        storing = Signal(2)
        m.d.comb += storing.eq(Mux(self.r_en, Cat(~self.r_bank, self.r_bank), 0))
        read: Value = Cat(marks.written[1], self.r_bank, self.r_group)
        for i in range(read_latency(build)):
            later = Signal(len(read), name=f"read_{i + 1}")
            with m.If(moves if i else self.r_en):
                m.d.sync += later.eq(read)
            read = later
        written, chosen, group = read[0], read[1], read[2:]
        stored_used = Signal(2)
        if build.protected:
            self._use(m, storing & marks.written[1].replicate(2), moves, stored_used)

        width, psum_width = config.precision.acc_width, SystolicArray.psum_width(config)
        injector = Injector(self, build, 2 * config.cols, width)
        stored = []
        for first in range(0, config.cols, self.GROUP):
            cols = min(self.GROUP, config.cols - first)
            numbers = [b * config.cols + first + c for b in range(2) for c in range(cols)]
            injects, pulses = injector.ports(numbers)
            of_part = AccumulatorColumns.stages(config, cols) * layout.size
            words = Signal(cols * width, name=f"stored_{first}")
            inputs = {
                "steps": steps[first * layout.size :][:of_part],
                "psum": self.psum.as_value()[first * psum_width :][: cols * psum_width],
                "storing": storing,
                "r_addr": self.r_addr,
                "chosen": chosen,
            }
            if build.results_wait:
                inputs["r_moves"] = moves
            if build.protected:
                inputs["stored_used"] = stored_used
            place(
                m,
                platform,
                name=f"columns_{first}",
                module=f"accumulator_{cols}",
                make=partial(AccumulatorColumns, config, psum_width, cols),
                inputs=inputs | injects,
                outputs={"stored": words, **pulses},
            )
            stored.append(words)
        injector.connect(m)

        sums: Value = Cat(stored)
        if config.col_pitch > build.post_lanes:
            padded = Signal(config.col_pitch * width)
            m.d.comb += padded.eq(sums)
            sums = padded.word_select(group, build.post_lanes * width)
        sums = Mux(written, sums, 0)
        if build.sram_registers:
            # No reset: what it shows moves on to 0 once nothing counts as written.
            shown = Signal(build.post_lanes * width, reset_less=True)
            with m.If(moves):
                m.d.sync += shown.eq(sums)
            sums = shown
        m.d.comb += self.sums.as_value().eq(sums)

        return m

    def _use(self, m: Module, reads: Value, moves: Value, used: Signal) -> None:
        """``used`` tells of which bank a word is at the end of the banks' pipeline, and goes on."""
        taken = Signal(2)
        with m.If(moves):
            m.d.sync += taken.eq(reads)
        if not self.config.build.sram_registers:
            m.d.comb += used.eq(taken)
            return
        ends = Signal(2)
        with m.If(moves):
            m.d.sync += ends.eq(taken)
            m.d.comb += used.eq(ends)
