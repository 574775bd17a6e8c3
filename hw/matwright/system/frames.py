# SPDX-License-Identifier: Apache-2.0
"""Where in a frame the link is."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FrameTracker", "Phase"]


class Phase(enum.Enum, shape=2):
    """A part of a frame: 4 bytes, or the 2 of a CRC."""

    FIRST = 0
    """The first four bytes of a frame of the host, or of an answer."""
    CRC = 1
    ADDRESS = 2
    WORD = 3


class FrameTracker(wiring.Component):
    """Follows the bytes of frames and answers, and says what comes next.

    ``done``, ``broken`` and ``gap`` are those of the :class:`.Uart`. A frame of the host is FIRST,
    ADDRESS, CRC, and of a write one or more times WORD, then CRC; an answer (``talk``) is FIRST, for a
    read without ``refused`` WORDs, CRC. ``byte`` counts in the part; ``ended`` marks its last ``done``.

    The conditions are looked at when a part ends: ``different`` (this is no first byte of a frame),
    ``wrong`` (the CRC was), ``write``, ``refused``, and of a WORD ``last``. ``payload`` says that the
    CRC is that of words.

    After a wrong CRC of a header, and after ``broken``, all is ignored until ``gap``; ``gap`` ends every
    frame that is not complete. ``idle`` means that no frame has begun.
    """

    done: Signal  # In, 1
    broken: Signal  # In, 1
    gap: Signal  # In, 1
    different: Signal  # In, 1
    wrong: Signal  # In, 1
    write: Signal  # In, 1
    refused: Signal  # In, 1
    last: Signal  # In, 1
    talk: Signal  # Out, 1
    phase: Any  # Out, Phase
    byte: Signal  # Out, 2
    payload: Signal  # Out, 1
    ended: Signal  # Out, 1, pulse
    idle: Signal  # Out, 1

    def __init__(self) -> None:
        inputs = ("done", "broken", "gap", "different", "wrong", "write", "refused", "last")
        super().__init__(
            {
                **{name: In(1) for name in inputs},
                "talk": Out(1),
                "phase": Out(Phase),
                "byte": Out(2),
                "payload": Out(1),
                "ended": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        deaf = Signal()
        stay = Signal()
        crc = Signal()
        words = Signal()  # words follow the header
        drop = Signal()
        payload = Signal(reset_less=True)
        m.d.comb += [
            self.idle.eq(~self.talk & (self.phase == Phase.FIRST) & (self.byte == 0)),
            stay.eq(self.idle & (self.different | deaf)),
            crc.eq(self.phase == Phase.CRC),
            self.ended.eq(self.done & self.byte[0] & (self.byte[1] | crc)),
            words.eq(~self.talk & ~payload & self.write),
            drop.eq(self.broken | (self.ended & ~self.talk & crc & ~payload & self.wrong)),
            self.payload.eq(payload),
        ]
        with m.If(self.done & ~stay):
            m.d.sync += self.byte.eq(Cat(~self.byte[0], (self.byte[0] ^ self.byte[1]) & ~crc))
        with m.If(self.ended):
            m.d.sync += [
                payload.eq(self.phase == Phase.WORD),
                self.talk.eq(Mux(crc, ~(self.talk | words), self.talk)),
            ]
            with m.Switch(self.phase):
                with m.Case(Phase.FIRST):
                    answer = Mux(self.write | self.refused, Phase.CRC, Phase.WORD)
                    m.d.sync += self.phase.eq(Mux(self.talk, answer, Phase.ADDRESS))
                with m.Case(Phase.ADDRESS):
                    m.d.sync += self.phase.eq(Phase.CRC)
                with m.Case(Phase.WORD):
                    m.d.sync += self.phase.eq(Mux(self.last, Phase.CRC, Phase.WORD))
                with m.Case(Phase.CRC):
                    m.d.sync += self.phase.eq(Mux(words, Phase.WORD, Phase.FIRST))
        m.d.sync += deaf.eq(drop | (deaf & ~self.gap))
        with m.If(drop | self.gap):
            m.d.sync += [self.phase.eq(Phase.FIRST), self.talk.eq(0), self.byte.eq(0)]
        return m
