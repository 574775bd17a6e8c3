# SPDX-License-Identifier: Apache-2.0
"""Traces: a value of every input for every cycle goes in, the outputs of every cycle come out.

For components without a handshake: the whole schedule is made beforehand, and the whole record is
compared afterwards. The same trace serves cocotb and Amaranth's simulator.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amaranth.lib import wiring
from amaranth.sim import Simulator
from cocotb.triggers import FallingEdge, ReadOnly

from .clock import start_clock

__all__ = ["Record", "element_of", "join", "play", "simulate", "start"]

Record = dict[str, list[str]]
"""Of each output, its bits in each cycle, the highest first; an unknown bit is not 0 or 1."""


def join(values: Iterable[int], width: int) -> int:
    """The bits of an array of ``width``-bit elements, element 0 lowest."""
    mask = 2**width - 1
    return sum((int(value) & mask) << (i * width) for i, value in enumerate(values))


def element_of(bits: str, width: int, index: int, *, signed: bool = True) -> int:
    """Element ``index`` of an array; raises :class:`ValueError` if one of its bits is unknown."""
    end = len(bits) - index * width
    value = int(bits[end - width : end], 2)
    return value - (1 << width) if signed and bits[end - width] == "1" else value


async def start(dut: Any, inputs: Iterable[str]) -> None:
    """Start the clock, with all ``inputs`` 0, and leave reset."""
    for name in inputs:
        getattr(dut, name).value = 0
    await start_clock(dut)


async def play(dut: Any, inputs: Mapping[str, Sequence[int]], outputs: Sequence[str]) -> Record:
    """Drive ``inputs`` and record ``outputs``, both of cycle t in place t."""
    record: Record = {name: [] for name in outputs}
    drives = [(getattr(dut, name), values) for name, values in inputs.items()]
    probes = [(getattr(dut, name), record[name]) for name in outputs]
    before: list[int | None] = [None] * len(drives)
    # Inputs change at the falling edge; all is settled before the rising edge that ends the cycle.
    for cycle in range(len(drives[0][1])):
        await FallingEdge(dut.clk)
        for i, (port, values) in enumerate(drives):
            if values[cycle] != before[i]:
                port.value = before[i] = values[cycle]
        await ReadOnly()
        for port, seen in probes:
            seen.append(str(port.value))
    await FallingEdge(dut.clk)
    return record


def simulate(
    component: wiring.Component, inputs: Mapping[str, Sequence[int]], outputs: Sequence[str]
) -> Record:
    """Like :func:`play`, in Amaranth's simulator and from the reset state on."""
    record: Record = {name: [] for name in outputs}

    def flat(name: str) -> Any:
        port = getattr(component, name)
        return port.as_value() if hasattr(port, "as_value") else port

    async def bench(ctx: Any) -> None:
        for cycle in range(len(next(iter(inputs.values())))):
            for name, values in inputs.items():
                ctx.set(flat(name), values[cycle])
            for name in outputs:
                port = flat(name)
                record[name].append(f"{ctx.get(port) % 2 ** len(port):0{len(port)}b}")
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return record
