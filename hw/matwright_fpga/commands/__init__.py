# SPDX-License-Identifier: Apache-2.0
"""Commands of the open FPGA flow: an entry point of :mod:`matwright.cli`."""

from matwright.commands.common import Subparsers

from . import build, synth

__all__ = ["register"]


def register(subparsers: Subparsers) -> None:
    """Adds the commands."""
    synth.register(subparsers)
    build.register(subparsers)
