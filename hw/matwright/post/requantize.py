# SPDX-License-Identifier: Apache-2.0
"""Post-processing of accumulators: bias, activation, scaling and narrowing of several columns."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Precision
from .lane import RequantizeLane
from .payload import sums_layout, values_layout

__all__ = ["Requantizer"]


class Requantizer(wiring.Component):
    """Takes an item of ``lanes`` sums a cycle and gives their elements of D.

    The whole pipeline moves whenever its output is empty or taken. An item leaves
    :attr:`LATENCY` moves after it was accepted, :attr:`RAW_LATENCY` with ``raw``: then the sums
    leave behind the first stage, sign-extended to 32 bits, and the others stay empty. It holds as
    many items as its latency. ``count`` and ``last`` travel along.

    ``raw``, ``relu``, ``use_table``, ``scale``, ``zero_point`` and ``d_unsigned`` must keep their
    values from the first item accepted until ``idle``. Without ``use_table`` every bias is 0 and every
    scale word is ``scale``.

    Lanes beyond ``count`` give values that mean nothing.
    """

    LATENCY = RequantizeLane.LATENCY
    """Moves from an item accepted to its elements, 8 bits each."""
    RAW_LATENCY = RequantizeLane.TOTAL_LATENCY
    """Moves from an item accepted to its elements, 32 bits each."""

    i: Any  # In, stream of sums_layout(precision, lanes)
    o: Any  # Out, stream of values_layout(lanes)
    raw: Signal  # In, 1
    relu: Signal  # In, 1
    use_table: Signal  # In, 1
    scale: Signal  # In, unsigned(32), a scale word
    zero_point: Signal  # In, signed(8)
    d_unsigned: Signal  # In, 1
    idle: Signal  # Out, 1, no item is inside

    def __init__(self, precision: Precision, lanes: int) -> None:
        if lanes < 1:
            raise ValueError(f"lanes must be at least 1, not {lanes}")
        self.precision = precision
        self.lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(sums_layout(precision, lanes))),
                "o": Out(stream.Signature(values_layout(lanes))),
                "raw": In(1),
                "relu": In(1),
                "use_table": In(1),
                "scale": In(32),
                "zero_point": In(signed(8)),
                "d_unsigned": In(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        item, out = self.i.payload, self.o.payload

        move = Signal()
        m.d.comb += [move.eq(~self.o.valid | self.o.ready), self.i.ready.eq(move)]

        # Bit n of `valid`: stage n + 1 holds an item. With raw nothing passes the first.
        valid = Signal(self.LATENCY)
        passes = Cat(self.i.valid, valid[0] & ~self.raw, valid[1:-1])
        with m.If(move):
            m.d.sync += valid.eq(passes)
        m.d.comb += [
            self.o.valid.eq(Mux(self.raw, valid[self.RAW_LATENCY - 1], valid[-1])),
            self.idle.eq(~valid.any()),
        ]

        # What only travels along.
        tag = Cat(item.count, item.last)
        tags: list[Signal] = []
        for stage in range(self.LATENCY):
            q = Signal(len(tag), name=f"tag_{stage + 1}")
            with m.If(move):
                m.d.sync += q.eq(tags[-1] if tags else tag)
            tags.append(q)
        tag_out = Mux(self.raw, tags[self.RAW_LATENCY - 1], tags[-1])
        m.d.comb += Cat(out.count, out.last).eq(tag_out)

        for index in range(self.lanes):
            lane = m.submodules[f"lane_{index}"] = RequantizeLane(self.precision.acc_width)
            total = Signal(signed(32), name=f"total_{index}")
            m.d.comb += [
                lane.enable.eq(move),
                lane.sum.eq(item.sums[index]),
                lane.bias.eq(Mux(self.use_table, item.biases[index], 0)),
                lane.word.eq(Mux(self.use_table, item.words[index], self.scale)),
                lane.relu.eq(self.relu),
                lane.zero_point.eq(self.zero_point),
                lane.d_unsigned.eq(self.d_unsigned),
                total.eq(lane.total),
                # The upper bits mean nothing without raw, so they need no mux.
                out.values[index].eq(
                    Cat(Mux(self.raw, total[:8], lane.narrow), total[8:]),
                ),
            ]

        return m
