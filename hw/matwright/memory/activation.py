# SPDX-License-Identifier: Apache-2.0
"""Activation scratchpad: two halves, one bank per array row, read in the array's skew."""

from functools import partial
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig, Build
from ..platform.place import place
from .activation_lanes import ActivationLanes, ActivationStep, word_address
from .marks import Marks
from .protected import Injector, protection_ports
from .sram import address_width, read_latency

__all__ = ["ActivationRead", "ActivationScratchpad"]


class ActivationRead(data.StructLayout):
    """Command that reads one panel of one row of A, if ``valid``.

    ``half`` and ``word`` address it, ``panel`` selects in the word, lanes from ``count`` on read as
    0, ``flip`` inverts the top bit (unsigned A), ``done`` ends the use of the half.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "valid": 1,
                "half": 1,
                "word": address_width(config.activation_words),
                "panel": address_width(config.panels_per_activation_word),
                "count": range(config.rows + 1),
                "flip": 1,
                "done": 1,
            }
        )


class ActivationScratchpad(wiring.Component):
    """Holds chunks of A, one in each half: the loader fills one while the array reads the other.

    *Writing.* Beats arrive row by row; ``w_row_end`` comes with the last beat of a row (the next row
    starts at a fresh word), ``w_chunk_end`` with the last beat of a chunk: the next chunk goes to
    the other half, and ``filled`` pulses. The writer has made sure that the half is free.

    *Reading.* Lane r of ``a`` holds element r of the panel that ``read`` asked for :meth:`latency` + r
    cycles before, and 0 if the command was not ``valid`` or its word was never written. ``freed`` pulses
    when no lane needs the half of a ``done`` any more.

    *Written.* After ``forget`` no word counts as written, nor do the words of a chunk that is under way
    then. ``unwritten`` pulses a cycle after a ``valid`` command for such a word.

    With protection there are the ports of :func:`.protected.protection_ports`; bank r is that of lane r.
    """

    w_valid: Signal  # In
    w_data: Signal  # In, bus.data_width
    w_row_end: Signal  # In
    w_chunk_end: Signal  # In
    filled: Signal  # Out
    read: data.View  # In, ActivationRead
    a: data.View  # Out, ArrayLayout(signed(a_width), rows)
    freed: Signal  # Out
    forget: Signal  # In
    unwritten: Signal  # Out

    GROUP = 8
    """Lanes of a part; the last has what is left."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "w_valid": In(1),
                "w_data": In(config.bus.data_width),
                "w_row_end": In(1),
                "w_chunk_end": In(1),
                "filled": Out(1),
                "read": In(ActivationRead(config)),
                "a": Out(data.ArrayLayout(signed(config.precision.a_width), config.rows)),
                "freed": Out(1),
                "forget": In(1),
                "unwritten": Out(1),
                **protection_ports(config.build),
            }
        )

    @staticmethod
    def latency(build: Build) -> int:
        """Cycles from ``read`` to lane 0 of ``a``."""
        return read_latency(build)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision = self.config, self.config.precision
        words = config.activation_words
        panels = config.panels_per_activation_word
        subs = config.beats_per_activation_word
        element = 8 * precision.a_bytes

        # Write pointer.
        half = Signal()
        word = Signal(address_width(words))
        sub = Signal(address_width(subs))  # beat of the word
        word_ends = Signal()
        m.d.comb += word_ends.eq(self.w_valid & (self.w_row_end | (sub == subs - 1)))
        with m.If(self.w_valid):
            if subs > 1:
                m.d.sync += sub.eq(Mux(word_ends, 0, sub + 1))
            with m.If(word_ends):
                m.d.sync += word.eq(word + 1)
            with m.If(self.w_chunk_end):
                m.d.sync += [word.eq(0), half.eq(~half)]
        m.d.comb += self.filled.eq(self.w_valid & self.w_chunk_end)

        # An unwritten word counts as one without elements.
        m.submodules.marks = marks = Marks(words)
        m.d.comb += [
            marks.forget.eq(self.forget),
            marks.w_begin.eq(self.w_valid & (sub == 0)),
            marks.w_end.eq(word_ends),
            marks.w_half.eq(half),
            marks.w_row.eq(word),
            marks.reads[0].half.eq(self.read.half),
            marks.reads[0].row.eq(self.read.word),
        ]
        m.d.sync += self.unwritten.eq(self.read.valid & ~marks.written[0])

        # Lane r works r cycles after lane 0: what it does waits in a chain of registers.
        layout = ActivationStep(config)
        step = Signal(layout)
        count = ActivationLanes.stages(config, config.rows)
        chain = Signal((count - 1) * layout.size)
        steps = Cat(step, chain)

        def at(cycles: int) -> Any:
            return data.View(layout, steps[cycles * layout.size :][: layout.size])

        written: Value = self.read.valid & marks.written[0]
        latency = self.latency(config.build)
        second: Any = Signal(layout)
        m.d.comb += second.eq(chain[: layout.size])
        if latency > 1:
            # Whether it is written is known in time a cycle later, when lane 0 compares.
            known = Signal()
            m.d.sync += known.eq(written)
            m.d.comb += second.count.eq(Mux(known, at(1).count, 0))
            written = Const(1)
        m.d.sync += chain.eq(Cat(step, second, chain[layout.size :]))
        m.d.comb += [
            step.half.eq(self.read.half),
            step.word.eq(self.read.word),
            step.count.eq(Mux(written, self.read.count, 0)),
            step.flip.eq(self.read.flip),
            step.done.eq(self.read.done),
        ]
        if config.build.activation_ports == 1:
            m.d.comb += step.valid.eq(self.read.valid)
        if panels > 1:
            m.d.comb += step.panel.eq(self.read.panel)

        # A lane whose SRAM takes a cycle longer has its comparison made in the cycle before.
        used = Signal(config.rows)
        counts = [second.count, *(at(r + 1).count for r in range(1, config.rows))]
        compared = Cat(counts[r] > r for r in range(config.rows))
        if latency > 1:
            m.d.sync += used.eq(compared)
        else:
            m.d.comb += used.eq(compared)

        # A word is written also in the beats before a lane's own, so that a row that ends within it
        # leaves nothing of an earlier one in it.
        w_en = [Signal(name=f"w_en_{beat}") for beat in range(subs)]
        for beat, enable in enumerate(w_en):
            early = sub <= beat if beat < subs - 1 else 1
            m.d.comb += enable.eq(self.w_valid & early)
        w_en_of, w_data_of = [], []
        for r in range(config.rows):
            beat, offset = divmod(r * element, config.bus.data_width)
            w_en_of.append(w_en[beat])
            pitch = config.row_pitch * element
            w_data_of += [
                self.w_data[p * pitch + offset :][: precision.a_width] for p in range(panels)
            ]

        injector = Injector(self, config.build, config.rows, panels * precision.a_width)
        lanes_of_a = []
        for first in range(0, config.rows, self.GROUP):
            lanes = min(self.GROUP, config.rows - first)
            injects, pulses = injector.ports(range(first, first + lanes))
            of_part = ActivationLanes.stages(config, lanes) * layout.size
            a = Signal(lanes * precision.a_width, name=f"a_{first}")
            place(
                m,
                platform,
                name=f"lanes_{first}",
                module=f"activation_{lanes}",
                make=partial(ActivationLanes, config, lanes),
                inputs={
                    "steps": steps[first * layout.size :][:of_part],
                    "used": used[first : first + lanes],
                    "w_en": Cat(w_en_of[first : first + lanes]),
                    "w_addr": word_address(config, half, word),
                    "w_data": Cat(w_data_of[first * panels : (first + lanes) * panels]),
                    **injects,
                },
                outputs={"a": a, **pulses},
            )
            lanes_of_a.append(a)
        injector.connect(m)
        m.d.comb += [self.a.as_value().eq(Cat(lanes_of_a)), self.freed.eq(at(config.rows).done)]

        return m
