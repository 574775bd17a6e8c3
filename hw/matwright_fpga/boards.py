# SPDX-License-Identifier: Apache-2.0
"""The boards that systems are built for, as data; pins and oscillators are those of amaranth-boards."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .devices import Bitstream, Device, Family, find_device
from .errors import BoardError, ToolError

__all__ = ["BOARDS", "Board", "find_board"]


@dataclass(frozen=True)
class Board:
    """A board, by the words that amaranth-boards and the tools know it by."""

    name: str
    module: str
    """Of amaranth-boards."""
    platform: str
    """Class in that module."""
    family: str
    device: str
    """As in :mod:`.devices`."""
    speed: str | None
    package: str
    """By nextpnr's name."""
    clock: float
    """MHz of the system where none are asked for: what the presets that fit meet."""
    memory: int
    """Bytes of memory of the system, at most, where none are asked for."""
    uart: Mapping[str, str] | None = None
    """Pins of receiver and transmitter in the board's connector ``io``, where amaranth-boards has no
    UART for it."""
    uart_attributes: tuple[tuple[str, str], ...] = ()
    packing: tuple[str, ...] = ()
    """Options of what makes the bitstream."""

    def find_device(self) -> tuple[Family, Device, str]:
        """Family, device and speed grade."""
        return find_device(self.family, self.device, self.speed)

    @property
    def bitstream(self) -> Bitstream:
        """How its bitstream is made."""
        form = self.find_device()[0].bitstream
        assert form is not None
        return form

    def make_platform(self) -> Any:
        """A fresh platform of amaranth-boards; raises :class:`.ToolError` if that is not there."""
        try:
            module = importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            raise ToolError(
                "amaranth-boards is missing; install it with: pip install 'matwright[fpga]'"
            ) from error
        return getattr(module, self.platform)()


def _ulx3s(size: str, clock: float, memory: int) -> Board:
    return Board(
        f"ulx3s_{size}f",
        "amaranth_boards.ulx3s",
        f"ULX3S_{size.upper()}F_Platform",
        "ecp5",
        f"{size}k",
        "6",
        "CABGA381",
        clock,
        memory,
        packing=("--compress",),
    )


_ALL = (
    Board(
        "icebreaker",
        "amaranth_boards.icebreaker",
        "ICEBreakerPlatform",
        "ice40",
        "up5k",
        None,
        "sg48",
        12.0,
        1 << 17,
    ),
    _ulx3s("12", 50.0, 1 << 16),
    _ulx3s("25", 50.0, 1 << 16),
    _ulx3s("45", 50.0, 1 << 17),
    _ulx3s("85", 75.0, 1 << 17),
    Board(
        "orangecrab_r0_2_85f",
        "amaranth_boards.orangecrab_r0_2",
        "OrangeCrabR0_2_85FPlatform",
        "ecp5",
        "85k",
        "8",
        "CSFBGA285",
        48.0,
        1 << 17,
        # The places of a UART in Adafruit's Feather, which the board has the form of.
        uart={"rx": "0", "tx": "1"},
        uart_attributes=(("IO_TYPE", "LVCMOS33"),),
        packing=("--compress", "--freq", "38.8"),
    ),
    Board(
        "ecpix5_85f",
        "amaranth_boards.ecpix5",
        "ECPIX585Platform",
        "ecp5",
        "um5g-85k",
        "8",
        "CABGA554",
        50.0,
        1 << 17,
        packing=("--compress",),
    ),
)

BOARDS: dict[str, Board] = {board.name: board for board in _ALL}
"""By name."""


def find_board(name: str) -> Board:
    """Board by name, in capitals or not; raises :class:`.BoardError` if there is none such."""
    if name.lower() not in BOARDS:
        raise BoardError(f"the board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name.lower()]
