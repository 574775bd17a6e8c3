# SPDX-License-Identifier: Apache-2.0
"""How much of a campaign a time affords, on any configuration, and its parts on several processes."""

import multiprocessing
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from matwright.config import AcceleratorConfig

__all__ = ["affordable", "bus_cycles", "cycle_seconds", "spread"]

_CYCLE, _CELL = 0.9e-6, 0.0135e-6
"""Seconds of a simulated cycle, and more for each element of the array: measured on 4 x 4 to 64 x 64."""

_LATENCY = 60

T = TypeVar("T")
R = TypeVar("R")


def cycle_seconds(config: AcceleratorConfig) -> float:
    """About what the compiled simulator takes for a cycle, on a core of 2020."""
    return _CYCLE + _CELL * config.rows * config.cols


def bus_cycles(config: AcceleratorConfig, size: int) -> int:
    """About what the bus takes for so many bytes, from a memory some way off."""
    bus = config.bus
    return size // bus.bytes * max(1, _LATENCY // (bus.outstanding * bus.max_burst))


def affordable(config: AcceleratorConfig, seconds: float, *, each: float, cycles: float) -> int:
    """How many of something fit into ``seconds``, one of which takes ``each`` and so many ``cycles``."""
    return max(1, int(seconds / (each + cycles * cycle_seconds(config))))


def spread(
    work: Callable[[Any, T], R],
    tasks: Sequence[T],
    *,
    jobs: int,
    make: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> Generator[R, None, None]:
    """``work(bench, task)`` of each task in order; ``bench`` is ``make(*arguments)``, one a process.

    Processes that still work are ended with the generator.
    """
    if jobs == 1 or len(tasks) == 1:
        bench = make(*arguments)
        for task in tasks:
            yield work(bench, task)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(jobs, len(tasks)), _begin, (make, arguments, work)) as pool:
        yield from pool.imap(_work, tasks)


_HELD: list[Any] = []


def _begin(make: Callable[..., Any], arguments: tuple[Any, ...], work: Callable[..., Any]) -> None:
    _HELD[:] = [make(*arguments), work]


def _work(task: Any) -> Any:
    bench, work = _HELD
    return work(bench, task)
