# SPDX-License-Identifier: Apache-2.0
"""A few columns of one lane of the weight ring."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .protected import Injector, sram_bank
from .sram import address_width, read_latency

__all__ = ["WeightColumns", "WeightStep", "ring_words"]


def ring_words(config: AcceleratorConfig) -> int:
    """Words of the ring."""
    return config.sram.weight_tiles * config.load_cycles // config.steps_per_weight_word


class WeightStep(data.StructLayout):
    """What a column reads: weight ``step`` of ``word``, or 0 if it was not ``written``.

    ``done`` is that of the ring.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        steps = config.steps_per_weight_word
        super().__init__(
            {
                "written": 1,
                "word": address_width(ring_words(config)),
                **({"step": address_width(steps)} if steps > 1 else {}),
                "done": 1,
            }
        )


class WeightColumns(wiring.Component):
    """``cols`` columns with a memory each, of all words of the ring.

    Bits s of ``steps`` are a step (:class:`WeightStep`) s cycles after it came: column c reads in its
    cycle c and shows the weight in ``w`` when the SRAM has it. All columns are written at ``w_word``,
    each when its ``w_en`` is high.

    Ports of protection are those of :class:`.Injector`.
    """

    steps: Signal  # In, stages(config, cols) * WeightStep
    w_en: Signal  # In, cols
    w_word: Signal  # In
    w_data: Signal  # In, cols * steps_per_weight_word * b_width
    w: Signal  # Out, cols * b_width

    def __init__(self, config: AcceleratorConfig, cols: int) -> None:
        self.config = config
        self.cols = cols
        self.width = config.steps_per_weight_word * config.precision.b_width
        super().__init__(
            {
                "steps": In(self.stages(config, cols) * WeightStep(config).size),
                "w_en": In(cols),
                "w_word": In(address_width(ring_words(config))),
                "w_data": In(cols * self.width),
                "w": Out(cols * config.precision.b_width),
                **Injector.members(config.build, cols, self.width),
            }
        )

    @staticmethod
    def stages(config: AcceleratorConfig, cols: int) -> int:
        """Cycles through which ``steps`` are followed."""
        return cols + read_latency(config.build)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, b_width = self.config, self.config.precision.b_width
        layout = WeightStep(config)
        steps = [
            data.View(layout, self.steps[s * layout.size :][: layout.size])
            for s in range(self.stages(config, self.cols))
        ]
        banks: list[Any] = []
        weights = []
        for c in range(self.cols):
            bank = sram_bank(self.width, ring_words(config), config.build, waits=False)
            m.submodules[f"bank_{c}"] = bank
            banks.append(bank)
            read, shows = steps[c], steps[c + read_latency(config.build)]
            m.d.comb += [
                bank.w_en.eq(self.w_en[c]),
                bank.w_addr.eq(self.w_word),
                bank.w_data.eq(self.w_data.word_select(c, self.width)),
                bank.r_en.eq(1),
                bank.r_addr.eq(read.word),
            ]
            if config.build.protected:
                m.d.comb += bank.used.eq(shows.written)
            several = config.steps_per_weight_word > 1
            word = bank.r_data.word_select(shows.step, b_width) if several else bank.r_data
            weights.append(Mux(shows.written, word, 0))
        m.d.comb += self.w.eq(Cat(weights))
        if config.build.protected:
            Injector.join(m, self, banks)
        return m
