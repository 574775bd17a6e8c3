# SPDX-License-Identifier: Apache-2.0
"""Random programs in random worlds: legal ones, ones that are partly wrong, and windows around them.

All that is drawn comes from the generator alone, so that a case follows from its choices
(:mod:`..agents.choices`); the simplest choices give a single legal GEMM of 1 x 1 x 1.
"""

from collections.abc import Callable, Sequence

import numpy as np

from matwright.bus.register_map import PAGE_BYTES
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, FIELDS, Descriptor

from ..agents.configurations import fitted_shape, operand_bytes
from ..agents.programs import plan_program
from ..golden.machine import regions
from .case import Case, Program, World

__all__ = ["MOST_PROGRAMS", "boundary", "draw_case", "draw_program", "draw_world", "memory_size"]
__all__ += ["most_gemms", "spoiled", "to_the_edge", "usual_shapes"]

MOST_PROGRAMS = 16
"""Of a case."""

_MOST_GEMMS = 5
_STEPS = 700
"""Of the array, or elements of D by a lane, that a program takes at most."""
_SERIAL_STEPS = 6000
"""Likewise where a lane takes many for an element."""
_LATENCIES = (1, 2, 3, 10, 40, 120)
_STALLS = (0.0, 0.05, 0.3, 0.6)
_SHARE = 4
"""One program in so many is partly wrong, has other windows, is run by the driver."""
_LEFT_OUT = 12
"""One descriptor in so many is left out."""


def memory_size(config: AcceleratorConfig) -> int:
    """Bytes of memory in which programs have room: whole pages, as many as a tile wants."""
    wanted = max(1 << 16, 16 * operand_bytes(config, 1, 1, 1))
    return min(1 << (wanted - 1).bit_length(), 1 << config.bus.addr_width)


def usual_shapes(config: AcceleratorConfig) -> list[tuple[int, int, int]]:
    """Three GEMMs in which every part of the machine has some work, within a configuration's limits."""
    limits = config.limits
    most = (limits.max_m, limits.max_n, limits.max_k)
    shapes = [(9, 7, 11), (12, 17, 20), (5, 9, 8)]
    return [(min(m, most[0]), min(n, most[1]), min(k, most[2])) for m, n, k in shapes]


