# SPDX-License-Identifier: Apache-2.0
"""What the reports share: each is one HTML file with all in it, which asks nothing of a network."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["base_style", "fill"]


def base_style() -> str:
    """Colours, light and dark, and text."""
    return (Path(__file__).parent / "base.css").read_text(encoding="utf-8")


def fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with each ``@NAME@`` of ``parts`` replaced once, in their order."""
    for name, part in parts.items():
        before, mark, after = template.partition(f"@{name}@")
        assert mark, name
        template = before + part + after
    return template
