# SPDX-License-Identifier: Apache-2.0
"""SRAM whose words carry check bits, and what a memory of several such banks needs."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Build
from ..platform.place import place
from .checks import CheckDecoder, CheckEncoder, check_bits
from .sram import Sram, address_width

__all__ = ["BankInjection", "ProtectedSram", "connect_banks", "protection_ports", "sram_bank"]

_PULSES = ("injected", "corrected", "uncorrected")


class ProtectedSram(wiring.Component):
    """An :class:`Sram` that stores each word with check bits: ``parity`` or ``secded``.

    ``used`` says that ``r_data`` of this cycle is used. Then ``corrected`` pulses if the word had a
    flipped bit, which ``r_data`` does not show, and ``uncorrected`` if it had flipped bits that cannot
    be corrected.

    With ``inject`` the bits ``flips`` are flipped in a word that is used as it was read (data bits
    first, then check bits), in that cycle only and not in what is stored, and ``injected`` pulses.
    """

    LATENCY = Sram.LATENCY
    """Cycles from ``r_en`` to ``r_data``."""

    w_en: Signal  # In
    w_addr: Signal  # In, address_width(depth)
    w_data: Signal  # In, width
    r_en: Signal  # In
    r_addr: Signal  # In, address_width(depth)
    r_data: Signal  # Out, width
    used: Signal  # In
    inject: Signal  # In
    flips: Signal  # In, width + check_bits(width, protection)
    injected: Signal  # Out
    corrected: Signal  # Out
    uncorrected: Signal  # Out

    def __init__(self, width: int, depth: int, protection: str) -> None:
        if protection not in ("parity", "secded"):
            raise ValueError(f"protection must be parity or secded, not {protection!r}")
        self.width = width
        self.depth = depth
        self.protection = protection
        super().__init__(
            {
                "w_en": In(1),
                "w_addr": In(address_width(depth)),
                "w_data": In(width),
                "r_en": In(1),
                "r_addr": In(address_width(depth)),
                "r_data": Out(width),
                "used": In(1),
                "inject": In(1),
                "flips": In(width + check_bits(width, protection)),
                **{pulse: Out(1) for pulse in _PULSES},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        members = self.signature.members.items()
        place(
            m,
            platform,
            name="body",
            module=f"sram_{self.protection}_{self.width}_{self.depth}",
            make=partial(_Body, self.width, self.depth, self.protection),
            inputs={name: getattr(self, name) for name, member in members if member.flow is In},
            outputs={name: getattr(self, name) for name, member in members if member.flow is Out},
        )
        return m


class _Body(ProtectedSram):
    """What is in a :class:`ProtectedSram`; Verilog has it once for all that are equal."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.sram = sram = Sram(len(self.flips), self.depth)
        m.submodules.encoder = encoder = CheckEncoder(self.width, self.protection)
        m.submodules.decoder = decoder = CheckDecoder(self.width, self.protection)
        m.d.comb += [
            encoder.data.eq(self.w_data),
            sram.w_en.eq(self.w_en),
            sram.w_addr.eq(self.w_addr),
            sram.w_data.eq(encoder.word),
            sram.r_en.eq(self.r_en),
            sram.r_addr.eq(self.r_addr),
            decoder.word.eq(sram.r_data),
            decoder.flip.eq(self.injected),
            decoder.flips.eq(self.flips),
            self.r_data.eq(decoder.data),
            self.injected.eq(self.inject & self.used),
            self.corrected.eq(decoder.corrected & self.used),
            self.uncorrected.eq(decoder.uncorrected & self.used),
        ]
        return m


# For the memories, whose banks are protected or not.


class BankInjection(data.StructLayout):
    """While ``armed``, bits ``first`` and ``second`` of bank ``bank`` are to be flipped.

    Data bits come first, then check bits. One bit is flipped if both are equal, and none for a number
    that the word does not reach.
    """

    def __init__(self) -> None:
        super().__init__({"armed": 1, "bank": 16, "first": 10, "second": 10})


def sram_bank(width: int, depth: int, build: Build) -> Any:
    """A bank as ``build`` wants it: an :class:`Sram` or a :class:`ProtectedSram`."""
    if build.protected:
        return ProtectedSram(width, depth, build.sram_protection)
    return Sram(width, depth)


def protection_ports(build: Build) -> dict[str, wiring.Member]:
    """The ports that a memory has besides if its banks are protected.

    ``inject`` (:class:`BankInjection`) flips bits in the next word of the bank that is used, from the
    second cycle on in which it is armed. ``injected`` pulses in that cycle, and it must be disarmed, or
    armed for the next flip, in the cycle after. ``corrected`` and ``uncorrected`` pulse in the cycle
    after one in which such words are used.
    """
    if not build.protected:
        return {}
    return {"inject": In(BankInjection()), **{pulse: Out(1) for pulse in _PULSES}}


def connect_banks(m: Module, memory: Any, banks: Sequence[ProtectedSram]) -> None:
    """Connect the :func:`protection_ports` of ``memory`` to its banks, in the order of their numbers."""
    inject = memory.inject
    flips = Signal.like(banks[0].flips, name="flips")
    m.d.sync += flips.eq(Cat((inject.first == i) | (inject.second == i) for i in range(len(flips))))
    for number, bank in enumerate(banks):
        armed = Signal(name=f"armed_{number}")
        m.d.sync += armed.eq(inject.armed & (inject.bank == number) & ~bank.injected)
        m.d.comb += [bank.inject.eq(armed), bank.flips.eq(flips)]
    # Correcting is a long path, so the pulses wait for the next cycle.
    m.d.comb += memory.injected.eq(Cat(bank.injected for bank in banks).any())
    m.d.sync += [
        memory.corrected.eq(Cat(bank.corrected for bank in banks).any()),
        memory.uncorrected.eq(Cat(bank.uncorrected for bank in banks).any()),
    ]
