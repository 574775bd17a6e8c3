# SPDX-License-Identifier: Apache-2.0
"""A few lanes of the activation scratchpad: the words of as many rows of the array."""

from functools import partial
from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from ..platform.place import place
from .activation_bank import ActivationBank
from .protected import PULSES, Injector, sram_bank
from .sram import address_width, read_latency

__all__ = ["ActivationLanes", "ActivationStep", "word_address"]


class ActivationStep(data.StructLayout):
    """What a lane reads: the element of ``panel`` in ``word`` of ``half``.

    With ``flip`` its top bit is inverted. ``count`` and ``done`` are the command's; so is ``valid``,
    which single-port memories need to know when they are free.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        panels = config.panels_per_activation_word
        super().__init__(
            {
                "half": 1,
                "word": address_width(config.activation_words),
                **({"panel": address_width(panels)} if panels > 1 else {}),
                "count": range(config.rows + 1),
                "flip": 1,
                "done": 1,
                **({"valid": 1} if config.build.activation_ports == 1 else {}),
            }
        )


class ActivationLanes(wiring.Component):
    """``lanes`` lanes with their memories.

    Bits s of ``steps`` are a step (:class:`ActivationStep`) s cycles after it came: lane r reads in its
    cycle r and shows the element in ``a`` when the SRAM has it, or 0 where ``used`` of the lane is low
    in that cycle. All lanes are written at ``w_addr``, each when its ``w_en`` is high.

    With two ports each lane has a memory of all words of both halves. With one port lanes share the
    memories of an :class:`.ActivationBank`; their first lane's step and ``w_en`` are those of all.

    Ports of protection are those of :class:`.Injector`.
    """

    steps: Signal  # In, stages(config, lanes) * ActivationStep
    used: Signal  # In, lanes
    w_en: Signal  # In, lanes
    w_addr: Signal  # In
    w_data: Signal  # In, lanes * panels_per_activation_word * a_width
    a: Signal  # Out, lanes * a_width

    def __init__(self, config: AcceleratorConfig, lanes: int) -> None:
        self.config = config
        self.lanes = lanes
        self.width = config.panels_per_activation_word * config.precision.a_width
        super().__init__(
            {
                "steps": In(self.stages(config, lanes) * ActivationStep(config).size),
                "used": In(lanes),
                "w_en": In(lanes),
                "w_addr": In(address_width(2 * config.activation_words)),
                "w_data": In(lanes * self.width),
                "a": Out(lanes * config.precision.a_width),
                **Injector.members(config.build, lanes, self.width),
            }
        )

    @staticmethod
    def stages(config: AcceleratorConfig, lanes: int) -> int:
        """Cycles through which ``steps`` are followed."""
        return lanes + read_latency(config.build)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, a_width = self.config, self.config.precision.a_width
        layout = ActivationStep(config)
        steps = [
            data.View(layout, self.steps[s * layout.size :][: layout.size])
            for s in range(self.stages(config, self.lanes))
        ]
        one = config.build.activation_ports == 1
        words = self._one_port(m, steps, platform) if one else self._two_ports(m, steps)
        panels = config.panels_per_activation_word
        elements = []
        for r, word in enumerate(words):
            shows = steps[r + read_latency(config.build)]
            value = Signal(a_width, name=f"value_{r}")
            element = word.word_select(shows.panel, a_width) if panels > 1 else word
            m.d.comb += value.eq(element ^ (shows.flip << (a_width - 1)))
            elements.append(Mux(self.used[r], value, 0))
        m.d.comb += self.a.eq(Cat(elements))
        return m

    def _two_ports(self, m: Module, steps: list[Any]) -> list[Value]:
        """A memory for each lane; gives what each shows."""
        config = self.config
        banks: list[Any] = []
        for r in range(self.lanes):
            bank = sram_bank(self.width, 2 * config.activation_words, config.build, waits=False)
            m.submodules[f"bank_{r}"] = bank
            banks.append(bank)
            read = steps[r]
            m.d.comb += [
                bank.w_en.eq(self.w_en[r]),
                bank.w_addr.eq(self.w_addr),
                bank.w_data.eq(self.w_data.word_select(r, self.width)),
                bank.r_en.eq(1),
                bank.r_addr.eq(word_address(config, read.half, read.word)),
            ]
            if config.build.protected:
                m.d.comb += bank.used.eq(self.used[r])
        if config.build.protected:
            Injector.join(m, self, banks)
        return [bank.r_data for bank in banks]

    def _one_port(self, m: Module, steps: list[Any], platform: object) -> list[Value]:
        """Memories that lanes share; gives what each lane shows."""
        config = self.config
        most = ActivationBank.lanes_in_word(config)
        words: list[Value] = []
        for first in range(0, self.lanes, most):
            lanes = min(most, self.lanes - first)
            read = steps[first]
            r_data = Signal(lanes * self.width, name=f"bank_{first}_r_data")
            inputs = {
                "w_en": self.w_en[first],
                "w_addr": self.w_addr,
                "w_data": self.w_data[first * self.width :][: lanes * self.width],
                "r_en": read.valid,
                "r_addr": word_address(config, read.half, read.word),
            }
            outputs: dict[str, Value] = {"r_data": r_data}
            if config.build.protected:
                inputs["used"] = self.used[first : first + lanes]
                inputs |= {"armed": self.armed[first : first + lanes], "flips": self.flips}
                outputs |= {pulse: getattr(self, pulse)[first : first + lanes] for pulse in PULSES}
            place(
                m,
                platform,
                name=f"bank_{first}",
                module=f"activation_bank_{lanes}",
                make=partial(ActivationBank, config, lanes),
                inputs=inputs,
                outputs=outputs,
            )
            words += [r_data.word_select(i, self.width) for i in range(lanes)]
        return words


def word_address(config: AcceleratorConfig, half: Any, word: Any) -> Any:
    """Address in a bank of ``word`` of ``half``."""
    return Cat(word, half) if config.activation_words > 1 else half
