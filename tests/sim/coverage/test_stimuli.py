# SPDX-License-Identifier: Apache-2.0
"""What the regression does to programs, and what it makes of their ends."""

from dataclasses import replace

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Bus, Limits
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Descriptor, Error
from matwright_sim.coverage.bench import Bench, Mismatch, place_program
from matwright_sim.coverage.bins import Bins
from matwright_sim.coverage.shapes import draw_like
from matwright_sim.coverage.stimuli import judge, wrapped
from matwright_sim.golden.machine import GoldenMachine

TOLD = {Error.READ_ID, Error.READ_LAST}


def test_what_a_program_may_end_with() -> None:
    judge("read_id", True, Error.READ_ID, TOLD)
    judge("read_id", False, Error.NONE, TOLD)
    for found in (Error.NONE, Error.READ_LAST):
        judge("flip", None, found, TOLD)


@pytest.mark.parametrize(
    ("struck", "found", "what"),
    [
        (True, Error.NONE, "read_id has struck and is not told of"),
        (False, Error.READ_ID, "read_id has not struck and is told as READ_ID"),
        (True, Error.SIZE, "read_id is told as SIZE"),
        (None, Error.SIZE, "read_id is told as SIZE"),
    ],
)
def test_what_it_may_not(struck: bool | None, found: Error, what: str) -> None:
    with pytest.raises(Mismatch, match=what):
        judge("read_id", struck, found, TOLD)


def test_no_burst_of_two_beats() -> None:
    config = replace(PRESETS["tiny"], bus=replace(PRESETS["tiny"].bus, max_burst=1))
    (group,) = (g for g in Bins(config).groups(("read_last_early", "rst")) if "bus" in g.name)
    assert group.impossible["read_last_early", "none"] == "no burst has two beats"
    assert ("rst", "none") in group.bins


@pytest.mark.parametrize(
    "config",
    [
        PRESETS["tiny"],
        PRESETS["small"],
        replace(PRESETS["tiny"], limits=Limits(max_m=3, max_n=3, max_k=9)),
        AcceleratorConfig(rows=4, cols=4, bus=Bus(data_width=32, addr_width=16)),
    ],
)
def test_regions_that_wrap(config: AcceleratorConfig) -> None:
    """The sum leaves the address space, and of A, B and D each in a single step too."""
    seed = 6
    print(f"seed {seed}")
    rng, space = np.random.default_rng(seed), 1 << config.bus.addr_width
    shape, tiling = draw_like(config, rng, ("other", "other", "other"))
    program = place_program(config, rng, [shape], [tiling])
    codes = wrapped(config, rng, program.image.descriptors[0])
    far = set()
    for code in codes:
        memory = np.zeros(64, np.uint8)
        memory[:] = np.frombuffer(code, np.uint8)
        assert GoldenMachine(config, memory).run(0, 1).error == Error.WINDOW
        d = Descriptor.unpack(code)
        steps = {
            "a": (d.m - 1, d.a_stride),
            "b": (-(-d.k // config.rows) - 1, d.b_stride),
            "d": (d.m - 1, d.d_stride),
        }
        for name, (count, stride) in steps.items():
            bits = [bit for bit in range(24) if count >> bit & 1]
            if any(stride << bit >= space for bit in bits):
                far.add(name)
    assert far == {"a", "b", "d"}


class Ended:
    """A machine that ends ``cycles`` after the doorbell, and is then done or tells of an error."""

    def __init__(self, cycles: int, status: int) -> None:
        self.cycles, self.status = cycles, status
        self.violations = {"address_after_irq": 2}
        self.written: list[tuple[str, int]] = []

    def run(self, cycles: int) -> bool:
        self.cycles -= cycles
        return self.cycles <= 0

    def write(self, name: str, value: int) -> None:
        self.written.append((name, value))

    def read(self, name: str) -> int:
        return self.status


@pytest.mark.parametrize(
    ("cycles", "status", "heard"), [(0, 2, False), (1, 4, True), (30, 4, True), (30, 2, True)]
)
def test_a_doorbell_of_a_running_machine(cycles: int, status: int, heard: bool) -> None:
    """It is heard unless the program was over, and runs again: its addresses are no fault then."""
    bench = Bench.__new__(Bench)
    bench.machine = bench.host = Ended(cycles, status)  # type: ignore[assignment]
    bench.excused = {}
    assert bench.ring_again() == heard
    if heard:
        with pytest.raises(Mismatch, match="the rules of the bus are broken"):
            bench.no_violations()
    else:
        bench.no_violations()
