# SPDX-License-Identifier: Apache-2.0
"""SRAM whose words carry check bits, and what a memory of several such banks needs."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import Build
from ..platform.place import place
from .checks import CheckDecoder, CheckEncoder, check_bits
from .sram import Sram

__all__ = [
    "PULSES",
    "BankInjection",
    "CheckedWord",
    "Injector",
    "ProtectedSram",
    "protection_ports",
    "sram_bank",
]

PULSES = ("injected", "corrected", "uncorrected")
"""What a protected bank tells, in ports of one bit each."""


class CheckedWord(wiring.Component):
    """The check bits of the words of a bank: made of ``w_data``, looked at in ``word``. Combinational.

    ``stored`` is what is to be stored of ``w_data``; ``word`` is what was read of it, and ``r_data`` the
    data in it. The other ports are those of a :class:`ProtectedSram`.
    """

    w_data: Signal  # In, width
    stored: Signal  # Out, width + check_bits(width, protection)
    word: Signal  # In, width + check_bits(width, protection)
    r_data: Signal  # Out, width
    used: Signal  # In
    inject: Signal  # In
    flips: Signal  # In, width + check_bits(width, protection)
    injected: Signal  # Out
    corrected: Signal  # Out
    uncorrected: Signal  # Out

    def __init__(self, width: int, protection: str) -> None:
        self.width = width
        self.protection = protection
        bits = width + check_bits(width, protection)
        super().__init__(
            {
                "w_data": In(width),
                "stored": Out(bits),
                "word": In(bits),
                "r_data": Out(width),
                "used": In(1),
                "inject": In(1),
                "flips": In(bits),
                **{pulse: Out(1) for pulse in PULSES},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder = encoder = CheckEncoder(self.width, self.protection)
        m.submodules.decoder = decoder = CheckDecoder(self.width, self.protection)
        m.d.comb += [
            encoder.data.eq(self.w_data),
            self.stored.eq(encoder.word),
            decoder.word.eq(self.word),
            decoder.flip.eq(self.injected),
            decoder.flips.eq(self.flips),
            self.r_data.eq(decoder.data),
            self.injected.eq(self.inject & self.used),
            self.corrected.eq(decoder.corrected & self.used),
            self.uncorrected.eq(decoder.uncorrected & self.used),
        ]
        return m


class ProtectedSram(wiring.Component):
    """An :class:`Sram` that stores each word with check bits: ``parity`` or ``secded``.

    It has the ports of an :class:`Sram` of ``width`` bits and those below. ``used`` says that ``r_data``
    of this cycle is used. Then ``corrected`` pulses if the word had a flipped bit, which ``r_data`` does
    not show, and ``uncorrected`` if it had flipped bits that cannot be corrected.

    With ``inject`` the bits ``flips`` are flipped in a word that is used as it was read (data bits
    first, then check bits), in that cycle only and not in what is stored, and ``injected`` pulses.
    """

    w_en: Signal
    w_addr: Signal
    w_data: Signal
    r_en: Signal
    r_addr: Signal
    r_moves: Signal
    r_data: Signal
    used: Signal  # In
    inject: Signal  # In
    flips: Signal  # In, width + check_bits(width, protection)
    injected: Signal  # Out
    corrected: Signal  # Out
    uncorrected: Signal  # Out

    def __init__(
        self, width: int, depth: int, protection: str, registers: int = 0, waits: bool = True
    ) -> None:
        if protection not in ("parity", "secded"):
            raise ValueError(f"protection must be parity or secded, not {protection!r}")
        self.width = width
        self.depth = depth
        self.protection = protection
        self.registers = registers
        self.waits = waits
        super().__init__(
            {
                **Sram.members(width, depth, registers and waits),
                "used": In(1),
                "inject": In(1),
                "flips": In(width + check_bits(width, protection)),
                **{pulse: Out(1) for pulse in PULSES},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        members = self.signature.members.items()
        place(
            m,
            platform,
            name="body",
            module=f"sram_{self.protection}_{self.width}_{self.depth}{'' if self.waits else '_flowing'}",
            make=partial(
                _Body, self.width, self.depth, self.protection, self.registers, self.waits
            ),
            inputs={name: getattr(self, name) for name, member in members if member.flow is In},
            outputs={name: getattr(self, name) for name, member in members if member.flow is Out},
        )
        return m


class _Body(ProtectedSram):
    """What is in a :class:`ProtectedSram`; Verilog has it once for all that are equal."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.sram = sram = Sram(len(self.flips), self.depth, self.registers, self.waits)
        m.submodules.checks = checks = CheckedWord(self.width, self.protection)
        m.d.comb += [
            sram.w_en.eq(self.w_en),
            sram.w_addr.eq(self.w_addr),
            sram.w_data.eq(checks.stored),
            sram.r_en.eq(self.r_en),
            sram.r_addr.eq(self.r_addr),
            checks.w_data.eq(self.w_data),
            checks.word.eq(sram.r_data),
            checks.used.eq(self.used),
            checks.inject.eq(self.inject),
            checks.flips.eq(self.flips),
            self.r_data.eq(checks.r_data),
            *(getattr(self, pulse).eq(getattr(checks, pulse)) for pulse in PULSES),
        ]
        if self.registers and self.waits:
            m.d.comb += sram.r_moves.eq(self.r_moves)
        return m


