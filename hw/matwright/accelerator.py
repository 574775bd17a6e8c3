# SPDX-License-Identifier: Apache-2.0
"""The accelerator: registers, engine, and the control that starts, stops and resets it."""

from amaranth import Cat, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .bus.axi import axi4, axi4_lite
from .bus.read import ReadEngine
from .bus.registers import RegisterFile
from .config import AcceleratorConfig
from .engine import Engine
from .schedule.descriptor import Error

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """A whole accelerator.

    ``m_axi`` is its AXI4 master, ``s_axil`` the AXI4-Lite slave of its registers, ``irq`` its interrupt:
    level, high while an enabled cause is set. Registers: :mod:`.bus.register_map`; descriptors:
    :mod:`.schedule.descriptor`.

    A soft reset lets every transaction on the bus finish, then resets all but the registers. So does
    the end of a program, of which nothing is left but what the registers say. The windows hold still
    but while the machine is idle: neither busy, nor stopped by an error, nor resetting.
    """

    ERROR_LATENCY = ReadEngine.ERROR_LATENCY + 1
    """Cycles from a beat or response at fault to ``irq``; no address goes on offer after its first cycle."""

    m_axi: wiring.PureInterface  # Out, axi4(bus)
    s_axil: wiring.FlippedInterface  # In, axi4_lite()
    irq: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__({"m_axi": Out(axi4(config.bus)), "s_axil": In(axi4_lite()), "irq": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        clear = Signal()
        resets = Signal()
        m.submodules.registers = registers = RegisterFile(self.config)
        engine = Engine(self.config)
        m.submodules.engine = ResetInserter(clear)(engine)
        connect(m, flipped(self.s_axil), registers.s_axil)
        connect(m, engine.m_axi, flipped(self.m_axi))

        busy = Signal()
        fails = Signal()
        done = Signal()
        ended = Signal()
        late_start = Signal()
        finishing = Signal()  # all is done but for what the bus owes
        halt = Signal()  # stopped by an error, or resetting
        resetting = Signal()
        quiet_before = Signal()
        expired = self._watch(m, registers.watchdog, busy, engine.moves)

        m.d.comb += [
            self.irq.eq(registers.irq),
            engine.start.eq((registers.start & ~clear) | late_start),
            engine.program_addr.eq(registers.program_addr),
            engine.program_count.eq(registers.program_count),
            engine.halt.eq(halt),
            engine.clear.eq(clear),
            engine.windows.eq(registers.windows),
            registers.frozen.eq(busy | halt | registers.start),
            registers.busy.eq(busy),
            done.eq(busy & (engine.done | finishing) & engine.quiet),
            ended.eq(done & ~fails),
            registers.done.eq(ended),
            registers.completed.eq(engine.completed),
            registers.resetting.eq(resetting),
            registers.clear.eq(resets),
        ]
        # Counters see a cycle one later; START clears them after the last of the program before.
        m.d.sync += registers.events.eq(Mux(busy, Cat(1, engine.events), 0))
        if self.config.build.protected:
            m.d.comb += [
                engine.inject.eq(registers.inject),
                engine.forget.eq(registers.forget),
                registers.injected.eq(engine.injected),
            ]

        # The first error stops the program; one that the engine finds goes before the others.
        if not self.config.build.unsafe_unchecked:
            m.d.comb += fails.eq(busy & (engine.error | registers.collision | expired))
        m.d.comb += [
            registers.error.eq(fails),
            registers.error_code.eq(Mux(registers.collision, Error.DOORBELL, Error.WATCHDOG)),
            registers.error_index.eq(engine.completed),
        ]
        with m.If(engine.error):
            m.d.comb += [
                registers.error_code.eq(engine.error_code),
                registers.error_index.eq(engine.error_index),
                registers.error_addr.eq(engine.error_addr),
            ]

        # A doorbell in the cycle in which the engine is cleared waits for the next.
        m.d.sync += late_start.eq(registers.start & clear)
        with m.If(registers.start):
            m.d.sync += busy.eq(1)
        m.d.sync += finishing.eq(busy & (engine.done | finishing) & ~done)
        with m.If(done | fails | registers.reset):
            m.d.sync += busy.eq(0)
        with m.If(fails | registers.reset):
            m.d.sync += halt.eq(1)
        with m.If(registers.reset):
            m.d.sync += resetting.eq(1)

        # An address may go on offer in the cycle in which halt rises: quiet counts from the second.
        forgets = quiet_before & engine.quiet & ~resets
        m.d.sync += [
            quiet_before.eq(resetting & engine.quiet),
            resets.eq(forgets),
            clear.eq(forgets | ended),
        ]
        with m.If(resets):
            m.d.sync += [resetting.eq(0), halt.eq(0), quiet_before.eq(0)]

        return m

    def _watch(self, m: Module, limit: Value, busy: Value, moves: Value) -> Signal:
        """Whether nothing has moved for ``limit`` cycles of a program; never if that is 0."""
        still = Signal.like(limit, init=0)
        more = Signal(len(still) + 1)
        counts = Signal()  # `still` is not 0
        moved = Signal()
        expired = Signal()
        m.d.comb += more.eq(still + 1)
        m.d.sync += [
            moved.eq(moves),
            still.eq(more),
            counts.eq(~more[-1]),
            expired.eq((still == limit) & counts & busy),
        ]
        with m.If(~busy | moved):
            m.d.sync += [still.eq(0), counts.eq(0)]
        return expired
