# SPDX-License-Identifier: Apache-2.0
"""Commands of the simulators: an entry point of :mod:`matwright.cli`."""

from matwright.commands.common import Subparsers

from . import board, cycles, demo, explain, simulate, sweep, verify

__all__ = ["register"]


def register(subparsers: Subparsers) -> None:
    """Adds the commands."""
    for command in (simulate, cycles, explain, sweep, verify, demo, board):
        command.register(subparsers)
