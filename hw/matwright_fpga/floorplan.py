# SPDX-License-Identifier: Apache-2.0
"""Places of the multipliers of a systolic array that needs nearly all that a device has.

A placer that follows wires finds a good place for most multipliers and what is left, far away, for
the others. Here all of them have fixed places, and nextpnr places the fabric around them: each block
has neighbours of one row of the array, and the block beside it those of the next row. So partial
sums, which pass an adder in every cycle, go from a block to its neighbour; only activations, from
register to register, go from one row of blocks to the next.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

__all__ = ["CONTROLS", "MULTIPLIER", "Blocks", "block", "floorplan"]

MULTIPLIER = "MULT18X18D"
"""Type of the cells that are placed."""

CONTROLS = re.compile(r"(CE|RST)\d|(SIGNED|SOURCE)[AB]")
"""Its ports to which nextpnr routes constants; to those of operands they need no wires."""

_ELEMENT = re.compile(r"(?:.* )?strip_(\d+) row_(\d+) pe_(\d+) multiplier")
_ENABLE = re.compile(r"CE\d")
_SITE = re.compile(r"X(\d+)/(Y\d+)/MULT18_(\d)")


@dataclass(frozen=True)
class Blocks:
    """Blocks of multipliers on the grid of a device, in rows of equal length."""

    rows: tuple[int, ...]
    """Y of each row."""
    columns: tuple[int, ...]
    """X of each block of a row."""
    multipliers: tuple[int, ...]
    """X of each multiplier of a block, counted from the block; nextpnr calls it by the same number."""

    def site(self, row: int, column: int, multiplier: int) -> str:
        """The place as nextpnr calls it."""
        inside = self.multipliers[multiplier]
        return f"X{self.columns[column] + inside}/Y{self.rows[row]}/MULT18_{inside}"


def floorplan(cells: Mapping[str, Mapping[str, Any]], blocks: Blocks) -> dict[str, str]:
    """Place by name for the multipliers in ``cells``, those of a netlist in Yosys' JSON format.

    They are those of the elements of an array, wherever it is; other multipliers get what is left, by
    nextpnr. There are none, and nextpnr finds all places itself, unless no element has a clock enable of
    its own (blocks have few of these), and the array has at most as many rows as there are blocks in a
    row, and columns as there are multipliers below each other.
    """
    elements: dict[str, tuple[int, tuple[int, int]]] = {}
    for name, cell in cells.items():
        if cell["type"] != MULTIPLIER:
            continue
        found = _ELEMENT.fullmatch(cell["attributes"].get("hdlname", ""))
        if found is None:
            continue
        if not _always_on(cell):
            return {}
        strip, row, element = map(int, found.groups())
        elements[name] = row, (strip, element)
    # Strips are of several columns each, the last of fewer.
    columns = sorted({column for _, column in elements.values()})
    below = product(range(len(blocks.rows)), range(len(blocks.multipliers)))
    places = dict(zip(columns, below, strict=False))
    if len(places) < len(columns) or any(
        row >= len(blocks.columns) for row, _ in elements.values()
    ):
        return {}
    sites = {}
    for name, (row, column) in elements.items():
        row_of_blocks, multiplier = places[column]
        sites[name] = blocks.site(row_of_blocks, row, multiplier)
    return sites


def block(site: str) -> str:
    """The block that a multiplier with that place is in, by any name."""
    found = _SITE.fullmatch(site)
    assert found is not None
    return f"X{int(found[1]) - int(found[3])}/{found[2]}"


def _always_on(cell: Mapping[str, Any]) -> bool:
    """Whether all clock enables that are connected are constant."""
    return all(
        isinstance(bit, str)
        for port, bits in cell["connections"].items()
        if _ENABLE.fullmatch(port)
        for bit in bits
    )
