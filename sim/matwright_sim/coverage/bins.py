# SPDX-License-Identifier: Apache-2.0
"""Functional coverage: which combinations of shapes, memory timings, errors and options were run."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, product

from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import Error, Flag

from .bench import STALLS
from .shapes import CLASSES, Classes, missing_classes

__all__ = ["Bins", "Group", "impossible_errors"]

Bin = tuple[str, ...]


def impossible_errors(config: AcceleratorConfig) -> dict[Error, str]:
    """Errors that no host, program or bus can cause, and why."""
    hardware = "only a fault of the hardware causes it"
    found = {Error.GUARD: hardware}
    if not config.build.protected:
        found[Error.SRAM] = "on-chip memory has no check bits"
        found[Error.UNWRITTEN] = hardware
    if config.bus.addr_width >= 48:
        found[Error.ADDRESS] = "every address of 48 bits is permitted"
    return found


@dataclass
class Group:
    """Bins of one kind."""

    name: str
    bins: dict[Bin, int]
    """How often each was run."""
    impossible: dict[Bin, str] = field(default_factory=dict)
    """Those that cannot be, and why."""

    @property
    def empty(self) -> list[Bin]:
        """Bins that could have been run, and were not."""
        return [key for key, count in self.bins.items() if not count]


class Bins:
    """What was run, bin by bin.

    A shape's bins are those of the descriptor at fault or, of a program that ends well, of each of its
    descriptors.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        self._runs: Counter[tuple[Classes, str, Error]] = Counter()
        self._flags: Counter[tuple[int, str]] = Counter()
        self._programs: Counter[Bin] = Counter()
        self._faults: Counter[Bin] = Counter()

    def shape(self, classes: Classes, stall: str, error: Error, flags: int) -> None:
        """A descriptor that ended well, or at fault."""
        self._runs[classes, stall, error] += 1
        if error == Error.NONE:
            self._flags[flags, stall] += 1

    def program(self, count: int, dependent: bool, stall: str) -> None:
        """A program that ended well."""
        length = str(count) if count < 3 else "3 or more"
        self._programs[length, "dependent" if dependent else "independent", stall] += 1

    def fault(self, name: str, stall: str) -> None:
        """Something that the bus or the host did to a running program."""
        self._faults[name, stall] += 1

    def groups(self, faults: tuple[str, ...]) -> Iterator[Group]:
        """All bins; ``faults`` are the names that :meth:`fault` may have been given."""
        absent = missing_classes(self.config)
        wrong = impossible_errors(self.config)
        errors = list(Error)
        for place, dimension in enumerate("MNK"):
            group = Group(f"{dimension} x timing x error", {})
            for one, stall, error in product(CLASSES, STALLS, errors):
                key = (f"{dimension} {one}", stall, error.name)
                reason = absent.get((dimension, one)) or wrong.get(error)
                if reason:
                    group.impossible[key] = reason
                else:
                    group.bins[key] = 0
            for (classes, stall, error), count in self._runs.items():
                key = (f"{dimension} {classes[place]}", stall, error.name)
                if key in group.bins:
                    group.bins[key] += count
            yield group
        yield self._pairs(absent)
        flags = Group("two flags", {})
        for (first, second), values in product(combinations(Flag, 2), product((0, 1), repeat=2)):
            flags.bins[f"{first.name}={values[0]}", f"{second.name}={values[1]}"] = sum(
                count
                for (word, _), count in self._flags.items()
                if (int(bool(word & first)), int(bool(word & second))) == values
            )
        yield flags
        stalls = Group("flag x timing", {})
        for flag, value, stall in product(Flag, (0, 1), STALLS):
            stalls.bins[f"{flag.name}={value}", stall] = sum(
                count
                for (word, at), count in self._flags.items()
                if at == stall and bool(word & flag) == bool(value)
            )
        yield stalls
        lengths = Group("descriptors x timing", {})
        for length, kind, stall in product(("1", "2", "3 or more"), _KINDS, STALLS):
            if length == "1" and kind == "dependent":
                lengths.impossible[length, kind, stall] = "one descriptor depends on no other"
            else:
                lengths.bins[length, kind, stall] = self._programs[length, kind, stall]
        yield lengths
        happened = Group("bus and host x timing", {})
        for fault, stall in product(faults, STALLS):
            if fault == "read_last_early" and self.config.bus.max_burst == 1:
                happened.impossible[fault, stall] = "no burst has two beats"
            else:
                happened.bins[fault, stall] = self._faults[fault, stall]
        yield happened

    def _pairs(self, absent: dict[tuple[str, str], str]) -> Group:
        group = Group("shapes in pairs", {})
        for (i, one), (j, two) in combinations(enumerate("MNK"), 2):
            for a, b in product(CLASSES, CLASSES):
                key = (f"{one} {a}", f"{two} {b}")
                reason = absent.get((one, a)) or absent.get((two, b))
                if reason:
                    group.impossible[key] = reason
                    continue
                group.bins[key] = sum(
                    count
                    for (classes, _, _), count in self._runs.items()
                    if (classes[i], classes[j]) == (a, b)
                )
        return group


_KINDS = ("independent", "dependent")
