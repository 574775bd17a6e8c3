# SPDX-License-Identifier: Apache-2.0
"""What is raised when a sweep is refused, and how its description is taken apart."""

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["SweepError", "check_fields", "integer", "table"]


class SweepError(ValueError):
    """A sweep was refused; the message names the subject, the rule and the value."""


def table(where: str, value: object) -> Mapping[str, Any]:
    """``value`` if it is a table; raises :class:`SweepError` otherwise."""
    if not isinstance(value, Mapping):
        raise SweepError(f"{where} must be a table, not {value!r}")
    return value


def check_fields(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raises :class:`SweepError` for the first of ``given`` that is not among ``known``."""
    known = list(known)
    for name in given:
        if name not in known:
            subject = f"{where}.{name}" if where else name
            raise SweepError(f"{subject} is not a field; the fields are {', '.join(known)}")


def integer(where: str, value: object, low: int, high: int = (1 << 63) - 1) -> int:
    """``value`` if it is an integer from ``low`` to ``high``; raises :class:`SweepError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        rule = f"from {low} on" if high == (1 << 63) - 1 else f"from {low} to {high}"
        raise SweepError(f"{where} must be an integer {rule}, not {value!r}")
    return value
