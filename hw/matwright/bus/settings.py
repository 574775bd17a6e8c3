# SPDX-License-Identifier: Apache-2.0
"""Settings: the registers of the user page that a tenant writes and that keep what was written."""

from amaranth import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .register_map import REGISTERS, WATCHDOG_CYCLES

__all__ = ["Settings"]

_OFFSETS = {register.name: register.offset for register in REGISTERS}


class Settings(wiring.Component):
    """``write`` takes ``w_data`` for register ``w_word`` (its offset / 4), bytes by ``w_strb``.

    A component of its own so that the end of a context is a reset of it (``ResetInserter``), which
    costs no logic.
    """

    write: Signal  # In, 1
    w_word: Signal  # In, 11
    w_data: Signal  # In, 32
    w_strb: Signal  # In, 4
    irq_enable: Signal  # Out, 2
    program_addr: Signal  # Out, 48
    program_count: Signal  # Out, 16
    watchdog: Signal  # Out, 24, reset to WATCHDOG_CYCLES

    def __init__(self) -> None:
        super().__init__(
            {
                "write": In(1),
                "w_word": In(11),
                "w_data": In(32),
                "w_strb": In(4),
                "irq_enable": Out(2),
                "program_addr": Out(48),
                "program_count": Out(16),
                "watchdog": Out(24, init=WATCHDOG_CYCLES),  # type: ignore[call-arg]
            }
        )

    def words(self) -> dict[str, Value]:
        """The registers by name."""
        return {
            "IRQ_ENABLE": self.irq_enable,
            "PROGRAM_LO": self.program_addr[:32],
            "PROGRAM_HI": self.program_addr[32:],
            "PROGRAM_COUNT": self.program_count,
            "WATCHDOG": self.watchdog,
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, value in self.words().items():
            for i in range(0, len(value), 8):
                named = self.w_word == _OFFSETS[name] >> 2
                with m.If(self.write & named & self.w_strb[i // 8]):
                    m.d.sync += value[i : i + 8].eq(self.w_data[i : i + 8])
        return m
