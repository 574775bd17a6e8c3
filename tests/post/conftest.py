# SPDX-License-Identifier: Apache-2.0
"""One stream in, one stream out, in Amaranth's simulator; and constructors that refuse."""

import gc
import warnings
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import pytest
from amaranth.hdl import UnusedElaboratable
from amaranth.sim import Simulator


class Trace(NamedTuple):
    """What was received; the cycles in which each item went in, each came on offer, and in which
    all was done and the component idle; and the number of cycles in which an offer had to wait."""

    received: list[int]
    entered: list[int]
    offered: list[int]
    stalled: int
    idle: int


def _exchange(
    dut: Any,
    items: Sequence[int],
    count: int,
    settings: dict[str, int] | None = None,
    *,
    offer: float = 1.0,
    take: float = 1.0,
    seed: int = 0,
) -> Trace:
    rng = Random(seed)
    received: list[int] = []
    entered: list[int] = []
    offered: list[int] = []
    stalled, cycle = 0, 0
    announced = hasattr(dut, "comes")

    async def bench(ctx: Any) -> None:
        nonlocal stalled, cycle
        for name, value in (settings or {}).items():
            ctx.set(getattr(dut, name), value)
        offering, pending = False, False
        while len(received) < count or len(entered) < len(items) or not ctx.get(dut.idle):
            sent = len(entered)
            offering = sent < len(items) and (offering or rng.random() < offer)
            taking = rng.random() < take
            if announced:
                # The item comes as it is announced.
                offering_now = offering and ctx.get(dut.i.ready)
                ctx.set(dut.comes, int(offering_now))
                ctx.set(dut.i.valid, int(offering_now))
            else:
                ctx.set(dut.i.valid, int(offering))
            if offering:
                payload = dut.i.payload
                ctx.set(
                    payload.as_value() if hasattr(payload, "as_value") else payload, items[sent]
                )
            ctx.set(dut.o.ready, int(taking))
            if ctx.get(dut.o.valid):
                payload = dut.o.payload
                if not pending:
                    offered.append(cycle)
                pending = not taking
                if taking:
                    value = payload.as_value() if hasattr(payload, "as_value") else payload
                    received.append(ctx.get(value))
            if offering:
                if ctx.get(dut.i.ready):
                    entered.append(cycle)
                    offering = False
                else:
                    stalled += 1
            cycle += 1
            assert cycle < 100 * (len(items) + count + 10), "no progress"
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return Trace(received, entered, offered, stalled, cycle)


@pytest.fixture
def exchange() -> Callable[..., Trace]:
    """Sends items through a component, takes ``count`` from it and waits until it is idle."""
    return _exchange


@pytest.fixture
def refused() -> Callable[..., str]:
    """Calls a constructor that must raise :class:`ValueError`, and gives the message.

    Amaranth would warn of the component that was begun and never used.
    """

    def message(make: Callable[..., Any], *args: Any) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnusedElaboratable)
            with pytest.raises(ValueError) as caught:
                make(*args)
            text = str(caught.value)
            del caught
            gc.collect()
        return text

    return message
