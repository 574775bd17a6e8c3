# SPDX-License-Identifier: Apache-2.0
"""Order and integrity of whatever queues: one item is followed, any one, chosen by the solver."""

from typing import Any

from amaranth import Module, Mux, Shape, Signal, Value
from amaranth.hdl import ShapeLike

from .bench import Bench

__all__ = ["Watch"]


class Watch:
    """Follows an item from the cycle in which it is ``put`` to the one in which it should be taken.

    ``put`` and ``take`` are transfers, at most ``most`` items are inside. When ``due``, the item that is
    taken now must be ``value``. It may be taken in the cycle in which it is put.
    """

    def __init__(
        self, b: Bench, name: str, *, put: Any, item: Any, take: Any, shape: ShapeLike, most: int
    ) -> None:
        m = Module()
        b.m.submodules[name] = m
        self.value = b.fixed(Shape.cast(shape).width, f"{name}_value")
        """The watched item."""
        self.count = Signal(range(most + 2), name=f"{name}_count")
        """Items inside."""
        self.inside = Signal(name=f"{name}_inside")
        """The watched item is one of them."""
        self.ahead = Signal(range(most + 2), name=f"{name}_ahead")
        """Items before it."""
        self.due = Signal(name=f"{name}_due")
        """It is what is taken in this cycle."""
        choose = b.free(1, f"{name}_choose")
        chosen, put_, take_ = (Signal(name=f"{name}_{word}") for word in ("chosen", "put", "take"))
        place = Signal(range(most + 2), name=f"{name}_place")
        m.d.comb += [
            put_.eq(put),
            take_.eq(take),
            chosen.eq(put_ & choose & ~self.inside & (Value.cast(item) == self.value)),
            place.eq(Mux(self.inside, self.ahead, self.count)),
            self.due.eq(take_ & (self.inside | chosen) & (place == 0)),
        ]
        m.d.sync += [
            self.count.eq(self.count + put_ - take_),
            self.inside.eq((self.inside | chosen) & ~self.due),
            self.ahead.eq(place - take_),
        ]
        b.show(f"{name}_place", ~self.inside | (self.ahead < self.count))
