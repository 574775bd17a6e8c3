# SPDX-License-Identifier: Apache-2.0
"""Dispatcher: fetches the program's descriptors, checks them and hands them to the engines."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.read import read_request_layout
from ..bus.window import windows_layout
from ..config import AcceleratorConfig
from .check import FLAG_BITS, DescriptorCheck, descriptor_layout
from .descriptor import DESCRIPTOR_BYTES, Error, Flag
from .divider import PanelCount
from .job import ExecuteJob, LoadJob, StoreJob
from .loader import ReadTag, Target
from .region import RegionCheck

__all__ = ["DESCRIPTOR_ERRORS", "Dispatcher"]

DESCRIPTOR_ERRORS = tuple(error for error in Error if error < 16)
"""Errors that the dispatcher reports, in program order."""


class Dispatcher(wiring.Component):
    """Runs a program of ``program_count`` descriptors from ``program_addr``.

    The next descriptor is fetched and checked while the engines work. It goes to all three engines
    at once, when each can take it; with FENCE, when the results of all earlier ones are in memory.

    A program whose address is not a multiple of a descriptor, or beyond the address width, is
    refused before the first fetch; no descriptor is fetched from outside the ``windows``. A bad one
    is reported (``error`` pulses with code and address; its index is ``completed``) when all earlier
    ones are in memory, and nothing more is fetched.

    ``ended`` pulses when the last response to a job's writes has come. ``completed`` counts these, the
    jobs whose results are in memory, and ``done`` pulses when that is all of them.
    """

    windows: data.View  # In, windows_layout(bus)
    start: Signal  # In
    program_addr: Signal  # In, 48
    program_count: Signal  # In, 16
    request: stream.Interface  # Out, read_request_layout
    beat_valid: Signal  # In
    beat_data: Signal  # In, bus.data_width
    beat_last: Signal  # In
    load: stream.Interface  # Out, LoadJob
    execute: stream.Interface  # Out, ExecuteJob
    store: stream.Interface  # Out, StoreJob
    ended: Signal  # In
    completed: Signal  # Out, 16
    index: Signal  # Out, 16, of the descriptor last fetched
    done: Signal  # Out
    error: Signal  # Out
    error_code: Signal  # Out, 8
    error_addr: Signal  # Out, bus.addr_width

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "windows": In(windows_layout(config.bus)),
                "start": In(1),
                "program_addr": In(48),
                "program_count": In(16),
                "request": Out(stream.Signature(read_request_layout(config.bus, ReadTag().size))),
                "beat_valid": In(1),
                "beat_data": In(config.bus.data_width),
                "beat_last": In(1),
                "load": Out(stream.Signature(LoadJob(config))),
                "execute": Out(stream.Signature(ExecuteJob(config))),
                "store": Out(stream.Signature(StoreJob(config))),
                "ended": In(1),
                "completed": Out(16),
                "index": Out(16),
                "done": Out(1),
                "error": Out(1),
                "error_code": Out(8),
                "error_addr": Out(config.bus.addr_width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bus = self.config, self.config.bus
        bits = 8 * DESCRIPTOR_BYTES

        # One copy of the descriptor: it is what is checked and what is run.
        descriptor = Signal(descriptor_layout())
        with m.If(self.beat_valid):
            if bus.data_width < bits:
                shifted = Cat(descriptor.as_value(), self.beat_data)[bus.data_width :]
                m.d.sync += descriptor.eq(shifted)
            else:
                m.d.sync += descriptor.eq(self.beat_data[:bits])
        arrived = Signal()
        m.d.sync += arrived.eq(self.beat_valid & self.beat_last)

        m.submodules.columns = columns = PanelCount(config.limits.max_n, config.cols)
        m.submodules.depth = depth = PanelCount(config.limits.max_k, config.rows)
        m.d.comb += [
            columns.size.eq(descriptor.n),
            depth.size.eq(descriptor.k),
            columns.start.eq(arrived),
            depth.start.eq(arrived),
        ]
        counted = columns.done & depth.done

        # One bit more than an address: a program may end where the address space does.
        addr = Signal(bus.addr_width + 1)
        error, readable, checked = self._check(m, descriptor, arrived, columns, depth, addr)

        left = Signal(16)
        complete = Signal()
        fault = Signal(range(max(DESCRIPTOR_ERRORS) + 1))
        program = self.program_addr
        misaligned = program[: DESCRIPTOR_BYTES.bit_length() - 1].any()
        beyond = program[bus.addr_width :].any()
        m.d.comb += [
            complete.eq(self.completed == self.index),
            self.request.p.addr.eq(addr),
            self.request.p.beats.eq(max(1, bits // bus.data_width)),
            data.View(ReadTag(), self.request.p.tag).target.eq(Target.DESCRIPTOR),
            self.error_code.eq(fault),
            self.error_addr.eq(addr),
        ]
        with m.If(self.ended):
            m.d.sync += self.completed.eq(self.completed + 1)

        flag = {name: descriptor.flags[FLAG_BITS[name]] for name in Flag}
        ready = self.load.ready & self.execute.ready & self.store.ready
        go = Signal()
        for job in (self.load, self.execute, self.store):
            m.d.comb += job.valid.eq(go)
        self._fill_jobs(m, descriptor, flag, columns, depth)

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [addr.eq(program), left.eq(self.program_count)]
                with m.If(self.start):
                    m.d.sync += [self.index.eq(0), self.completed.eq(0)]
                    m.next = "FETCH"
                    with m.If(self.program_count == 0):
                        m.next = "DRAIN"
                    with m.Elif(misaligned):
                        m.d.sync += fault.eq(Error.ALIGNMENT)
                        m.next = "REPORT"
                    with m.Elif(beyond):
                        m.d.sync += fault.eq(Error.ADDRESS)
                        m.next = "REPORT"

            with m.State("FETCH"):
                m.d.comb += self.request.valid.eq(readable)
                with m.If(self.request.ready):
                    m.next = "RECEIVE"
                with m.If(~readable):
                    m.d.sync += fault.eq(Error.WINDOW)
                    m.next = "REPORT"

            with m.State("RECEIVE"):
                with m.If(arrived):
                    m.next = "CHECK"

            with m.State("CHECK"):
                with m.If(error != Error.NONE):
                    m.d.sync += fault.eq(error)
                    m.next = "REPORT"
                with m.Elif(counted & checked & (~flag[Flag.FENCE] | complete)):
                    m.d.comb += go.eq(ready)
                    with m.If(ready):
                        m.d.sync += [
                            addr.eq(addr + DESCRIPTOR_BYTES),
                            left.eq(left - 1),
                            self.index.eq(self.index + 1),
                        ]
                        m.next = "FETCH"
                        with m.If(left == 1):
                            m.next = "DRAIN"

            with m.State("DRAIN"):
                with m.If(complete):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"

            with m.State("REPORT"):
                with m.If(complete):
                    m.d.comb += self.error.eq(1)
                    m.next = "STOPPED"

            with m.State("STOPPED"):
                pass

        return m

    def _check(
        self,
        m: Module,
        descriptor: Any,
        arrived: Signal,
        columns: PanelCount,
        depth: PanelCount,
        addr: Signal,
    ) -> tuple[Value, Value, Value]:
        """The descriptor's error, whether ``addr`` may be read, whether all is checked."""
        config = self.config
        if config.build.unsafe_unchecked:
            return Const(Error.NONE), Const(1), Const(1)
        m.submodules.check = check = DescriptorCheck(config)
        m.submodules.region = region = RegionCheck(config)
        broken = Signal.like(check.error)
        m.d.sync += broken.eq(check.error)
        m.d.comb += [
            check.descriptor.eq(descriptor),
            region.windows.eq(self.windows),
            region.start.eq(arrived),
            region.counted.eq(columns.done & depth.done),
            region.descriptor.eq(descriptor),
            region.last_n_panel.eq(columns.last_panel),
            region.last_n_item.eq(columns.last_item),
            region.last_k_panel.eq(depth.last_panel),
            region.k_tail_beats.eq(_tail_beats(config, depth)),
            region.code_addr.eq(addr),
        ]
        outside = region.done & ~region.inside
        error = Mux(broken == Error.NONE, Mux(outside, Error.WINDOW, Error.NONE), broken)
        return error, region.readable & ~addr[-1], region.done

    def _fill_jobs(
        self,
        m: Module,
        d: Any,
        flag: dict[Flag, Value],
        columns: PanelCount,
        depth: PanelCount,
    ) -> None:
        """Connect the jobs' payloads to the descriptor's fields."""
        config = self.config
        for job in (self.load, self.execute, self.store):
            blocks = job.p.blocks
            m.d.comb += [
                blocks.m.eq(d.m),
                blocks.tile_rows.eq(d.tile_rows),
                blocks.panels.eq(columns.panels),
                blocks.n_panels_log2.eq(d.n_panels_log2),
            ]
        load, execute, store = self.load.p, self.execute.p, self.store.p
        m.d.comb += [
            load.k_panels.eq(depth.panels),
            load.k_tail_beats.eq(_tail_beats(config, depth)),
            load.k_panels_log2.eq(d.k_panels_log2),
            load.table.eq(flag[Flag.TABLE]),
            load.a_addr.eq(d.a_addr),
            load.a_stride.eq(d.a_stride),
            load.b_addr.eq(d.b_addr),
            load.b_stride.eq(d.b_stride),
            load.params.eq(d.params),
            execute.k_panels.eq(depth.panels),
            execute.k_tail.eq(depth.tail),
            execute.k_panels_log2.eq(d.k_panels_log2),
            execute.a_unsigned.eq(flag[Flag.A_UNSIGNED]),
            store.n_tail.eq(columns.tail),
            store.d_addr.eq(d.d_addr),
            store.d_stride.eq(d.d_stride),
            store.raw.eq(flag[Flag.RAW]),
            store.relu.eq(flag[Flag.RELU]),
            store.table.eq(flag[Flag.TABLE]),
            store.d_unsigned.eq(flag[Flag.D_UNSIGNED]),
            store.scale.eq(d.params[:32]),
            store.zero_point.eq(d.zero_point.as_signed()),
        ]


def _tail_beats(config: AcceleratorConfig, depth: PanelCount) -> Value:
    """Beats of a row of A in its last panel of K."""
    tail_bytes = depth.tail << (config.precision.a_bytes.bit_length() - 1)
    return (tail_bytes + (config.bus.bytes - 1)) >> (config.bus.bytes.bit_length() - 1)
