# SPDX-License-Identifier: Apache-2.0
"""A case: programs one after the other on one machine, as plain data that a file can hold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from matwright.bus.window import Window
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, reserved_mask

from ..agents.choices import contents

__all__ = ["Case", "Program", "World", "descriptor_bytes", "descriptor_data"]


@dataclass(frozen=True)
class World:
    """The memory behind the machine."""

    memory_bytes: int
    read_latency: int = 1
    write_latency: int = 1
    stall: float = 0.0
    seed: int = 0
    """Of the stalls."""


@dataclass(frozen=True)
class Program:
    """What the host asks for, and memory before it."""

    address: int
    count: int
    code: tuple[bytes, ...]
    """Descriptors, from ``address`` on as far as memory goes."""
    memory: int = 0
    """Seed of all other bytes of memory."""
    windows: tuple[Window, ...] = ()
    driver: bool = False
    """It is the driver who runs it, not a host who works the registers."""

    def image(self, size: int) -> NDArray[np.uint8]:
        """Memory of ``size`` bytes before the program."""
        memory = contents(self.memory, 0, 256, size, np.uint8)
        for index, code in enumerate(self.code):
            start = self.address + DESCRIPTOR_BYTES * index
            if start + DESCRIPTOR_BYTES <= size:
                memory[start : start + DESCRIPTOR_BYTES] = np.frombuffer(code, np.uint8)
        return memory

    def data(self) -> dict[str, Any]:
        """Plain data."""
        own = {name: getattr(self, name) for name in ("address", "count", "memory", "driver")}
        code = [descriptor_data(part) for part in self.code]
        return own | {"windows": [asdict(window) for window in self.windows], "code": code}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """The program that :meth:`data` describes."""
        return cls(
            address=int(data["address"]),
            count=int(data["count"]),
            code=tuple(descriptor_bytes(part) for part in data["code"]),
            memory=int(data["memory"]),
            windows=tuple(Window(**window) for window in data["windows"]),
            driver=bool(data["driver"]),
        )


@dataclass(frozen=True)
class Case:
    """Programs that run one after the other, without a reset but where an error asks for one."""

    world: World
    programs: tuple[Program, ...]

    def data(self) -> dict[str, Any]:
        """Plain data."""
        programs = [program.data() for program in self.programs]
        return {"world": asdict(self.world), "programs": programs}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """The case that :meth:`data` describes; KeyError, TypeError or ValueError if it is none."""
        names = {field.name for field in fields(World)}
        world = World(**{name: value for name, value in data["world"].items() if name in names})
        programs: Sequence[Mapping[str, Any]] = data["programs"]
        return cls(world, tuple(Program.of(program) for program in programs))


def descriptor_data(code: bytes) -> dict[str, int]:
    """The fields of a descriptor, and its reserved bits if any is set."""
    found: dict[str, int] = asdict(Descriptor.unpack(code))
    reserved = int.from_bytes(code, "little") & reserved_mask()
    return {name: int(value) for name, value in found.items()} | (
        {"reserved": reserved} if reserved else {}
    )


def descriptor_bytes(data: Mapping[str, int]) -> bytes:
    """The 64 bytes of :func:`descriptor_data`."""
    own = dict(data)
    reserved = own.pop("reserved", 0)
    whole = int.from_bytes(Descriptor(**own).pack(), "little") | (reserved & reserved_mask())
    return whole.to_bytes(DESCRIPTOR_BYTES, "little")
