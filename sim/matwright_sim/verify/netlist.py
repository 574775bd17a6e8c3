# SPDX-License-Identifier: Apache-2.0
"""Netlists: of one clock and one edge, and after synthesis they still do what the Verilog does.

The structure is looked at in any configuration. In a full campaign a program runs on netlists of gates
and of FPGA cells, under the bench of the Verilog, where the configuration is small enough and Icarus there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from matwright.config import AcceleratorConfig

from ..agents.programs import ProgramImage, build_program
from ..netlists import KINDS, netlist
from .check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task
from .episodes import fitted, memory_size
from .structure import faults, look
from .tools import survey
from .traces import waveform

__all__ = ["CHECK", "MOST_PRODUCT_BITS", "check_program", "draw"]

MOST_PRODUCT_BITS = 2048
"""Of all multipliers (bits of one operand times bits of the other), for which gates are simulated: beyond,
Icarus takes many minutes to read the netlist."""

_SHAPES = ((5, 9, 6), (3, 4, 11))
_DONE = 2
_WORLDS = {"gates": ("model", 0.3), "ice40": ("stalls", 0.3), "ecp5": ("model", 0.3)}


def run(task: Task) -> Outcome:
    """The check."""
    config, outcome = task.config, Outcome()
    precision = config.precision
    bits = config.rows * config.cols * precision.a_width * precision.b_width
    kinds = KINDS if task.full and bits <= MOST_PRODUCT_BITS else ()
    silent = _why_not_simulated(task) if kinds else ""
    steps = 1 + 2 * len(kinds)
    task.advance(0, steps)
    found = look(task.verilog, f"matwright_{config.name}")
    task.advance(1, steps)
    outcome.failures += [Failure(what) for what in found.faults]
    outcome.figures += [
        Figure("flip-flops", found.flip_flops),
        Figure("of them with a reset", found.reset),
        Figure(
            "latches, loops, other clocks or edges, asynchronous resets, wires not driven once",
            len(found.faults),
            "0",
            not found.faults,
        ),
    ]
    rows: list[tuple[str, int, int, str]] = [
        ("Verilog, flat", found.cells, found.flip_flops, "structure")
    ]
    passed = 0
    for number, kind in enumerate(kinds):
        made = netlist(config, kind, task.verilog)
        task.advance(2 + 2 * number, steps)
        outcome.failures += [Failure(f"In the netlist {kind}, {what}") for what in faults(made.top)]
        registers = sum(count for name, count in made.cells.items() if "FF" in name)
        case = {"kind": kind, "seed": task.seed}
        try:
            if not silent:
                check_program(config, made.verilog, *_WORLDS[kind], task.seed)
                passed += 1
        except AssertionError as error:
            what = f"On the netlist {kind} the program failed: {str(error).splitlines()[0]}"
            outcome.failures.append(Failure(what, task.seed, case))
        shown = "structure" if silent else "structure, a program"
        rows.append((kind, made.cells.total(), registers, shown))
        task.advance(3 + 2 * number, steps)
    if silent:
        outcome.notes.append(f"No netlist was simulated: {silent}.")
    elif kinds:
        outcome.figures.append(
            Figure(
                "netlists on which a program passes", passed, str(len(kinds)), passed == len(kinds)
            )
        )
    elif task.full:
        outcome.notes.append(
            f"No netlist was simulated: that is done up to {MOST_PRODUCT_BITS} product bits, and the "
            f"multipliers of {config.name} have {bits}."
        )
    else:
        outcome.notes.append("Programs on netlists are run in a full campaign.")
    outcome.sheets.append(
        Sheet("Netlists", ("netlist", "cells", "flip-flops", "shown"), tuple(rows))
    )
    return outcome


def _why_not_simulated(task: Task) -> str:
    """What stands in the way of programs on netlists, if anything does."""
    _, missing = survey(["icarus"])
    try:
        draw(task.config, task.seed)
    except NotRun as error:
        return str(error)
    return missing.get("icarus", "")


def draw(config: AcceleratorConfig, seed: int) -> ProgramImage:
    """The program, whose second descriptor may depend on the first.

    Raises :class:`.NotRun` if the machine cannot address as much memory as it takes.
    """
    size = memory_size(config)
    shapes = fitted(config, _SHAPES, size)
    rng = np.random.default_rng(seed)
    return build_program(config, rng, shapes, memory_bytes=size, dependent=True)


def check_program(
    config: AcceleratorConfig,
    verilog: str,
    world: str,
    stall: float,
    seed: int,
    build_root: Path | None = None,
) -> None:
    """Runs the program of ``seed`` on ``verilog`` in Icarus, with a waveform if there is a ``build_root``.

    Raises AssertionError, of which :class:`..runner.BenchError` is one, unless it ends as NumPy says.
    """
    # Needs cocotb.
    from ..benches.accelerator import run_job

    image = draw(config, seed)
    result = run_job(
        verilog,
        toplevel=f"matwright_{config.name}",
        memory=image.before,
        program=image.address,
        count=image.count,
        world=world,
        stall=stall,
        seed=seed,
        expected=image.after,
        build_root=build_root,
        waves=build_root is not None,
    )
    registers = {name: result.registers[name] for name in ("STATUS", "COMPLETED")}
    expected = {"STATUS": _DONE, "COMPLETED": image.count}
    assert registers == expected, f"registers must be {expected}, not {registers}"


def replay(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    """The program on one netlist again."""
    outcome, kind, seed = Outcome(), case["kind"], case["seed"]
    with waveform(trace, f"matwright_{task.config.name}") as root:
        made = netlist(task.config, kind, task.verilog)
        try:
            check_program(task.config, made.verilog, *_WORLDS[kind], seed, root)
        except AssertionError as error:
            outcome.failures.append(Failure(str(error), seed, case))
    return outcome


CHECK = Check(
    name="netlist",
    title="One clock, no latch, and netlists do what the Verilog does",
    run=run,
    needs=("yosys",),
    replay=replay,
    waves=(".fst",),
)
