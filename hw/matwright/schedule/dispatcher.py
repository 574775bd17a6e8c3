# SPDX-License-Identifier: Apache-2.0
"""Dispatcher: fetches the program's descriptors, checks them and hands them to the engines."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.read import read_request_layout
from ..bus.window import windows_layout
from ..config import AcceleratorConfig
from .check import DescriptorCheck
from .descriptor import DESCRIPTOR_BYTES, FIELDS, Error, Flag
from .divider import PanelCount
from .intake import FLAG_BITS, STARTS, STRIDES, Intake, descriptor_beats, params_of
from .job import ExecuteJob, LoadJob, StoreJob
from .loader import ReadTag, Target
from .region import RegionCheck

__all__ = ["DESCRIPTOR_ERRORS", "Dispatcher"]

DESCRIPTOR_ERRORS = tuple(error for error in Error if error < 16)
"""Errors that the dispatcher reports, in program order."""


class Dispatcher(wiring.Component):
    """Runs a program of ``program_count`` descriptors from ``program_addr``.

    A descriptor that is in order is offered to all three engines at once; with FENCE, when the results
    of all earlier ones are in memory. Its jobs hold still until each of them is taken. The next is
    fetched then, so that it is checked while the engines work. With ``build.descriptors`` of 1 it is fetched
    when the results are in memory too.

    A program whose address is not a multiple of a descriptor, or beyond the address width, is
    refused before the first fetch; no descriptor is fetched from outside the ``windows``. A bad one
    is reported (``error`` pulses with code and address; its index is ``completed``) when all earlier
    ones are in memory, and nothing more is fetched. The program's address and count and the windows must
    have held still for :attr:`LOOK_AHEAD` cycles at ``start``, and the windows from then on.

    ``ended`` pulses when the last response to a job's writes has come. ``completed`` counts these, the
    jobs whose results are in memory, and ``done`` pulses when that is all of them.
    """

    LOOK_AHEAD = 2
    """Cycles before ``start`` in which the program's address is looked up."""

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
        single = config.build.descriptors == 1

        # One copy of the descriptor: it is what is checked and what is run.
        m.submodules.intake = intake = Intake(config)
        fields = intake.fields
        flag = {name: fields.flags[FLAG_BITS[name]] for name in Flag}
        m.d.comb += [
            intake.beat_valid.eq(self.beat_valid),
            intake.beat_data.eq(self.beat_data),
        ]
        m.submodules.columns = columns = PanelCount(config.limits.max_n, config.cols)
        m.submodules.depth = depth = PanelCount(config.limits.max_k, config.rows)
        lanes = bus.data_width // 32
        for count, name in ((columns, "n"), (depth, "k")):
            beat, lane = divmod(FIELDS[name].word, lanes)
            width = len(count.last)
            # Less one. That it is so in this beat alone keeps the two sums apart, which saves logic:
            # each goes with its register.
            due = Signal(name=f"{name}_due")
            m.d.comb += [
                due.eq(intake.number == beat),
                count.start.eq(intake.arrives[beat]),
                count.last.eq(self.beat_data.word_select(lane, 32)[:width] + due.replicate(width)),
            ]
        arrived = Signal()
        m.d.sync += arrived.eq(self.beat_valid & self.beat_last)

        # Where the program is. One bit more than an address: it may end where the address space does.
        addr = Signal(bus.addr_width + 1)
        left = Signal(16)
        running = Signal()
        copied = Signal()  # they are those of the program
        looked = Signal()  # `readable` is of this address
        fault = Signal(range(max(DESCRIPTOR_ERRORS) + 1))
        # Descriptors that are dispatched and not complete: a few in slots, the others have no more
        # than one answer to come for each burst that may be outstanding.
        pending = Signal(1 if single else 7)
        none_pending = Signal()  # after this cycle
        fenced = flag[Flag.FENCE]
        free: Value = Const(1)  # no fence, or nothing before it
        if not single and config.build.unsafe_unchecked:
            free = ~fenced | (pending == 0)
        elif not single:
            # The flags are there long before the checks are done.
            free = Signal()
            m.d.sync += free.eq(~fenced | none_pending)
        dispatch = Signal()
        refused, error, checked, inside, readable = self._check(
            m, intake, arrived, columns, depth, addr
        )
        m.d.comb += [
            none_pending.eq((pending == 0) | (self.ended & (pending == 1))),
            self.request.p.addr.eq(addr),
            self.request.p.beats.eq(descriptor_beats(config)),
            data.View(ReadTag(), self.request.p.tag).target.eq(Target.DESCRIPTOR),
            self.error_code.eq(fault),
            self.error_addr.eq(addr),
        ]
        m.d.sync += [looked.eq(copied), self.done.eq(0), self.error.eq(0)]
        m.d.sync += self.completed.eq(self.completed + self.ended)
        with m.If(dispatch & ~self.ended):
            m.d.sync += pending.eq(pending + 1)
        with m.If(~dispatch & self.ended):
            m.d.sync += pending.eq(pending - 1)

        jobs = (self.load, self.execute, self.store)
        kept = Cat(job.valid & ~job.ready for job in jobs)
        for i, job in enumerate(jobs):
            m.d.sync += job.valid.eq(dispatch | kept[i])
        self._fill_jobs(m, fields, flag, columns, depth)
        index = Signal(16)
        m.d.comb += self.index.eq(self.completed if single else index)
        with m.If(dispatch):
            m.d.sync += index.eq(index + 1)

        def fetch() -> None:
            """Ask for the next descriptor, if there is one."""
            with m.If(left == 0):
                m.next = "DRAIN"
            with m.Elif(readable & ~addr[-1]):
                m.d.sync += self.request.valid.eq(1)
                m.next = "REQUEST"
            with m.Else():
                m.next = "REPORT"

        def go_on() -> None:
            """Hand the descriptor to the engines."""
            m.d.comb += dispatch.eq(1)
            m.d.sync += [
                addr.eq(addr + DESCRIPTOR_BYTES),
                looked.eq(0),
                fault.eq(Error.WINDOW),
            ]
            m.next = "OFFER"

        # Less one, in the form in which the counter and what it is loaded with share their logic.
        with m.If(~running | dispatch):
            m.d.sync += left.eq(Mux(running, left + running.replicate(16), self.program_count))

        program = self.program_addr
        misaligned = program[: DESCRIPTOR_BYTES.bit_length() - 1].any()
        beyond = program[bus.addr_width :].any()
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [
                    addr.eq(Cat(program[: bus.addr_width], misaligned | beyond)),
                    copied.eq(1),
                    fault.eq(
                        Mux(misaligned, Error.ALIGNMENT, Mux(beyond, Error.ADDRESS, Error.WINDOW))
                    ),
                ]
                with m.If(self.start):
                    m.d.sync += [running.eq(1), index.eq(0), self.completed.eq(0)]
                    m.next = "FETCH"
                    with m.If(looked):
                        fetch()

            with m.State("FETCH"), m.If(looked):
                fetch()

            with m.State("REQUEST"), m.If(self.request.ready):
                m.d.sync += self.request.valid.eq(0)
                m.next = "RECEIVE"

            with m.State("RECEIVE"):
                if config.build.unsafe_unchecked:
                    with m.If(checked & free):
                        go_on()
                else:
                    with m.If(refused):
                        m.d.sync += fault.eq(error)
                        m.next = "REPORT"
                    with m.Elif(checked & ~inside):
                        m.next = "REPORT"
                    with m.Elif(checked & free):
                        go_on()

            with m.State("OFFER"), m.If(~kept.any()):
                with m.If(left == 0):
                    m.next = "DRAIN"
                with m.Elif(none_pending if single else 1):
                    m.next = "FETCH"

            with m.State("DRAIN"), m.If(none_pending):
                m.d.sync += [self.done.eq(1), running.eq(0), copied.eq(0), looked.eq(0)]
                m.next = "IDLE"

            with m.State("REPORT"), m.If(none_pending):
                m.d.sync += self.error.eq(1)
                m.next = "STOPPED"

            with m.State("STOPPED"):
                pass

        return m

    def _check(
        self,
        m: Module,
        intake: Intake,
        arrived: Signal,
        columns: PanelCount,
        depth: PanelCount,
        addr: Signal,
    ) -> tuple[Value, Value, Value, Value, Value]:
        """Whether the descriptor has an error in its fields; which; whether the rest of it is checked;
        whether its regions are open; whether ``addr`` may be read."""
        fields = intake.fields
        whole = Signal()  # from the cycle after `arrived` on
        m.d.sync += whole.eq((whole | arrived) & ~self.request.valid)
        counted = columns.done & depth.done
        if self.config.build.unsafe_unchecked:
            nothing = Const(Error.NONE)
            return Const(0), nothing, (arrived | whole) & counted, Const(1), Const(1)
        m.submodules.check = check = DescriptorCheck(self.config)
        m.submodules.region = region = RegionCheck(self.config)
        m.d.comb += [
            check.clear.eq(self.request.valid),
            check.beat_valid.eq(self.beat_valid),
            check.beat_data.eq(self.beat_data),
            check.number.eq(intake.number),
            check.fields.eq(fields),
            region.windows.eq(self.windows),
            region.start.eq(arrived),
            region.counted.eq(counted),
            region.address.eq(fields.starts[0]),
            region.stride.eq(fields.strides[0]),
            region.m.eq(fields.m),
            region.raw.eq(fields.flags[FLAG_BITS[Flag.RAW]]),
            region.table.eq(fields.flags[FLAG_BITS[Flag.TABLE]]),
            region.last_n_panel.eq(columns.last_panel),
            region.last_n_item.eq(columns.last_item),
            region.last_k_panel.eq(depth.last_panel),
            region.k_tail_beats.eq(_tail_beats(self.config, depth.last_item + 1)),
            region.code_addr.eq(addr),
            intake.turn_starts.eq(region.next_address),
            intake.turn_strides.eq(region.next_stride),
        ]
        refused = Signal()
        m.d.sync += refused.eq(whole & (check.error != Error.NONE))
        return refused, check.error, whole & region.done, region.inside, region.readable

    def _fill_jobs(
        self,
        m: Module,
        fields: Any,
        flag: dict[Flag, Value],
        columns: PanelCount,
        depth: PanelCount,
    ) -> None:
        """Connect the jobs' payloads to the descriptor's fields."""
        config = self.config
        beat_bits = config.bus.bytes.bit_length() - 1
        starts = {name: fields.starts[i] << beat_bits for i, name in enumerate(STARTS)}
        strides = {name: fields.strides[i].beats << beat_bits for i, name in enumerate(STRIDES)}
        params = params_of(config, fields)
        for job in (self.load, self.execute, self.store):
            blocks = job.p.blocks
            m.d.comb += [
                blocks.m.eq(fields.m),
                blocks.tile_rows.eq(fields.tile_rows),
                blocks.panels.eq(columns.panels),
                blocks.n_panels_log2.eq(fields.n_panels_log2),
            ]
        load, execute, store = self.load.p, self.execute.p, self.store.p
        m.d.comb += [
            load.k_panels.eq(depth.panels),
            load.k_tail_beats.eq(_tail_beats(config, depth.tail)),
            load.k_panels_log2.eq(fields.k_panels_log2),
            load.table.eq(flag[Flag.TABLE]),
            load.a_addr.eq(starts["a_addr"]),
            load.a_stride.eq(strides["a_stride"]),
            load.b_addr.eq(starts["b_addr"]),
            load.b_stride.eq(strides["b_stride"]),
            load.params.eq(params),
            execute.k_panels.eq(depth.panels),
            execute.k_tail.eq(depth.tail),
            execute.k_panels_log2.eq(fields.k_panels_log2),
            execute.a_unsigned.eq(flag[Flag.A_UNSIGNED]),
            store.n_tail.eq(columns.tail),
            store.d_addr.eq(starts["d_addr"]),
            store.d_stride.eq(strides["d_stride"]),
            store.raw.eq(flag[Flag.RAW]),
            store.relu.eq(flag[Flag.RELU]),
            store.table.eq(flag[Flag.TABLE]),
            store.d_unsigned.eq(flag[Flag.D_UNSIGNED]),
            store.scale.eq(params[:32]),
            store.zero_point.eq(fields.zero_point.as_signed()),
        ]


def _tail_beats(config: AcceleratorConfig, tail: Value) -> Value:
    """Beats of a row of A in its last panel of K, which has ``tail`` elements."""
    if config.beats_per_activation_word == 1:
        return Const(1)
    tail_bytes = tail << (config.precision.a_bytes.bit_length() - 1)
    return (tail_bytes + (config.bus.bytes - 1)) >> (config.bus.bytes.bit_length() - 1)
