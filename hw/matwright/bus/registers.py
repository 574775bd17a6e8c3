# SPDX-License-Identifier: Apache-2.0
"""Register file: the AXI4-Lite slave through which the host sees the machine."""

from amaranth import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .axi import axi4_lite
from .counters import CounterBank
from .privileged import Injection, PrivilegedPage
from .register_map import COUNTERS, REGISTERS, constants, event_names
from .select import select
from .settings import Settings
from .window import windows_layout

__all__ = ["RegisterFile"]

_OFFSETS = {register.name: register.offset for register in REGISTERS}


class RegisterFile(wiring.Component):
    """The registers of :data:`.register_map.REGISTERS`.

    Reads and writes are independent, one of each at a time, always answered OKAY: elsewhere reads
    give 0 and writes do nothing. The two lowest address bits are ignored. A write is taken when
    both its address and its data are there, in any order, and acts :attr:`WRITE_LATENCY` cycles
    later. There is no path from an input of ``s_axil`` to an output within a cycle. The privileged page
    is a :class:`.PrivilegedPage`; its CONTEXT.END is a ``reset``, a cycle later than one by CONTROL, with
    whose ``clear`` the user page takes its reset values and the windows that are not locked close.

    START starts an idle machine; if one is busy when it acts it pulses ``collision`` instead. It is
    ignored after an error, during a reset, and in a write that asks for RESET too. ``busy`` must be
    high from the cycle after ``start`` on. The first ``error`` is kept until ``clear``, and ``completed``
    as it was when ``busy`` fell.
    """

    READ_LATENCY = 1
    """Cycles from accepting a read's address to ``rvalid``; of a counter, that many at the least and
    up to the number of counters more."""
    WRITE_LATENCY = 1
    """Cycles from accepting a write's data to ``bvalid``, its effect, ``start`` and ``reset``."""

    s_axil: wiring.FlippedInterface  # In, axi4_lite()
    start: Signal  # Out, 1, pulse: run the program
    collision: Signal  # Out, 1, pulse: START was written while a program runs
    watchdog: Signal  # Out, 24, cycles without progress that are too many, 0 for any number
    reset: Signal  # Out, 1, pulse: a soft reset is asked for
    program_addr: Signal  # Out, 48
    program_count: Signal  # Out, 16
    irq: Signal  # Out, 1, level
    busy: Signal  # In, 1
    resetting: Signal  # In, 1
    done: Signal  # In, 1, pulse: the program is complete
    completed: Signal  # In, 16, descriptors complete
    error: Signal  # In, 1, pulse: the next three describe an error
    error_code: Signal  # In, 8
    error_index: Signal  # In, 16
    error_addr: Signal  # In, 48
    clear: Signal  # In, 1, pulse: forget all but the Settings
    events: Signal  # In, bit i: counter i of event_names(config) counts this cycle
    frozen: Signal  # In, 1, the windows hold still
    windows: data.View  # Out, windows_layout(bus)
    inject: data.View  # Out, Injection, if config.build.protected
    injected: Signal  # In, 1, if config.build.protected
    forget: Signal  # Out, 1, if config.build.protected

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        injection = {"inject": Out(Injection()), "injected": In(1), "forget": Out(1)}
        super().__init__(
            {
                "s_axil": In(axi4_lite()),
                "start": Out(1),
                "collision": Out(1),
                "watchdog": Out(24),
                "reset": Out(1),
                "program_addr": Out(48),
                "program_count": Out(16),
                "irq": Out(1),
                "busy": In(1),
                "resetting": In(1),
                "done": In(1),
                "completed": In(16),
                "error": In(1),
                "error_code": In(8),
                "error_index": In(16),
                "error_addr": In(48),
                "clear": In(1),
                "events": In(len(event_names(config))),
                "frozen": In(1),
                "windows": Out(windows_layout(config.bus)),
                **(injection if config.build.protected else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.s_axil

        # Write channels: the address is kept until the data comes.
        address_held = Signal()
        address = Signal(len(bus.awaddr) - 2)
        write = Signal()
        m.d.comb += [
            bus.awready.eq(~address_held),
            bus.wready.eq(address_held & ~bus.bvalid),
            write.eq(bus.wvalid & bus.wready),
        ]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [address_held.eq(1), address.eq(bus.awaddr[2:])]
        with m.If(write):
            m.d.sync += [address_held.eq(0), bus.bvalid.eq(1)]
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)

        def written(name: str) -> Value:
            return write & (address == _OFFSETS[name] >> 2)

        # The privileged page, and what the tenant sets.
        ending = Signal()
        m.submodules.page = page = PrivilegedPage(self.config)
        settings = Settings()
        m.submodules.settings = ResetInserter(self.clear & ending)(settings)
        for part in (page, settings):
            m.d.comb += [
                part.write.eq(write),
                part.w_word.eq(address),
                part.w_data.eq(bus.wdata),
                part.w_strb.eq(bus.wstrb),
            ]
        m.d.comb += [
            self.program_addr.eq(settings.program_addr),
            self.program_count.eq(settings.program_count),
            self.watchdog.eq(settings.watchdog),
            page.r_word.eq(bus.araddr[2:]),
            page.frozen.eq(self.frozen),
            page.close.eq(self.clear & ending),
            self.windows.eq(page.windows),
        ]
        if self.config.build.protected:
            m.d.comb += [
                self.inject.eq(page.inject),
                self.forget.eq(page.forget),
                page.injected.eq(self.injected),
            ]

        # Commands.
        failed = Signal()
        rung = Signal()
        resets = self.reset | self.resetting | page.end | ending
        command = Mux(written("CONTROL") & bus.wstrb[0], bus.wdata[:2], 0)
        m.d.sync += [
            rung.eq(command == 0b01),
            self.reset.eq(command[1] | page.end),
        ]

        m.d.comb += [
            self.start.eq(rung & ~(self.busy | failed | resets)),
            self.collision.eq(rung & self.busy),
        ]

        # Status and error.
        done = Signal()
        first_error = Signal()
        error_code, error_index, error_addr = Signal(8), Signal(16), Signal(48)
        m.d.comb += first_error.eq(self.error & ~failed)
        with m.If(first_error):
            m.d.sync += [
                failed.eq(1),
                error_code.eq(self.error_code),
                error_index.eq(self.error_index),
                error_addr.eq(self.error_addr),
            ]
        with m.If(self.start):
            m.d.sync += done.eq(0)
        with m.If(self.done):
            m.d.sync += done.eq(1)

        # Interrupt. A cause that comes while it is being cleared is kept.
        cause = Signal(2)
        cleared = Mux(written("IRQ_CAUSE") & bus.wstrb[0], bus.wdata[:2], 0)
        m.d.sync += cause.eq((cause & ~cleared) | Cat(self.done, first_error))
        m.d.comb += self.irq.eq((cause & settings.irq_enable).any())

        # What is kept of a program when it has ended.
        completed = Signal(16)
        with m.If(self.start):
            m.d.sync += completed.eq(0)
        with m.Elif(self.busy):
            m.d.sync += completed.eq(self.completed)

        with m.If(self.clear):
            m.d.sync += ending.eq(0)
            m.d.sync += [
                register.eq(0)
                for register in (
                    *(done, failed, cause, completed),
                    *(error_code, error_index, error_addr),
                )
            ]
        with m.If(page.end):
            m.d.sync += ending.eq(1)

        # Read channels.
        readable: dict[str, Value] = {
            **{name: Const(value, 32) for name, value in constants(self.config).items()},
            **settings.words(),
            "STATUS": Cat(self.busy, done, failed, resets),
            "IRQ_CAUSE": cause,
            "COMPLETED": completed,
            "ERROR_CODE": error_code,
            "ERROR_INDEX": error_index,
            "ERROR_ADDR_LO": error_addr[:32],
            "ERROR_ADDR_HI": error_addr[32:],
        }
        rdata = Signal(32)
        waiting = Signal()
        m.d.comb += [bus.arready.eq(~bus.rvalid & ~waiting), bus.rdata.eq(rdata)]
        words = {_OFFSETS[name] >> 2: value for name, value in readable.items()}
        user, named = select(m, words, bus.araddr[2:], "user")
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [bus.rvalid.eq(1), rdata.eq(Mux(page.r_named, page.r_data, user))]
            with m.If(~named & ~page.r_named):
                m.d.sync += rdata.eq(0)
        with m.Elif(bus.rready):
            m.d.sync += bus.rvalid.eq(0)

        # Counters: a read waits for the turn of the counter.
        if self.config.build.counters:
            m.submodules.counters = counters = CounterBank(len(self.events))
            m.d.comb += [
                counters.events.eq(self.events),
                counters.clear.eq(self.start | self.clear),
            ]
            place = Signal(len(bus.araddr) - 2)
            wanted = Signal.like(counters.index)
            m.d.comb += place.eq(bus.araddr[2:] - (_OFFSETS[next(iter(COUNTERS))] >> 2))
            with m.If(bus.arvalid & bus.arready & (place < len(self.events))):
                m.d.sync += [bus.rvalid.eq(0), waiting.eq(1), wanted.eq(place)]
            with m.If(waiting & (wanted == counters.index)):
                m.d.sync += [bus.rvalid.eq(1), waiting.eq(0), rdata.eq(counters.value)]

        return m
