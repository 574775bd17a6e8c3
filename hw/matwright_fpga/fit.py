# SPDX-License-Identifier: Apache-2.0
"""Whether a design fits a device: told before placement, with every resource that overflows."""

import re
from collections.abc import Mapping

from .devices import RESOURCES, Device, Family
from .errors import FitError

__all__ = ["check_cells", "check_log", "overflow"]

_USED = re.compile(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%\s*$", re.MULTILINE)


def check_cells(what: str, family: Family, device: Device, cells: Mapping[str, int]) -> None:
    """Raises :class:`FitError` if ``cells``, numbers by type of Yosys, need more than there is.

    Packing may need more yet, which :func:`check_log` finds.
    """
    need = {name: resource.in_netlist(cells) for name, resource in family.resources.items()}
    _check(what, family, device, need, "at least ")


def overflow(family: Family, device: Device, cells: Mapping[str, int]) -> dict[str, int]:
    """Resources of which ``cells`` need more than there is, and how much more."""
    need = {name: resource.in_netlist(cells) for name, resource in family.resources.items()}
    over = {name: count - device.capacity.get(name, 0) for name, count in need.items()}
    return {name: count for name, count in over.items() if count > 0}


def check_log(what: str, family: Family, device: Device, log: str) -> None:
    """Raises :class:`FitError` if nextpnr's log says that it has packed more than there is."""
    used = {found[1]: int(found[2]) for found in _USED.finditer(log)}
    need = {
        name: sum(used.get(cell, 0) * units for cell, units in resource.placed.items())
        for name, resource in family.resources.items()
    }
    _check(what, family, device, need, "")


def _check(
    what: str, family: Family, device: Device, need: Mapping[str, int], at_least: str
) -> None:
    over = []
    for name in RESOURCES:
        have = device.capacity.get(name, 0)
        if need.get(name, 0) > have:
            plural = family.resources[name].plural
            over.append(
                f"{at_least}{need[name]:,} {plural} of {have:,}, {need[name] - have:,} too many"
            )
    if over:
        raise FitError(
            f"{what} does not fit {family.name} {device.name}: it needs {'; '.join(over)}"
        )
