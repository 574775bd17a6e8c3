# SPDX-License-Identifier: Apache-2.0
"""Status: commands of the host, what became of its program, and the interrupt that says so."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import Bus
from .block import OFFSETS, Selects, block_members

__all__ = ["Status"]


class Status(wiring.Component):
    """A block of registers, see :func:`.block.block_members`.

    START starts an idle machine; if one is busy when it acts it pulses ``collision`` instead. It is
    ignored after an error, during a reset, and in a write that asks for RESET too. ``busy`` must be
    high from the cycle after ``start`` on. The first ``error`` is kept until ``clear``, and ``completed``
    as it was when ``busy`` fell. ``end`` asks for a reset that ends a context: ``ending`` is high from the
    cycle after it until ``clear``.
    """

    word: Signal  # In, 11
    write: Signal  # In, 1
    w_data: Signal  # In, 32
    w_strb: Signal  # In, 4
    r_data: Signal  # Out, 32
    irq_enable: Signal  # In, 2
    end: Signal  # In, 1, pulse
    start: Signal  # Out, 1, pulse: run the program
    collision: Signal  # Out, 1, pulse: START was written while a program runs
    reset: Signal  # Out, 1, pulse: a soft reset is asked for
    ending: Signal  # Out, 1
    irq: Signal  # Out, 1, level
    busy: Signal  # In, 1
    resetting: Signal  # In, 1
    done: Signal  # In, 1, pulse: the program is complete
    completed: Signal  # In, 16, descriptors complete
    error: Signal  # In, 1, pulse: the next three describe an error
    error_code: Signal  # In, 8
    error_index: Signal  # In, 16
    error_addr: Signal  # In, addr_width
    clear: Signal  # In, 1, pulse: forget all

    def __init__(self, bus: Bus) -> None:
        super().__init__(
            {
                **block_members(),
                "irq_enable": In(2),
                "end": In(1),
                "start": Out(1),
                "collision": Out(1),
                "reset": Out(1),
                "ending": Out(1),
                "irq": Out(1),
                "busy": In(1),
                "resetting": In(1),
                "done": In(1),
                "completed": In(16),
                "error": In(1),
                "error_code": In(8),
                "error_index": In(16),
                "error_addr": In(bus.addr_width),
                "clear": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        selects = Selects(m, self.word)

        def written(name: str) -> Value:
            return Mux(self.write & selects[OFFSETS[name]] & self.w_strb[0], self.w_data[:2], 0)

        # Commands.
        failed = Signal()
        rung = Signal()
        resets = self.reset | self.resetting | self.end | self.ending
        command = written("CONTROL")
        m.d.sync += [rung.eq(command == 0b01), self.reset.eq(command[1] | self.end)]
        m.d.comb += [
            self.start.eq(rung & ~(self.busy | failed | resets)),
            self.collision.eq(rung & self.busy),
        ]

        # Status and error.
        done = Signal()
        first_error = Signal()
        code, index = Signal.like(self.error_code), Signal.like(self.error_index)
        addr = Signal.like(self.error_addr)
        m.d.comb += first_error.eq(self.error & ~failed)
        with m.If(first_error):
            m.d.sync += [
                failed.eq(1),
                code.eq(self.error_code),
                index.eq(self.error_index),
                addr.eq(self.error_addr),
            ]
        with m.If(self.start):
            m.d.sync += done.eq(0)
        with m.If(self.done):
            m.d.sync += done.eq(1)

        # Interrupt. A cause that comes while it is being cleared is kept.
        cause = Signal(2)
        m.d.sync += cause.eq((cause & ~written("IRQ_CAUSE")) | Cat(self.done, first_error))
        m.d.comb += self.irq.eq((cause & self.irq_enable).any())

        # What is kept of a program when it has ended.
        completed = Signal.like(self.completed)
        with m.If(self.start):
            m.d.sync += completed.eq(0)
        with m.Elif(self.busy):
            m.d.sync += completed.eq(self.completed)

        with m.If(self.clear):
            forgotten = (self.ending, done, failed, cause, completed, code, index, addr)
            m.d.sync += [register.eq(0) for register in forgotten]
        with m.If(self.end):
            m.d.sync += self.ending.eq(1)

        readable: dict[str, Value] = {
            "STATUS": Cat(self.busy, done, failed, resets),
            "IRQ_CAUSE": cause,
            "COMPLETED": completed,
            "ERROR_CODE": code,
            "ERROR_INDEX": index,
            "ERROR_ADDR_LO": addr[:32],
            "ERROR_ADDR_HI": addr[32:],
        }
        words = {OFFSETS[name]: value for name, value in readable.items() if len(value)}
        m.d.comb += self.r_data.eq(selects.read(words))
        return m
