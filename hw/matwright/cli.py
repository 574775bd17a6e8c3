# SPDX-License-Identifier: Apache-2.0
"""The command line: ``matwright COMMAND ...``.

The commands of this package are the modules in ``commands``. Other packages add theirs through
entry points of the group ``matwright.commands``, each a function ``register(subparsers)``; so the
generator knows nothing of the simulators. Exit status: 0 done, 1 the work found a fault (a
mismatch, say), 2 it could not be done as asked, 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

from . import __version__
from .commands import generate, presets, show
from .commands.common import Parser, UsageError, print_error
from .config import ConfigError

__all__ = ["ENTRY_POINTS", "main"]

ENTRY_POINTS = "matwright.commands"
"""Group of the entry points that add commands."""

_EPILOG = """\
first steps:
  matwright presets                 what there is to choose from
  matwright show edge               one configuration, and what follows from it
  matwright show edge --toml > my.toml
                                    a file to change; then use my.toml as CONFIG
  matwright generate my.toml -o out Verilog, C header, register map, manifest

'matwright COMMAND --help' explains a command.
"""


def _parser() -> tuple[Parser, list[str]]:
    """The parser, and one sentence for each group of commands that could not be loaded."""
    parser = Parser(
        prog="matwright",
        description="Makes a matrix-multiply accelerator from one configuration.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"matwright {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for command in (presets, show, generate):
        command.register(subparsers)
    missing = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            register = point.load()
        except ModuleNotFoundError as error:
            missing.append(
                f"the commands of {point.module} need the package {error.name}, which is not "
                f"installed: pip install 'matwright[{point.name}]'"
            )
        else:
            register(subparsers)
    return parser, missing


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    parser, missing = _parser()
    try:
        parsed = parser.parse_args(arguments)
        status: int = parsed.handler(parsed)
        sys.stdout.flush()
        return status
    except (ConfigError, UsageError) as error:
        message = str(error)
        if "invalid choice" in message:
            message = "; ".join([message, *missing])
        print_error(message)
        return 2
    except BrokenPipeError:
        # The reader, such as `head`, has left. Python must not find stdout broken once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print_error("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
