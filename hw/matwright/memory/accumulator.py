# SPDX-License-Identifier: Apache-2.0
"""Accumulator banks: partial sums are added where they leave the array, column by column."""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..core.array import SystolicArray
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
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        shape = signed(config.precision.acc_width)
        layout = AccumulateCommand(config)
        # Rows come back after load_cycles cycles at the earliest.
        forwards = config.load_cycles < self.HAZARD

        r_bank = Signal()
        with m.If(self.r_en):
            m.d.sync += r_bank.eq(self.r_bank)

        stages: list[Any] = [self.command]
        for i in range(config.cols + 2):
            later = Signal(layout, name=f"command_{i + 1}")
            m.d.sync += later.eq(stages[-1])
            stages.append(later)

        for c in range(config.cols):
            read, add, write = stages[c : c + 3]
            banks = [Sram(shape.width, config.sram.accumulator_rows) for _ in range(2)]
            for b, bank in enumerate(banks):
                m.submodules[f"bank_{b}_{c}"] = bank

            old = Signal(shape, name=f"old_{c}")
            total = Signal(shape, name=f"total_{c}", reset_less=True)
            m.d.comb += old.eq(Mux(add.bank, banks[1].r_data, banks[0].r_data))
            if forwards:
                written = stages[c + 3]
                before = Signal(shape, name=f"before_{c}", reset_less=True)
                m.d.sync += before.eq(total)
                for stage, value in ((written, before), (write, total)):
                    same = (stage.bank == add.bank) & (stage.addr == add.addr)
                    with m.If(stage.valid & same):
                        m.d.comb += old.eq(value)
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
            m.d.comb += self.sums[c].eq(Mux(r_bank, banks[1].r_data, banks[0].r_data))

        last = stages[config.cols + 1]
        m.d.comb += self.filled.eq(last.valid & last.done)

        return m
