# SPDX-License-Identifier: Apache-2.0
"""Rules of AXI4 and AXI4-Lite as claims and assumptions, written from Arm IHI 0022, issue H.

Each rule is one function; a specification claims it of a part, or assumes it of the part's neighbour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value

from matwright.config import Bus

from .bench import Bench

__all__ = [
    "PAGE_BYTES",
    "Flight",
    "Row",
    "burst_shape",
    "fires",
    "last_byte",
    "payload",
    "remembers",
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


def last_byte(bus: Bus, addr: Value, length: Value) -> Value:
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


@dataclass
class Row:
    """Some of ``items``, from the first on: ``count``."""

    items: list[Signal]
    count: Signal

    def at(self, place: Any) -> Value:
        """The item at a place."""
        found: Value = Const(0, len(self.items[0]))
        for k, item in enumerate(self.items):
            found = Mux(Value.cast(place) == k, item, found)
        return found


class Flight(Row):
    """A reference of what is under way, oldest first: the plainest queue, a register for each place.

    ``push`` adds ``item`` as the newest, ``pop`` takes the oldest away; both may happen in one cycle.
    """

    def __init__(
        self, b: Bench, name: str, width: int, most: int, *, push: Any, item: Any, pop: Any
    ) -> None:
        m = Module()
        b.m.submodules[name] = m
        super().__init__(
            items=[Signal(width, name=f"{name}_{k}") for k in range(most)],
            count=Signal(range(most + 2), name=f"{name}_count"),
        )
        place = Signal.like(self.count, name=f"{name}_place")
        new = Signal(width, name=f"{name}_new")
        m.d.comb += [place.eq(self.count - pop), new.eq(item)]
        m.d.sync += self.count.eq(place + push)
        for k, kept in enumerate(self.items):
            after = self.items[k + 1] if k + 1 < most else Const(0, width)
            m.d.sync += kept.eq(Mux(Value.cast(push) & (place == k), new, Mux(pop, after, kept)))


def remembers(b: Bench, queue: Any, name: str, row: Row, entry: Callable[[Value], Value]) -> None:
    """Lemmas that a :class:`matwright.bus.queue.BurstQueue` holds what ``row`` says.

    ``entry`` makes the queue's entry of an item.
    """
    count, depth = row.count, len(row.items)
    b.show(f"{name}_some", queue.some == (count >= 1))
    b.show(f"{name}_several", queue.several == (count >= 2))
    b.show(f"{name}_room", queue.room == (count < depth))
    if depth <= 2:
        return
    b.show(f"{name}_tally", b.inner(queue, "tally.count") == count)
    memory = b.inner(queue, "memory")
    get, put = memory.read_ports[0].addr, memory.write_ports[0].addr
    waiting = Signal.like(get)
    b.m.d.comb += waiting.eq(put - get)
    b.show(f"{name}_addresses", waiting == Mux(count == 0, 0, count - 1))
    for k in range(1, depth):
        look = memory.read_port(domain="comb")
        b.m.d.comb += look.addr.eq(get + k - 1)
        b.implies(f"{name}_word_{k}", k < count, look.data == entry(row.items[k]))
