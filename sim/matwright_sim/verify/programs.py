# SPDX-License-Identifier: Apache-2.0
"""Random programs: the hardware, the golden machine, the driver and the cycle model agree.

Programs of up to five GEMMs of random sizes, tilings, flags and places, in memories of random latency
that pause at random; a part of them with wrong descriptors, with windows that leave something out, at
addresses where no program may stand. A host who works the registers or the driver runs them. What is
in memory afterwards and every error with its index and its address are those of the golden machine;
cycles and all counters of programs that end well are those of the cycle model, which is told how long
the memory paused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matwright.config import AcceleratorConfig

from ..agents.configurations import operand_bytes
from ..fuzz.bench import Bench, Found
from ..fuzz.campaign import Part, part
from ..fuzz.case import Case
from ..fuzz.draw import memory_size, most_gemms
from ..fuzz.effort import affordable, bus_cycles, spread
from .check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task

__all__ = ["CHECK", "amount", "campaign", "outcome"]

_CHUNK = 25
"""Programs of a part."""
_SECONDS = {False: 7.0, True: 150.0}
_EACH, _CYCLES = 0.006, {"parallel": 1300, "serial": 2300}
"""Seconds and cycles that a program takes."""
_USUAL = (24, 24, 24)
"""Sizes of GEMMs of as many bytes as those of a program."""


def amount(config: AcceleratorConfig, full: bool) -> int:
    """Programs of a campaign."""
    cycles = _CYCLES[config.build.post_multiplier]
    cycles += bus_cycles(config, operand_bytes(config, *_USUAL))
    found = affordable(config, _SECONDS[full], each=_EACH, cycles=cycles)
    return max(_CHUNK, found)


def campaign(task: Task, programs: int) -> list[Part]:
    """What came of so many programs, or of those up to the first that fails."""
    counts = [min(_CHUNK, programs - start) for start in range(0, programs, _CHUNK)]
    tasks = [(task.seed, number, count) for number, count in enumerate(counts)]
    parts: list[Part] = []
    task.advance(0, programs)
    for made in spread(
        _part, tasks, jobs=task.jobs, make=Bench, arguments=(task.config, task.verilog)
    ):
        parts.append(made)
        task.advance(min(programs, _CHUNK * len(parts)), programs)
        if made.case is not None:
            break
    return parts


def _part(bench: Bench, task: tuple[int, int, int]) -> Part:
    return part(bench, *task)


def outcome(parts: list[Part]) -> Outcome:
    """The figures of a campaign."""
    total, failures = Found(), []
    for made in parts:
        total.add(made.found)
        if made.case is not None:
            what = f"a random program: {'; '.join(made.found.faults)}"
            failures.append(Failure(what, made.seed, made.case))
    result = _figures(total, len(failures))
    result.failures += failures
    result.notes += sorted({made.note for made in parts if made.note})
    return result


def _figures(total: Found, failures: int) -> Outcome:
    result = Outcome()
    result.figures += [
        Figure("programs", total.programs),
        Figure("descriptors", total.descriptors),
        Figure("cycles", total.cycles),
        Figure("run by the driver", total.kinds["by the driver"]),
        Figure("stopped by an error", total.programs - total.ends["NONE"] - total.ends["long"]),
        Figure("cycles compared", total.timed),
        Figure("cycles and counters compared", total.counted),
        Figure("not foreseen, as they write over themselves", total.unforeseen),
        Figure("programs that differ", failures, "0", not failures),
    ]
    ends = tuple((name, number) for name, number in sorted(total.ends.items()))
    result.sheets.append(Sheet("How programs ended", ("end", "programs"), ends))
    if total.ends["long"]:
        result.notes.append(
            f"{total.ends['long']} programs have a legal descriptor too long to be simulated; "
            "the host stops them, and what they must not touch is looked at"
        )
    return result


def run(task: Task) -> Outcome:
    """The campaign."""
    room = memory_size(task.config)
    if not most_gemms(task.config, room):
        raise NotRun(f"the address space of {room} bytes has no room for programs")
    result = outcome(campaign(task, amount(task.config, task.full)))
    if task.config.build.unsafe_unchecked:
        result.notes.append("this configuration checks nothing, so all programs are right")
    return result


def replay(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    """Run the case of a failure again."""
    read = Case.of(case)
    found = Bench(task.config, task.verilog).run(read, trace)
    result = _figures(found, bool(found.faults))
    if found.faults:
        result.failures.append(Failure("; ".join(found.faults), None, read.data()))
    return result


CHECK = Check(
    name="programs",
    title="Random programs agree with the golden machine, the driver and the cycle model",
    run=run,
    needs=("verilator",),
    replay=replay,
)
