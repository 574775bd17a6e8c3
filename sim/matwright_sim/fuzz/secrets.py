# SPDX-License-Identifier: Apache-2.0
"""Two tenants of one machine: what the first leaves behind, and what its data shows in, is nothing.

The same programs run on two machines whose tenants have different secrets. Whatever differs
afterwards, but for the tenant's own memory, is a way out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matwright.bus.register_map import COUNTERS, REGISTERS
from matwright.bus.window import Window
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Flag

from ..agents.host import Host
from ..agents.programs import ProgramImage
from ..compiled import CompiledAccelerator
from .patience import ends

__all__ = ["ENDS", "left_behind", "moved_up", "registers", "shows", "statistics", "with_secrets"]

ENDS = ("complete", "aborted", "error")
"""How the first tenant's use can end."""

_READABLE = [register for register in REGISTERS if register.access != "WO"]
_OF_A_TENANT = [
    *("STATUS", "IRQ_CAUSE", "IRQ_ENABLE", "COMPLETED", "ERROR_CODE", "ERROR_INDEX"),
    *("PROGRAM_LO", "PROGRAM_HI", "PROGRAM_COUNT", "ERROR_ADDR_LO", "ERROR_ADDR_HI", *COUNTERS),
]
"""Registers that are 0 when a tenant's use has ended."""


def with_secrets(image: ProgramImage, secret: int) -> NDArray[np.uint8]:
    """Memory with other operands: their bytes, scales and zero points are the secret."""
    memory = image.before.copy()
    rng = np.random.default_rng(secret)
    for region in image.regions:
        if region.role in ("a", "b", "table"):
            memory[region.start : region.stop] = rng.integers(0, 256, region.stop - region.start)
    for index, descriptor in enumerate(image.descriptors):
        fields = {name: getattr(descriptor, name) for name in descriptor.__dataclass_fields__}
        fields["zero_point"] = int(rng.integers(-128, 128))
        if not descriptor.flags & Flag.TABLE:
            fields["params"] = int(rng.integers(1 << 32))
        place = image.address + DESCRIPTOR_BYTES * index
        code = np.frombuffer(Descriptor(**fields).pack(), np.uint8)
        memory[place : place + DESCRIPTOR_BYTES] = code
    return memory


def moved_up(image: ProgramImage, offset: int) -> NDArray[np.uint8]:
    """The memory of a program that stands ``offset`` higher."""
    memory = image.before.copy()
    for index, descriptor in enumerate(image.descriptors):
        fields = {name: getattr(descriptor, name) for name in descriptor.__dataclass_fields__}
        names = ["a_addr", "b_addr", "d_addr"]
        if descriptor.flags & Flag.TABLE:
            names.append("params")
        for name in names:
            fields[name] += offset
        place = image.address + DESCRIPTOR_BYTES * index
        code = np.frombuffer(Descriptor(**fields).pack(), np.uint8)
        memory[place : place + DESCRIPTOR_BYTES] = code
    return memory


def registers(host: Host) -> dict[str, int]:
    """All that can be read."""
    return {r.name: host.machine.read_register(r.offset) for r in _READABLE}


def statistics(machine: CompiledAccelerator) -> dict[str, int]:
    """All that somebody on the bus can count."""
    return machine.statistics() | {"cycles": machine.cycles}


def shows(
    machines: Sequence[CompiledAccelerator], image: ProgramImage, secrets: Sequence[int]
) -> str:
    """What of a program, in the lower half of memory, shows which secret it was run on; of nothing the
    empty string."""
    seen = []
    for machine, secret in zip(machines, secrets, strict=True):
        half = machine.memory.size // 2
        host = Host(machine, [Window(0, half - 1)])
        machine.memory[:half] = with_secrets(image, secret)
        machine.memory[half:] = 0
        if not ends(host, image):
            return "a good program gives no interrupt"
        seen.append(registers(host) | statistics(machine))
    return _differ("time and registers depend on data", *seen)


def left_behind(
    machines: Sequence[CompiledAccelerator],
    first: ProgramImage,
    second: ProgramImage,
    secrets: Sequence[int],
    how: str,
    moment: int,
) -> str:
    """What the next tenant sees of the first one's secret; of nothing the empty string.

    Programs are made for a half of memory. The first is complete, is ended after ``moment`` cycles, or
    has an error in read burst ``moment``. The next tenant reads every register, then runs ``second``, in
    the upper half.
    """
    seen, memories = [], []
    for machine, secret in zip(machines, secrets, strict=True):
        half = machine.memory.size // 2
        host = Host(machine, [Window(0, half - 1)])
        machine.memory[:half] = with_secrets(first, secret)
        machine.memory[half:] = 0
        if how == "error":
            machine.inject_error("read", machine.statistics()["read_bursts"] + moment)
        if how == "aborted":
            host.run(first.address, first.count, moment)
        elif not ends(host, first):
            return "the first tenant's program gives no interrupt"
        machine.release()
        host.end_context()
        found = registers(host)
        told = [name for name in _OF_A_TENANT if found[name]]
        if told:
            return f"the next tenant can read {', '.join(told)} of the first one"
        left = {f"{name} at first": value for name, value in found.items()}
        host.open([Window(half, 2 * half - 1)])
        machine.memory[:half] = 0
        machine.memory[half:] = moved_up(second, half)
        if not ends(host, second, half + second.address):
            return "the next tenant's program gives no interrupt"
        seen.append(left | registers(host) | statistics(machine))
        memories.append(machine.memory.copy())
    half = memories[0].size // 2
    expected = np.zeros_like(memories[0])
    expected[half:] = second.after
    code = slice(second.address, second.address + DESCRIPTOR_BYTES * second.count)
    expected[half:][code] = moved_up(second, half)[code]
    if not all(np.array_equal(memory, expected) for memory in memories):
        return "the next tenant's results are not exact"
    return _differ("the next tenant sees what the first one held", *seen)


def _differ(what: str, one: dict[str, int], other: dict[str, int]) -> str:
    names = [name for name in one if one[name] != other[name]]
    return f"{what}: {', '.join(names[:4])}" if names else ""
