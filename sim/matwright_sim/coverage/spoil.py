# SPDX-License-Identifier: Apache-2.0
"""How a program comes to each error."""

from collections.abc import Callable

import numpy as np

from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import Descriptor, Error, Flag, reserved_mask

from ..golden.machine import check, regions
from .bench import Bench, Program

__all__ = ["ON_THE_WAY", "spoil", "strike"]

_PAGE = 4096
_OPERANDS = ("a_addr", "b_addr", "d_addr", "params")
_ALIGNED = (*_OPERANDS, "a_stride", "b_stride", "d_stride")

ON_THE_WAY: dict[Error, tuple[str, ...]] = {
    Error.READ_RESPONSE: ("read_slverr", "read_decerr"),
    Error.READ_LAST: ("read_last_early", "read_last_late"),
    Error.READ_ID: ("read_id", "unasked_read"),
    Error.WRITE_RESPONSE: ("write_slverr", "write_decerr"),
    Error.WRITE_ID: ("write_id", "unasked_write"),
    Error.WATCHDOG: ("hang_aw", "hang_w", "hang_b", "hang_ar", "hang_r"),
    Error.DOORBELL: ("doorbell",),
    Error.SRAM: ("flip",),
    Error.UNWRITTEN: ("forget",),
}
"""What strikes a running program to cause each error that no descriptor causes."""


def spoil(
    bench: Bench, rng: np.random.Generator, program: Program, index: int, error: Error
) -> None:
    """Make descriptor ``index`` fail with ``error``, a code of a descriptor."""
    if error == Error.WINDOW:
        _shut(bench, rng, program, index)
        return
    descriptor = program.image.descriptors[index]
    for _ in range(1000):
        code = _SPOILT[error](bench.config, rng, descriptor)
        if check(bench.config, code) == error:
            program.put(index, code)
            return
    raise AssertionError(f"no descriptor was found that fails with {error.name}")


def _opcode(config: AcceleratorConfig, rng: np.random.Generator, d: Descriptor) -> bytes:
    return Bench.changed(d, opcode=int(rng.integers(256)))


def _reserved(config: AcceleratorConfig, rng: np.random.Generator, d: Descriptor) -> bytes:
    bits = [bit for bit in range(512) if reserved_mask() >> bit & 1]
    whole = int.from_bytes(d.pack(), "little") | 1 << int(rng.choice(bits))
    return whole.to_bytes(64, "little")


def _size(config: AcceleratorConfig, rng: np.random.Generator, d: Descriptor) -> bytes:
    limits = config.limits
    name, most = [("m", limits.max_m), ("n", limits.max_n), ("k", limits.max_k)][rng.integers(3)]
    value = int(rng.choice([0, most + 1, 1 << int(rng.integers(32)), int(rng.integers(1 << 32))]))
    return Bench.changed(d, **{name: value})


def _tile(config: AcceleratorConfig, rng: np.random.Generator, d: Descriptor) -> bytes:
    name, values = [
        ("tile_rows", (0, int(rng.integers(1 << 16)), 1 << int(rng.integers(16)))),
        ("n_panels_log2", (int(rng.integers(16)),)),
        ("k_panels_log2", (int(rng.integers(16)),)),
    ][rng.integers(3)]
    return Bench.changed(d, **{name: int(rng.choice(values))})


def _alignment(config: AcceleratorConfig, rng: np.random.Generator, d: Descriptor) -> bytes:
    name = str(rng.choice(_ALIGNED))
    return Bench.changed(d, **{name: getattr(d, name) ^ int(rng.integers(1, config.bus.bytes))})


def _address(config: AcceleratorConfig, rng: np.random.Generator, d: Descriptor) -> bytes:
    name = str(rng.choice(_OPERANDS))
    bit = 1 << int(rng.integers(config.bus.addr_width, 48))
    return Bench.changed(d, **{name: getattr(d, name) | bit})


_SPOILT: dict[Error, Callable[[AcceleratorConfig, np.random.Generator, Descriptor], bytes]] = {
    Error.OPCODE: _opcode,
    Error.RESERVED: _reserved,
    Error.SIZE: _size,
    Error.TILE: _tile,
    Error.ALIGNMENT: _alignment,
    Error.ADDRESS: _address,
}


def _shut(bench: Bench, rng: np.random.Generator, program: Program, index: int) -> None:
    """Move an operand of the descriptor out of a window that holds the program."""
    config = bench.config
    first, last = program.span.start // _PAGE, (program.span.stop - 1) // _PAGE
    window = Window(first * _PAGE, (last + 1) * _PAGE - 1)
    bench.host.open([window])
    descriptor = program.image.descriptors[index]
    names = _OPERANDS[: 4 if descriptor.flags & Flag.TABLE else 3]
    space = 1 << config.bus.addr_width
    for _ in range(1000):
        name = str(rng.choice(names))
        place = [
            int(rng.integers(space // config.bus.bytes)) * config.bus.bytes,
            window.limit + 1 - config.bus.bytes * int(rng.integers(2)),
            window.base - config.bus.bytes,
        ][rng.integers(3)]
        if not 0 <= place < space:
            continue
        code = Bench.changed(descriptor, **{name: place})
        moved = Descriptor.unpack(code)
        held = all(window.holds(*region) for region in regions(config, moved))
        if check(config, code) == Error.NONE and not held:
            program.put(index, code)
            return
    raise AssertionError("no operand was found that lies outside")


def strike(bench: Bench, rng: np.random.Generator, what: str) -> bool | None:
    """Let ``what``, a word of :data:`ON_THE_WAY`, happen to the program that runs, now or soon, and run it
    to its end. Whether it has happened; None if that is not to be seen.

    Bits that were flipped and words that were forgotten strike if they are read before they are written
    again, which the machine alone knows.
    """
    machine, host = bench.machine, bench.host
    if what == "doorbell":
        return bench.ring_again()
    if what == "forget":
        host.write("INJECT", 1 << 30)
        return None
    if what == "flip":
        _flip(bench, rng)
        return None
    kind = what.split("_")[0]
    at = None
    if kind in ("read", "write"):
        at = machine.statistics()[f"{kind}_bursts"] + int(rng.integers(3))
    bus_id = int(rng.integers(1, 16))
    last = bool(rng.integers(2))
    before = len(machine.fault_events)
    machine.inject(what, at, extra=int(rng.integers(1, 4)), bus_id=bus_id, last=last)
    bench.wait()
    # What is on the bus only now is of no program any more.
    return any(event.cycle < machine.cycles for event in machine.fault_events[before:])


def _flip(bench: Bench, rng: np.random.Generator) -> None:
    """Two bits of a word, which no check bits correct."""
    first, second = (int(bit) for bit in rng.choice(5, 2, replace=False))
    parity = bench.config.build.sram_protection == "parity"
    bench.host.write("INJECT_BITS", first | (first if parity else second) << 16)
    bench.host.write("INJECT", 1 << 31 | int(rng.integers(4)) << 16)
