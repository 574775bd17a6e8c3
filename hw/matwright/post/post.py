# SPDX-License-Identifier: Apache-2.0
"""Post-processing: accumulators in, beats of D out."""

from typing import Any

from amaranth import Module, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..config import AcceleratorConfig
from .element_queue import ElementQueue
from .packer import Packer
from .payload import beat_layout, sums_layout, values_layout
from .requantize import Requantizer
from .serial import SerialPost
from .skid import SkidBuffer

__all__ = ["PostProcess"]


class PostProcess(wiring.Component):
    """Takes ``post_lanes`` accumulators of a row of D a cycle, gives the beats of the row.

    Items come in order of columns, row by row, one for every group of ``post_lanes`` columns of a
    panel padded to ``col_pitch``, up to the group that holds the row's last column; ``last`` marks
    that one. A group of padding alone has ``count`` 0. Arithmetic as in :class:`Requantizer`,
    beats as in :class:`Packer`.

    While beats are taken, a beat is on offer :attr:`latency` cycles (:attr:`raw_latency` with
    ``raw``) after the item that fills it was accepted. ``i.ready`` depends on ``raw`` and on no
    other input. When no beat is taken, it accepts those items that fill two beats, and as many more as
    the requantizer has stages.

    With ``queued_results``, ``i.ready`` is a register and says that an item may be announced, by
    ``comes`` in the same cycle. The item comes later, as all do by the same number of cycles, and is
    accepted in any case. When no beat is taken, it accepts those items that fill two beats, and
    :attr:`.ElementQueue.DEPTH` more.

    The settings must keep their values from the first item accepted until ``idle``.
    """

    i: Any  # In, stream of sums_layout(config.precision, config.build.post_lanes)
    comes: Signal  # In, 1, if queued_results
    o: Any  # Out, stream of beat_layout(config.bus.bytes)
    raw: Signal  # In, 1
    relu: Signal  # In, 1
    use_table: Signal  # In, 1
    scale: Signal  # In, unsigned(32), a scale word
    zero_point: Signal  # In, signed(8)
    d_unsigned: Signal  # In, 1
    idle: Signal  # Out, 1, neither item nor beat is inside

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        settings = {
            "raw": In(1),
            "relu": In(1),
            "use_table": In(1),
            "scale": In(32),
            "zero_point": In(signed(8)),
            "d_unsigned": In(1),
        }
        super().__init__(
            {
                "i": In(stream.Signature(sums_layout(config.precision, config.build.post_lanes))),
                "o": Out(stream.Signature(beat_layout(config.bus.bytes))),
                **({"comes": In(1)} if config.build.queued_results else {}),
                **settings,
                "idle": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from an item accepted to its beat on offer."""
        return Requantizer.LATENCY + 2 * self.config.build.post_registers + self._others

    @property
    def raw_latency(self) -> int:
        """The same with ``raw``, to the first beat of the item."""
        return Requantizer.RAW_LATENCY + self.config.build.post_registers + self._others

    @property
    def _others(self) -> int:
        queue = ElementQueue.LATENCY if self.config.build.queued_results else 0
        return queue + Packer.LATENCY + SkidBuffer.LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.config.build.post_multiplier == "serial":
            m.submodules.serial = serial = SerialPost(self.config)
            connect(m, flipped(self.i), serial.i)
            connect(m, serial.o, flipped(self.o))
            self._set(m, serial)
            m.d.comb += self.idle.eq(serial.idle)
            return m
        build, beat_bytes = self.config.build, self.config.bus.bytes
        lanes = build.post_lanes

        m.submodules.requantizer = requantizer = Requantizer(
            self.config.precision, lanes, build.post_registers
        )
        packer = m.submodules.packer = Packer(beat_bytes, lanes)
        skid = m.submodules.skid = SkidBuffer(beat_layout(beat_bytes))

        elements = requantizer.o
        inside: Value = ~requantizer.idle
        if build.queued_results:
            m.submodules.queue = queue = ElementQueue(values_layout(lanes))
            m.d.comb += [
                requantizer.i.valid.eq(self.i.valid),
                requantizer.i.p.eq(self.i.p),
                self.i.ready.eq(queue.room),
                queue.comes.eq(self.comes),
                requantizer.o.ready.eq(1),
                queue.i_valid.eq(requantizer.o.valid),
                queue.i_payload.eq(requantizer.o.p),
            ]
            elements, inside = queue.o, ~queue.idle
        else:
            connect(m, flipped(self.i), requantizer.i)
        connect(m, elements, packer.i)
        connect(m, packer.o, skid.i)
        connect(m, skid.o, flipped(self.o))
        self._set(m, requantizer)
        m.d.comb += [
            packer.raw.eq(self.raw),
            self.idle.eq(~inside & packer.idle & skid.idle),
        ]
        return m

    def _set(self, m: Module, part: Any) -> None:
        """Give the settings to a part."""
        for name in ("raw", "relu", "use_table", "scale", "zero_point", "d_unsigned"):
            m.d.comb += getattr(part, name).eq(getattr(self, name))
