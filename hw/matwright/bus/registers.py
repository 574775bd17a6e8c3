# SPDX-License-Identifier: Apache-2.0
"""Register file: the AXI4-Lite slave through which the host sees the machine."""

from functools import reduce
from operator import or_

from amaranth import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..config import AcceleratorConfig
from .axi import axi4_lite
from .block import OFFSETS
from .constants import Constants
from .counters import CounterBank
from .lite import LitePort
from .privileged import Injection, PrivilegedPage
from .register_map import COUNTERS, event_names
from .settings import Settings
from .status import Status
from .window import windows_layout

__all__ = ["RegisterFile"]


class RegisterFile(wiring.Component):
    """The registers of :data:`.register_map.REGISTERS`.

    One access at a time, always answered OKAY: elsewhere reads give 0 and writes do nothing. The two
    lowest address bits are ignored. A write is taken when both its address and its data are there, in
    any order, and acts :attr:`WRITE_LATENCY` cycles later. There is no path from an input of ``s_axil``
    to an output of it within a cycle. Commands and what became of them are a :class:`.Status`, the
    privileged page is a :class:`.PrivilegedPage`; its CONTEXT.END is a ``reset``, a cycle later than one by
    CONTROL, with whose ``clear`` the user page takes its reset values and the windows that are not
    locked close.
    """

    READ_LATENCY = LitePort.LATENCY
    """Cycles from accepting a read's address to ``rvalid``; of a counter up to the number of counters
    and CounterBank.LATENCY more."""
    WRITE_LATENCY = LitePort.LATENCY
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
    error_addr: Signal  # In, addr_width
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
                "error_addr": In(config.bus.addr_width),
                "clear": In(1),
                "events": In(len(event_names(config))),
                "frozen": In(1),
                "windows": Out(windows_layout(config.bus)),
                **(injection if config.build.protected else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.port = port = LitePort()
        m.submodules.constants = constants = Constants(config)
        m.submodules.page = page = PrivilegedPage(config)
        m.submodules.status = status = Status(config.bus)
        settings = Settings()
        ended = Signal()
        m.submodules.settings = ResetInserter(ended)(settings)
        connect(m, flipped(self.s_axil), port.s_axil)
        blocks = (constants, settings, status, page)
        for block in blocks:
            m.d.comb += [
                block.word.eq(port.word),
                block.write.eq(port.write),
                block.w_data.eq(port.w_data),
                block.w_strb.eq(port.w_strb),
            ]
        m.d.comb += [
            ended.eq(self.clear & status.ending),
            self.program_addr.eq(settings.program_addr),
            self.program_count.eq(settings.program_count),
            self.watchdog.eq(settings.watchdog),
            page.frozen.eq(self.frozen),
            page.close.eq(ended),
            self.windows.eq(page.windows),
            status.end.eq(page.end),
            status.irq_enable.eq(settings.irq_enable),
        ]
        for name in ("start", "collision", "reset", "irq"):
            m.d.comb += getattr(self, name).eq(getattr(status, name))
        said = ("error", "error_code", "error_index", "error_addr")
        for name in ("busy", "resetting", "done", "completed", *said, "clear"):
            m.d.comb += getattr(status, name).eq(getattr(self, name))
        if config.build.protected:
            m.d.comb += [
                self.inject.eq(page.inject),
                self.forget.eq(page.forget),
                page.injected.eq(self.injected),
            ]

        read: Value = reduce(or_, (block.r_data for block in blocks))
        ready: Value = Const(1)
        if config.build.counters:
            counted, ready = self._count(m, port)
            read = read | counted
        m.d.comb += [port.r_data.eq(read), port.r_ready.eq(ready)]
        return m

    def _count(self, m: Module, port: LitePort) -> tuple[Value, Value]:
        """Add the counters: what is read of them, and whether a read need not wait.

        It waits for the counter's turn, and until that has seen all that happened before it began.
        """
        m.submodules.counters = counters = CounterBank(len(self.events))
        m.d.comb += [
            counters.events.eq(self.events),
            counters.clear.eq(self.start | self.clear),
        ]
        place = Signal.like(port.word)
        here = Signal()
        turn = Signal()
        since = Signal(counters.LATENCY)
        m.d.comb += place.eq(port.word - (OFFSETS[next(iter(COUNTERS))] >> 2))
        m.d.sync += [
            here.eq(place < len(self.events)),
            since.eq(Mux(port.read, Cat(1, since), 0)),
            turn.eq(counters.next_index == place),
        ]
        return Mux(here, counters.value, 0), ~here | (turn & since[-1])
