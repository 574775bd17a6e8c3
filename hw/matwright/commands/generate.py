# SPDX-License-Identifier: Apache-2.0
"""``matwright generate CONFIG -o DIR``: Verilog and what goes with it."""

import argparse
import json
from pathlib import Path

from .common import (
    Subparsers,
    add_command,
    add_config,
    add_json,
    print_json,
    print_table,
    progress,
    table,
    write_files,
)

__all__ = ["register"]


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "generate",
        run,
        summary="write Verilog, C header, register map and manifest",
        details=(
            "Writes what an accelerator is used with, the same to the byte from run to run:\n"
            "  NAME.v         the accelerator, one Verilog file\n"
            "  NAME.h         registers and descriptor for C\n"
            "  registers.md   the register map, with this configuration's values\n"
            "  manifest.json  configuration, versions of the tools, ports, SHA-256 of each file"
        ),
        example=(
            "matwright generate edge -o build/edge\n"
            "matwright generate small --family ecp5 -o build/small"
        ),
    )
    add_config(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        required=True,
        help="folder to write into; made if need be, files of the same names are replaced",
    )
    parser.add_argument(
        "--family",
        metavar="FAMILY",
        default="generic",
        help=(
            "FPGA family whose own multipliers and memories the Verilog uses: ecp5, ice40, nexus, gowin "
            "(default generic: any tool, any simulator)"
        ),
    )
    parser.add_argument(
        "--bus",
        metavar="BUS",
        default="axi",
        help="axi (AXI4 master, AXI4-Lite slave; the default) or wishbone (master and slave)",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Writes the files, then says which."""
    # Here and not above: Amaranth takes longer to import than the other commands to run.
    from ..artefacts.bundle import bundle

    config, folder = arguments.config, arguments.output
    with progress(enabled=not arguments.json) as bar:
        bar.add_task(f"generating {config.name}", total=None)
        files = bundle(config, arguments.family, arguments.bus)
    write_files(folder, files)
    if arguments.json:
        manifest = json.loads(files["manifest.json"])
        print_json({"folder": str(folder), "manifest": manifest})
        return 0
    made = table("file", ">bytes")
    for name, text in files.items():
        made.add_row(str(folder / name), f"{len(text.encode()):,}")
    print_table(made)
    return 0
