# SPDX-License-Identifier: Apache-2.0
"""``matwright show CONFIG``: a configuration and what follows from it."""

import argparse

from ..artefacts.figures import MEANINGS, figures
from .common import Subparsers, add_command, add_config, add_json, print_json, print_table, table

__all__ = ["register"]


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "show",
        run,
        summary="show a configuration and what follows from it",
        details="Shows a configuration and what follows from it: speed at best, bytes of SRAM, limits.",
        example=(
            "matwright show edge\n"
            "matwright show edge --toml > my.toml      a file to change and use as CONFIG"
        ),
    )
    add_config(parser)
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--toml", action="store_true", help="print the configuration alone, as TOML")


def run(arguments: argparse.Namespace) -> int:
    """Prints two tables, or one document."""
    config = arguments.config
    if arguments.toml:
        print(config.to_toml(), end="")
        return 0
    derived = figures(config)
    if arguments.json:
        print_json({"configuration": config.to_dict(), "sha256": config.digest, "figures": derived})
        return 0
    fields = table("field", ">value", title=f"Configuration {config.name}")
    for key, value in config.to_dict().items():
        if isinstance(value, dict):
            for field, inner in value.items():
                fields.add_row(f"{key}.{field}", _text(inner))
        else:
            fields.add_row(key, _text(value))
    print_table(fields)
    print()
    follows = table("figure", ">value", "meaning", title="What follows from it")
    for name, value in derived.items():
        if isinstance(value, dict):
            for part, inner in value.items():
                follows.add_row(f"{name}.{part}", _text(inner), MEANINGS[f"{name}.{part}"])
        else:
            follows.add_row(name, _text(value), MEANINGS[name])
    print_table(follows)
    return 0


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)
