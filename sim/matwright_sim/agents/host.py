# SPDX-License-Identifier: Apache-2.0
"""A host that works the registers one by one, where a test wants to see what the driver hides."""

from collections.abc import Sequence

from matwright.bus.register_map import COUNTERS, REGISTERS
from matwright.bus.window import Window

from ..compiled import CompiledAccelerator

__all__ = ["ENGINES", "Host"]

ENGINES = ("LOAD", "EXEC", "STORE")
"""Prefixes of the counters of each engine."""

_OFFSETS = {register.name: register.offset for register in REGISTERS}
_IRQ_ALL = 3
_RESET_READS = 1000


class Host:
    """Registers of a compiled accelerator, by name.

    Making one opens ``windows``, by default one that holds all addresses.
    """

    def __init__(
        self, machine: CompiledAccelerator, windows: Sequence[Window] | None = None
    ) -> None:
        self.machine = machine
        if windows is None:
            windows = [Window(0, (1 << machine.config.bus.addr_width) - 1)]
        self.open(windows)

    def open(self, windows: Sequence[Window]) -> None:
        """Open these windows, and no others."""
        for index in range(self.machine.config.bus.windows):
            if index < len(windows):
                for offset, value in windows[index].registers(index).items():
                    self.machine.write_register(offset, value)
            else:
                self.write(f"WINDOW{index}_CONTROL", 0)

    def read(self, name: str) -> int:
        """Value of a register."""
        return self.machine.read_register(_OFFSETS[name])

    def write(self, name: str, value: int) -> None:
        """Write a register."""
        self.machine.write_register(_OFFSETS[name], value)

    def run(self, address: int, count: int, max_cycles: int = 2_000_000) -> bool:
        """Ring the doorbell and wait; whether the interrupt came."""
        self.write("PROGRAM_LO", address & 0xFFFF_FFFF)
        self.write("PROGRAM_HI", address >> 32)
        self.write("PROGRAM_COUNT", count)
        self.write("IRQ_CAUSE", _IRQ_ALL)
        self.write("IRQ_ENABLE", _IRQ_ALL)
        self.write("CONTROL", 1)
        return self.machine.run(max_cycles)

    def reset(self) -> None:
        """Soft reset; AssertionError if it does not end."""
        self.write("CONTROL", 2)
        self._wait_reset()

    def end_context(self) -> None:
        """End a tenant's use; AssertionError if that does not end."""
        self.write("CONTEXT", 1)
        self._wait_reset()

    def _wait_reset(self) -> None:
        assert any(self.read("STATUS") & 8 == 0 for _ in range(_RESET_READS)), "reset must end"

    def error(self) -> tuple[int, int, int]:
        """Code, index and address of the error registers."""
        address = self.read("ERROR_ADDR_LO") | self.read("ERROR_ADDR_HI") << 32
        return self.read("ERROR_CODE"), self.read("ERROR_INDEX"), address

    def counters(self) -> dict[str, int]:
        """All performance counters."""
        return {name: self.read(name) for name in COUNTERS}
