# SPDX-License-Identifier: Apache-2.0
"""Many random cases; of the first that fails in a part, a small one that fails too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..agents.choices import recorded
from .bench import Bench, Found
from .case import Case
from .draw import draw_case
from .shrink import CannotShrink, shrunk

__all__ = ["Part", "part", "smaller"]


@dataclass
class Part:
    """What came of the cases of a part."""

    found: Found = field(default_factory=Found)
    seed: int | None = None
    """Of the campaign, if a case failed."""
    case: Mapping[str, Any] | None = None
    """What fails, as small as it could be made."""
    note: str = ""


def part(bench: Bench, seed: int, number: int, programs: int) -> Part:
    """Cases of ``programs`` programs altogether, of a stream of its own; up to the first that fails."""
    made = Part()
    index = 0
    while made.found.programs < programs and made.case is None:
        key = (seed, number, index)
        kept: list[int] = []
        case = draw_case(bench.config, recorded(key, kept))
        left = programs - made.found.programs
        found = bench.run(Case(case.world, case.programs[:left]))
        made.found.add(found)
        if found.faults:
            made.seed = seed
            small, made.note = smaller(bench, key)
            made.case = small.data()
            made.found.faults = bench.run(small).faults
        index += 1
    return made


def smaller(bench: Bench, key: tuple[int, ...]) -> tuple[Case, str]:
    """A case that fails, from the one of ``key``, which does; and what is to be said of it."""
    config = bench.config
    kept: list[int] = []
    marks: list[int] = []
    case = draw_case(config, recorded(key, kept), lambda: marks.append(len(kept)))
    at = bench.run(case).at
    case = Case(case.world, case.programs[: at + 1])
    choices = [*kept[: marks[at + 1]], 0]
    # What fails alone needs no programs before it.
    alone = Case(case.world, case.programs[at:])
    if at and bench.run(alone).faults:
        case, choices = alone, [*kept[: marks[0]], *kept[marks[at] + 1 : marks[at + 1]], 0]
    try:
        return shrunk(lambda rng: draw_case(config, rng), choices, bench.fails), ""
    except CannotShrink as error:
        return case, str(error)
