# SPDX-License-Identifier: Apache-2.0
"""Small configurations whose arrays differ in every way that matters."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright_sim.agents.trace import Record


def _play(dut: Any, inputs: dict[str, Sequence[int]], outputs: Sequence[str]) -> Record:
    record: Record = {name: [] for name in outputs}

    def flat(name: str) -> Any:
        port = getattr(dut, name)
        return port.as_value() if hasattr(port, "as_value") else port

    async def bench(ctx: Any) -> None:
        for cycle in range(len(next(iter(inputs.values())))):
            for name, values in inputs.items():
                ctx.set(flat(name), values[cycle])
            for name in outputs:
                port = flat(name)
                record[name].append(f"{ctx.get(port) % 2 ** len(port):0{len(port)}b}")
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return record


@pytest.fixture
def play() -> Callable[..., Record]:
    """:func:`matwright_sim.agents.trace.play` in Amaranth's simulator."""
    return _play
