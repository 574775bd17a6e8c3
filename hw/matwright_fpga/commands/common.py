# SPDX-License-Identifier: Apache-2.0
"""What the commands of this package share."""

import argparse

__all__ = ["add_number", "took"]


def add_number(
    parser: argparse.ArgumentParser,
    name: str,
    metavar: str,
    default: int | None,
    high: int,
    what: str,
) -> None:
    """Adds an option that takes an integer from 1 to ``high``."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"must be an integer from 1 to {high}, not {text!r}")
        return int(text)

    parser.add_argument(name, metavar=metavar, type=number, default=default, help=what)


def took(seconds: float, cached: bool) -> str:
    """Seconds in words."""
    return f"{seconds:.1f} s" + (", from the cache" if cached else "")
