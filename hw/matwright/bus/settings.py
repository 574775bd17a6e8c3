# SPDX-License-Identifier: Apache-2.0
"""Settings: the registers of the user page that a tenant writes and that keep what was written."""

from amaranth import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from .block import OFFSETS, Selects, block_members
from .register_map import WATCHDOG_CYCLES

__all__ = ["Settings"]


class Settings(wiring.Component):
    """A block of registers, see :func:`.block.block_members`.

    A component of its own so that the end of a context is a reset of it (``ResetInserter``), which
    costs no logic.
    """

    word: Signal  # In, 11
    write: Signal  # In, 1
    w_data: Signal  # In, 32
    w_strb: Signal  # In, 4
    r_data: Signal  # Out, 32
    irq_enable: Signal  # Out, 2
    program_addr: Signal  # Out, 48
    program_count: Signal  # Out, 16
    watchdog: Signal  # Out, 24, reset to WATCHDOG_CYCLES

    def __init__(self) -> None:
        super().__init__(
            {
                **block_members(),
                "irq_enable": Out(2),
                "program_addr": Out(48),
                "program_count": Out(16),
                "watchdog": Out(24, init=WATCHDOG_CYCLES),  # type: ignore[call-arg]
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        selects = Selects(m, self.word)
        registers: dict[str, Value] = {
            "IRQ_ENABLE": self.irq_enable,
            "PROGRAM_LO": self.program_addr[:32],
            "PROGRAM_HI": self.program_addr[32:],
            "PROGRAM_COUNT": self.program_count,
            "WATCHDOG": self.watchdog,
        }
        words = {OFFSETS[name]: value for name, value in registers.items()}
        for offset, value in words.items():
            for i in range(0, len(value), 8):
                with m.If(self.write & selects[offset] & self.w_strb[i // 8]):
                    m.d.sync += value[i : i + 8].eq(self.w_data[i : i + 8])
        m.d.comb += self.r_data.eq(selects.read(words))
        return m
