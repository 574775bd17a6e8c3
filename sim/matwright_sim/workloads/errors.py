# SPDX-License-Identifier: Apache-2.0
"""What is raised when a model or a list of GEMMs is refused."""

__all__ = ["WorkloadError", "positive"]


class WorkloadError(ValueError):
    """A workload was refused; the message names the subject, the rule and the value."""


def positive(name: str, value: object) -> int:
    """``value`` if it is an integer of at least 1; raises :class:`WorkloadError` otherwise."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise WorkloadError(f"{name} must be a positive integer, not {value!r}")
    return value
