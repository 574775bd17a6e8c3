# SPDX-License-Identifier: Apache-2.0
"""How long to wait for a program before it counts as hanging."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import Descriptor

from ..agents.host import Host
from ..agents.programs import Plan
from ..compiled import CompiledAccelerator
from ..cycles import Memory, exact
from .case import World
from .expected import SLACK, descriptor_steps

__all__ = ["ENOUGH", "SLOW", "Patience", "ends"]

ENOUGH = 3
"""Failures after which nobody looks for more."""

_LEAST = 20_000
"""Cycles that any program has."""
_TIMES = 4
"""So often what the cycle model says."""
SLOW = World(memory_bytes=0, read_latency=120, write_latency=120, stall=0.6)
"""A memory as slow as any of a campaign."""


@dataclass(frozen=True)
class Patience:
    """Of a program of legal descriptors, which may be followed by a wrong one."""

    config: AcceleratorConfig
    program: Sequence[Descriptor]
    address: int
    world: World

    @cached_property
    def short(self) -> int:
        """Cycles in which nearly every program has ended; nothing to compute."""
        return _LEAST + SLACK * sum(descriptor_steps(self.config, one) for one in self.program)

    @cached_property
    def cycles(self) -> int:
        """What the cycle model says for a memory that does not pause."""
        world = self.world
        memory = Memory(read_latency=world.read_latency, write_latency=world.write_latency)
        return exact(self.config, self.program, memory, self.address).cycles

    @cached_property
    def most(self) -> int:
        """Cycles after which the program hangs: some times what the model says, and the pauses."""
        return max(self.short, _LEAST + int(_TIMES * self.cycles / (1 - self.world.stall)))

    def wait(self, machine: CompiledAccelerator) -> bool:
        """Waits for the interrupt of a program that has begun; whether it came. The model, which takes as
        long as the simulation, is asked only of a program that is late."""
        return machine.run(self.short) or machine.run(self.most - self.short)


def ends(host: Host, image: Plan, address: int | None = None) -> bool:
    """Rings the doorbell for a program in any memory of a campaign, and waits; whether the interrupt came."""
    address = image.address if address is None else address
    host.run(address, image.count, 0)
    patience = Patience(host.machine.config, image.descriptors, address, SLOW)
    return patience.wait(host.machine)
