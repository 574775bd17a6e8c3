# SPDX-License-Identifier: Apache-2.0
"""Mutants: would the regression see it if a bit of the Verilog were wrong?

Yosys changes one bit at one port of one cell; a mutant is killed if the programs of
:mod:`.mutation.plan` see a difference. What survives is proven to be without effect, explained by a rule of
:mod:`.mutation.reasons`, or listed with the line of the generator that it is from.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import matwright
from matwright.config import AcceleratorConfig
from matwright_fpga.tools import find_tool

from .. import cache
from ..toolchain import find_verilator
from .check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task
from .mutation import proof
from .mutation.acts import KINDS, Broken
from .mutation.author import memory_bytes
from .mutation.campaign import Kill, perform, rehearse
from .mutation.machine import MutatedAccelerator
from .mutation.netlist import BLOCKS, Mutant, Netlist, netlist
from .mutation.plan import parts
from .mutation.proof import equivalent, netlist_difference
from .mutation.reasons import reason
from .mutation.worker import killed

__all__ = ["CHECK", "GOAL", "LEAST", "Block", "campaign"]

GOAL, LEAST = 98, 95
"""Percent of the mutants that are not known to be without effect: aimed at, and below which the check
fails. Between them lies what no rule explains in a configuration that nobody has looked at."""

CONTROL = 3
"""Mutants of a block that were killed and for which a proof must fail."""

MANY, FEW = 1000, 100
"""Mutants of a block, in a full and in a quick campaign."""

_FOUND = "found.json"

_SHOWN = 3
"""Mutants of each block that are told as failures where the goal is missed."""


@dataclass(frozen=True)
class Block:
    """What became of the mutants of a block."""

    name: str
    sites: int
    mutants: tuple[Mutant, ...]
    kills: Mapping[int, Kill]
    equivalent: frozenset[int]
    """Numbers of those proven to be without effect."""
    explained: Mapping[int, str]
    """Why others that survive are without effect, by their numbers: :mod:`.mutation.reasons`."""

    @property
    def listed(self) -> list[Mutant]:
        """Neither killed, proven nor explained."""
        known = {*self.kills, *self.equivalent, *self.explained}
        return [mutant for mutant in self.mutants if mutant.number not in known]

    @property
    def percent(self) -> float:
        """Killed, of those that are not known to be without effect."""
        return _percent(len(self.kills), len(self.kills) + len(self.listed))


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 100.0


def campaign(task: Task, count: int) -> list[Block]:
    """``count`` mutants of each block of a configuration; raises :class:`.Broken`."""
    made = netlist(task.config, task.verilog, count, task.seed)
    lock, done = Lock(), Counter[str]()
    total = 2 * len(made.mutants)  # a mutant is run, and if need be proven

    def advance(block: str, steps: int) -> None:
        with lock:
            done[block] = steps
            task.advance(sum(done.values()), total)

    def one(block: str) -> Block:
        return _block(task, made, block, lambda steps: advance(block, steps))

    with ThreadPoolExecutor(max(1, task.jobs)) as pool:
        return list(pool.map(one, BLOCKS))


def _block(task: Task, made: Netlist, block: str, advance: Callable[[int], None]) -> Block:
    """A block's mutants; from the cache if all that says what becomes of them is as it was."""
    mutants = made.of(block)
    kept = cache.key(made.verilog(block), str(task.seed), find_verilator().version, *_acts())
    found = cache.entry("killed", kept, lambda folder: _kill(task, made, block, advance, folder))
    read = json.loads((found / _FOUND).read_text("utf-8"))
    kills = {int(number): Kill(*kill) for number, kill in read.items()}
    advance(len(mutants))
    of = (kept, find_tool("yosys").version, Path(proof.__file__).read_text("utf-8"))
    found = cache.entry(
        "proven", cache.key(*of), lambda folder: _prove(made, mutants, kills, advance, folder)
    )
    proven = frozenset(json.loads((found / _FOUND).read_text("utf-8")))
    advance(2 * len(mutants))
    rest = [m for m in mutants if m.number not in kills and m.number not in proven]
    explained = {m.number: why for m in rest if (why := reason(task.config, m))}
    return Block(block, made.sites[block], tuple(mutants), kills, proven, explained)


