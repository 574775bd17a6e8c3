# SPDX-License-Identifier: Apache-2.0
"""Post-processing of accumulators: bias, activation, scaling and narrowing of several columns."""

from functools import partial
from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Precision
from ..platform.place import place
from .lane import RequantizeLane
from .payload import sums_layout, values_layout

__all__ = ["Requantizer"]


class Requantizer(wiring.Component):
    """Takes an item of ``lanes`` sums a cycle and gives their elements of D.

    The whole pipeline moves whenever its output is empty or taken. An item leaves
    :attr:`latency` moves after it was accepted, :attr:`raw_latency` with ``raw``: then the sums
    leave where they are whole, sign-extended to 32 bits, and the stages behind stay empty. It holds as
    many items as its latency. ``last`` travels along, and so does ``count`` until it becomes ``mask``.
    ``registers`` as of :class:`RequantizeLane`.

    ``raw``, ``relu``, ``use_table``, ``scale``, ``zero_point`` and ``d_unsigned`` must keep their
    values from the first item accepted until ``idle``. Without ``use_table`` every bias is 0 and every
    scale word is ``scale``.

    Lanes that are not in ``mask`` give values that mean nothing.
    """

    LATENCY = RequantizeLane.LATENCY
    """The latency without ``registers``."""
    RAW_LATENCY = RequantizeLane.TOTAL_LATENCY
    """The same with ``raw``."""

    i: Any  # In, stream of sums_layout(precision, lanes)
    o: Any  # Out, stream of values_layout(lanes)
    raw: Signal  # In, 1
    relu: Signal  # In, 1
    use_table: Signal  # In, 1
    scale: Signal  # In, unsigned(32), a scale word
    zero_point: Signal  # In, signed(8)
    d_unsigned: Signal  # In, 1
    idle: Signal  # Out, 1, no item is inside

    def __init__(self, precision: Precision, lanes: int, registers: int = 0) -> None:
        if lanes < 1:
            raise ValueError(f"lanes must be at least 1, not {lanes}")
        self.precision = precision
        self.lanes = lanes
        self.registers = registers
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

    @property
    def latency(self) -> int:
        """Moves from an item accepted to its elements, 8 bits each."""
        return self.LATENCY + 2 * self.registers

    @property
    def raw_latency(self) -> int:
        """Moves from an item accepted to its elements, 32 bits each."""
        return self.RAW_LATENCY + self.registers

    def elaborate(self, platform: object) -> Module:
        m = Module()
        item, out = self.i.payload, self.o.payload

        move = Signal()
        m.d.comb += [move.eq(~self.o.valid | self.o.ready), self.i.ready.eq(move)]

        # Bit n of `valid`: stage n + 1 holds an item. With raw nothing passes the stage of the totals.
        latency, raw_latency = self.latency, self.raw_latency
        valid = Signal(latency)
        passes = [self.i.valid, *valid[:-1]]
        passes[raw_latency] = passes[raw_latency] & ~self.raw
        with m.If(move):
            m.d.sync += valid.eq(Cat(passes))
        m.d.comb += [
            self.o.valid.eq(Mux(self.raw, valid[raw_latency - 1], valid[-1])),
            self.idle.eq(~valid.any()),
        ]

        def register(value: Value, name: str, **options: Any) -> Signal:
            q = Signal(value.shape(), name=name, **options)
            with m.If(move):
                m.d.sync += q.eq(value)
            return q

        # What only travels along. Of the count only the mask leaves.
        count, last = [item.count], [item.last]
        for stage in range(1, latency):
            count.append(register(count[-1], f"count_{stage}"))
        for stage in range(1, latency + 1):
            last.append(register(last[-1], f"last_{stage}"))
        masks = [
            register(Cat(lane < count[stage - 1] for lane in range(self.lanes)), f"mask_{stage}")
            for stage in (raw_latency, latency)
        ]
        m.d.comb += [
            out.mask.eq(Mux(self.raw, *masks)),
            out.last.eq(Mux(self.raw, last[raw_latency], last[latency])),
        ]

        acc_width = self.precision.acc_width
        for index in range(self.lanes):
            total = Signal(signed(acc_width), name=f"total_{index}")
            wide = Signal(signed(32), name=f"wide_{index}")
            narrow = Signal(8, name=f"narrow_{index}")
            place(
                m,
                platform,
                name=f"lane_{index}",
                module=f"requantize_lane_{acc_width}_{self.registers}",
                make=partial(RequantizeLane, acc_width, self.registers),
                inputs={
                    "enable": move,
                    "sum": item.sums[index],
                    "bias": Mux(self.use_table, item.biases[index], 0),
                    "word": Mux(self.use_table, item.words[index], self.scale),
                    "relu": self.relu,
                    "zero_point": self.zero_point,
                    "d_unsigned": self.d_unsigned,
                },
                outputs={"total": total, "narrow": narrow},
            )
            # The upper bits mean nothing without raw, so they need no mux.
            value = Cat(Mux(self.raw, wide[:8], narrow), wide[8:])
            m.d.comb += [wide.eq(total), out.values[index].eq(value)]

        return m
