# SPDX-License-Identifier: Apache-2.0
"""How long a program is waited for: longer than any takes, and not much longer."""

import dataclasses

import numpy as np
import pytest

from matwright.presets import PRESETS
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import build_program
from matwright_sim.fuzz.bench import Bench
from matwright_sim.fuzz.case import World
from matwright_sim.fuzz.draw import usual_shapes
from matwright_sim.fuzz.patience import Patience, ends

TINY = PRESETS["tiny"]


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_programs_end_in_time(stall: float) -> None:
    """Also on a memory that answers late and pauses often, with a short first wait."""
    world = World(1 << 14, 120, 120, stall, 1)
    image = build_program(
        TINY, np.random.default_rng(1), usual_shapes(TINY), memory_bytes=world.memory_bytes
    )
    patience = Patience(TINY, image.descriptors, image.address, world)
    with Bench(TINY).machine(world) as machine:
        host = Host(machine)
        machine.memory[:] = image.before
        start = machine.cycles
        assert ends(host, image)
        took = machine.cycles - start
        assert patience.cycles <= took < patience.short
        assert 4 * patience.cycles < patience.most < 12 * patience.cycles + 20_000
        # As long as the model says, even if the first wait is over too early.
        early = dataclasses.replace(patience)
        object.__setattr__(early, "short", 100)
        machine.memory[:] = image.before
        host.run(image.address, image.count, 0)
        assert early.wait(machine)
