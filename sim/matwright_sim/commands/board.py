# SPDX-License-Identifier: Apache-2.0
"""``matwright board CONFIG``: a board that is simulated, UART and all."""

import argparse
import signal
import threading
from pathlib import Path
from typing import NoReturn

from matwright.commands.common import Subparsers, add_command, add_config, progress

from .common import add_number, check_trace, refusals

__all__ = ["register"]

_MEMORY_BYTES = 1 << 17
_MOST_MEMORY = 1 << 30
_DIVISOR, _LEAST_DIVISOR, _MOST_DIVISOR = 8, 4, 1 << 16


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "board",
        run,
        summary="simulate a board: the whole system behind a pseudo-terminal",
        details=(
            "Generates the system that 'matwright build' puts on a board - accelerator, memory, UART -\n"
            "compiles it, and runs it behind a pseudo-terminal until Ctrl-C. What talks to a board at\n"
            "its serial port talks to this one, pin by pin and bit by bit."
        ),
        example="matwright board tiny\nmatwright board mine.toml --memory 65536 --trace waves.vcd",
    )
    add_config(parser)
    add_number(
        parser, "--memory", "BYTES", _MEMORY_BYTES, 1, _MOST_MEMORY, "bytes of memory on the board"
    )
    add_number(
        parser, "--divisor", "N", _DIVISOR, _LEAST_DIVISOR, _MOST_DIVISOR, "clock cycles of a bit"
    )
    parser.add_argument(
        "--trace", metavar="FILE", type=Path, help="write a waveform: FILE.vcd or FILE.fst"
    )


def run(arguments: argparse.Namespace) -> int:
    """Builds the board, says where it is, and waits for Ctrl-C."""
    from ..board import VirtualBoard

    config = arguments.config
    if arguments.trace is not None:
        check_trace(arguments.trace, "verilator")
    with refusals(), progress() as bar:
        bar.add_task(f"generating and compiling {config.name} as a board", total=None)
        board = VirtualBoard(
            config,
            memory_bytes=arguments.memory,
            divisor=arguments.divisor,
            trace=arguments.trace,
        )
    with board:
        # Whoever ends it, a waveform is complete.
        signal.signal(signal.SIGTERM, _end)
        try:
            print(
                f"{config.name} as a board, with {arguments.memory:,} bytes of memory, at {board.port}\n"
                f"try: matwright demo --port {board.port} --config {arguments.config_text}\n"
                "Ctrl-C ends it",
                flush=True,
            )
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"\n{board.cycles:,} cycles")
    return 0


def _end(*_: object) -> NoReturn:
    raise KeyboardInterrupt
