# SPDX-License-Identifier: Apache-2.0
"""Words of lanes that share a single-port memory for each half of the activation scratchpad."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig, floor_pow2
from .checks import check_bits
from .protected import CheckedWord, Injector
from .single_port import SinglePortSram
from .sram import address_width, read_latency

__all__ = ["ActivationBank"]


class ActivationBank(wiring.Component):
    """Words of ``lanes`` lanes, of each half in a single-port SRAM of its own.

    ``w_addr`` and ``r_addr`` are a word and, above it, its half. With ``w_en`` the words of all lanes
    are written, with ``r_en`` they are read: never in one half in one cycle. ``r_data`` of lane i comes
    :func:`.read_latency` + i cycles after ``r_en``, and is undefined if that was low.

    With protection each lane has check bits of its own, and the ports of :class:`.Injector`; ``used``
    says of which lanes ``r_data`` is used in the cycle.
    """

    w_en: Signal  # In
    w_addr: Signal  # In
    w_data: Signal  # In, lanes * panels_per_activation_word * a_width
    r_en: Signal  # In
    r_addr: Signal  # In
    r_data: Signal  # Out, lanes * panels_per_activation_word * a_width
    used: Signal  # In, lanes, with protection

    WORD = 16
    """Bits of a word of a large single-port memory: as many lanes share one as have room in it."""

    def __init__(self, config: AcceleratorConfig, lanes: int) -> None:
        self.config = config
        self.lanes = lanes
        self.width = config.panels_per_activation_word * config.precision.a_width
        address = address_width(2 * config.activation_words)
        super().__init__(
            {
                "w_en": In(1),
                "w_addr": In(address),
                "w_data": In(lanes * self.width),
                "r_en": In(1),
                "r_addr": In(address),
                "r_data": Out(lanes * self.width),
                **({"used": In(lanes)} if config.build.protected else {}),
                **Injector.members(config.build, lanes, self.width),
            }
        )

    @classmethod
    def lanes_in_word(cls, config: AcceleratorConfig) -> int:
        """Most lanes that share a word: a power of two, and so few that one beat writes them."""
        stored = cls._stored(config)
        # An element takes at least a byte of a beat, which has at least four.
        return min(4, floor_pow2(max(1, cls.WORD // stored)))

    @staticmethod
    def _stored(config: AcceleratorConfig) -> int:
        """Bits that are stored of a word of a lane."""
        width = config.panels_per_activation_word * config.precision.a_width
        return width + check_bits(width, config.build.sram_protection)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, build = self.config, self.config.build
        stored = self._stored(config)
        checks: list[Any] = []
        w_data: Value = self.w_data
        if build.protected:
            for i in range(self.lanes):
                m.submodules[f"checks_{i}"] = check = CheckedWord(self.width, build.sram_protection)
                m.d.comb += [
                    check.w_data.eq(self.w_data.word_select(i, self.width)),
                    check.used.eq(self.used[i]),
                ]
                checks.append(check)
            Injector.join(m, self, checks)
            w_data = Cat(check.stored for check in checks)

        halves = []
        for half in range(2):
            sram = SinglePortSram(
                self.lanes * stored, config.activation_words, build.sram_registers, waits=False
            )
            m.submodules[f"half_{half}"] = sram
            m.d.comb += [
                sram.w_en.eq(self.w_en & (self.w_addr[-1] == half)),
                sram.w_addr.eq(self.w_addr[:-1]),
                sram.w_data.eq(w_data),
                sram.r_en.eq(self.r_en & (self.r_addr[-1] == half)),
                sram.r_addr.eq(self.r_addr[:-1]),
            ]
            halves.append(sram.r_data)
        chosen: Value = self.r_addr[-1]
        for i in range(read_latency(build)):
            later = Signal(name=f"chosen_{i + 1}")
            m.d.sync += later.eq(chosen)
            chosen = later
        words: Value = Mux(chosen, halves[1], halves[0])

        # What is read at once is used a cycle later by each lane. Like an output of an SRAM, what waits
        # has no reset.
        r_data = []
        for i in range(self.lanes):
            word = Signal(stored, name=f"word_{i}")
            m.d.comb += word.eq(words)
            if build.protected:
                m.d.comb += checks[i].word.eq(word)
                word = checks[i].r_data
            r_data.append(word)
            if i < self.lanes - 1:
                waits = Signal((self.lanes - 1 - i) * stored, name=f"waits_{i}", reset_less=True)
                m.d.sync += waits.eq(words[stored:])
                words = waits
        m.d.comb += self.r_data.eq(Cat(r_data))
        return m
