# SPDX-License-Identifier: Apache-2.0
"""The doorbell on a bench of the bus; faults of the bus have tests of the whole accelerator."""

from collections import Counter

import numpy as np
import pytest

from matwright.presets import PRESETS
from matwright_sim.fuzz.bench import Bench
from matwright_sim.fuzz.bus import BusBench, Wrong
from matwright_sim.fuzz.case import World
from matwright_sim.fuzz.draw import usual_shapes

CONFIG = PRESETS["small"]


def test_doorbell_at_the_end_of_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever cycle it comes: the program is stopped or runs once more, which the bench tells from a
    doorbell that nobody hears."""
    seen: Counter[str] = Counter()
    with Bench(CONFIG).machine(World(1 << 16, 10, 10)) as machine:
        it = BusBench(machine, np.random.default_rng(1), usual_shapes(CONFIG))
        it.again()
        begun = machine.cycles
        assert machine.run(100_000)
        cycles = machine.cycles - begun
        it.finish()
        for early in range(14):
            it.again()
            if machine.run(cycles - early):
                it.finish()
                continue
            it.doorbell()
            seen["stopped" if it.host.error()[0] else "again"] += 1
            it.host.reset()
        assert set(seen) == {"stopped", "again"}, seen

        it.again()
        machine.run(cycles // 2)
        rung, write = [], it.host.write

        def deaf_once(name: str, value: int) -> None:
            if name == "CONTROL" and not rung:
                rung.append(value)
            else:
                write(name, value)

        monkeypatch.setattr(it.host, "write", deaf_once)
        with pytest.raises(Wrong, match="neither stops it nor runs its program again"):
            it.doorbell()
