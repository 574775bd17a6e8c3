#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference/ from the definitions of registers, descriptor and errors."""

from collections.abc import Callable
from pathlib import Path

from matwright.artefacts.counters import counters_markdown
from matwright.artefacts.errors import errors_markdown
from matwright.artefacts.markdown import descriptor_markdown, registers_markdown

__all__ = ["PAGES"]

PAGES: dict[str, Callable[[], str]] = {
    "registers.md": registers_markdown,
    "descriptor.md": descriptor_markdown,
    "errors.md": errors_markdown,
    "counters.md": counters_markdown,
}
"""Name of each page to what makes its text."""


def main() -> None:
    """Writes every page."""
    folder = Path(__file__).resolve().parents[1] / "docs" / "reference"
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
