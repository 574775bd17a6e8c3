# SPDX-License-Identifier: Apache-2.0
"""``matwright presets``: the named configurations."""

import argparse

from ..artefacts.figures import figures
from ..presets import PRESETS, WHO
from .common import Subparsers, add_command, add_json, print_json, print_table, table

__all__ = ["register"]


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "presets",
        run,
        summary="list the named configurations",
        details="Lists the named configurations: their shape, and who each is for.",
        example="matwright presets",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints a line, or an object, for each preset."""
    if arguments.json:
        print_json(
            [
                {"name": name, "for": WHO[name], "configuration": config.to_dict()}
                for name, config in PRESETS.items()
            ]
        )
        return 0
    made = table("preset", ">array", ">bus bits", ">SRAM KiB", "for")
    for name, config in PRESETS.items():
        made.add_row(
            name,
            f"{config.rows}x{config.cols}",
            str(config.bus.data_width),
            f"{figures(config)['sram_bytes_total'] / 1024:.1f}",
            WHO[name],
        )
    print_table(made)
    return 0
