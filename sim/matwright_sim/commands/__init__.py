# SPDX-License-Identifier: Apache-2.0
"""Commands of the simulators: an entry point of :mod:`matwright.cli`."""

from matwright.commands.common import Subparsers

from . import board, cycles, demo, simulate

__all__ = ["register"]


def register(subparsers: Subparsers) -> None:
    """Adds the commands."""
    for command in (simulate, cycles, demo, board):
        command.register(subparsers)
