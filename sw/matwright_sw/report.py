# SPDX-License-Identifier: Apache-2.0
"""What a program cost on the device."""

from dataclasses import dataclass, field

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """Figures of one program.

    ``counters`` holds the performance counters by name and is empty on a device without them.
    They are 32 bits wide and wrap.
    """

    macs: int
    """Multiply-accumulates that the GEMMs of the program ask for."""
    peak_macs: int
    """Multiply-accumulates per cycle of the array at full use."""
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def cycles(self) -> int | None:
        """Cycles from the doorbell to the end of the program; None without counters."""
        return self.counters.get("CYCLES")

    @property
    def padded_macs(self) -> int | None:
        """Multiply-accumulates of the array whose operand was padding; None without counters.

        Every row that enters the array is ``peak_macs`` of them, whatever part of a tile is used.
        """
        if not self.counters:
            return None
        return self.counters["EXEC_BUSY"] * self.peak_macs - self.macs

    @property
    def utilization(self) -> float | None:
        """Part of the array's peak that the program reached; None without counters."""
        return self.macs / (self.cycles * self.peak_macs) if self.cycles else None
