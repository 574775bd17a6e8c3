# SPDX-License-Identifier: Apache-2.0
"""Bench of the systolic array.

``CONFIG`` holds the configuration as TOML, ``LATENCY`` the component's, ``TILES`` a number.
"""

import os
import random
from typing import Any

import cocotb
import numpy as np

from matwright.config import AcceleratorConfig
from matwright.core.array import SystolicArray

from ..agents.trace import play, start
from .core_cases import ArrayCase, Tile, tiles_at

CONFIG = AcceleratorConfig.from_toml(os.environ["CONFIG"])
TILES = int(os.environ.get("TILES", "40"))

BAND = CONFIG.load_cycles
LATENCY = int(os.environ["LATENCY"])
PSUM_WIDTH = SystolicArray.psum_width(CONFIG)
DRAIN = 2 * CONFIG.rows + 2 * CONFIG.cols + 12
"""Cycles in which all that is under way leaves the array."""

INPUTS = ("a", "switch_in", "load", "load_last", "w", "clear")


async def _wrong(dut: Any, case: ArrayCase) -> list[str]:
    await start(dut, INPUTS)
    record = await play(dut, case.inputs(), ["psum"])
    return case.wrong(record, LATENCY, PSUM_WIDTH)


def _case(tiles: list[Tile], rng: random.Random, drain: int = DRAIN) -> ArrayCase:
    return ArrayCase(CONFIG, tiles, tiles[-1].switch + drain, rng)


@cocotb.test()
@cocotb.parametrize(rows=[1, BAND, 0], pauses=[False, True])
async def sums_are_exact(dut: Any, rows: int, pauses: bool) -> None:
    """Tile after tile of ``rows`` rows (0: of random numbers), as close as they may follow."""
    rng = random.Random(random.getrandbits(32))
    load, switch = 0, BAND
    schedule = [(load, switch)]
    for _ in range(TILES - 1):
        before = switch
        switch += max(rows or rng.choice([1, rng.randint(1, 2 * BAND + 2)]), BAND)
        if pauses:
            switch += rng.choice([0, 0, 1, rng.randint(0, 2 * BAND + CONFIG.cols)])
        load = rng.choice([before, switch - BAND, rng.randint(before, switch - BAND)])
        schedule.append((load, switch))
    wrong = await _wrong(dut, _case(tiles_at(CONFIG, rng, schedule), rng))
    assert not wrong, f"{len(wrong)} sums are wrong; {wrong[0]}"


@cocotb.test()
async def idle_array_holds_both_tiles(dut: Any) -> None:
    """The weights at work and those that wait stay as they are, whatever passes by."""
    rng = random.Random(random.getrandbits(32))
    schedule = [(0, BAND), (BAND + 3, BAND + 3 + 200)]
    wrong = await _wrong(dut, _case(tiles_at(CONFIG, rng, schedule), rng, 200 + DRAIN))
    assert not wrong, f"{len(wrong)} sums are wrong; {wrong[0]}"


@cocotb.test()
@cocotb.parametrize(early=["switch_in", "load"])
async def interval_is_tight(dut: Any, early: str) -> None:
    """A switch in the cycle of ``load_last``, or a load in the cycle before a switch, is too early."""
    rng = random.Random(random.getrandbits(32))
    broken = 0
    for _ in range(4):
        tiles = tiles_at(CONFIG, rng, [(0, BAND), (BAND + 4, 2 * BAND + 4)])
        if early == "switch_in":
            second = (2 * BAND + 4, 3 * BAND + 3)
        else:
            tiles[1] = Tile(BAND, 2 * BAND + 4, tiles[1].weights)
            second = (2 * BAND + 3, 4 * BAND + 4)
        wrong = await _wrong(dut, _case([*tiles, *tiles_at(CONFIG, rng, [second])], rng))
        broken += bool(wrong)
    assert broken == 4, f"only {broken} of 4 schedules that are too tight were seen to fail"


@cocotb.test()
@cocotb.parametrize(signal=["rst", "clear"])
async def reset_forgets_what_is_under_way(dut: Any, signal: str) -> None:
    """All weights, those at work and those that wait, are 0 afterwards: nothing of them is left."""
    rng = random.Random(random.getrandbits(32))
    at = BAND + DRAIN  # all elements have tile 0 at work and tile 1 waiting
    case = _case(tiles_at(CONFIG, rng, [(0, BAND), (BAND, at)]), rng, 3 * DRAIN)
    held = [int(at < cycle <= at + DRAIN) for cycle in range(case.cycles)]
    inputs = case.inputs() | {signal: held}
    await start(dut, INPUTS)
    record = await play(dut, inputs, ["psum"])

    nothing = np.zeros_like(case.tiles[0].weights)
    after = ArrayCase(CONFIG, [Tile(0, at + 2 * DRAIN, nothing)], case.cycles, rng)
    after.a = case.a
    wrong = after.wrong(record, LATENCY, PSUM_WIDTH)
    assert not wrong, f"{len(wrong)} sums are wrong; {wrong[0]}"
