# SPDX-License-Identifier: Apache-2.0
"""A whole system: accelerator, memory, and the serial line to a host."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from ..accelerator import Accelerator
from ..config import AcceleratorConfig, ConfigError
from .bridge import Bridge
from .memory import SystemMemory, check_memory_bytes
from .uart import check_divisor

__all__ = ["System"]

_MOST_HZ = (1 << 32) - 1


class System(wiring.Component):
    """An accelerator, ``memory_bytes`` of memory for it from address 0 on, and a UART by which a host
    reads and writes that memory and the registers: docs/reference/link.md.

    ``rx`` and ``tx`` have ``divisor`` clock cycles per bit; ``clock_hz``, the frequency of the clock, is
    told to the host. ``irq`` is the accelerator's.
    """

    rx: Signal  # In, 1
    tx: Signal  # Out, 1
    irq: Signal  # Out, 1

    def __init__(
        self, config: AcceleratorConfig, *, memory_bytes: int, divisor: int, clock_hz: int
    ) -> None:
        check_memory_bytes(config.bus, memory_bytes)
        check_divisor(divisor)
        legal = isinstance(clock_hz, int) and not isinstance(clock_hz, bool)
        if not (legal and 1 <= clock_hz <= _MOST_HZ):
            raise ConfigError(f"clock_hz must be an integer from 1 to {_MOST_HZ}, not {clock_hz!r}")
        self.config = config
        self.memory_bytes = memory_bytes
        self.divisor = divisor
        self.clock_hz = clock_hz
        super().__init__({"rx": In(1), "tx": Out(1), "irq": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.accelerator = accelerator = Accelerator(self.config)
        m.submodules.memory = memory = SystemMemory(self.config.bus, self.memory_bytes)
        m.submodules.bridge = bridge = Bridge(self.memory_bytes, self.divisor, self.clock_hz)
        connect(m, accelerator.m_axi, memory.axi)
        connect(m, bridge.axil, accelerator.s_axil)
        connect(m, bridge.words, memory.words)
        m.d.comb += [
            bridge.rx.eq(self.rx),
            self.tx.eq(bridge.tx),
            bridge.irq.eq(accelerator.irq),
            self.irq.eq(accelerator.irq),
        ]
        return m
