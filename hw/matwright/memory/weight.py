# SPDX-License-Identifier: Apache-2.0
"""Weight ring: packed tiles in the order in which they are used, read in the array's skew."""

from functools import partial

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig, Build
from ..platform.place import place
from .protected import Injector, protection_ports
from .sram import address_width, read_latency
from .weight_columns import WeightColumns, WeightStep, ring_words

__all__ = ["WeightRing"]


class WeightRing(wiring.Component):
    """A FIFO of ``weight_tiles`` tiles, one bank per weight lane and column.

    *Writing.* Beats of packed tiles arrive one after the other; ``filled`` pulses when a tile is
    whole. The writer has made sure that there is room.

    *Reading.* ``r_step`` reads the next step (``load_rows`` weight rows) of the oldest tile;
    ``r_last`` comes with the last step of a tile. Lane l, column c of ``w`` holds it
    :meth:`latency` + ``l * load_cycles + c`` cycles later, and 0 in all cycles in which no written step
    was read. ``freed`` pulses when all of the tile is read.

    *Written.* After ``forget`` nothing in the ring counts as written until the ring has run empty, a
    word that was begun by then included. ``unwritten`` pulses a cycle after a step that
    was not written; on an empty ring the ring stays at that step.

    With protection there are the ports of :func:`.protected.protection_ports`; lane l, column c has
    bank ``l * cols + c``.
    """

    w_valid: Signal  # In
    w_data: Signal  # In, bus.data_width
    filled: Signal  # Out
    r_step: Signal  # In
    r_last: Signal  # In
    w: data.View  # Out, ArrayLayout(cols * b_width, load_rows)
    freed: Signal  # Out
    forget: Signal  # In
    unwritten: Signal  # Out

    GROUP = 8
    """Columns of a part; the last has what is left."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        width = config.cols * config.precision.b_width
        super().__init__(
            {
                "w_valid": In(1),
                "w_data": In(config.bus.data_width),
                "filled": Out(1),
                "r_step": In(1),
                "r_last": In(1),
                "w": Out(data.ArrayLayout(width, config.load_rows)),
                "freed": Out(1),
                "forget": In(1),
                "unwritten": Out(1),
                **protection_ports(config.build),
            }
        )

    @staticmethod
    def latency(build: Build) -> int:
        """Cycles from ``r_step`` to lane 0, column 0 of ``w``."""
        return read_latency(build)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision = self.config, self.config.precision
        steps = config.steps_per_weight_word
        subs = config.beats_per_weight_word
        depth = ring_words(config)
        element = 8 * precision.b_bytes

        def advance(pointer: Signal) -> None:
            with m.If(pointer == depth - 1):
                m.d.sync += pointer.eq(0)
            with m.Else():
                m.d.sync += pointer.eq(pointer + 1)

        # Write pointer.
        w_word = Signal(address_width(depth))
        sub = Signal(address_width(subs))
        tile_beats = config.tile_bytes // config.bus.bytes
        beat_of_tile = Signal(address_width(tile_beats))
        tile_end = beat_of_tile == tile_beats - 1
        word_ends = Signal()
        m.d.comb += word_ends.eq(self.w_valid & (sub == subs - 1))
        with m.If(self.w_valid):
            if subs > 1:
                m.d.sync += sub.eq(Mux(word_ends, 0, sub + 1))
            m.d.sync += beat_of_tile.eq(Mux(tile_end, 0, beat_of_tile + 1))
            with m.If(word_ends):
                advance(w_word)
        m.d.comb += self.filled.eq(self.w_valid & tile_end)

        # Read pointer.
        r_word = Signal(address_width(depth))
        step = Signal(address_width(steps))
        level = Signal(range(depth + 1))  # words written and not read
        some = level != 0
        reads = Signal()
        word_read = Signal()
        m.d.comb += [
            reads.eq(self.r_step & some),
            word_read.eq(reads & (step == steps - 1)),
        ]
        m.d.sync += level.eq(level + word_ends - word_read)
        with m.If(reads):
            if steps > 1:
                m.d.sync += step.eq(Mux(word_read, 0, step + 1))
            with m.If(word_read):
                advance(r_word)

        # Words from before `forget` are read as if they were not there.
        stale = Signal()
        with m.If(self.forget):
            m.d.sync += stale.eq(1)
        with m.Elif(~some & (sub == 0)):
            m.d.sync += stale.eq(0)
        m.d.sync += self.unwritten.eq(self.r_step & (stale | ~some))

        # Column c of lane l works l * load_cycles + c cycles after the first: what it does waits in a
        # chain of registers.
        layout = WeightStep(config)
        first_step = Signal(layout, name="first_step")
        lag = (config.load_rows - 1) * config.load_cycles
        count = lag + WeightColumns.stages(config, config.cols)
        chain = Signal((count - 1) * layout.size)
        chained = Cat(first_step, chain)
        m.d.sync += chain.eq(chained)
        m.d.comb += [
            first_step.written.eq(reads & ~stale),
            first_step.word.eq(r_word),
            first_step.done.eq(self.r_step & self.r_last),
        ]
        if steps > 1:
            m.d.comb += first_step.step.eq(step)
        last = data.View(layout, chained[(lag + config.cols) * layout.size :][: layout.size])
        m.d.comb += self.freed.eq(last.done)

        w_en = [Signal(name=f"w_en_{beat}") for beat in range(subs)]
        for beat, enable in enumerate(w_en):
            m.d.comb += enable.eq(self.w_valid & (sub == beat))
        injector = Injector(
            self, config.build, config.load_rows * config.cols, steps * precision.b_width
        )
        for lane in range(config.load_rows):
            weights = []
            for first in range(0, config.cols, self.GROUP):
                cols = min(self.GROUP, config.cols - first)
                w_en_of, w_data_of = [], []
                for c in range(first, first + cols):
                    place_of = (lane * config.col_pitch + c) * element
                    beat, offset = divmod(place_of, config.bus.data_width)
                    w_en_of.append(w_en[beat])
                    pitch = config.load_rows * config.col_pitch * element
                    w_data_of += [
                        self.w_data[s * pitch + offset :][: precision.b_width] for s in range(steps)
                    ]
                number = lane * config.cols + first
                injects, pulses = injector.ports(range(number, number + cols))
                begins = (lane * config.load_cycles + first) * layout.size
                of_part = WeightColumns.stages(config, cols) * layout.size
                w = Signal(cols * precision.b_width, name=f"w_{lane}_{first}")
                place(
                    m,
                    platform,
                    name=f"columns_{lane}_{first}",
                    module=f"weight_{cols}",
                    make=partial(WeightColumns, config, cols),
                    inputs={
                        "steps": chained[begins:][:of_part],
                        "w_en": Cat(w_en_of),
                        "w_word": w_word,
                        "w_data": Cat(w_data_of),
                        **injects,
                    },
                    outputs={"w": w, **pulses},
                )
                weights.append(w)
            m.d.comb += self.w[lane].eq(Cat(weights))
        injector.connect(m)

        return m
