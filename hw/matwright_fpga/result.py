# SPDX-License-Identifier: Apache-2.0
"""The figures of a design on a device: what ``matwright synth`` prints and scripts read."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matwright.config import AcceleratorConfig

from .devices import RESOURCES, Device, Family
from .placement import Placement
from .synthesis import Synthesis
from .tools import Tool

__all__ = ["Result", "Use"]

_MULTIPLIES = ("", "engine", "engine.array")
"""Parts that hold the array, so that multiply-accumulates per second can be told of them."""


@dataclass(frozen=True)
class Use:
    """How much of a resource is used."""

    used: int
    capacity: int

    @property
    def percent(self) -> float:
        """Of the capacity."""
        return 100 * self.used / self.capacity if self.capacity else 0.0


@dataclass(frozen=True)
class Result:
    """A design synthesized once, and placed and routed once for each seed."""

    config: AcceleratorConfig
    part: str
    family: Family
    device: Device
    speed: str
    frequency: int
    synthesis: Synthesis
    placements: Sequence[Placement]
    """In the order of their seeds, at least one."""
    tools: Sequence[Tool]

    @property
    def clocks(self) -> list[float]:
        """Fmax of each seed in MHz; empty if nothing in the design has one."""
        return [placed.fmax for placed in self.placements if placed.fmax is not None]

    @property
    def best(self) -> float | None:
        """Highest Fmax over the seeds, in MHz."""
        return max(self.clocks, default=None)

    @property
    def median(self) -> float | None:
        """Median Fmax over the seeds, in MHz."""
        return statistics.median(self.clocks) if self.clocks else None

    @property
    def typical(self) -> Placement:
        """The placement of median Fmax; of two in the middle, the slower."""
        return sorted(self.placements, key=lambda placed: placed.fmax or 0.0)[
            (len(self.placements) - 1) // 2
        ]

    @property
    def resources(self) -> Mapping[str, Use]:
        """What is used, by the names of :data:`.RESOURCES`; what the device lacks is left out."""
        used = {}
        for name in RESOURCES:
            if name in self.device.capacity:
                resource = self.family.resources[name]
                if resource.placed:
                    cells = self.typical.used
                    count = sum(cells.get(cell, 0) * n for cell, n in resource.placed.items())
                else:
                    count = resource.in_netlist(self.synthesis.cells)
                used[name] = Use(count, self.device.capacity[name])
        return used

    @property
    def gmacs(self) -> float | None:
        """10**9 multiply-accumulates per second at the median clock, where the array is within."""
        if self.part not in _MULTIPLIES or self.median is None:
            return None
        return self.config.peak_macs * self.median / 1000

    @property
    def gmacs_per_klut(self) -> float | None:
        """The same for each thousand logic cells."""
        cells = self.resources["comb"].used
        return None if self.gmacs is None or not cells else 1000 * self.gmacs / cells

    @property
    def notes(self) -> list[str]:
        """What the tools leave out, one sentence each."""
        return self.family.remarks(self.synthesis.cells)

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON."""
        typical = self.typical
        return {
            "config": self.config.name,
            "config_sha256": self.config.digest,
            "part": self.part or None,
            "family": self.family.name,
            "device": self.device.name,
            "speed": self.speed or None,
            "out_of_context": True,
            "asked_mhz": self.frequency,
            "fmax_mhz": {"best": self.best, "median": self.median},
            "resources": {
                name: {
                    "what": self.family.resources[name].plural,
                    "used": use.used,
                    "capacity": use.capacity,
                    "percent": use.percent,
                }
                for name, use in self.resources.items()
            },
            "macs_per_cycle": None if self.gmacs is None else self.config.peak_macs,
            "gmacs_per_second": self.gmacs,
            "gmacs_per_second_per_klut": self.gmacs_per_klut,
            "critical_path": _path(typical),
            "notes": self.notes,
            "seeds": [
                {
                    "seed": placed.seed,
                    "fmax_mhz": placed.fmax,
                    "critical_path": _path(placed),
                    "seconds": placed.took.seconds,
                    "cpu_seconds": placed.took.cpu_seconds,
                    "cached": placed.cached,
                }
                for placed in self.placements
            ],
            "synthesis": {
                "seconds": self.synthesis.took.seconds,
                "cpu_seconds": self.synthesis.took.cpu_seconds,
                "cached": self.synthesis.cached,
            },
            "tools": {tool.name: tool.version for tool in self.tools},
        }


def _path(placed: Placement) -> dict[str, Any] | None:
    if placed.path is None:
        return None
    return {"text": str(placed.path), "ns": placed.path.ns, **placed.path.to_dict()}
