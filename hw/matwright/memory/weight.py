# SPDX-License-Identifier: Apache-2.0
"""Weight ring: packed tiles in the order in which they are used, read in the array's skew."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .protected import connect_banks, protection_ports, sram_bank
from .sram import Sram, address_width

__all__ = ["WeightRing"]


class WeightRing(wiring.Component):
    """A FIFO of ``weight_tiles`` tiles, one bank per weight lane and column.

    *Writing.* Beats of packed tiles arrive one after the other; ``filled`` pulses when a tile is
    whole. The writer has made sure that there is room.

    *Reading.* ``r_step`` reads the next step (``load_rows`` weight rows) of the oldest tile;
    ``r_last`` comes with the last step of a tile. Lane l, column c of ``w`` holds it
    :attr:`LATENCY` + ``l * load_cycles + c`` cycles later, and 0 in all cycles in which no written step
    was read. ``freed`` pulses when all of the tile is read.

    *Written.* After ``forget`` nothing in the ring counts as written until the ring has run empty, a
    word that was begun by then included. ``unwritten`` pulses :attr:`LATENCY` cycles after a step that
    was not written; on an empty ring the ring stays at that step.

    With protection there are the ports of :func:`.protected.protection_ports`; lane l, column c has
    bank ``l * cols + c``.
    """

    LATENCY = Sram.LATENCY
    """Cycles from ``r_step`` to lane 0, column 0 of ``w``."""

    w_valid: Signal  # In
    w_data: Signal  # In, bus.data_width
    filled: Signal  # Out
    r_step: Signal  # In
    r_last: Signal  # In
    w: data.View  # Out, ArrayLayout(cols * b_width, load_rows)
    freed: Signal  # Out
    forget: Signal  # In
    unwritten: Signal  # Out

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

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, precision = self.config, self.config.precision
        steps = config.steps_per_weight_word
        subs = config.beats_per_weight_word
        words_per_tile = config.load_cycles // steps
        depth = config.sram.weight_tiles * words_per_tile
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

        # Bank (l, c) works l * load_cycles + c cycles after the first: its address waits in a
        # chain of registers.
        layout = data.StructLayout(
            {"written": 1, "word": r_word.shape(), "step": step.shape(), "done": 1}
        )
        chain = [Signal(layout, name="read_0")]
        m.d.comb += [
            chain[0].written.eq(reads & ~stale),
            chain[0].word.eq(r_word),
            chain[0].step.eq(step),
            chain[0].done.eq(self.r_step & self.r_last),
        ]
        for i in range((config.load_rows - 1) * config.load_cycles + config.cols):
            later = Signal(layout, name=f"read_{i + 1}")
            m.d.sync += later.eq(chain[-1])
            chain.append(later)

        banks = []
        for lane in range(config.load_rows):
            row = []
            for c in range(config.cols):
                bank = sram_bank(steps * precision.b_width, depth, config.build)
                m.submodules[f"bank_{lane}_{c}"] = bank
                banks.append(bank)

                place = (lane * config.col_pitch + c) * element
                beat, offset = divmod(place, config.bus.data_width)
                pitch = config.load_rows * config.col_pitch * element
                elements = [
                    self.w_data[s * pitch + offset :][: precision.b_width] for s in range(steps)
                ]
                delay = lane * config.load_cycles + c
                m.d.comb += [
                    bank.w_en.eq(self.w_valid & (sub == beat)),
                    bank.w_addr.eq(w_word),
                    bank.w_data.eq(Cat(elements)),
                    bank.r_en.eq(1),
                    bank.r_addr.eq(chain[delay].word),
                ]
                later = chain[delay + 1]
                value = bank.r_data.word_select(later.step, precision.b_width)
                row.append(Mux(later.written, value, 0))
                if config.build.protected:
                    m.d.comb += bank.used.eq(later.written)
            m.d.comb += self.w[lane].eq(Cat(row))

        if config.build.protected:
            connect_banks(m, self, banks)

        m.d.comb += self.freed.eq(chain[-1].done)

        return m
