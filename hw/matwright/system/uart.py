# SPDX-License-Identifier: Apache-2.0
"""UART: 8 data bits, least significant first, no parity, 1 stop bit; one direction at a time."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import ConfigError
from .link import GAP

__all__ = ["MOST_DIVISOR", "Uart", "check_divisor"]

LEAST_DIVISOR = 4
MOST_DIVISOR = 65_535
"""Most cycles per bit."""

_START = GAP - 1


def check_divisor(divisor: int) -> None:
    """ConfigError unless ``divisor`` cycles per bit can be."""
    legal = isinstance(divisor, int) and not isinstance(divisor, bool)
    if not (legal and LEAST_DIVISOR <= divisor <= MOST_DIVISOR):
        rule = f"an integer from {LEAST_DIVISOR} to {MOST_DIVISOR}"
        raise ConfigError(f"divisor must be {rule}, not {divisor!r}")


class Uart(wiring.Component):
    """Receives bytes, or, while ``talk`` is high, sends them; ``divisor`` cycles per bit.

    One counter of cycles and one of bits serve both directions, so what comes in while ``talk`` is high
    is not heard. There is no register for a byte: bits are handed over one by one.

    ``data`` marks bit number ``index`` of a byte, which is ``value``. When sending it was taken from
    ``send``, which has to be right from three cycles after the ``data`` or ``done`` before; no byte
    begins while ``hold`` is high at the beginning of a bit time. ``done`` marks the end of a byte: in the
    middle of a stop bit that was right, or as a stop bit begins to be sent. ``talk`` may change in the cycle
    after ``done``; then the first start bit is sent one bit time after that ``done``.

    A received byte begins with a start bit that is still low in its middle, and every bit is taken in
    its middle; ``broken`` marks a stop bit that was low there. ``gap`` marks that no byte has begun for
    ``GAP`` bit times since the last ended, and again after every ``GAP`` more. ``receiving`` is high
    from the beginning of a start bit to the middle of the stop bit.

    ``rx`` may change at any time; both lines are high when idle.
    """

    rx: Signal  # In, 1
    tx: Signal  # Out, 1
    talk: Signal  # In, 1
    hold: Signal  # In, 1
    send: Signal  # In, 1
    value: Signal  # Out, 1
    data: Signal  # Out, 1, pulse
    index: Signal  # Out, 3
    done: Signal  # Out, 1, pulse
    broken: Signal  # Out, 1, pulse
    gap: Signal  # Out, 1, pulse
    receiving: Signal  # Out, 1

    def __init__(self, divisor: int) -> None:
        check_divisor(divisor)
        self.divisor = divisor
        super().__init__(
            {
                "rx": In(1),
                "tx": Out(1),
                "talk": In(1),
                "hold": In(1),
                "send": In(1),
                "value": Out(1),
                "data": Out(1),
                "index": Out(3),
                "done": Out(1),
                "broken": Out(1),
                "gap": Out(1),
                "receiving": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        meet = Signal(init=1, reset_less=True)
        line = Signal(init=1, reset_less=True)
        m.d.sync += [
            meet.eq(self.rx),
            line.eq(meet),
            self.value.eq(Mux(self.talk, self.send, line)),
        ]

        # Bit times; of a byte that comes, `tick` is in the middle of each.
        begin = Signal()
        tick = Signal(reset_less=True)
        count = Signal(range(self.divisor), reset_less=True)
        m.d.comb += begin.eq(~(line | self.receiving | self.talk))
        m.d.sync += [count.eq(count + 1), tick.eq((count == self.divisor // 2 - 1) & ~begin)]
        with m.If(begin | (count == self.divisor - 1)):
            m.d.sync += count.eq(0)

        # Place in a byte: start bit -1, data bits 0 to 7, stop bit 8; in a byte bits 4:3 tell which. While
        # nothing moves it counts on, from -1 to -1 in a GAP. A start bit is put off when sending, or it was
        # too short.
        place = Signal(range(GAP), reset_less=True)
        step = Signal()
        stop = Signal()
        starts, stops = place[4], place[3]
        again = Signal()
        m.d.comb += [
            step.eq(tick & (self.receiving | self.talk)),
            stop.eq(step & stops & ~starts),
            again.eq(stop | (step & starts & Mux(self.talk, self.hold, self.value))),
        ]
        with m.If(tick):
            m.d.sync += place.eq(place + 1)
        with m.If(begin | again):
            m.d.sync += place.eq(_START)
        m.d.sync += self.receiving.eq(begin | (self.receiving & ~again))

        m.d.comb += [
            self.index.eq(place),
            self.data.eq(step & ~starts & ~stops),
            self.done.eq(stop & (self.talk | self.value)),
            self.broken.eq(stop & ~self.done),
            self.gap.eq(tick & ~step & (place == GAP - 2)),
        ]
        tx = Signal(init=1)
        m.d.comb += self.tx.eq(tx)
        with m.If(tick & self.talk):
            m.d.sync += tx.eq(Mux(starts, self.hold, self.value | stops))
        return m
