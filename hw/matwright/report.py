# SPDX-License-Identifier: Apache-2.0
"""What the engine says of itself: its first error, and where each cycle goes."""

from collections.abc import Mapping
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value

from .bus.read import ReadEngine, ReadFault
from .bus.write import WriteEngine, WriteFault
from .post.post import PostProcess
from .schedule.descriptor import Error
from .schedule.dispatcher import Dispatcher
from .schedule.executor import ExecuteEngine
from .schedule.loader import LoadEngine
from .schedule.storer import StoreEngine

__all__ = ["count_events", "report_errors"]


def report_errors(
    m: Module,
    engine: Any,
    dispatcher: Dispatcher,
    reader: ReadEngine,
    writer: WriteEngine,
    memories: tuple,
    reading: tuple[Value, Value],
) -> None:
    """The first of the errors: on the bus, in the memories, of a descriptor.

    ``reading`` says of the cycle whose beat the reader reports whether a read was in flight, and the
    index of the descriptor that it was for; all other errors are of the first that is not complete.
    A blocked burst is told a cycle later: it holds its address, and its descriptor cannot complete.
    """
    in_flight, index = reading
    read_errors = {
        ReadFault.ID: Error.READ_ID,
        ReadFault.LAST: Error.READ_LAST,
        ReadFault.RESPONSE: Error.READ_RESPONSE,
    }
    write_errors = {WriteFault.ID: Error.WRITE_ID, WriteFault.RESPONSE: Error.WRITE_RESPONSE}
    number = Signal(range(len(memories)))
    unwritten: Value = Cat(memory.unwritten for memory in memories)
    uncorrected: Value = Const(0)
    if engine.config.build.protected:
        uncorrected = Cat(memory.uncorrected for memory in memories)
    if engine.config.build.sram_registers:
        unwritten = _later(m, unwritten, "unwritten")
        uncorrected = _later(m, uncorrected, "uncorrected")
    wrong = unwritten
    if engine.config.build.protected:
        wrong = Mux(uncorrected.any(), uncorrected, unwritten)
    for i in reversed(range(len(memories))):
        with m.If(wrong[i]):
            m.d.comb += number.eq(i)

    causes: list[tuple[Value, Any, Any]] = [
        (writer.error, _translate(m, writer.fault, write_errors, "write"), writer.error_addr),
        (reader.error, _translate(m, reader.fault, read_errors, "read"), reader.error_addr),
        (_later(m, writer.blocked, "write_blocked"), Error.GUARD, writer.awaddr),
        (_later(m, reader.blocked, "read_blocked"), Error.GUARD, reader.araddr),
    ]
    if engine.config.build.protected:
        causes.append((uncorrected.any(), Error.SRAM, number))
    causes += [
        (unwritten.any(), Error.UNWRITTEN, number),
        (dispatcher.error, dispatcher.error_code, dispatcher.error_addr),
    ]
    m.d.comb += [
        engine.error.eq(Cat(cause for cause, _, _ in causes).any()),
        engine.error_index.eq(
            Mux(reader.error & in_flight & ~writer.error, index, dispatcher.completed)
        ),
    ]
    for cause, code, addr in reversed(causes):
        with m.If(cause):
            m.d.comb += [engine.error_code.eq(code), engine.error_addr.eq(addr)]


def count_events(
    m: Module,
    engine: Any,
    loader: LoadEngine,
    executor: ExecuteEngine,
    storer: StoreEngine,
    post: PostProcess,
    reader: ReadEngine,
    writer: WriteEngine,
) -> None:
    """Say of each engine where the cycle goes: one cause per engine and cycle."""
    events = engine.events
    beat = reader.beat.valid
    m.d.comb += [
        events.load_busy.eq(beat),
        events.load_wait_memory.eq(~beat & reader.in_flight),
        events.load_wait_space.eq(~beat & ~reader.in_flight & loader.waiting),
        events.load_idle.eq(~beat & ~reader.in_flight & ~loader.waiting),
        events.exec_busy.eq(executor.busy),
        events.exec_wait_activation.eq(executor.wait_activation),
        events.exec_wait_weight.eq(executor.wait_weight),
        events.exec_load_weight.eq(executor.load_weight),
        events.exec_wait_accumulator.eq(executor.wait_accumulator),
        events.exec_idle.eq(executor.idle),
        events.beats_read.eq(beat),
        events.beats_written.eq(engine.m_axi.wvalid & engine.m_axi.wready),
    ]
    with m.If(engine.m_axi.wvalid):
        m.d.comb += [
            events.store_busy.eq(engine.m_axi.wready),
            events.store_wait_bus.eq(~engine.m_axi.wready),
        ]
    with m.Elif(storer.working | ~post.idle):
        m.d.comb += events.store_wait_post.eq(1)
    with m.Elif(storer.wait_parameter):
        m.d.comb += events.store_wait_parameter.eq(1)
    with m.Elif(~writer.quiet):
        m.d.comb += events.store_wait_response.eq(1)
    with m.Else():
        m.d.comb += events.store_idle.eq(1)


def _later(m: Module, value: Value, name: str) -> Signal:
    """``value`` one cycle later: what finds errors may be far from each other."""
    later = Signal(len(value), name=name)
    m.d.sync += later.eq(value)
    return later


def _translate(m: Module, value: Any, table: Mapping[Any, Error], name: str) -> Signal:
    """Error code of a fault."""
    result = Signal(8, name=f"{name}_error")
    with m.Switch(value):
        for fault, error in table.items():
            with m.Case(fault):
                m.d.comb += result.eq(error)
    return result
