# SPDX-License-Identifier: Apache-2.0
"""How the driver reaches a device: memory, registers, interrupt."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["SimulatedMachine", "SimulatedTransport", "Transport"]


class Transport(Protocol):
    """A way to one accelerator and the memory that its ``m_axi`` port sees.

    Addresses are byte addresses as the accelerator sees them; register offsets are those of
    :mod:`matwright.bus.register_map`.
    """

    @property
    def memory_size(self) -> int:
        """Bytes of device memory, from address 0."""
        ...

    def read_memory(self, address: int, size: int) -> bytes | NDArray[np.uint8]:
        """``size`` bytes from ``address``."""
        ...

    def write_memory(self, address: int, data: bytes | NDArray[np.uint8]) -> None:
        """Write ``data`` at ``address``."""
        ...

    def read_register(self, offset: int) -> int:
        """Value of a 32-bit register."""
        ...

    def write_register(self, offset: int, value: int) -> None:
        """Write a 32-bit register."""
        ...

    def wait_interrupt(self, timeout_cycles: int) -> bool:
        """Wait until ``irq`` is high; False if ``timeout_cycles`` pass without it."""
        ...


class SimulatedMachine(Protocol):
    """A simulation of the accelerator with its memory, such as a compiled model."""

    @property
    def memory(self) -> NDArray[np.uint8]:
        """All of device memory, writable in place."""
        ...

    def read_register(self, offset: int, /) -> int:
        """Value of a register, over AXI4-Lite."""
        ...

    def write_register(self, offset: int, value: int, /) -> None:
        """Write a register, over AXI4-Lite."""
        ...

    def run(self, max_cycles: int, /) -> bool:
        """Run until ``irq`` is high, at most ``max_cycles``; whether it is."""
        ...


class SimulatedTransport:
    """:class:`Transport` to a :class:`SimulatedMachine` in this process."""

    def __init__(self, machine: SimulatedMachine) -> None:
        self.machine = machine

    @property
    def memory_size(self) -> int:
        return int(self.machine.memory.size)

    def read_memory(self, address: int, size: int) -> NDArray[np.uint8]:
        return self.machine.memory[address : address + size].copy()

    def write_memory(self, address: int, data: bytes | NDArray[np.uint8]) -> None:
        octets = np.frombuffer(data, np.uint8)
        self.machine.memory[address : address + octets.size] = octets

    def read_register(self, offset: int) -> int:
        return self.machine.read_register(offset)

    def write_register(self, offset: int, value: int) -> None:
        self.machine.write_register(offset, value)

    def wait_interrupt(self, timeout_cycles: int) -> bool:
        return self.machine.run(timeout_cycles)
