# SPDX-License-Identifier: Apache-2.0
"""From a configuration to the bitstream of a whole system on a board."""

import importlib.metadata
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matwright.config import AcceleratorConfig

from . import boards, cache, pll, shell
from .boards import Board, find_board
from .design import Design, generator
from .devices import RESOURCES
from .errors import BoardError, RoutingError, TimingError
from .fit import check_cells, overflow
from .flow import Step
from .placement import Pins, Placement, place_and_route
from .pll import TOLERANCE, Pll, make_pll
from .result import Use
from .synthesis import Synthesis, synthesize
from .tools import Tool, find_tool, run

__all__ = ["BAUD", "SEEDS", "Build", "build", "cycles_per_bit"]

BAUD = 1_000_000
"""Bits per second where no others are asked for."""

SEEDS = 4
"""Seeds that are tried where no other number is asked for."""

_LEAST_DIVISOR, _MOST_DIVISOR = 4, 65_535
_LEAST_MEMORY = 1 << 12
"""Bytes below which nothing useful can be done: a default is not less."""

_LOG = "bitstream.log"


@dataclass(frozen=True)
class Build:
    """A system on a board, its clock met."""

    config: AcceleratorConfig
    board: Board
    portable: bool
    board_mhz: float
    asked_mhz: float
    mhz: float
    """Clock of the system: what the PLL makes of the board's."""
    baud: int
    """Bits per second that were asked for."""
    divisor: int
    memory_bytes: int
    synthesis: Synthesis
    constraints: str
    placements: Sequence[Placement]
    """One for each seed that was routed; the last one is what the bitstream has."""
    bitstream: Path
    """In the cache."""
    tools: Sequence[Tool]

    @property
    def placed(self) -> Placement:
        """What the bitstream has."""
        return self.placements[-1]

    @property
    def name(self) -> str:
        """File name of the bitstream."""
        return f"{self.config.name}_{self.board.name}{self.bitstream.suffix}"

    @property
    def bits_per_second(self) -> float:
        """What ``divisor`` makes of the clock."""
        return self.mhz * 1e6 / self.divisor

    @property
    def resources(self) -> Mapping[str, Use]:
        """What is used, by the names of :data:`.RESOURCES`; what the device lacks is left out."""
        family, device, _ = self.board.find_device()
        used = {}
        for name in RESOURCES:
            if name in device.capacity:
                resource = family.resources[name]
                count = (
                    sum(self.placed.used.get(cell, 0) * n for cell, n in resource.placed.items())
                    if resource.placed
                    else resource.in_netlist(self.synthesis.cells)
                )
                used[name] = Use(count, device.capacity[name])
        return used

    def to_dict(self) -> dict[str, Any]:
        """All facts and figures, for JSON."""
        family, device, speed = self.board.find_device()
        return {
            "config": self.config.name,
            "config_sha256": self.config.digest,
            "board": self.board.name,
            "family": family.name,
            "device": device.name,
            "speed": speed or None,
            "package": self.board.package,
            "portable_verilog": self.portable,
            "clock": {
                "board_mhz": self.board_mhz,
                "asked_mhz": self.asked_mhz,
                "system_mhz": self.mhz,
                "reached_mhz": self.placed.fmax,
            },
            "uart": {
                "baud": self.baud,
                "divisor": self.divisor,
                "bits_per_second": self.bits_per_second,
            },
            "memory_bytes": self.memory_bytes,
            "resources": {
                name: {
                    "what": family.resources[name].plural,
                    "used": use.used,
                    "capacity": use.capacity,
                    "percent": use.percent,
                }
                for name, use in self.resources.items()
            },
            "critical_path": _path(self.placed),
            "notes": family.remarks(self.synthesis.cells),
            "seed": self.placed.seed,
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
            "bitstream": self.name,
            "tools": {tool.name: tool.version for tool in self.tools},
        }

    def timing_text(self) -> str:
        """The timing report in words; nextpnr's own is beside it."""
        lines = [
            f"{self.config.name} on {self.board.name}",
            f"clock asked for  {self.asked_mhz:g} MHz",
            f"clock of the PLL {self.mhz:g} MHz, of {self.board_mhz:g} MHz",
        ]
        for placed in self.placements:
            lines.append(f"seed {placed.seed} reaches   {_clock(placed)}, limited {placed.path}")
        return "\n".join(lines) + "\n"

    def copy(self, folder: Path) -> None:
        """Leaves bitstream, Verilog, constraints, netlist, logs and reports in ``folder``."""
        self.synthesis.copy(folder)
        self.placed.copy(folder)
        suffix = self.board.bitstream.constraints
        (folder / f"pins.{suffix}").write_text(self.constraints, encoding="utf-8", newline="\n")
        (folder / "timing.txt").write_text(self.timing_text(), encoding="utf-8", newline="\n")
        shutil.copyfile(self.bitstream, folder / self.name)


