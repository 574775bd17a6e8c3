# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there."""

from collections.abc import Callable
from pathlib import Path

__all__ = ["replace_file", "replace_text"]


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Has ``write(beside)`` write a file beside its place, and moves it there: it is never half there."""
    beside = path.with_name(f".{path.name}.new")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """The same of a text."""

    def write(beside: Path) -> None:
        beside.write_text(text, encoding="utf-8", newline="\n")

    replace_file(path, write)
