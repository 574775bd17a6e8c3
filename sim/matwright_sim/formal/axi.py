# SPDX-License-Identifier: Apache-2.0
"""Rules of AXI4 and AXI4-Lite as claims and assumptions, written from Arm IHI 0022, issue H.

Each rule is one function; a specification claims it of a part, or assumes it of the part's neighbour.
"""

from collections.abc import Sequence
from typing import Any

from amaranth import Cat, Const, Signal, Value

from matwright.config import Bus

from .bench import Bench

__all__ = [
    "PAGE_BYTES",
    "burst_shape",
    "fires",
    "last_byte",
    "payload",
    "stays",
    "within_page",
]

PAGE_BYTES = 4096
"""No burst crosses a multiple of this (A3.4.1)."""

_INCR = 0b01
_ADDRESS = ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos")
_PAYLOADS = {
    "aw": _ADDRESS,
    "ar": _ADDRESS,
    "w": ("data", "strb", "last"),
    "r": ("id", "data", "resp", "last"),
    "b": ("id", "resp"),
}


def payload(port: Any, channel: str) -> Value:
    """All of a channel but its handshake; AXI4-Lite has less of it."""
    names = [f"{channel}{name}" for name in _PAYLOADS[channel]]
    return Cat(Value.cast(getattr(port, name)) for name in names if hasattr(port, name))


def fires(port: Any, channel: str) -> Value:
    """A transfer on a channel (A3.2.1)."""
    fired: Value = getattr(port, f"{channel}valid") & getattr(port, f"{channel}ready")
    return fired


def stays(b: Bench, port: Any, channel: str) -> Value:
    """VALID, once high, stays until READY, and what goes with it does not change (A3.2.1)."""
    valid, carried = getattr(port, f"{channel}valid"), payload(port, channel)
    waited = b.before(valid & ~getattr(port, f"{channel}ready"), f"{channel}_waited")
    before = b.before(carried, f"{channel}_before")
    return ~waited | (valid & (carried == before))


def last_byte(bus: Bus, addr: Value, length: Value) -> Signal:
    """Address of the last byte of an incrementing burst of whole beats, a bit wider than an address."""
    beats = bus.bytes.bit_length() - 1
    start = addr & ~Const(bus.bytes - 1, len(addr))
    return (start + Cat(Const(bus.bytes - 1, beats), length))[: len(addr) + 1]


def within_page(bus: Bus, addr: Value, length: Value) -> Value:
    """A burst ends in the page in which it starts (A3.4.1)."""
    bits = PAGE_BYTES.bit_length() - 1
    return last_byte(bus, addr, length)[bits:] == addr[bits:]


def burst_shape(bus: Bus, port: Any, channel: str) -> Value:
    """INCR bursts of whole beats (A3.4.1), no longer than the configuration says, all of ID 0."""
    field = {name: getattr(port, f"{channel}{name}") for name in _ADDRESS}
    rules: Sequence[Value] = (
        field["burst"] == _INCR,
        1 << field["size"] == bus.bytes,
        field["len"] < bus.max_burst,
        field["addr"] & (bus.bytes - 1) == 0,
        field["id"] == 0,
        field["lock"] == 0,
    )
    return Cat(rules).all()
