# SPDX-License-Identifier: Apache-2.0
"""``matwright build CONFIG --board NAME``: the bitstream of a whole system."""

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matwright.commands.common import (
    Subparsers,
    UsageError,
    add_command,
    add_config,
    add_json,
    print_json,
    print_table,
    progress,
    table,
    write_files,
)

from ..boards import BOARDS
from ..errors import FpgaError
from .common import add_number, took

if TYPE_CHECKING:
    from ..build import Build

__all__ = ["register"]

_MOST_SEEDS, _MOST_MHZ, _MOST_BAUD, _MOST_MEMORY = 100, 1000, 100_000_000, 1 << 30


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "build",
        run,
        summary="a whole system on a board: bitstream and timing report",
        details=(
            "Puts an accelerator, memory on chip and a UART on a board: generates the system, places and\n"
            "routes it with one seed after the other until its clock is met, and leaves the bitstream,\n"
            "the timing report and all that they were made from. 'matwright demo --port' talks to it.\n"
            "Native tools are taken where they are on PATH, else those of the YoWASP packages\n"
            "(pip install 'matwright[fpga]'). Results are cached: to ask again takes no time.\n"
            "\n"
            "boards and their usual clock:\n"
            + "\n".join(f"  {board.name:20} {board.clock:g} MHz" for board in BOARDS.values())
        ),
        example=(
            "matwright build tiny --board icebreaker\n"
            "matwright build small --board ulx3s_85f --freq 40 --memory 65536 -o build/ulx3s"
        ),
    )
    add_config(parser)
    parser.add_argument(
        "--board", metavar="NAME", required=True, help=f"one of {', '.join(BOARDS)}"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="folder for bitstream, timing, Verilog, constraints, logs and result.json "
        "(default build/CONFIG_BOARD)",
    )
    parser.add_argument(
        "--freq", metavar="MHZ", type=_megahertz, help="clock of the system (default by board)"
    )
    add_number(parser, "--baud", "N", 1_000_000, _MOST_BAUD, "bits per second (default 1,000,000)")
    add_number(
        parser,
        "--memory",
        "BYTES",
        None,
        _MOST_MEMORY,
        "bytes of memory (default by board, or less if no more is left)",
    )
    add_number(parser, "--seeds", "N", 4, _MOST_SEEDS, "place and route up to N times (default 4)")
    parser.add_argument(
        "--family-free",
        action="store_true",
        help="Verilog without the multipliers and memories of the family",
    )
    add_json(parser)


def _megahertz(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= _MOST_MHZ:
        raise argparse.ArgumentTypeError(
            f"must be a number above 0 and at most {_MOST_MHZ}, not {text!r}"
        )
    return value


def run(arguments: argparse.Namespace) -> int:
    """Builds, writes, prints."""
    from ..build import build
    from ..cache import cache_root

    with progress(enabled=not arguments.json) as bar:
        task = bar.add_task("", total=None)

        def on_step(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of or None)

        try:
            made = build(
                arguments.config,
                arguments.board,
                frequency=arguments.freq,
                baud=arguments.baud,
                memory_bytes=arguments.memory,
                seeds=arguments.seeds,
                portable=arguments.family_free,
                on_step=on_step,
            )
        except FpgaError as error:
            raise UsageError(str(error)) from error
        except (PermissionError, FileExistsError, NotADirectoryError, FileNotFoundError) as error:
            place = error.filename or cache_root()
            raise UsageError(f"{place} cannot be written: {error.strerror}") from error
    folder = arguments.output or Path("build") / f"{made.config.name}_{made.board.name}"
    told = made.to_dict()
    told["folder"] = str(folder)
    _write(folder, made, told)
    if arguments.json:
        print_json(told)
    else:
        _print(made, folder, arguments.config_text)
    return 0


def _write(folder: Path, made: "Build", told: dict[str, Any]) -> None:
    write_files(folder, {"result.json": json.dumps(told, indent=2) + "\n"})
    try:
        made.copy(folder)
    except OSError as error:
        raise UsageError(f"folder {folder} cannot be written: {error.strerror}") from error


def _print(made: "Build", folder: Path, config_text: str) -> None:
    family, _, _ = made.board.find_device()
    facts = table(f"{made.config.name} on {made.board.name}", "value")
    of = "" if made.mhz == made.board_mhz else f", by a PLL of {made.board_mhz:g} MHz"
    facts.add_row("clock", f"{made.mhz:g} MHz{of}")
    if made.placed.fmax is not None:
        tried = f"seed {made.placed.seed}"
        facts.add_row("clock reached", f"{made.placed.fmax:.1f} MHz, {tried}")
    facts.add_row(
        "UART", f"{made.bits_per_second:,.0f} bits per second, {made.divisor} cycles a bit"
    )
    facts.add_row("memory", f"{made.memory_bytes:,} bytes")
    for name, use in made.resources.items():
        label = family.resources[name].label
        facts.add_row(label, f"{use.used:,} of {use.capacity:,}, {use.percent:.1f} %")
    placing = [placed.took.seconds for placed in made.placements]
    facts.add_row("synthesis", took(made.synthesis.took.seconds, made.synthesis.cached))
    facts.add_row(
        "placing, routing", took(sum(placing), all(placed.cached for placed in made.placements))
    )
    facts.add_row("tools", ", ".join(f"{tool.name} {tool.version}" for tool in made.tools))
    facts.add_row("bitstream", str(folder / made.name))
    print_table(facts)
    print()
    if made.placed.path is not None:
        print(f"critical path: {made.placed.path}")
    for note in family.remarks(made.synthesis.cells):
        print(f"note: {note}")
    baud = "" if made.baud == 1_000_000 else f" --baud {made.baud}"
    print(f"load it, then: matwright demo --port PORT --config {config_text}{baud}")