_DECIDES = ("agents", "cycles", "golden", "native", "verify/mutation", "compiled.py", "library.py")
"""What of this package decides how a mutant is killed, beside the generator."""
_AFTERWARDS = ("proof.py", "reasons.py")


def _acts() -> list[str | bytes]:
    """The texts on which it depends how a mutant is killed."""
    root, here = Path(matwright.__file__).parent, Path(__file__).parents[1]
    paths = [*root.rglob("*.py")]
    for name in _DECIDES:
        place = here / name
        paths += (
            [path for path in place.rglob("*.[chp]*") if path.is_file()]
            if place.is_dir()
            else [place]
        )
    texts: list[str | bytes] = []
    for path in sorted(paths):
        if path.suffix in (".py", ".cpp", ".hpp") and path.name not in _AFTERWARDS:
            texts += [path.name, path.read_bytes()]
    return texts


def _kill(
    task: Task, made: Netlist, block: str, advance: Callable[[int], None], folder: Path
) -> None:
    """Leaves how mutants were killed, by number."""
    # Compiled here, so that what cannot be compiled is told here.
    with MutatedAccelerator(
        task.config, made.verilog(block), memory_bytes=memory_bytes(task.config)
    ):
        advance(0)
    kills: dict[int, Kill] = {}
    numbers = [mutant.number for mutant in made.of(block)]
    for steps, (number, kill) in enumerate(
        killed(task.config, made.text(block), block, numbers, task.seed), start=1
    ):
        if kill is not None:
            kills[number] = kill
        advance(steps)
    (folder / _FOUND).write_text(json.dumps(kills), "utf-8")


def _prove(
    made: Netlist,
    mutants: Sequence[Mutant],
    kills: Mapping[int, Kill],
    advance: Callable[[int], None],
    folder: Path,
) -> None:
    """Leaves which of the mutants that were not killed are equivalent."""
    rest = [mutant for mutant in mutants if mutant.number not in kills]
    # A few that were killed go with them: none can be proven, or the proofs are worth nothing.
    control = [mutants[number] for number in list(kills)[:CONTROL]]
    answers = equivalent(
        made, control + rest, folder, lambda begun: advance(len(mutants) + max(0, begun - CONTROL))
    )
    for mutant, proven in zip(control, answers, strict=False):
        if proven:
            raise Broken(f"{mutant} was killed and must not be proven equivalent")
    proofs = zip(rest, answers[len(control) :], strict=True)
    for path in folder.iterdir():
        path.unlink()
    numbers = [mutant.number for mutant, proven in proofs if proven]
    (folder / _FOUND).write_text(json.dumps(numbers), "utf-8")


def _run(task: Task) -> Outcome:
    _check_config(task.config)
    try:
        blocks = campaign(task, MANY if task.full else FEW)
    except Broken as broken:
        return Outcome(failures=[Failure(f"Nothing can be said of mutants: {broken}.", task.seed)])
    return _outcome(task, blocks)


def _check_config(config: AcceleratorConfig) -> None:
    if config.build.unsafe_unchecked:
        raise NotRun(
            f"{config.name} is built without checks, which the programs of this check rely on."
        )


