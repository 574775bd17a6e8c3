# SPDX-License-Identifier: Apache-2.0
"""The accelerator: registers, engine, and the control that starts, stops and resets it."""

from amaranth import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .bus.axi import axi4, axi4_lite
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
        ended = Signal()
        done = Signal()
        late_start = Signal()
        finishing = Signal()  # all is done but for what the bus owes
        stopped = Signal()
        resetting = Signal()
        quiet_before = Signal()

        # Cycles since something moved. The limit is only looked at while a program runs.
        still = Signal.like(registers.watchdog, init=0)
        expired = Signal()
        m.d.comb += expired.eq((still == registers.watchdog) & (registers.watchdog != 0))
        m.d.sync += still.eq(still + 1)
        with m.If(~busy | engine.moves):
            m.d.sync += still.eq(0)

        m.d.comb += [
            self.irq.eq(registers.irq),
            engine.start.eq((registers.start & ~clear) | late_start),
            engine.program_addr.eq(registers.program_addr),
            engine.program_count.eq(registers.program_count),
            engine.halt.eq(stopped | resetting),
            engine.clear.eq(clear),
            engine.windows.eq(registers.windows),
            registers.frozen.eq(busy | stopped | resetting | registers.start),
            registers.busy.eq(busy),
            done.eq((engine.done | finishing) & engine.quiet),
            registers.done.eq(busy & done & ~fails),
            registers.completed.eq(engine.completed),
            registers.resetting.eq(resetting),
            registers.events.eq(Mux(busy, Cat(1, engine.events), 0)),
            registers.clear.eq(resets),
        ]
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
        with m.If(busy & done):
            m.d.sync += busy.eq(0)
        with m.If(fails):
            m.d.sync += [busy.eq(0), stopped.eq(1)]
        with m.If(registers.reset):
            m.d.sync += [resetting.eq(1), busy.eq(0)]

        # An address may go on offer in the cycle in which halt rises: quiet counts from the second.
        m.d.sync += [quiet_before.eq(resetting & engine.quiet), ended.eq(registers.done)]
        m.d.comb += [resets.eq(quiet_before & engine.quiet), clear.eq(resets | ended)]
        with m.If(resets):
            m.d.sync += [resetting.eq(0), stopped.eq(0), quiet_before.eq(0)]

        return m