# For the memories, whose banks are protected or not.


class BankInjection(data.StructLayout):
    """While ``armed``, bits ``first`` and ``second`` of bank ``bank`` are to be flipped.

    Data bits come first, then check bits. One bit is flipped if both are equal, and none for a number
    that the word does not reach.
    """

    def __init__(self) -> None:
        super().__init__({"armed": 1, "bank": 16, "first": 10, "second": 10})


def sram_bank(width: int, depth: int, build: Build, waits: bool) -> Any:
    """A bank as ``build`` wants it: an :class:`Sram` or a :class:`ProtectedSram`."""
    if build.protected:
        return ProtectedSram(width, depth, build.sram_protection, build.sram_registers, waits)
    return Sram(width, depth, build.sram_registers, waits)


def protection_ports(build: Build) -> dict[str, wiring.Member]:
    """The ports that a memory has besides if its banks are protected.

    ``inject`` (:class:`BankInjection`) flips bits in the next word of the bank that is used, from the
    second cycle on in which it is armed. ``injected`` pulses in that cycle, and it must be disarmed, or
    armed for the next flip, in the cycle after. ``corrected`` and ``uncorrected`` pulse in the cycle
    after one in which such words are used.
    """
    if not build.protected:
        return {}
    return {"inject": In(BankInjection()), **{pulse: Out(1) for pulse in PULSES}}


class Injector:
    """Connects the :func:`protection_ports` of a memory to its ``count`` banks of ``width`` bits of data.

    The banks may be in parts of the memory, which then have the ports of :meth:`members` and connect
    them by :meth:`join`.
    """

    def __init__(self, memory: Any, build: Build, count: int, width: int) -> None:
        self._memory = memory
        self._build = build
        if build.protected:
            self._armed = Signal(count, name="armed")
            self._flips = Signal(width + check_bits(width, build.sram_protection), name="flips")
            self._pulses: dict[str, list[Any]] = {pulse: [None] * count for pulse in PULSES}

    @staticmethod
    def members(build: Build, count: int, width: int) -> dict[str, wiring.Member]:
        """Ports of a part that has ``count`` banks."""
        if not build.protected:
            return {}
        flips = width + check_bits(width, build.sram_protection)
        pulses = {pulse: Out(count) for pulse in PULSES}
        return {"armed": In(count), "flips": In(flips), **pulses}

    @staticmethod
    def join(m: Module, part: Any, banks: Sequence[Any]) -> None:
        """Connect the ports of a part to its banks."""
        for i, bank in enumerate(banks):
            m.d.comb += [bank.inject.eq(part.armed[i]), bank.flips.eq(part.flips)]
        for pulse in PULSES:
            m.d.comb += getattr(part, pulse).eq(Cat(getattr(bank, pulse) for bank in banks))

    def ports(self, numbers: Sequence[int]) -> tuple[dict[str, Value], dict[str, Signal]]:
        """Inputs and outputs of a part, whose banks have these numbers."""
        if not self._build.protected:
            return {}, {}
        outputs = {}
        for pulse, bits in self._pulses.items():
            outputs[pulse] = Signal(len(numbers), name=f"{pulse}_{numbers[0]}")
            for i, number in enumerate(numbers):
                bits[number] = outputs[pulse][i]
        armed = Cat(self._armed[number] for number in numbers)
        return {"armed": armed, "flips": self._flips}, outputs

    def attach(self, m: Module, number: int, bank: Any) -> None:
        """Connect a bank that is in no part."""
        inputs, outputs = self.ports([number])
        m.d.comb += [bank.inject.eq(inputs["armed"]), bank.flips.eq(inputs["flips"])]
        m.d.comb += [pulse.eq(getattr(bank, name)) for name, pulse in outputs.items()]

    def connect(self, m: Module) -> None:
        """Connect the memory's own ports, once every bank has been in :meth:`ports`."""
        if not self._build.protected:
            return
        memory, inject = self._memory, self._memory.inject
        pulses = {pulse: Cat(bits) for pulse, bits in self._pulses.items()}
        chosen = Cat(inject.armed & (inject.bank == number) for number in range(len(self._armed)))
        flips = Cat((inject.first == i) | (inject.second == i) for i in range(len(self._flips)))
        m.d.sync += [self._armed.eq(chosen & ~pulses["injected"]), self._flips.eq(flips)]
        # Correcting is a long path, so the pulses wait for the next cycle.
        m.d.comb += memory.injected.eq(pulses["injected"].any())
        m.d.sync += [
            memory.corrected.eq(pulses["corrected"].any()),
            memory.uncorrected.eq(pulses["uncorrected"].any()),
        ]
