# SPDX-License-Identifier: Apache-2.0
"""Ports of a component of the scheduler, cycle by cycle.

Inputs change at the falling edge of the clock, all outputs are looked at when that has settled and
before the rising edge; so combinational paths through the bench are exact.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data
from cocotb.triggers import FallingEdge, ReadOnly

from ..agents.clock import start_clock

__all__ = ["Offer", "Ports", "Watch", "fields"]


def fields(layout: data.StructLayout, bits: int) -> dict[str, int]:
    """Top-level fields of a structure, each as an unsigned number."""
    found = {}
    for name, place in layout:
        width = Shape.cast(place.shape).width
        found[str(name)] = bits >> place.offset & ((1 << width) - 1)
    return found


class Ports:
    """Drives and reads the ports of ``dut``; ``cycle`` is the number of the cycle, from 0 on."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.cycle = -1
        self._handles: dict[str, Any] = {}
        self._driven: dict[str, int] = {}
        self._running = False

    def _handle(self, name: str) -> Any:
        if name not in self._handles:
            self._handles[name] = getattr(self.dut, name)
        return self._handles[name]

    def drive(self, **values: int) -> None:
        """Set inputs."""
        for name, value in values.items():
            if self._driven.get(name) != value:
                self._driven[name] = value
                self._handle(name).value = value

    def __getitem__(self, name: str) -> int:
        value = self._handle(name).value
        assert value.is_resolvable, f"{name} is {value}"
        return int(value)

    async def reset(self) -> None:
        """Start the clock, unless it runs, and reset. Inputs may be driven before and after."""
        if self._running:
            await self.begin()
            self.drive(rst=1)
            await self.begin()
            self.drive(rst=0)
        else:
            await start_clock(self.dut)
            self._driven["rst"] = 0
            self._running = True

    async def begin(self) -> None:
        """Begin the next cycle: now inputs may be driven."""
        await FallingEdge(self.dut.clk)
        self.cycle += 1

    async def settle(self) -> None:
        """Let the inputs take effect: now outputs may be read."""
        await ReadOnly()


class Offer:
    """Offers ``items``, payloads of ``width`` bits, to stream ``name``; pauses between them at random.

    Without an offer, the payload is anything. Call ``drive`` and ``look`` once each cycle. ``shown``
    has the cycles in which items came on offer, ``taken`` those in which they were taken.
    """

    def __init__(
        self, ports: Ports, name: str, items: Sequence[int], width: int, rng: Random, rate: float
    ) -> None:
        self.items, self.name = items, name
        self.shown: list[int] = []
        self.taken: list[int] = []
        self._ports, self._width, self._rng, self._rate = ports, width, rng, rate
        ports.drive(**{f"{name}__valid": 0, f"{name}__payload": 0})

    @property
    def _offering(self) -> bool:
        return len(self.shown) > len(self.taken)

    def drive(self) -> None:
        """At the beginning of a cycle."""
        left = len(self.taken) < len(self.items)
        if left and not self._offering and self._rng.random() < self._rate:
            self.shown.append(self._ports.cycle)
        payload = self._rng.getrandbits(self._width)
        if self._offering:
            payload = self.items[len(self.taken)]
        self._ports.drive(
            **{f"{self.name}__valid": int(self._offering), f"{self.name}__payload": payload}
        )

    def look(self) -> bool:
        """When the cycle has settled; whether an item is taken in it."""
        taken = self._offering and bool(self._ports[f"{self.name}__ready"])
        if taken:
            self.taken.append(self._ports.cycle)
        return taken


class Watch:
    """Takes from stream ``name`` at random: an offer must stand, unchanged, until it is taken."""

    def __init__(self, ports: Ports, name: str, rng: Random, rate: float) -> None:
        self._ports, self._name, self._rng, self._rate = ports, name, rng, rate
        self._waiting: int | None = None
        self.ready = False
        ports.drive(**{f"{name}__ready": 0})

    def drive(self) -> None:
        """At the beginning of a cycle."""
        self.ready = self._rng.random() < self._rate
        self._ports.drive(**{f"{self._name}__ready": int(self.ready)})

    def look(self) -> tuple[bool, int | None]:
        """When the cycle has settled: whether there is an offer, and the payload if it is taken."""
        valid = bool(self._ports[f"{self._name}__valid"])
        if not valid:
            assert self._waiting is None, f"{self._name}: an offer was withdrawn"
            return False, None
        payload = self._ports[f"{self._name}__payload"]
        assert self._waiting in (None, payload), f"{self._name}: an offer changed"
        self._waiting = None if self.ready else payload
        return True, payload if self.ready else None
