# SPDX-License-Identifier: Apache-2.0
"""The machine behind the registers: dispatcher, three engines, memories, array, bus engines."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect

from .bus.axi import axi4
from .bus.privileged import Injection
from .bus.read import ReadEngine
from .bus.register_map import event_names
from .bus.window import windows_layout
from .bus.write import WriteEngine
from .config import AcceleratorConfig
from .core.array import SystolicArray
from .memory.accumulator import AccumulateCommand, Accumulator
from .memory.activation import ActivationScratchpad
from .memory.parameter import ParameterMemory
from .memory.weight import WeightRing
from .post.post import PostProcess
from .report import count_events, report_errors
from .schedule.dispatcher import Dispatcher
from .schedule.executor import ExecuteEngine
from .schedule.loader import LoadEngine, ReadTag, Target
from .schedule.slot import Slot
from .schedule.storer import StoreEngine

__all__ = ["Engine", "events_layout"]


def events_layout(config: AcceleratorConfig) -> data.StructLayout:
    """The counters' events; the names are those of the register map, without CYCLES."""
    return data.StructLayout({name.lower(): 1 for name in event_names(config)[1:]})


class Engine(wiring.Component):
    """Runs programs. It only connects; what happens is in the parts.

    After an ``error`` it must be reset (by a ``ResetInserter`` around it, and by ``clear`` in the same
    cycle, which reaches the instances in the array). ``halt`` stops new addresses, and all that is on
    chip counts as unwritten while it is high; the reset must wait until ``quiet``.

    No address reaches the bus but through the :class:`.Guard` of a bus engine. ``windows`` hold still
    from ``start`` until the reset.
    """

    m_axi: wiring.PureInterface  # Out, axi4(bus)
    windows: data.View  # In, windows_layout(bus)
    start: Signal  # In
    program_addr: Signal  # In
    program_count: Signal  # In
    halt: Signal  # In
    clear: Signal  # In
    quiet: Signal  # Out, nothing on offer or outstanding on the bus
    moves: Signal  # Out, a transfer on the bus, a row of the array, or columns to post-processing
    done: Signal  # Out
    completed: Signal  # Out
    error: Signal  # Out
    error_code: Signal  # Out
    error_index: Signal  # Out
    error_addr: Signal  # Out
    events: data.View  # Out, one bit per counter but the first
    inject: data.View  # In, Injection, if config.build.protected
    injected: Signal  # Out, if config.build.protected
    forget: Signal  # In, all that is on chip counts as unwritten, if config.build.protected

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        members = {"inject": In(Injection()), "injected": Out(1), "forget": In(1)}
        super().__init__(
            {
                "m_axi": Out(axi4(config.bus)),
                "windows": In(windows_layout(config.bus)),
                "start": In(1),
                "program_addr": In(48),
                "program_count": In(16),
                "halt": In(1),
                "clear": In(1),
                "quiet": Out(1),
                "moves": Out(1),
                "done": Out(1),
                "completed": Out(16),
                "error": Out(1),
                "error_code": Out(8),
                "error_index": Out(16),
                "error_addr": Out(config.bus.addr_width),
                "events": Out(events_layout(config)),
                **(members if config.build.protected else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config

        m.submodules.dispatcher = dispatcher = Dispatcher(config)
        m.submodules.loader = loader = LoadEngine(config)
        m.submodules.executor = executor = ExecuteEngine(config)
        m.submodules.storer = storer = StoreEngine(config)
        checked = not config.build.unsafe_unchecked
        m.submodules.reader = reader = ReadEngine(
            config.bus,
            ReadTag().size,
            most_beats=config.longest_read,
            request_registers=config.build.request_registers,
            checked=checked,
        )
        m.submodules.writer = writer = WriteEngine(
            config.bus,
            most_beats=config.longest_write,
            request_registers=config.build.request_registers,
            checked=checked,
        )
        m.submodules.activations = activations = ActivationScratchpad(config)
        m.submodules.weights = weights = WeightRing(config)
        m.submodules.array = array = SystolicArray(config)
        m.submodules.accumulator = accumulator = Accumulator(config)
        m.submodules.parameters = parameters = ParameterMemory(config)
        m.submodules.post = post = PostProcess(config)

        self._connect_bus(m, reader, writer)

        # Jobs. An engine works on the one that is offered to it, which holds still until the engine
        # takes it at the end. So one slot before the load engine, two before the execute engine and
        # three before the store engine let one descriptor load, one execute and one be stored, while
        # the dispatcher holds the next. With one descriptor under way, the dispatcher holds that.
        slots = {"load": 1, "execute": 2, "store": 3}
        for name, engine in (("load", loader), ("execute", executor), ("store", storer)):
            job = getattr(dispatcher, name)
            for i in range(slots[name] if config.build.descriptors > 1 else 0):
                # The first cuts the way from engine to dispatcher, where registers are wanted.
                cut = i == 0 and config.build.request_registers > 0
                m.submodules[f"{name}_slot_{i}"] = slot = Slot(job.p.shape(), cut)
                connect(m, job, slot.i)
                job = slot.o
            connect(m, job, engine.job)
        m.d.comb += [
            dispatcher.windows.eq(self.windows),
            dispatcher.start.eq(self.start),
            dispatcher.program_addr.eq(self.program_addr),
            dispatcher.program_count.eq(self.program_count),
            self.done.eq(dispatcher.done),
            self.completed.eq(dispatcher.completed),
        ]

        # Reads: descriptors go before tiles.
        first, second = dispatcher.request, loader.request
        m.d.comb += [
            reader.halt.eq(self.halt),
            reader.request.valid.eq(first.valid | second.valid),
            first.ready.eq(reader.request.ready),
            second.ready.eq(reader.request.ready & ~first.valid),
        ]
        with m.If(first.valid):
            m.d.comb += reader.request.p.eq(first.p)
        with m.Else():
            m.d.comb += reader.request.p.eq(second.p)

        beat = reader.beat
        tag = data.View(ReadTag(), beat.tag)
        arrives = {target: Signal(name=f"arrives_{target.name.lower()}") for target in Target}
        for target, signal in arrives.items():
            m.d.comb += signal.eq(beat.valid & (tag.target == target))
        valid, word, last, end_chunk = self._taken_beat(m, beat, arrives)
        m.d.comb += [
            dispatcher.beat_valid.eq(valid[Target.DESCRIPTOR]),
            dispatcher.beat_data.eq(word),
            dispatcher.beat_last.eq(last),
            activations.w_valid.eq(valid[Target.ACTIVATION]),
            activations.w_data.eq(word),
            activations.w_row_end.eq(last),
            activations.w_chunk_end.eq(last & end_chunk),
            weights.w_valid.eq(valid[Target.WEIGHT]),
            weights.w_data.eq(word),
            parameters.w_valid.eq(valid[Target.PARAMETER]),
            parameters.w_data.eq(word),
            parameters.w_end.eq(last),
        ]

        # The job that reads are for: jobs load one after the other.
        loading = Signal(16)
        if config.build.descriptors == 1:
            m.d.comb += loading.eq(dispatcher.completed)
        else:
            with m.If(self.start):
                m.d.sync += loading.eq(0)
            with m.Elif(beat.valid & beat.last & tag.end_job):
                m.d.sync += loading.eq(loading + 1)

        # Tokens.
        m.d.comb += [
            executor.activation_filled.eq(activations.filled),
            loader.activation_freed.eq(activations.freed),
            executor.weight_filled.eq(weights.filled),
            loader.weight_freed.eq(weights.freed),
            storer.accumulator_filled.eq(accumulator.filled),
            executor.accumulator_freed.eq(storer.accumulator_freed),
            storer.parameter_filled.eq(parameters.filled),
            loader.parameter_freed.eq(storer.parameter_freed),
        ]

        # The array. Its control is delayed as the memories delay its data.
        build = config.build
        to_row, to_weight = activations.latency(build), weights.latency(build)
        switch = _delay(m, executor.switch_out, to_row, "switch")
        load = _delay(m, executor.weight_step, to_weight, "load")
        load_last = _delay(m, executor.weight_last, to_weight, "load_last")
        to_sum = to_row + array.latency - accumulator.lead(build)
        command = _delay(m, executor.sum, to_sum, "command", AccumulateCommand(config))
        m.d.comb += [
            activations.read.eq(executor.row),
            weights.r_step.eq(executor.weight_step),
            weights.r_last.eq(executor.weight_last),
            array.a.eq(activations.a),
            array.w.eq(weights.w),
            array.switch_in.eq(switch),
            array.load.eq(load),
            array.load_last.eq(load_last),
            array.clear.eq(self._array_clear(m)),
            accumulator.psum.eq(array.psum),
            accumulator.command.eq(command),
        ]

        # Results.
        settings = storer.settings
        m.d.comb += [
            accumulator.r_en.eq(storer.r_en),
            accumulator.r_bank.eq(storer.r_bank),
            accumulator.r_addr.eq(storer.r_addr),
            accumulator.r_group.eq(storer.r_columns),
            parameters.r_en.eq(storer.r_en & settings.table),
            parameters.r_half.eq(storer.r_half),
            parameters.r_group.eq(storer.r_group),
            storer.sums.eq(accumulator.sums),
            storer.entries.eq(parameters.entries),
            storer.post_idle.eq(post.idle),
            post.raw.eq(settings.raw),
            post.relu.eq(settings.relu),
            post.use_table.eq(settings.table),
            post.scale.eq(settings.scale),
            post.zero_point.eq(settings.zero_point),
            post.d_unsigned.eq(settings.d_unsigned),
            writer.halt.eq(self.halt),
            # After an error beats may go out empty: what is answered then is not complete.
            dispatcher.ended.eq(writer.ended & ~self.halt),
        ]
        if build.results_wait:
            m.d.comb += [
                accumulator.r_moves.eq(storer.r_moves),
                parameters.r_moves.eq(storer.r_moves),
            ]
        connect(m, storer.columns, post.i)
        if build.queued_results:
            m.d.comb += post.comes.eq(storer.comes)
        connect(m, storer.request, writer.request)
        m.d.comb += [
            writer.data.valid.eq(post.o.valid),
            writer.data.p.eq(post.o.p),
            post.o.ready.eq(writer.data.ready),
        ]

        accepted = Const(1) if build.queued_results else post.i.ready
        memories = (activations, weights, accumulator, parameters)
        self._protect(m, memories)
        m.d.comb += [
            self.quiet.eq(reader.quiet & writer.quiet),
            self.moves.eq(_transfers(self.m_axi) | executor.busy | (post.i.valid & accepted)),
        ]
        if checked:
            # An error is reported in the cycle after the beat that it was seen in.
            reading = Signal(16)
            known = Signal()
            fetching = tag.target == Target.DESCRIPTOR
            m.d.sync += [
                reading.eq(Mux(fetching, dispatcher.index, loading)),
                known.eq(reader.in_flight),
            ]
            report_errors(m, self, dispatcher, reader, writer, memories, (known, reading))

        count_events(m, self, loader, executor, storer, post, reader, writer)
        return m

    def _array_clear(self, m: Module) -> Signal:
        """The reset of the array. Where its clock is to be high it comes a cycle later, from a register:
        by far the most flip-flops are in the array, and nothing enters it so soon."""
        if self.config.build.product_registers == 1:
            return self.clear
        late = Signal(name="array_clear", reset_less=True)
        m.d.sync += late.eq(self.clear)
        return late

    def _taken_beat(
        self, m: Module, beat: Any, arrives: dict[Target, Signal]
    ) -> tuple[dict[Target, Signal], Value, Value, Value]:
        """What is taken of a beat: for whom it is, its data, whether it ends its burst, and a chunk.

        If memories have registers, so has this: they are all over an FPGA, the bus is at one place.
        """
        end_chunk = data.View(ReadTag(), beat.tag).end_chunk
        if not self.config.build.sram_registers:
            return arrives, beat.data, beat.last, end_chunk
        kept = Signal(len(beat.data) + 2, name="beat_kept")
        with m.If(beat.valid):  # what else is on the bus is not kept
            m.d.sync += kept.eq(Cat(beat.last, end_chunk, beat.data))
        later: dict[Target, Signal] = {
            target: _delay(m, signal, 1, f"beat_{target.name.lower()}")
            for target, signal in arrives.items()
        }
        return later, kept[2:], kept[0], kept[1]

    def _connect_bus(self, m: Module, reader: ReadEngine, writer: WriteEngine) -> None:
        """Connect both engines to the bus, and their guards to the windows."""
        for name, member in axi4(self.config.bus).members.items():
            end = getattr(reader if name.startswith(("ar", "r")) else writer, name)
            port = getattr(self.m_axi, name)
            m.d.comb += port.eq(end) if member.flow is Out else end.eq(port)
        m.d.comb += [reader.windows.eq(self.windows), writer.windows.eq(self.windows)]

    def _protect(self, m: Module, memories: tuple) -> None:
        """Connect what guards the memories' contents."""
        for memory in memories:
            m.d.comb += memory.forget.eq(self.halt)
        if self.config.build.protected:
            for number, memory in enumerate(memories):
                chosen = self.inject.armed & (self.inject.memory == number)
                m.d.comb += [
                    memory.forget.eq(self.halt | self.forget),
                    memory.inject.armed.eq(chosen),
                    memory.inject.bank.eq(self.inject.bank),
                    memory.inject.first.eq(self.inject.first),
                    memory.inject.second.eq(self.inject.second),
                ]
            m.d.comb += [
                self.injected.eq(Cat(memory.injected for memory in memories).any()),
                self.events.sram_corrected.eq(Cat(memory.corrected for memory in memories).any()),
                self.events.sram_uncorrected.eq(
                    Cat(memory.uncorrected for memory in memories).any()
                ),
            ]


def _transfers(bus: Any) -> Value:
    """A transfer on any channel of an AXI4 bus."""
    channels = ("aw", "w", "b", "ar", "r")
    fires = [getattr(bus, f"{c}valid") & getattr(bus, f"{c}ready") for c in channels]
    return Cat(fires).any()


def _delay(m: Module, value: Any, cycles: int, name: str, shape: Any = 1) -> Any:
    """``value``, ``cycles`` cycles later."""
    for i in range(cycles):
        later = Signal(shape, name=f"{name}_{i + 1}")
        m.d.sync += later.eq(value)
        value = later
    return value
