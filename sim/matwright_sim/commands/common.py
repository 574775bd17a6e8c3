# SPDX-License-Identifier: Apache-2.0
"""What the commands of the simulators share.

Modules that take long to import are imported where they are used, here and in the commands.
"""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from matwright.commands.common import Parser, UsageError, print_table, table

__all__ = ["MOST_LATENCY", "add_number", "check_trace", "print_counters", "refusals"]

MOST_LATENCY = 100_000
"""Cycles that a memory may be told to take."""

_ENGINES = {"LOAD": "load", "EXEC": "execute", "STORE": "store"}


@contextmanager
def refusals() -> Iterator[None]:
    """Makes a :class:`UsageError` of what stands in the way: a missing tool or package, a folder
    that cannot be written, memory that does not suffice, operands that do not fit, a board that does
    not answer or is another."""
    from matwright_sw import IdentificationError, LinkError, OperandError, OutOfMemory

    from ..cache import cache_root
    from ..compiled import BuildError
    from ..toolchain import ToolError

    try:
        yield
    except (
        ToolError,
        BuildError,
        OperandError,
        OutOfMemory,
        LinkError,
        IdentificationError,
    ) as error:
        raise UsageError(str(error)) from error
    except MemoryError as error:
        raise UsageError(f"the host must have memory for all operands, but: {error}") from error
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the package {error.name} must be installed to simulate: pip install 'matwright[sim]'"
        ) from error
    except (PermissionError, FileExistsError, NotADirectoryError, FileNotFoundError) as error:
        place = error.filename or cache_root()
        raise UsageError(f"{place} cannot be written: {error.strerror}") from error


def add_number(
    parser: Parser, name: str, metavar: str, default: int, low: int, high: int, what: str
) -> None:
    """Adds the option ``name``, an integer from ``low`` to ``high``."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(
                f"must be an integer from {low} to {high}, not {text!r}"
            )
        return int(text)

    parser.add_argument(
        name, metavar=metavar, type=number, default=default, help=f"{what} (default {default})"
    )


def check_trace(trace: Path, simulator: str) -> None:
    """Raises :class:`UsageError` unless ``simulator`` can write the waveform ``trace``."""
    suffixes = {"verilator": (".vcd", ".fst"), "icarus": (".fst",)}[simulator]
    if trace.suffix not in suffixes:
        raise UsageError(
            f"--trace with {simulator} must name a file that ends in {' or '.join(suffixes)}, "
            f"not {str(trace)!r}"
        )
    try:
        trace.open("wb").close()
    except OSError as error:
        raise UsageError(f"{trace} cannot be written: {error.strerror}") from error


def print_counters(counters: Mapping[str, int], cycles: int) -> None:
    """Prints where each engine spent its cycles, of which there were ``cycles``."""
    print()
    spent = table("engine", "where did the time go?", ">cycles", ">%")
    for prefix, engine in _ENGINES.items():
        name = engine
        for counter, value in counters.items():
            if counter.startswith(f"{prefix}_") and value:
                cause = counter.removeprefix(f"{prefix}_").lower().replace("_", " ")
                spent.add_row(name, cause, f"{value:,}", f"{100 * value / cycles:.1f}")
                name = ""
    beats = f"{counters['BEATS_READ']:,} beats read, {counters['BEATS_WRITTEN']:,} written"
    spent.add_row("bus", beats)
    print_table(spent)