def most_gemms(config: AcceleratorConfig, memory_bytes: int) -> int:
    """GEMMs of a program that find room in memory; 0 if there is none for one."""
    return min(_MOST_GEMMS, memory_bytes // (2 * operand_bytes(config, 1, 1, 1)))


def draw_case(
    config: AcceleratorConfig, rng: np.random.Generator, mark: Callable[[], object] = lambda: None
) -> Case:
    """A world and programs in it; ``mark`` is called after the world and after each program.

    All but the first program begin with a choice that is 0 when no more are to come.
    """
    world = draw_world(config, rng)
    mark()
    programs: list[Program] = []
    while not programs or (len(programs) < MOST_PROGRAMS and rng.integers(MOST_PROGRAMS)):
        programs.append(draw_program(config, rng, world.memory_bytes))
        mark()
    return Case(world, tuple(programs))


def draw_world(config: AcceleratorConfig, rng: np.random.Generator) -> World:
    """Latencies and pauses."""
    read, write = (int(_LATENCIES[int(rng.integers(len(_LATENCIES)))]) for _ in range(2))
    stall = _STALLS[int(rng.integers(len(_STALLS)))] if rng.integers(2) else 0.0
    seed = int(rng.integers(1 << 32)) if stall else 0
    return World(memory_size(config), read, write, stall, seed)


def draw_program(config: AcceleratorConfig, rng: np.random.Generator, memory_bytes: int) -> Program:
    """One program; what is checked by no machine of this configuration is always right."""
    checked = not config.build.unsafe_unchecked
    count, most = 1, most_gemms(config, memory_bytes)
    while count < most and rng.integers(3):
        count += 1
    room = memory_bytes // 2 // count
    steps = _SERIAL_STEPS if config.build.post_multiplier == "serial" else _STEPS
    ends = {"steps": steps // count, "memory_bytes": room}
    shapes = [fitted_shape(config, rng, **ends) for _ in range(count)]
    plan = plan_program(
        config, rng, shapes, memory_bytes=memory_bytes, dependent=bool(rng.integers(2))
    )
    memory = int(rng.integers(1 << 32))
    # One that is left out is simpler than one that is not, which is how a case that fails gets small.
    kept = [d for d in plan.descriptors if rng.integers(_LEFT_OUT)] or plan.descriptors[-1:]
    count = len(kept)
    code = [descriptor.pack() for descriptor in kept]
    windows: tuple[Window, ...] = (Window(0, memory_bytes - 1),)
    address, length = plan.address, count
    if checked and rng.integers(_SHARE) == 1:
        windows = _windows(config, rng, memory_bytes)
    if checked and rng.integers(_SHARE) == 1:
        wrong = 1 + int(rng.integers(2))
        for _ in range(wrong):
            index = int(rng.integers(count))
            code[index] = spoiled(config, rng, kept[index], windows)
    if checked and rng.integers(5 * _SHARE) == 1:
        address = _address(config, rng, address, memory_bytes)
    if rng.integers(5 * _SHARE) == 1:
        length = int(rng.integers(count + 2)) if checked else int(rng.integers(count + 1))
    driver = rng.integers(_SHARE) == 1
    return Program(address, length, tuple(code), memory, windows, bool(driver))


def _windows(
    config: AcceleratorConfig, rng: np.random.Generator, memory_bytes: int
) -> tuple[Window, ...]:
    """Two halves, or any pages, or none."""
    pages = memory_bytes // PAGE_BYTES
    if rng.integers(2):
        middle = PAGE_BYTES * int(rng.integers(1, pages))
        return Window(0, middle - 1), Window(middle, memory_bytes - 1)
    found = []
    for _ in range(int(rng.integers(config.bus.windows + 1))):
        first = int(rng.integers(pages))
        last = first + int(rng.integers(pages - first))
        ways = int(rng.integers(4))
        permitted = {"read": ways != 1, "write": ways != 2}
        found.append(Window(PAGE_BYTES * first, PAGE_BYTES * (last + 1) - 1, **permitted))
    return tuple(found)


def _address(
    config: AcceleratorConfig, rng: np.random.Generator, address: int, memory_bytes: int
) -> int:
    """Of a program that does not stand where it should."""
    kind = rng.integers(4)
    if kind == 0:
        return address + 4 * int(rng.integers(DESCRIPTOR_BYTES // 4))
    if kind == 1:
        return int(rng.integers(memory_bytes))
    if kind == 2:
        return int(rng.integers(1 << 48))
    # The registers hold 48 bits.
    top = (1 << config.bus.addr_width) - DESCRIPTOR_BYTES * int(rng.integers(3))
    return top % (1 << 48)


# Descriptors that are wrong, or nearly.


def spoiled(
    config: AcceleratorConfig,
    rng: np.random.Generator,
    descriptor: Descriptor,
    windows: Sequence[Window],
) -> bytes:
    """A descriptor with fields at boundaries, at the edge of a window, with flipped bits, or random."""
    kind = rng.integers(6)
    if kind == 5:
        return bytes(rng.bytes(DESCRIPTOR_BYTES))
    if kind == 4:
        whole = int.from_bytes(descriptor.pack(), "little")
        for _ in range(int(rng.integers(1, 4))):
            whole ^= 1 << int(rng.integers(8 * DESCRIPTOR_BYTES))
        return whole.to_bytes(DESCRIPTOR_BYTES, "little")
    fields = dict(vars(descriptor))
    if kind in (0, 1) or not windows:
        for name in rng.choice(list(FIELDS), int(rng.integers(1, 3)), replace=False):
            fields[str(name)] = boundary(config, rng, str(name), windows)
    else:
        to_the_edge(config, rng, fields, windows)
    return Descriptor(**fields).pack()


def boundary(
    config: AcceleratorConfig, rng: np.random.Generator, name: str, windows: Sequence[Window]
) -> int:
    """A value of a field at which something changes, or nearly."""
    width = FIELDS[name].width
    if name == "zero_point":
        return (0, 127, -1, -128)[int(rng.integers(4))]
    edges = [0, 1, 2, (1 << width) - 1, 1 << width - 1]
    limits = config.limits
    if name in ("m", "n", "k"):
        most = {"m": limits.max_m, "n": limits.max_n, "k": limits.max_k}[name]
        edges += [most - 1, most, most + 1]
    if width >= 32:
        beat = config.bus.bytes
        edges += [beat * e for e in (1, 2, 1 << 20)]
        edges += [1 << config.bus.addr_width, (1 << config.bus.addr_width) - beat]
        edges += [w.base for w in windows] + [w.limit + 1 for w in windows]
        edges += [w.limit + 1 - beat for w in windows]
        edges += [int(rng.integers(0, max((w.limit + 1 for w in windows), default=1)))]
    return min(edges[int(rng.integers(len(edges)))], (1 << width) - 1)


def to_the_edge(
    config: AcceleratorConfig,
    rng: np.random.Generator,
    fields: dict[str, int],
    windows: Sequence[Window],
) -> None:
    """Move one operand so that its end is a window's, or a beat or a row off."""
    found = regions(config, Descriptor(**fields))
    which = int(rng.integers(len(found)))
    name = ("a_addr", "b_addr", "d_addr", "params")[which]
    base, limit, _ = found[which]
    window = windows[int(rng.integers(len(windows)))]
    off = config.bus.bytes * (0, 1, -1, 8, 0, 0, 1)[int(rng.integers(7))]
    start = window.limit - (limit - base) + off
    if rng.integers(4) == 1:
        start = window.base + min(off, 0)
    fields[name] = max(0, start)
