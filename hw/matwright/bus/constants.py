# SPDX-License-Identifier: Apache-2.0
"""Constants: the registers that say what the machine is."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring

from ..config import AcceleratorConfig
from .block import OFFSETS, block_members
from .register_map import constants

__all__ = ["Constants"]


class Constants(wiring.Component):
    """A block of registers, see :func:`.block.block_members`: those of :func:`.register_map.constants`.

    They stand in the first words, so that a bit is a function of a few bits of ``word``.
    """

    word: Signal  # In, 11
    write: Signal  # In, 1
    w_data: Signal  # In, 32
    w_strb: Signal  # In, 4
    r_data: Signal  # Out, 32

    def __init__(self, config: AcceleratorConfig) -> None:
        self.values = {OFFSETS[name] >> 2: value for name, value in constants(config).items()}
        super().__init__(block_members())

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = max(self.values).bit_length()
        here = Signal(reset_less=True)
        value = Signal(32)
        m.d.sync += here.eq(self.word[bits:] == 0)
        with m.Switch(self.word[:bits]):
            for word, constant in self.values.items():
                with m.Case(word):
                    m.d.comb += value.eq(constant)
        m.d.comb += self.r_data.eq(Mux(here, value, 0))
        return m
