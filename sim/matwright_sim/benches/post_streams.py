# SPDX-License-Identifier: Apache-2.0
"""One stream in, one stream out, in cocotb: drives, takes and watches both at once."""

from collections.abc import Sequence
from random import Random
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

__all__ = ["exchange", "start"]


async def start(dut: Any) -> None:
    """Start the clock and leave reset."""
    Clock(dut.clk, 10, "ns").start()
    dut.i__valid.value = 0
    if hasattr(dut, "comes"):
        dut.comes.value = 0
    dut.i__payload.value = 0
    dut.o__ready.value = 0
    dut.rst.value = 1
    for _ in range(2):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


async def exchange(
    dut: Any, items: Sequence[int], count: int, rng: Random, offer: float, take: float
) -> list[int]:
    """Send ``items``, take ``count`` and then wait for ``idle``; payloads as integers.

    In a cycle the source offers with probability ``offer``, the sink takes with probability
    ``take``. An offer stands until it is taken, and so must that of the design, unchanged.
    """
    received: list[int] = []
    waiting: int | None = None
    sent, offering, quiet = 0, False, False
    announced, room = hasattr(dut, "comes"), True
    # Inputs change at the falling edge and all is settled before the rising one.
    await FallingEdge(dut.clk)
    while len(received) < count or sent < len(items) or not quiet:
        offering = sent < len(items) and (offering or rng.random() < offer)
        taking = rng.random() < take
        if announced:
            # The item comes as it is announced.
            room = bool(dut.i__ready.value)
            dut.comes.value = int(offering and room)
        dut.i__valid.value = int(offering and room)
        if offering:
            dut.i__payload.value = items[sent]
        dut.o__ready.value = int(taking)
        await ReadOnly()
        if dut.o__valid.value:
            payload = int(dut.o__payload.value)
            assert waiting in (None, payload), "an offer changed before it was taken"
            assert len(received) < count, f"one more than the {count} expected: {payload:#x}"
            waiting = None if taking else payload
            if taking:
                received.append(payload)
        else:
            assert waiting is None, "an offer was withdrawn"
        done = len(received) == count and sent == len(items)
        quiet = done and bool(dut.idle.value)
        if offering and dut.i__ready.value:
            sent, offering = sent + 1, False
        await FallingEdge(dut.clk)
    return received
