# SPDX-License-Identifier: Apache-2.0
"""What is proven: properties, and the specifications whose proofs show them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from matwright.config import AcceleratorConfig
from matwright.presets import PRESETS

from .bench import Bench, SpecError
from .source import Plant, Source

__all__ = ["Proof", "Property", "build"]


@dataclass(frozen=True)
class Property:
    """One promise of a part. It is the claim of that name on its proof's bench, or those of that name and
    a number.

    ``plant`` is a bug that breaks this very claim: what shows that the claim says something.
    """

    name: str
    statement: str
    """One sentence, for the report."""
    plant: Plant

    def claims(self, bench: Bench) -> list[str]:
        """Its claims on a bench."""
        name = re.compile(rf"{self.name}(_\d+)?")
        return [claim for claim in bench.claims if name.fullmatch(claim)]


@dataclass(frozen=True)
class Proof:
    """A specification, and the properties that its proof shows.

    ``spec`` writes it on a bench; claims without a property there are lemmas, which are proven with the
    others. Every proof has goals (:meth:`.Bench.reach`), which show that assumptions leave the
    interesting cases, and where the part moves things a claim that it answers in time: a dead part is
    safe. Goals and planted bugs are looked for in ``depth`` cycles.
    """

    name: str
    """Unique, of words and underscores."""
    block: str
    """The part, by its class or what a reader calls it."""
    scale: str
    """For which sizes it is proven, for the report: what is the configuration's and what is smaller."""
    spec: Callable[[Bench], None]
    properties: tuple[Property, ...]
    steps: int = 4
    """Steps of induction that are tried."""
    depth: int = 10
    """Cycles in which goals are reached, and planted bugs seen."""
    bound: int | None = None
    """Cycles for which it is proven, of a proof that is not for all time."""
    apart: bool = False
    """Each claim is proven alone, without the others as lemmas: quicker where there are no registers."""
    quick: bool = True
    """Whether quick campaigns prove it."""
    applies: Callable[[AcceleratorConfig], bool] = lambda config: True
    """Whether a configuration has what it is about."""
    planted_in: AcceleratorConfig = PRESETS["small"]
    """The configuration that bugs are planted in: not every bug shows in every one."""


def build(proof: Proof, config: AcceleratorConfig, plant: Plant | None = None) -> Bench:
    """The bench of a proof, written; raises :class:`.SpecError` and :class:`.PlantError`."""
    bench = Bench(Source(plant), config)
    proof.spec(bench)
    for item in proof.properties:
        if not item.claims(bench):
            raise SpecError(f"{proof.name} does not claim {item.name}")
    if not bench.goals:
        raise SpecError(f"{proof.name} has nothing to reach")
    return bench
