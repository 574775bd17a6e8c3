# SPDX-License-Identifier: Apache-2.0
"""What carries out tasks, as the run of a sweep sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from .measure import Done, Task

__all__ = ["Ended", "Lost", "Workers"]


@dataclass(frozen=True)
class Lost:
    """What carried out a task has ended before it was done."""

    reason: str
    """How, in words that follow "the process that measured it"."""


Ended = tuple[Task, Done | Lost]
"""A task, and what has become of it."""


class Workers(Protocol):
    """Processes, here or elsewhere. For ``with``: what still runs at its end is given up."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    @property
    def slots(self) -> int:
        """Tasks that are carried out at once; may change."""
        ...

    @property
    def ahead(self) -> int:
        """Tasks that may wait beside those, so that the next is there when one ends."""
        ...

    def submit(self, task: Task) -> None:
        """Gives a task; not more than ``slots`` and ``ahead`` together are to be under way."""
        ...

    def collect(self, seconds: float) -> Sequence[Ended]:
        """Tasks that have ended, after at most that time."""
        ...
