# SPDX-License-Identifier: Apache-2.0
"""A few columns of the accumulator: their words, and an adder in front of each."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig, Build
from .protected import Injector, sram_bank
from .sram import Sram, address_width, read_latency

__all__ = ["AccumulateStep", "AccumulatorColumns"]

SMALLEST_BLOCK = 256
"""Words that a block RAM of an FPGA has at least (those of iCE40)."""


class AccumulateStep(data.StructLayout):
    """What a column does with a partial sum: adds it to row ``addr`` of ``bank``, if ``valid``.

    ``first`` replaces the row instead. Bit i of ``forward``, of which at most one is set, tells that the
    same row was written :meth:`.AccumulatorColumns.distances` [i] steps before. ``done`` is the command's.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        distances = len(AccumulatorColumns.distances(config))
        super().__init__(
            {
                "valid": 1,
                "bank": 1,
                "addr": address_width(config.sram.accumulator_rows),
                "first": 1,
                "done": 1,
                **({"forward": distances} if distances else {}),
            }
        )


class AccumulatorColumns(wiring.Component):
    """``cols`` columns with two banks of ``accumulator_rows`` sums each.

    *Adding.* Bits s of ``steps`` are a step (:class:`AccumulateStep`) s cycles after it came: column c
    reads in its cycle c, adds ``psum`` :meth:`lead` cycles later and writes in the cycle after. Without
    registers the stages are: read; choose and add; write. With: read; register; choose; add; write. A
    row that comes back before it can be read is forwarded.

    *Reading.* ``storing`` of a bank reads row ``r_addr`` of all columns, in the pipeline of
    :class:`.Sram` that ``r_moves`` moves; ``stored`` shows what bank ``chosen`` has at its end.
    ``stored_used`` tells which bank's words are used there, if they are protected.

    *Memories.* A column has one for each bank. If both banks together are no more than a block RAM has
    anyway, it has one of both banks that is added to, and a copy that is stored from: then neither
    needs a multiplexer.

    The registers have no reset: once steps are ``first`` and psums are 0, they are.

    Ports of protection are those of :class:`.Injector`, bank by bank.
    """

    steps: Signal  # In, stages(config, cols) * AccumulateStep
    psum: Signal  # In, cols * psum_width
    storing: Signal  # In, 2
    r_addr: Signal  # In
    r_moves: Signal  # In, if results_wait
    chosen: Signal  # In
    stored: Signal  # Out, cols * acc_width
    stored_used: Signal  # In, 2, if protected

    def __init__(self, config: AcceleratorConfig, psum_width: int, cols: int) -> None:
        self.config = config
        self.psum_width = psum_width
        self.cols = cols
        build, width = config.build, config.precision.acc_width
        super().__init__(
            {
                "steps": In(self.stages(config, cols) * AccumulateStep(config).size),
                "psum": In(cols * psum_width),
                "storing": In(2),
                "r_addr": In(address_width(config.sram.accumulator_rows)),
                **({"r_moves": In(1)} if build.results_wait else {}),
                "chosen": In(1),
                "stored": Out(cols * width),
                **({"stored_used": In(2)} if build.protected else {}),
                **Injector.members(build, 2 * cols, width),
            }
        )

    @staticmethod
    def lead(build: Build) -> int:
        """Cycles from reading a row until ``psum`` is added to it."""
        return 1 + 2 * build.sram_registers

    @classmethod
    def distances(cls, config: AcceleratorConfig) -> range:
        """Cycles after which a row may come back, but cannot be read yet."""
        return range(config.load_cycles, cls.lead(config.build) + 2)

    @classmethod
    def stages(cls, config: AcceleratorConfig, cols: int) -> int:
        """Cycles through which ``steps`` are followed."""
        return cols + cls.lead(config.build) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        layout = AccumulateStep(config)
        steps = [
            data.View(layout, self.steps[s * layout.size :][: layout.size])
            for s in range(self.stages(config, self.cols))
        ]
        two_uses = 2 * config.sram.accumulator_rows <= SMALLEST_BLOCK
        column = self._by_use if two_uses and not config.build.protected else self._by_bank

        words = []
        banks: tuple[list[Any], list[Any]] = ([], [])
        for c in range(self.cols):
            pair, word = column(m, c, steps[c:])
            words.append(word)
            for bank, all_of_bank in zip(pair, banks, strict=True):
                all_of_bank.append(bank)
        m.d.comb += self.stored.eq(Cat(words))
        if config.build.protected:
            Injector.join(m, self, banks[0] + banks[1])
        return m

    def _by_bank(self, m: Module, c: int, steps: list[Any]) -> tuple[tuple[Any, Any], Value]:
        """A column with a memory for each bank; the memories, and the word for storing."""
        config = self.config
        width = config.precision.acc_width
        depth, waits = config.sram.accumulator_rows, config.build.results_wait
        pair = (
            sram_bank(width, depth, config.build, waits),
            sram_bank(width, depth, config.build, waits),
        )
        read, chooses = steps[0], steps[read_latency(config.build)]
        old = Mux(chooses.first, 0, Mux(chooses.bank, pair[1].r_data, pair[0].r_data))
        total, write = self._add(m, c, steps, old.as_signed())

        for b, bank in enumerate(pair):
            m.submodules[f"bank_{b}_{c}"] = bank
            adding = Signal(name=f"adding_{b}_{c}")
            m.d.comb += [
                adding.eq(read.valid & (read.bank == b)),
                bank.w_en.eq(write.valid & (write.bank == b)),
                bank.w_addr.eq(write.addr),
                bank.w_data.eq(total),
                bank.r_en.eq(adding | self.storing[b]),
                bank.r_addr.eq(Mux(adding, read.addr, self.r_addr)),
            ]
            if waits:
                added = steps[1].valid & (steps[1].bank == b)
                m.d.comb += bank.r_moves.eq(self.r_moves | added)
            if config.build.protected:
                used = chooses.valid & (chooses.bank == b) & ~chooses.first
                if self.distances(config):
                    used &= ~chooses.forward.any()
                m.d.comb += bank.used.eq(used | self.stored_used[b])
        return pair, Mux(self.chosen, pair[1].r_data, pair[0].r_data)

    def _by_use(self, m: Module, c: int, steps: list[Any]) -> tuple[tuple[Any, Any], Value]:
        """A column with a memory for each use; the memories, and the word for storing."""
        config = self.config
        registers = config.build.sram_registers
        width, depth = config.precision.acc_width, 2 * config.sram.accumulator_rows
        waits = config.build.results_wait
        adds, stores = Sram(width, depth, registers, False), Sram(width, depth, registers, waits)
        m.submodules[f"adds_{c}"] = adds
        m.submodules[f"stores_{c}"] = stores
        # The adder of an iCE40 has an input left in each of its LUTs, which takes `first`.
        old = adds.r_data.as_signed()
        if registers:
            old = Mux(steps[read_latency(config.build)].first, 0, old)
        total, write = self._add(m, c, steps, old, replaces=not registers)
        read = steps[0]
        for memory in (adds, stores):
            m.d.comb += [
                memory.w_en.eq(write.valid),
                memory.w_addr.eq(Cat(write.addr, write.bank)),
                memory.w_data.eq(total),
            ]
        m.d.comb += [
            adds.r_en.eq(read.valid),
            adds.r_addr.eq(Cat(read.addr, read.bank)),
            stores.r_en.eq(self.storing.any()),
            stores.r_addr.eq(Cat(self.r_addr, self.storing[1])),
        ]
        if waits:
            m.d.comb += stores.r_moves.eq(self.r_moves)
        return (adds, stores), stores.r_data

    def _add(
        self, m: Module, c: int, steps: list[Any], old: Value, *, replaces: bool = False
    ) -> tuple[Signal, Any]:
        """The sum of ``psum`` and what is ``old``, and the step that writes it.

        With ``replaces`` it is done here, after the addition, that ``first`` replaces what is old.
        """
        config = self.config
        registers, lead = config.build.sram_registers, self.lead(config.build)
        shape = signed(config.precision.acc_width)
        psum = self.psum.word_select(c, self.psum_width).as_signed()
        chooses, adds = steps[read_latency(config.build)], steps[lead]

        # Totals by age, the first in the cycle after the addition.
        distances = self.distances(config)
        totals = [Signal(shape, name=f"total_{c}", reset_less=True)]
        for age in range(1, distances[-1] - registers if distances else 0):
            later = Signal(shape, name=f"total_{c}_{age}", reset_less=True)
            m.d.sync += later.eq(totals[-1])
            totals.append(later)

        chosen = Signal(shape, name=f"old_{c}")
        operand: Value = chosen
        m.d.comb += chosen.eq(old)
        for i, distance in enumerate(distances):
            if distance > registers:
                with m.If(chooses.forward[i]):
                    m.d.comb += chosen.eq(totals[distance - registers - 1])
        if registers:
            held = Signal(shape, name=f"held_{c}", reset_less=True)
            m.d.sync += held.eq(chosen)
            operand = Mux(adds.forward[0], totals[0], held) if 1 in distances else held
        total = operand + psum
        m.d.sync += totals[0].eq(Mux(adds.first, psum, total) if replaces else total)
        return totals[0], steps[lead + 1]