def _outcome(task: Task, blocks: Sequence[Block]) -> Outcome:
    outcome = Outcome()
    mutants = sum(len(block.mutants) for block in blocks)
    kills = sum(len(block.kills) for block in blocks)
    proven = sum(len(block.equivalent) for block in blocks)
    explained = sum(len(block.explained) for block in blocks)
    listed = sum(len(block.listed) for block in blocks)
    percent = _percent(kills, kills + listed)
    goal = f"at least {LEAST}, {GOAL} aimed at"
    outcome.figures = [
        Figure("mutants", mutants),
        Figure("killed", kills),
        Figure("proven equivalent", proven),
        Figure("explained", explained),
        Figure("listed", listed),
        Figure("killed of killed and listed, %", percent, goal, percent >= LEAST),
    ]
    if percent < LEAST:
        count = max(len(block.mutants) for block in blocks)
        outcome.failures += [
            _failure(task, mutant, count) for block in blocks for mutant in block.listed[:_SHOWN]
        ]
    columns = (
        "block",
        "sites",
        "mutants",
        *(f"by {kind}" for kind in KINDS),
        "equivalent",
        "explained",
        "listed",
        "%",
    )
    rows: list[tuple[int | float | str, ...]] = []
    for block in blocks:
        by = Counter(kill.kind for kill in block.kills.values())
        rows.append(
            (
                block.name,
                block.sites,
                len(block.mutants),
                *(by[kind] for kind in KINDS),
                len(block.equivalent),
                len(block.explained),
                len(block.listed),
                block.percent,
            )
        )
    outcome.sheets.append(Sheet("Mutants, and what killed them", columns, tuple(rows)))
    by_act = Counter((b.name, kill.part) for b in blocks for kill in b.kills.values())
    outcome.sheets.append(
        Sheet(
            "Which work killed them",
            ("block", "work", "killed"),
            tuple((*k, n) for k, n in by_act.items()),
        )
    )
    reasons = Counter((b.name, why) for b in blocks for why in b.explained.values())
    outcome.sheets.append(
        Sheet(
            "Without effect, and why",
            ("block", "reason", "mutants"),
            tuple((*key, number) for key, number in sorted(reasons.items())),
        )
    )
    outcome.sheets.append(
        Sheet(
            "Listed: neither killed, proven nor explained",
            ("block", "number", "source", "mutant"),
            tuple(sorted((m.block, m.number, m.source, str(m)) for b in blocks for m in b.listed)),
        )
    )
    outcome.notes.append(
        f"Seed {task.seed}. Equivalent is proven: in any state of registers and memories a cycle does the"
        " same. Explained are survivors of lines whose part in it no program can see."
    )
    return outcome


def _failure(task: Task, mutant: Mutant, count: int) -> Failure:
    case = {"block": mutant.block, "number": mutant.number, "count": count}
    return Failure(f"Nothing tells {mutant} from the sound machine.", task.seed, case)


def _replay(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    """Shows a mutant again: ``block``, ``number``, and the ``count`` of mutants of its campaign.

    There is no waveform: a mutant that survives has none of its own.
    """
    count, block, number = int(case.get("count", MANY)), str(case["block"]), int(case["number"])
    made = netlist(task.config, task.verilog, count, task.seed)
    mutant = made.of(block)[number]
    folder = task.folder / "mutant"
    folder.mkdir(parents=True, exist_ok=True)
    verilog = made.verilog(block)
    rehearsed = list(rehearse(task.config, verilog, parts(task.config, block, task.seed)))
    kill = perform(task.config, verilog, number, rehearsed)
    (proven,) = equivalent(made, [mutant], folder, lambda begun: None)
    why = "" if kill else reason(task.config, mutant)
    outcome = Outcome(notes=[str(mutant), netlist_difference(made, mutant, folder)])
    told = "" if kill is None else f"{kill.kind}: {kill.what} in {kill.part}, {kill.act}"
    outcome.figures = [
        Figure("killed by", told or "nothing"),
        Figure("proven equivalent", "yes" if proven else "no"),
        Figure("explained by", why or "nothing"),
    ]
    if kill is None and not proven and not why:
        outcome.failures.append(_failure(task, mutant, count))
    return outcome


CHECK = Check(
    name="mutants",
    title="Mutants of the Verilog are seen by the regression",
    run=_run,
    needs=("verilator", "yosys"),
    quick=False,  # compiling the accelerator once for each block takes longer than a quick campaign
    replay=_replay,
    waves=(),
)