def _path(placed: Placement) -> dict[str, Any] | None:
    if placed.path is None:
        return None
    return {"text": str(placed.path), "ns": placed.path.ns, **placed.path.to_dict()}


def _clock(placed: Placement) -> str:
    return "no clock" if placed.fmax is None else f"{placed.fmax:.1f} MHz"


def cycles_per_bit(mhz: float, baud: int) -> int:
    """Cycles of a clock per bit of ``baud``; raises :class:`.BoardError` where none come near."""
    hz = mhz * 1e6
    divisor = min(max(round(hz / baud), _LEAST_DIVISOR), _MOST_DIVISOR)
    if abs(hz / divisor - baud) > TOLERANCE * baud:
        raise BoardError(
            f"baud must be what {_LEAST_DIVISOR} to {_MOST_DIVISOR} cycles of {mhz:g} MHz make within "
            f"{TOLERANCE:.0%}, not {baud}: the nearest is {hz / divisor:.0f}"
        )
    return divisor


def _silent(what: str, done: int, of: int) -> None:
    """Tells nobody."""


def build(
    config: AcceleratorConfig,
    board_name: str,
    *,
    frequency: float | None = None,
    baud: int = BAUD,
    memory_bytes: int | None = None,
    seeds: int = SEEDS,
    portable: bool = False,
    on_step: Step = _silent,
) -> Build:
    """The system of ``config`` on a board, by the first seed of 1 to ``seeds`` that meets the clock.

    ``frequency`` in MHz, None: the board's usual. ``memory_bytes`` None: the board's usual or, if the
    configuration leaves less free, the largest power of two that it leaves. ``portable``: without the
    bodies for the family. What was done before is taken from the cache.

    Raises :class:`.FpgaError`, or :class:`~matwright.config.ConfigError` for memory that cannot be.
    """
    board = find_board(board_name)
    family, device, speed = board.find_device()
    form = board.bitstream
    yosys, nextpnr, packer = (find_tool(name) for name in ("yosys", family.placer, form.packer))
    board_mhz = shell.board_clock(board)
    asked = board.clock if frequency is None else frequency
    clock = None if asked == board_mhz else make_pll(form.pll, board_mhz, asked)
    mhz = asked if clock is None else clock.mhz
    divisor = cycles_per_bit(mhz, baud)
    _check_memory(config, board, memory_bytes)
    what = f"{config.name} on {board.name}"

    memory = memory_bytes or board.memory
    while True:
        on_step(f"generating {what}", 0, 0)
        made, constraints = _design(config, board, clock, mhz, divisor, memory, portable)
        # Multipliers and memories that are placed by hand can be counted before Yosys is asked.
        cells = made.primitives()
        over = overflow(family, device, cells)
        if not over:
            on_step(f"synthesizing {what}", 0, 0)
            synthesis = synthesize(made, family, device, yosys)
            cells = synthesis.cells
            over = overflow(family, device, cells)
        if not over:
            break
        less = 1 << max(0, memory - over.get(form.memory, 0) * form.memory_bytes).bit_length() >> 1
        if memory_bytes is not None or over.keys() != {form.memory} or less < _LEAST_MEMORY:
            check_cells(what, family, device, cells)
        memory = less

    placements: list[Placement] = []
    for seed in range(1, seeds + 1):
        on_step(f"placing and routing {what}", seed - 1, seeds)
        try:
            placed = place_and_route(
                synthesis,
                family,
                device,
                nextpnr,
                what=what,
                speed=speed,
                frequency=mhz,
                seed=seed,
                pins=Pins(board.package, constraints),
            )
        except RoutingError:
            continue
        placements.append(placed)
        if placed.fmax is None or placed.fmax >= mhz:
            break
    else:
        count = f"{seeds} {'seeds' if seeds > 1 else 'seed'}"
        if not placements:
            raise TimingError(
                f"{what} must be routed with one of {count}, and is with none: its wires do not suffice"
            )
        best = max(placements, key=lambda placed: placed.fmax or 0.0)
        raise TimingError(
            f"{what} must reach {mhz:g} MHz, and the best of {count} reaches {_clock(best)}, "
            f"limited {best.path}"
        )
    on_step(f"packing {what}", 0, 0)
    return Build(
        config=config,
        board=board,
        portable=portable,
        board_mhz=board_mhz,
        asked_mhz=asked,
        mhz=mhz,
        baud=baud,
        divisor=divisor,
        memory_bytes=memory,
        synthesis=synthesis,
        constraints=constraints,
        placements=placements,
        bitstream=_packed(board, placements[-1], packer),
        tools=(yosys, nextpnr, packer, *([] if clock is None else [clock.tool])),
    )


