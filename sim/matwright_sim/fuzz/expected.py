# SPDX-License-Identifier: Apache-2.0
"""What is due at the end of a program, by the golden machine, and what of memory nobody can foresee."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matwright.bus.window import Window
from matwright.config import AcceleratorConfig, ceil_div
from matwright.layout import d_stride, pack_d
from matwright.post.serial import SerialPost
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Error, Flag

from ..golden.machine import GoldenMachine, check, regions

__all__ = ["SLACK", "Expected", "descriptor_steps", "expected"]

SLACK = 20
"""Cycles that a step of the array may take, with what memory and bus add."""


@dataclass
class Expected:
    """How a program has to end."""

    error: Error = Error.NONE
    index: int = 0
    address: int = 0
    long: bool = False
    """A descriptor before the error, if there is one, may take longer than the host waits."""
    known: bool = True
    """No result goes where descriptors stand; else there may be any end."""
    legal: list[Descriptor] = field(default_factory=list)
    """Descriptors before the first with an error."""
    after: NDArray[np.uint8] | None = None
    """Memory, if it was asked for and no descriptor is too long to be computed."""
    undefined: NDArray[np.bool_] | None = None
    """Bytes of memory that have no defined value."""


def expected(
    config: AcceleratorConfig,
    memory: NDArray[np.uint8],
    address: int,
    count: int,
    windows: tuple[Window, ...],
    *,
    most_steps: int,
    results: bool = True,
) -> Expected:
    """The end of a program of ``count`` descriptors from ``address`` on, in ``memory`` as it is before.

    A program of more than ``most_steps`` of the array is ``long``. Without ``results`` it is
    only looked for errors, in descriptors as they are before.
    """
    due = Expected()
    wrapped = address % (1 << config.bus.addr_width)
    if count and address % DESCRIPTOR_BYTES:
        due.error, due.address = Error.ALIGNMENT, wrapped
        return _unchanged(due, memory, results)
    if count and address >> config.bus.addr_width:
        due.error, due.address = Error.ADDRESS, wrapped
        return _unchanged(due, memory, results)
    golden = GoldenMachine(config, memory.copy() if results else memory, windows)
    marks = _Marks(config, memory.size, address, count)
    steps = 0
    for index in range(count):
        at = address + DESCRIPTOR_BYTES * index
        due.index, due.address = index, at % (1 << config.bus.addr_width)
        if not golden.is_open(at, at + DESCRIPTOR_BYTES - 1, "read"):
            due.error = Error.WINDOW
            break
        code = memory[at : at + DESCRIPTOR_BYTES].tobytes()
        due.error = check(config, code)
        if due.error != Error.NONE:
            break
        descriptor = Descriptor.unpack(code)
        if not all(golden.is_open(*region) for region in regions(config, descriptor)):
            due.error = Error.WINDOW
            break
        due.legal.append(descriptor)
        steps += descriptor_steps(config, descriptor)
        due.long = due.long or steps > most_steps
        if results and not due.long and due.known:
            due.known = marks.add(descriptor)
            golden.run(at, 1)
    else:
        due.index = due.address = 0
    if results and not due.long and due.known:
        due.after, due.undefined = golden.memory, marks.undefined
    return due


def _unchanged(due: Expected, memory: NDArray[np.uint8], results: bool) -> Expected:
    if results:
        due.after, due.undefined = memory, np.zeros(memory.size, np.bool_)
    return due


def descriptor_steps(config: AcceleratorConfig, d: Descriptor) -> int:
    serial = config.build.post_multiplier == "serial"
    element = ceil_div(SerialPost.CYCLES, SLACK) if serial else 1
    tiles = ceil_div(d.n, config.cols) * ceil_div(d.k, config.rows)
    blocks = ceil_div(d.m, d.tile_rows)
    return tiles * (d.m + blocks * config.load_cycles) + d.m * d.n * element


class _Marks:
    """Which bytes have no defined value: the golden machine runs as if every descriptor were fenced."""

    def __init__(self, config: AcceleratorConfig, size: int, address: int, count: int) -> None:
        self.config = config
        self.undefined = np.zeros(size, np.bool_)
        self.pending = np.zeros(size, np.bool_)
        """Written by descriptors that no fence has waited for."""
        self.code = slice(address, address + DESCRIPTOR_BYTES * count)

    def add(self, d: Descriptor) -> bool:
        """A further descriptor, all of whose regions are in memory; False if it writes over the program."""
        raw = bool(d.flags & Flag.RAW)
        if d.flags & Flag.FENCE:
            self.pending[:] = False
        length = d_stride(self.config, d.n, raw)
        rows = d.d_addr + d.d_stride * np.arange(d.m)
        element = pack_d(self.config, np.full((1, d.n), -1), raw=raw) != 0
        places = rows[:, None] + np.flatnonzero(element)
        reads = [
            slice(base, limit + 1) for base, limit, way in regions(self.config, d) if way == "read"
        ]
        wrong = any(self.undefined[span].any() or self.pending[span].any() for span in reads)
        own = np.zeros_like(self.undefined)
        own[places] = True
        wrong = wrong or any(own[span].any() for span in reads)
        wrong = wrong or (d.m > 1 and d.d_stride < length)
        self.undefined[places] = wrong | self.pending[places]
        self.pending[places] = True
        return not own[self.code].any()
