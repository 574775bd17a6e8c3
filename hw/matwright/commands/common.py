# SPDX-License-Identifier: Apache-2.0
"""What the commands share: the CONFIG and GEMM arguments, errors, JSON, tables, progress, files.

A command is a module with ``register(subparsers)``: it adds its parser by :func:`add_command` and
leaves there the function that does the work, which returns the exit status.
"""

import argparse
import errno
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..config import AcceleratorConfig, load
from ..presets import PRESETS

__all__ = [
    "Gemm",
    "Handler",
    "Parser",
    "Subparsers",
    "UsageError",
    "add_command",
    "add_config",
    "add_json",
    "gemm",
    "print_error",
    "print_json",
    "print_table",
    "progress",
    "table",
    "write_files",
]

Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"
"""What a ``register`` function is given."""

Handler: TypeAlias = Callable[[argparse.Namespace], int]
"""The work of a command: parsed arguments in, exit status out."""

Gemm: TypeAlias = tuple[int, int, int]
"""M, N, K."""


class UsageError(Exception):
    """The user asked for what cannot be done; one sentence, exit status 2."""


class Parser(argparse.ArgumentParser):
    """Argument parser whose errors are one sentence, the same as all others of the program."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see '{self.prog} --help')")


def add_command(
    subparsers: Subparsers, name: str, handler: Handler, *, summary: str, details: str, example: str
) -> Parser:
    """Parser of the command ``name``; its help ends with ``example``, one command a line."""
    parser = subparsers.add_parser(
        name,
        help=summary,
        description=details,
        epilog="example:\n" + "\n".join(f"  {line}" for line in example.splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(handler=handler)
    return parser


def add_config(parser: argparse.ArgumentParser, name: str = "config", note: str = "") -> None:
    """Adds the argument CONFIG, or the option ``name``, whose help ends with ``note``.

    ``arguments.config`` is then an :class:`AcceleratorConfig`, of an option that is not given None, and
    ``arguments.config_text`` what the user wrote.
    """
    parser.add_argument(
        name,
        metavar="CONFIG",
        action=_ConfigAction,
        help=f"name of a preset ({', '.join(PRESETS)}) or path of a TOML file{note}",
    )


def add_json(parser: argparse._ActionsContainer) -> None:
    """Adds the option ``--json`` to a parser or a group; ``arguments.json`` is then a bool."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


class _ConfigAction(argparse.Action):
    """Reads the configuration where the argument is read. An action, not a type: argparse would
    replace the message of an error raised by a type."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, _configuration(str(values)))
        setattr(namespace, f"{self.dest}_text", str(values))


def _configuration(text: str) -> AcceleratorConfig:
    if text in PRESETS:
        return PRESETS[text]
    path = Path(text)
    if path.suffix == ".toml" or path.is_file():
        return load(path)
    raise UsageError(
        f"CONFIG must be a preset ({', '.join(PRESETS)}) or the path of a TOML file, not {text!r}"
    )


def gemm(text: str) -> Gemm:
    """M, N, K from ``"M,N,K"``; for ``type=`` of an argument."""
    parts = text.split(",")
    # ASCII alone: str.isdigit also takes digits that int() refuses, such as a superscript 2.
    legal = all(part.strip().isascii() and part.strip().isdigit() for part in parts)
    if len(parts) != 3 or not legal or not all(int(part) for part in parts):
        raise argparse.ArgumentTypeError(
            f"a GEMM must be three positive integers M,N,K, not {text!r}"
        )
    m, n, k = (int(part) for part in parts)
    return m, n, k


def print_json(data: Any) -> None:
    """Prints ``data`` as JSON on stdout."""
    print(json.dumps(data, indent=2))


class _Console(Console):
    """Console that leaves a reader who has left to the command line."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def table(*columns: str, title: str | None = None) -> Table:
    """Table in the program's style; a column whose heading starts with ``>`` is set right."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column.removeprefix(">"), justify="right" if column[0] == ">" else "left")
    return made


def print_table(made: Table) -> None:
    """Prints a table on stdout; without a terminal to fit into, no line is folded."""
    console = _Console()
    if not console.is_terminal:
        console = _Console(width=200)
    console.print(made)


def progress(*, enabled: bool = True) -> Progress:
    """Progress bars on stderr, for ``with``; silent without a terminal or when not ``enabled``."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not (enabled and console.is_terminal),
        transient=True,
    )


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Writes ``files`` (name to text) into ``folder``, which is made if need be.

    All are written beside their places first and then moved there one by one, in the order given,
    so that no file is ever half-written; raises :class:`UsageError` when the folder takes none.
    """
    fresh = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".matwright-", dir=folder))
    except OSError as error:
        raise UsageError(f"folder {folder} cannot be written: {error.strerror}") from error
    try:
        for name, text in files.items():
            (staging / name).write_text(text, encoding="utf-8", newline="\n")
            if (folder / name).is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{name} is a folder")
        for name in files:
            (staging / name).replace(folder / name)
    except OSError as error:
        raise UsageError(f"folder {folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if fresh and not any(folder.iterdir()):
            folder.rmdir()


def print_error(message: str) -> None:
    """Prints an error in the program's form on stderr, on one line."""
    print(f"matwright: error: {' '.join(message.split())}", file=sys.stderr)
