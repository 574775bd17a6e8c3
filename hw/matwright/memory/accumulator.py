# SPDX-License-Identifier: Apache-2.0
"""Accumulator banks: partial sums are added where they leave the array, column by column."""

from typing import Any

from amaranth import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..core.array import SystolicArray
from .marks import Marks
from .protected import connect_banks, protection_ports, sram_bank
from .sram import Sram, address_width

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

    *Adding.* ``command`` comes one cycle before column 0 of ``psum``, and so in the skew of the array:
    column c takes its sum c cycles later. A row comes in every cycle; the same row of the same
    bank comes back after ``load_cycles`` cycles at the earliest. ``filled`` pulses in the cycle
    after which a block whose last row was ``done`` may be read.

    *Reading.* ``sums`` holds all columns of row ``r_addr`` of ``r_bank`` :attr:`LATENCY` cycles after
    ``r_en``, until the next ``r_en``. The bank read is one that is not being added to.

    *Written.* The rows of a block are ``first`` in order from row 0, with which what the bank held
    before ends. After ``forget`` no row counts as written, nor do those of a block that is under way
    then. An unwritten row counts as 0 where it is added to and where it is read, and ``unwritten``
    pulses a cycle after that ``command`` or ``r_en``.

    With protection there are the ports of :func:`.protected.protection_ports`; column c of bank b has
    number ``b * cols + c``.
    """

    LATENCY = Sram.LATENCY
    """Cycles from ``r_en`` to ``sums``."""

    HAZARD = 3
    """Cycles after which a sum can be read back from its bank instead of being forwarded."""

    command: data.View  # In, AccumulateCommand
    psum: data.View  # In, ArrayLayout(signed(psum_width), cols)
    filled: Signal  # Out
    r_en: Signal  # In
    r_bank: Signal  # In
    r_addr: Signal  # In
    sums: data.View  # Out, ArrayLayout(signed(acc_width), cols)
    forget: Signal  # In
    unwritten: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        psum = signed(SystolicArray.psum_width(config))
        super().__init__(
            {
                "command": In(AccumulateCommand(config)),
                "psum": In(data.ArrayLayout(psum, config.cols)),
                "filled": Out(1),
                "r_en": In(1),
                "r_bank": In(1),
                "r_addr": In(address_width(config.sram.accumulator_rows)),
                "sums": Out(data.ArrayLayout(signed(config.precision.acc_width), config.cols)),
                "forget": In(1),
                "unwritten": Out(1),
                **protection_ports(config.build),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        shape = signed(config.precision.acc_width)
        layout = AccumulateCommand(config)
        # Rows come back after load_cycles cycles at the earliest.
        forwards = config.load_cycles < self.HAZARD

        # Adding to an unwritten row is what `first` does.
        m.submodules.marks = marks = Marks(config.sram.accumulator_rows, readers=2)
        command = Signal(layout, name="command_0")
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
            command.eq(self.command),
            command.first.eq(self.command.first | ~marks.written[0]),
        ]
        m.d.sync += self.unwritten.eq(
            (self.command.valid & ~self.command.first & ~marks.written[0])
            | (self.r_en & ~marks.written[1])
        )
        r_bank = Signal()
        r_written = Signal()
        with m.If(self.r_en):
            m.d.sync += [r_bank.eq(self.r_bank), r_written.eq(marks.written[1])]

        stages: list[Any] = [command]
        for i in range(config.cols + 2):
            # After a reset nothing is taken over from what a bank still has on its output.
            later = Signal(layout, name=f"command_{i + 1}", init={"first": 1})  # type: ignore[arg-type]
            m.d.sync += later.eq(stages[-1])
            stages.append(later)

        # Which banks are used in a cycle matters if they are protected.
        protected = config.build.protected
        columns: list[list[Any]] = [[], []]  # of each bank
        stored = Signal()
        if protected:
            m.d.sync += stored.eq(self.r_en & marks.written[1])

        for c in range(config.cols):
            read, add, write = stages[c : c + 3]
            banks = [
                sram_bank(shape.width, config.sram.accumulator_rows, config.build) for _ in range(2)
            ]
            for b, bank in enumerate(banks):
                columns[b].append(bank)
                m.submodules[f"bank_{b}_{c}"] = bank

            old = Signal(shape, name=f"old_{c}")
            total = Signal(shape, name=f"total_{c}")
            m.d.comb += old.eq(Mux(add.bank, banks[1].r_data, banks[0].r_data))
            forwarded: Value = Const(0)
            if forwards:
                written = stages[c + 3]
                before = Signal(shape, name=f"before_{c}")
                m.d.sync += before.eq(total)
                for stage, value in ((written, before), (write, total)):
                    same = (stage.bank == add.bank) & (stage.addr == add.addr)
                    forwards_value = Signal(name=f"forwards_{value.name}")
                    m.d.comb += forwards_value.eq(stage.valid & same)
                    with m.If(forwards_value):
                        m.d.comb += old.eq(value)
                    forwarded |= forwards_value
            m.d.sync += total.eq(Mux(add.first, 0, old) + self.psum[c])

            for b, bank in enumerate(banks):
                adding = read.valid & (read.bank == b)
                m.d.comb += [
                    bank.w_en.eq(write.valid & (write.bank == b)),
                    bank.w_addr.eq(write.addr),
                    bank.w_data.eq(total),
                    bank.r_en.eq(adding | (self.r_en & (self.r_bank == b))),
                    bank.r_addr.eq(Mux(adding, read.addr, self.r_addr)),
                ]
                if protected:
                    added = add.valid & (add.bank == b) & ~add.first & ~forwarded
                    m.d.comb += bank.used.eq(added | (stored & (r_bank == b)))
            stored_sum = Mux(r_bank, banks[1].r_data, banks[0].r_data)
            m.d.comb += self.sums[c].eq(Mux(r_written, stored_sum, 0))
        if protected:
            connect_banks(m, self, columns[0] + columns[1])

        last = stages[config.cols + 1]
        m.d.comb += self.filled.eq(last.valid & last.done)

        return m