def _check_memory(config: AcceleratorConfig, board: Board, memory_bytes: int | None) -> None:
    """Refuses memory that cannot be, or that is more than all that the device has."""
    from matwright.system.memory import check_memory_bytes

    if memory_bytes is None:
        return
    check_memory_bytes(config.bus, memory_bytes)
    family, device, _ = board.find_device()
    form = board.bitstream
    most = device.capacity[form.memory] * form.memory_bytes
    if memory_bytes > most:
        raise BoardError(
            f"the memory must be at most the {most:,} bytes that {family.name} {device.name} has in "
            f"{family.resources[form.memory].plural}, not {memory_bytes:,}"
        )


def _design(
    config: AcceleratorConfig,
    board: Board,
    clock: Pll | None,
    mhz: float,
    divisor: int,
    memory_bytes: int,
    portable: bool,
) -> tuple[Design, str]:
    """The design, and the constraints of its pins; kept from run to run."""
    top = f"matwright_{config.name}_{board.name}"

    def make(folder: Path) -> None:
        # Here and not above: what is in the cache needs neither Amaranth nor its Yosys.
        from matwright.system.emit import system_name, system_to_verilog

        system = system_to_verilog(
            config,
            memory_bytes=memory_bytes,
            divisor=divisor,
            clock_hz=round(mhz * 1e6),
            family="generic" if portable else board.family,
        )
        around = shell.shell_text(shell.Shell(board, system_name(config), clock, mhz), top)
        text = "\n".join([around.verilog, "" if clock is None else clock.verilog, system])
        (folder / "design.json").write_text(json.dumps([text, around.constraints]))

    facts = [config.digest, str(board), str(mhz), str(divisor), str(memory_bytes), str(portable)]
    own = [Path(module.__file__ or "").read_bytes() for module in (boards, pll, shell)]
    name = cache.key(
        *facts,
        "" if clock is None else clock.verilog,
        importlib.metadata.version("amaranth-boards"),
        *own,
        *generator(),
    )
    place = cache.entry("fpga-system", name, make)
    text, constraints = json.loads((place / "design.json").read_text())
    return Design(text, top), constraints


def _packed(board: Board, placed: Placement, packer: Tool) -> Path:
    """The bitstream of what is placed, kept from run to run."""
    form = board.bitstream
    name = f"bitstream.{form.suffix}"

    def make(folder: Path) -> None:
        (folder / "routed").write_bytes(placed.routed())
        run(packer, [*board.packing, "routed", name], folder, _LOG)
        (folder / "routed").unlink()

    key = cache.key(placed.folder.name, packer.version, *board.packing)
    return cache.entry("fpga-bitstream", key, make) / name
