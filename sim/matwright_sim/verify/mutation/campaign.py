# SPDX-License-Identifier: Apache-2.0
"""Mutants on the stage: which act tells each from the sound machine, and by what."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from matwright.config import AcceleratorConfig

from ...compiled import RegisterError
from .acts import Act, Broken, Good, Seen, Stage
from .author import memory_bytes
from .machine import MutatedAccelerator
from .plan import Part

__all__ = ["Kill", "Rehearsed", "perform", "rehearse"]

_PATIENCE = 400
"""Cycles that a mutant may take longer, beyond twice as many."""


class Kill(NamedTuple):
    """How a mutant was told from the sound machine."""

    part: str
    act: str
    kind: str
    """One of :data:`.acts.KINDS`."""
    what: str


@dataclass
class Rehearsed:
    """A part, and what is to be seen in it."""

    part: Part
    due: list[list[Seen]]
    limits: dict[int, int]


def rehearse(config: AcceleratorConfig, verilog: str, parts: Iterable[Part]) -> Iterator[Rehearsed]:
    """The parts on the sound machine, which must do all that is due; else :class:`.Broken`."""
    for part in parts:
        with _machine(config, verilog, part) as machine:
            stage = Stage(machine)
            for number, act in enumerate(part.acts):
                stage.number = number
                if isinstance(act, Good):
                    part.acts[number] = act.rehearse(stage)
                else:  # what a memory draws depends on all before
                    list(act.play(stage))
        with _machine(config, verilog, part) as machine:
            stage = Stage(machine)
            due = []
            for number, act in enumerate(part.acts):
                stage.number = number
                seen = list(act.play(stage))
                for one in seen:
                    if one.due is not None and one.value != one.due:
                        text = f"{part.name}, {act.name}: {one.what} must be {one.due}, not {one.value}"
                        raise Broken(text)
                due.append(seen)
            limits = {number: 2 * took + _PATIENCE for number, took in stage.took.items()}
        yield Rehearsed(part, due, limits)


def perform(
    config: AcceleratorConfig, verilog: str, mutant: int | None, rehearsed: Sequence[Rehearsed]
) -> Kill | None:
    """The first act in which a mutant does other than is due; None if it does all."""
    for one in rehearsed:
        with _machine(config, verilog, one.part) as machine:
            machine.switch(mutant)
            kill = _perform(machine, one)
        if kill is not None:
            return kill
    return None


def _perform(machine: MutatedAccelerator, one: Rehearsed) -> Kill | None:
    act: Act = one.part.acts[0]
    try:
        stage = Stage(machine, one.limits)
        for number, act in enumerate(one.part.acts):
            stage.number = number
            due = iter(one.due[number])
            for seen in act.play(stage):
                if seen[:3] != next(due)[:3]:
                    return Kill(one.part.name, act.name, seen.kind, seen.what)
    except RegisterError as error:
        return Kill(one.part.name, act.name, "hang", str(error))
    return None


def _machine(config: AcceleratorConfig, verilog: str, part: Part) -> MutatedAccelerator:
    return MutatedAccelerator(config, verilog, memory_bytes=memory_bytes(config), **part.timing)
