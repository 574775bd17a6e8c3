# SPDX-License-Identifier: Apache-2.0
"""From a case that fails to a small one that fails too: Hypothesis makes its choices fewer and simpler."""

import random
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import numpy as np

from ..agents.choices import Choices, repeated

__all__ = ["CannotShrink", "shrunk"]

T = TypeVar("T", bound=Hashable)

_KEY = b"matwright"
_MOST = 300
"""Cases that are tried."""
_SECONDS = 30.0
"""In which they are: a case that hangs takes long."""


class CannotShrink(Exception):
    """Hypothesis is not there, or is too old; one sentence."""


def shrunk(
    draw: Callable[[np.random.Generator], T], choices: Sequence[int], fails: Callable[[T], bool]
) -> T:
    """The simplest that ``draw`` makes and that fails, from ``choices`` of which it makes one that fails.

    It is the same each time, unless time ends the search. Raises :class:`CannotShrink` without Hypothesis
    6.135 or later.
    """
    try:
        from hypothesis import HealthCheck, Phase, find, settings
        from hypothesis import strategies as st
        from hypothesis.database import InMemoryExampleDatabase, choices_to_bytes
        from hypothesis.errors import NoSuchExample
    except ImportError as error:
        raise CannotShrink(
            "the case is not made smaller without Hypothesis 6.135 or later; install it with "
            "`pip install -U hypothesis`"
        ) from error

    @st.composite
    def made(drawn: Callable[..., int]) -> tuple[T, tuple[int, ...]]:
        taken: list[int] = []

        def below(count: int) -> int:
            taken.append(drawn(st.integers(0, count - 1)))
            return taken[-1]

        return draw(Choices(below)), tuple(taken)

    end = time.monotonic() + _SECONDS
    known: set[T] = set()
    best = (len(choices) + 1, tuple(choices), draw(repeated(choices)))

    def condition(candidate: tuple[T, tuple[int, ...]]) -> bool:
        """Remembers the simplest, and has an end."""
        nonlocal best
        case, taken = candidate
        known.add(case)
        if len(known) > _MOST or time.monotonic() > end:
            raise _Enough
        failed = fails(case)
        if failed and (len(taken), taken) < best[:2]:
            best = len(taken), taken, case
        return failed

    # What a database holds of a key is tried first: that is how the choices get in. Nothing is kept.
    database = InMemoryExampleDatabase()
    database.save(_KEY + b".secondary", choices_to_bytes(tuple(choices)))
    options = settings(
        database=database,
        deadline=None,
        derandomize=False,
        phases=(Phase.reuse, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    with _same_random(), suppress(NoSuchExample, _Enough):
        find(made(), condition, settings=options, database_key=_KEY)
    return best[2]


class _Enough(BaseException):
    """No more cases are to be tried. Not an Exception, which Hypothesis would take for a failure."""


@contextmanager
def _same_random() -> Iterator[None]:
    """Python's random numbers, from which Hypothesis takes its own, begin anew; after that they go on."""
    state = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)
