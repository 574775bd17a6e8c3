# SPDX-License-Identifier: Apache-2.0
"""Post-processing: accumulators in, beats of D out."""

from typing import Any

from amaranth import Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..config import AcceleratorConfig
from .packer import Packer
from .payload import beat_layout, sums_layout
from .requantize import Requantizer
from .skid import SkidBuffer

__all__ = ["PostProcess"]


class PostProcess(wiring.Component):
    """Takes ``post_lanes`` accumulators of a row of D a cycle, gives the beats of the row.

    Items come in order of columns, row by row, one for every group of ``post_lanes`` columns of a
    panel padded to ``col_pitch``, up to the group that holds the row's last column; ``last`` marks
    that one. A group of padding alone has ``count`` 0. Arithmetic as in :class:`Requantizer`,
    beats as in :class:`Packer`.

    While beats are taken, a beat is on offer :attr:`LATENCY` cycles (:attr:`RAW_LATENCY` with
    ``raw``) after the item that fills it was accepted. ``i.ready`` depends on ``raw`` and on no
    other input. When no beat is taken, it accepts at most ``Requantizer.LATENCY`` items
    (``Requantizer.RAW_LATENCY``) beyond those that fill two beats.

    The settings must keep their values from the first item accepted until ``idle``.
    """

    LATENCY = Requantizer.LATENCY + Packer.LATENCY + SkidBuffer.LATENCY
    """Cycles from an item accepted to its beat on offer."""
    RAW_LATENCY = Requantizer.RAW_LATENCY + Packer.LATENCY + SkidBuffer.LATENCY
    """The same with ``raw``, to the first beat of the item."""

    i: Any  # In, stream of sums_layout(config.precision, config.build.post_lanes)
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
                **settings,
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, beat_bytes = self.config.build.post_lanes, self.config.bus.bytes

        requantizer = m.submodules.requantizer = Requantizer(self.config.precision, lanes)
        packer = m.submodules.packer = Packer(beat_bytes, lanes)
        skid = m.submodules.skid = SkidBuffer(beat_layout(beat_bytes))

        connect(m, flipped(self.i), requantizer.i)
        connect(m, requantizer.o, packer.i)
        connect(m, packer.o, skid.i)
        connect(m, skid.o, flipped(self.o))
        m.d.comb += [
            requantizer.raw.eq(self.raw),
            requantizer.relu.eq(self.relu),
            requantizer.use_table.eq(self.use_table),
            requantizer.scale.eq(self.scale),
            requantizer.zero_point.eq(self.zero_point),
            requantizer.d_unsigned.eq(self.d_unsigned),
            packer.raw.eq(self.raw),
            self.idle.eq(requantizer.idle & packer.idle & skid.idle),
        ]
        return m
