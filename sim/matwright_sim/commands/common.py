# SPDX-License-Identifier: Apache-2.0
"""What the commands of the simulators share.

Modules that take long to import are imported where they are used, here and in the commands.
"""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matwright.commands.common import Parser, UsageError, add_config, gemm, print_table, table

if TYPE_CHECKING:
    from matwright_sw.search import Choice
    from matwright_sw.tiling import Tiling

__all__ = [
    "MOST_LATENCY",
    "add_gemm",
    "add_jobs",
    "add_number",
    "check_trace",
    "print_counters",
    "refusals",
    "tiling_facts",
    "tiling_words",
]

MOST_LATENCY = 100_000
"""Cycles that a memory may be told to take."""

_MOST_JOBS = 1024

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


def add_jobs(parser: argparse._ActionsContainer) -> None:
    """Adds the option ``--jobs``, a number of processes or ``None``."""
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        help="processes of this machine (default one per processor)",
    )


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_JOBS):
        raise argparse.ArgumentTypeError(f"must be an integer from 1 to {_MOST_JOBS}, not {text!r}")
    return int(text)


def add_gemm(parser: Parser) -> None:
    """Adds CONFIG and a GEMM on it: its sizes, the memory's latency, ``--raw``, and ``--tiling``, a
    :class:`Tiling` or ``None``."""
    add_config(parser)
    parser.add_argument(
        "--gemm", metavar="M,N,K", type=gemm, required=True, help="sizes of D = A[M,K] @ B[K,N]"
    )
    add_number(parser, "--latency", "L", 40, 1, MOST_LATENCY, "cycles the memory takes to answer")
    parser.add_argument(
        "--raw", action="store_true", help="int32 sums, neither scaled nor narrowed"
    )
    parser.add_argument(
        "--tiling",
        metavar="R,P,C",
        type=_tiling,
        help="blocks of R rows and P column panels, chunks of C panels of K, P and C powers of two; "
        "without it the tiling of least cycles, by the model",
    )


def _tiling(text: str) -> "Tiling":
    from matwright_sw.tiling import Tiling

    parts = text.split(",")
    legal = len(parts) == 3 and all(part.isascii() and part.isdigit() for part in parts)
    sizes = [int(part) for part in parts] if legal else [0]
    if not all(sizes) or any(size & (size - 1) for size in sizes[1:]):
        raise argparse.ArgumentTypeError(
            f"must be rows and two powers of two R,P,C, all positive, not {text!r}"
        )
    rows, panels, chunk = sizes
    return Tiling(rows, panels.bit_length() - 1, chunk.bit_length() - 1)


def tiling_facts(choice: "Choice") -> dict[str, Any]:
    """A tiling for JSON."""
    cut = choice.tiling
    return {
        "tile_rows": cut.tile_rows,
        "n_panels_log2": cut.n_panels_log2,
        "k_panels_log2": cut.k_panels_log2,
        "by": choice.by,
    }


def tiling_words(facts: Mapping[str, Any]) -> str:
    """The same for people."""
    rows, panels, chunk = (
        facts["tile_rows"],
        1 << facts["n_panels_log2"],
        1 << facts["k_panels_log2"],
    )
    by = {"caller": "as asked for", "model": "the best by the model", "rule": "by rule"}[
        facts["by"]
    ]
    return f"blocks of {rows} rows x {panels} column panels, chunks of {chunk} panels of K: {by}"


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
