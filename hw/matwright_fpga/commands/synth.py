# SPDX-License-Identifier: Apache-2.0
"""``matwright synth CONFIG --family F --device D``: clock and area, by Yosys and nextpnr."""

import argparse
import json
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

from ..devices import FAMILIES
from ..errors import FpgaError
from .common import add_number, took

if TYPE_CHECKING:
    from ..result import Result

__all__ = ["register"]

_MOST_SEEDS, _MOST_JOBS, _MOST_MHZ = 100, 256, 1000


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "synth",
        run,
        summary="clock and area on an FPGA, by Yosys and nextpnr",
        details=(
            "Synthesizes an accelerator, or with --part one module of it, for a device, places and\n"
            "routes it once for each seed, and tells the clock that it reaches, what it takes, and\n"
            "what limits it. It is placed out of context: its ports are neither pins nor timed.\n"
            "Native tools are taken where they are on PATH, else those of the YoWASP packages\n"
            "(pip install 'matwright[fpga]'). Results are cached: to ask again takes no time.\n"
            "\n"
            "devices:\n"
            + "\n".join(f"  {f.name:6} {', '.join(f.devices)}" for f in FAMILIES.values())
        ),
        example=(
            "matwright synth small --family ecp5 --device 85k --seeds 5\n"
            "matwright synth tiny --family ice40 --device up5k -o build/up5k\n"
            "matwright synth small --family ecp5 --device 25k --part engine.loader --json"
        ),
    )
    add_config(parser)
    parser.add_argument(
        "--family", metavar="F", required=True, help=f"one of {', '.join(FAMILIES)}"
    )
    parser.add_argument("--device", metavar="D", required=True, help="device of the family")
    parser.add_argument(
        "--speed", metavar="S", help="speed grade (default the usual one of the device)"
    )
    parser.add_argument(
        "--part",
        metavar="MODULE",
        default="",
        help="synthesize this module alone, by its name from the accelerator on: engine.array",
    )
    add_number(parser, "--seeds", "N", 1, _MOST_SEEDS, "place and route N times (default 1)")
    add_number(
        parser, "--freq", "MHZ", None, _MOST_MHZ, "clock to ask the placer for (default by family)"
    )
    add_number(parser, "--jobs", "N", None, _MOST_JOBS, "runs at once (default one per processor)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="folder for Verilog, script, netlist, logs, reports and result.json",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Synthesizes, places, prints."""
    from ..cache import cache_root
    from ..flow import figures

    with progress(enabled=not arguments.json) as bar:
        task = bar.add_task("", total=None)

        def on_step(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of or None)

        try:
            result = figures(
                arguments.config,
                arguments.family,
                arguments.device,
                speed=arguments.speed,
                part=arguments.part,
                seeds=range(1, arguments.seeds + 1),
                frequency=arguments.freq,
                jobs=arguments.jobs,
                on_step=on_step,
            )
        except FpgaError as error:
            raise UsageError(str(error)) from error
        except (PermissionError, FileExistsError, NotADirectoryError, FileNotFoundError) as error:
            place = error.filename or cache_root()
            raise UsageError(f"{place} cannot be written: {error.strerror}") from error
    told = result.to_dict()
    told["folder"] = None if arguments.output is None else str(arguments.output)
    if arguments.output is not None:
        _write(arguments.output, result, told)
    if arguments.json:
        print_json(told)
    else:
        _print(result, told)
    return 0


def _write(folder: Path, result: "Result", told: dict[str, Any]) -> None:
    """Leaves all that the figures were made with and from."""
    write_files(folder, {"result.json": json.dumps(told, indent=2) + "\n"})
    try:
        result.synthesis.copy(folder)
        for placed in result.placements:
            placed.copy(folder)
    except OSError as error:
        raise UsageError(f"folder {folder} cannot be written: {error.strerror}") from error


def _print(result: "Result", told: dict[str, Any]) -> None:
    what = f"{result.part} of {result.config.name}" if result.part else result.config.name
    speed = f" speed {result.speed}" if result.speed else ""
    facts = table(f"{what} on {result.family.name} {result.device.name}{speed}", "value")
    if result.median is None or result.best is None:
        facts.add_row("Fmax", "none: no path leads from register to register")
    elif len(result.placements) == 1:
        facts.add_row("Fmax", f"{result.median:.1f} MHz")
    else:
        facts.add_row("Fmax, median", f"{result.median:.1f} MHz of {len(result.placements)} seeds")
        facts.add_row("Fmax, best", f"{result.best:.1f} MHz")
        facts.add_row("Fmax, each", ", ".join(f"{clock:.1f}" for clock in result.clocks))
    for name, use in result.resources.items():
        label = result.family.resources[name].label
        facts.add_row(label, f"{use.used:,} of {use.capacity:,}, {use.percent:.1f} %")
    if result.gmacs is not None:
        facts.add_row("GMAC/s", f"{result.gmacs:.2f} at the median clock")
    if result.gmacs_per_klut is not None:
        facts.add_row("GMAC/s per kLUT", f"{result.gmacs_per_klut:.2f}")
    placing = [placed.took.seconds for placed in result.placements]
    facts.add_row("synthesis", took(result.synthesis.took.seconds, result.synthesis.cached))
    facts.add_row(
        "placing, routing",
        took(sum(placing), all(placed.cached for placed in result.placements)),
    )
    facts.add_row("tools", ", ".join(f"{tool.name} {tool.version}" for tool in result.tools))
    if told["folder"]:
        facts.add_row("files in", told["folder"])
    print_table(facts)
    if result.typical.path is not None:
        print()
        print(f"critical path of seed {result.typical.seed}: {result.typical.path}")
    for note in result.notes:
        print(f"note: {note}")
