# SPDX-License-Identifier: Apache-2.0
"""From a configuration to its figures on a device: the one function that the others add up to."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from matwright.config import AcceleratorConfig

from . import tools
from .design import design
from .devices import find_device
from .fit import check_cells
from .placement import place_and_route
from .result import Result
from .synthesis import synthesize

__all__ = ["Step", "figures"]

Step = Callable[[str, int, int], None]
"""Told of progress: what is being done, how much of it is done, and of how much (0: unknown)."""


def _silent(what: str, done: int, of: int) -> None:
    """Tells nobody."""


def figures(
    config: AcceleratorConfig,
    family: str,
    device: str,
    *,
    speed: str | None = None,
    part: str = "",
    seeds: Sequence[int] = (1,),
    frequency: int | None = None,
    jobs: int | None = None,
    on_step: Step = _silent,
) -> Result:
    """Synthesizes ``config``, or one ``part`` of it, and places and routes it once for each seed.

    ``jobs`` runs at once, None: as many as the machine has processors. ``frequency`` in MHz is what
    the placer is asked for, None: the family's usual. What was done before is taken from the cache.
    Raises :class:`.FpgaError`.
    """
    kin, chip, grade = find_device(family, device, speed)
    asked = frequency or kin.frequency
    yosys, nextpnr = tools.find_tool("yosys"), tools.find_tool(kin.placer)
    what = f"{part} of {config.name}" if part else config.name

    on_step(f"generating {config.name}", 0, 0)
    made = design(config, kin.name, part)
    # Multipliers and memories that are placed by hand can be counted before Yosys is asked.
    check_cells(what, kin, chip, made.primitives())

    on_step(f"synthesizing {what}", 0, 0)
    synthesis = synthesize(made, kin, chip, yosys)
    check_cells(what, kin, chip, synthesis.cells)

    on_step(f"placing and routing {what}", 0, len(seeds))
    pool = ThreadPoolExecutor(jobs or os.cpu_count() or 1)
    runs = [
        pool.submit(
            place_and_route,
            synthesis,
            kin,
            chip,
            nextpnr,
            what=what,
            speed=grade,
            frequency=asked,
            seed=seed,
            part=part,
        )
        for seed in seeds
    ]
    try:
        for done, finished in enumerate(as_completed(runs), 1):
            finished.result()
            on_step(f"placing and routing {what}", done, len(seeds))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        # One that was about to begin may begin yet.
        while not all(run.done() for run in runs):
            tools.stop()
            time.sleep(0.05)
        raise
    finally:
        pool.shutdown()
    placements = [run.result() for run in runs]
    return Result(config, part, kin, chip, grade, asked, synthesis, placements, (yosys, nextpnr))
