# SPDX-License-Identifier: Apache-2.0
"""From a netlist to clock and area, by nextpnr, one seed a run: on the pins of a board, or out of context.

Out of context means that ports are neither pins nor buffers: what is told are the paths from
register to register. The nextpnr of a family that has no such option is given a netlist without
ports, which comes to the same. On pins the same paths are told, and what is routed is kept. The
multipliers of a large array may have fixed places (:mod:`.floorplan`).
"""

import gzip
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import cache, cells, netlist, timing
from .devices import Device, Family, with_package
from .errors import RoutingError, ToolError
from .fit import check_log
from .floorplan import CONTROLS, MULTIPLIER, block, floorplan
from .netlist import Netlist
from .synthesis import Synthesis
from .tools import Run, Tool, run

__all__ = ["Pins", "Placement", "place_and_route"]

_REPORT = "report.json.gz"
_LOG = "placement.log"
_ROUTED = "routed.gz"
_CONSTRAINTS = "constraints"

_ROUND = re.compile(r"iter=(\d+) wires=\d+ overused=(\d+)")
_MOST_ROUNDS = {50: 100, 1: 1000}
"""Wires that are wanted twice, and the rounds of nextpnr's router2 after which there are still as many
where it comes to no end."""


@dataclass(frozen=True)
class Pins:
    """Where the ports of the top are on a board."""

    package: str
    constraints: str
    """In the form of the family's nextpnr."""


@dataclass(frozen=True)
class Placement:
    """One run of placement and routing, kept in the cache."""

    seed: int
    fmax: float | None
    """MHz; None where no path ends in a register."""
    used: Mapping[str, int]
    """Cells by nextpnr's names of their types."""
    path: timing.Path | None
    """What limits the clock."""
    took: Run
    cached: bool
    """Whether it was there before."""
    folder: Path

    def copy(self, folder: Path) -> None:
        """Leaves report and log in ``folder``."""
        shutil.copyfile(self.folder / _LOG, folder / f"placement-{self.seed}.log")
        with (
            gzip.open(self.folder / _REPORT) as packed,
            (folder / f"report-{self.seed}.json").open("wb") as file,
        ):
            shutil.copyfileobj(packed, file)

    def routed(self) -> bytes:
        """What is routed, in the form that the family's packer reads; on pins only."""
        return gzip.decompress((self.folder / _ROUTED).read_bytes())


def place_and_route(
    synthesis: Synthesis,
    family: Family,
    device: Device,
    nextpnr: Tool,
    *,
    what: str,
    speed: str,
    frequency: float,
    seed: int,
    part: str = "",
    pins: Pins | None = None,
) -> Placement:
    """Places and routes, or takes the result from the cache; without ``pins`` out of context.

    ``what`` names the design in errors and ``part`` in paths. Raises :class:`.FitError` as soon as
    packing shows that the device is too small, :class:`.RoutingError` if routing does not come to an
    end, :class:`.ToolError` for any other failure.
    """
    arguments = [
        *(device if pins is None else with_package(device, pins.package)).placer_arguments(speed),
        *_context(family, pins),
        "--json",
        "netlist.json",
        "--report",
        "report.json",
        "--freq",
        f"{frequency:g}",
        "--seed",
        str(seed),
        "--timing-allow-fail",
        *family.placing,
        *(() if part else family.placing_whole),
        *(["--pcf-allow-unconstrained"] if family.placer == "nextpnr-ice40" else []),
    ]
    parts = [] if pins is None else [pins.constraints]
    places, ties = {}, {}
    if device.blocks and synthesis.cells[MULTIPLIER]:
        places = floorplan(synthesis.netlist().cells, device.blocks)
        parts += [f"{cell} {place}" for cell, place in places.items()]
        if not part and places:
            ties = {cell: block(place) for cell, place in places.items()}
            parts.append("tied nearby")
    name = cache.key("placement", synthesis.key, nextpnr.version, *arguments, *parts)
    cached = cache.has("fpga-placement", name)

    def make(folder: Path) -> None:
        made = synthesis.netlist()
        made.fix(places)
        made.tie_nearby(ties, CONTROLS)
        _write(made, family, folder / "netlist.json", cut=pins is None)
        if pins is not None:
            (folder / _CONSTRAINTS).write_text(pins.constraints, encoding="utf-8", newline="\n")
        try:
            took = run(nextpnr, arguments, folder, _LOG, watch=_check_rounds)
        except ToolError:
            log = (folder / _LOG).read_text(encoding="utf-8", errors="replace")
            check_log(what, family, device, log)
            raise
        _pack(folder / "report.json", folder / _REPORT)
        if pins is not None:
            _pack(folder / "routed", folder / _ROUTED)
            (folder / _CONSTRAINTS).unlink()
        (folder / "took.json").write_text(json.dumps(took))
        (folder / "netlist.json").unlink()

    folder = cache.entry("fpga-placement", name, make)
    told = _told(name, folder, synthesis, part)
    return Placement(
        seed=seed,
        fmax=told["fmax"],
        used=told["used"],
        path=None if told["path"] is None else timing.Path.from_dict(told["path"]),
        took=Run(*json.loads((folder / "took.json").read_text())),
        cached=cached,
        folder=folder,
    )


def _check_rounds(said: str) -> None:
    """Raises :class:`.RoutingError` when the router goes round and round."""
    for found in _ROUND.finditer(said):
        rounds, wires = int(found[1]), int(found[2])
        if any(rounds >= most and wires >= many for many, most in _MOST_ROUNDS.items()):
            raise RoutingError(
                f"routing must come to an end, and after {rounds} rounds {wires} wires are still wanted "
                "twice; with another seed it may"
            )


def _context(family: Family, pins: Pins | None) -> list[str]:
    """Arguments that say where ports are."""
    if pins is None:
        return [*family.out_of_context]
    if family.bitstream is None:
        raise ValueError(f"bitstreams are not made for {family.name}")
    form = family.bitstream
    return [f"--{form.constraints}", _CONSTRAINTS, f"--{form.routed}", "routed"]


def _pack(path: Path, packed: Path) -> None:
    """Compresses a file in place."""
    with path.open("rb") as file, gzip.open(packed, "wb", 4) as to:
        shutil.copyfileobj(file, to)
    path.unlink()


def _write(made: Netlist, family: Family, path: Path, *, cut: bool) -> None:
    if cut and not family.out_of_context:
        made.cut_ports()
    made.free_carries()
    path.write_text(json.dumps(made.data), encoding="utf-8")


def _told(name: str, folder: Path, synthesis: Synthesis, part: str) -> dict[str, Any]:
    """What the report says, in our words: kept apart from the run, which outlives the words."""

    def make(place: Path) -> None:
        with gzip.open(folder / _REPORT, "rt", encoding="utf-8") as file:
            report = json.load(file)
        path = timing.critical_path(report, synthesis.netlist(), part)
        told = {
            "fmax": timing.fmax(report),
            "used": {cell: use["used"] for cell, use in report["utilization"].items()},
            "path": None if path is None else path.to_dict(),
        }
        (place / "told.json").write_text(json.dumps(told))

    own = [Path(module.__file__ or "").read_bytes() for module in (cells, netlist, timing)]
    entry = cache.entry("fpga-timing", cache.key(name, part, *own), make)
    told: dict[str, Any] = json.loads((entry / "told.json").read_text())
    return told
