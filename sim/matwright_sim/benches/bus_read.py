# SPDX-License-Identifier: Apache-2.0
"""Bench of the read engine. ``BUS`` holds the fields of the bus as JSON, ``TAG_WIDTH`` and
``REGISTERS`` numbers."""

import json
import logging
import os
import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiRamRead, AxiReadBus

from matwright.bus.read import ReadEngine, ReadFault, read_request_layout
from matwright.config import Bus

from ..agents.axi_monitor import AxiMonitor
from ..agents.axi_peer import ReadPeer, never
from ..agents.clock import start_clock
from ..agents.stream_source import StreamSource
from .bus_wall import Wall, bursts, open_below

BUS = Bus(**json.loads(os.environ.get("BUS", "{}")))
TAG_WIDTH = int(os.environ.get("TAG_WIDTH", "3"))
REGISTERS = int(os.environ.get("REGISTERS", "0"))
ENGINE = ReadEngine(BUS, TAG_WIDTH, request_registers=REGISTERS)
LAYOUT = read_request_layout(BUS, TAG_WIDTH)
MEMORY_BYTES = 1 << 16
REQUESTS = 60 if BUS.max_burst < 100 else 15
"""Random requests of a test."""


class Source(StreamSource):
    """A source that can be reset."""

    def forget(self) -> None:
        """Take back what is on offer, and all that is queued."""
        self.queue.clear()
        self._offered = False


class Bench:
    """Engine, requests, monitor, and a check of each beat against the requests.

    All addresses are permitted, unless the test says otherwise.
    """

    def __init__(self, dut: Any, *, request_pause: float = 0.0) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.memory = self.rng.randbytes(MEMORY_BYTES)
        self.requests = Source(dut, "request", LAYOUT, lambda: self.rng.random() < request_pause)
        self.expected: deque[tuple[int, int, int]] = deque()  # data, tag, last
        self.beat_cycles: list[int] = []
        self.accept_cycles: list[int] = []
        self.halted_before = False
        self.errors: list[tuple[int, int]] = []
        self.error_cycles: list[int] = []
        dut.halt.value = 0
        open_below(dut, BUS, "read")
        self.monitor = AxiMonitor(dut, BUS, write=False, on_cycle=self.check)

    def word(self, addr: int) -> int:
        start = addr % MEMORY_BYTES
        return int.from_bytes(self.memory[start : start + BUS.bytes], "little")

    def ask(self, addr: int, beats: int) -> None:
        """Queue a request and what must come back."""
        tag = self.rng.randrange(1 << TAG_WIDTH)
        self.requests.queue.append({"addr": addr, "beats": beats, "tag": tag})
        for i in range(beats):
            where = (addr + i * BUS.bytes) % 2**BUS.addr_width
            self.expected.append((self.word(where), tag, int(i == beats - 1)))

    def random_request(self) -> None:
        beats = self.rng.choice([1, 2, self.rng.randrange(1, 3 * BUS.max_burst + 2)])
        self.ask(self.rng.randrange(2**BUS.addr_width // BUS.bytes) * BUS.bytes, beats)

    def check(self) -> None:
        """Each cycle: beats and state."""
        dut, monitor = self.dut, self.monitor
        in_flight = monitor.reading > 0
        requested = bool(int(dut.request__valid.value))
        assert bool(int(dut.in_flight.value)) == (in_flight or bool(int(dut.blocked.value)))
        assert bool(int(dut.quiet.value)) == (not in_flight)
        if requested and int(dut.request__ready.value):
            self.accept_cycles.append(monitor.cycle)
        if int(dut.beat__valid.value):
            beat = (int(dut.beat__data.value), int(dut.beat__tag.value), int(dut.beat__last.value))
            assert monitor.r.fired, "a beat is delivered in the cycle in which it comes"
            assert self.expected, f"nobody asked for beat {beat}"
            wanted = self.expected.popleft()
            assert beat == wanted, f"beat (data, tag, last) must be {wanted}, not {beat}"
            self.beat_cycles.append(monitor.cycle)
        elif monitor.r.fired:
            assert not monitor.reading, "a beat was lost"
        assert not (monitor.ar.opened and self.halted_before), "an address opened after halt"
        self.halted_before = bool(int(dut.halt.value))
        if int(dut.error.value):
            self.errors.append((int(dut.error_addr.value), int(dut.fault.value)))
            self.error_cycles.append(monitor.cycle)

    async def finish(self, limit: int = 20_000) -> None:
        """Wait until all that was asked for came; the engine is quiet at once."""
        for _ in range(limit):
            await RisingEdge(self.dut.clk)
            if not self.expected and self.requests.idle:
                break
        await FallingEdge(self.dut.clk)
        assert not self.expected, f"{len(self.expected)} beats never came"
        await FallingEdge(self.dut.clk)
        assert int(self.dut.quiet.value)

    def good(self, addr: int, index: int, last: bool) -> dict[str, int]:
        return {"data": self.word(addr)}


def pauses(rng: random.Random, share: float) -> Iterator[bool]:
    while True:
        yield rng.random() < share


@cocotb.test()
async def random_traffic_with_axi_ram(dut: Any) -> None:
    """cocotbext-axi's memory, pausing at random on AR and R."""
    bench = Bench(dut, request_pause=0.3)
    ram = AxiRamRead(AxiReadBus.from_entity(dut), dut.clk, dut.rst, size=MEMORY_BYTES)
    logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
    ram.write(0, bench.memory)
    ram.ar_channel.set_pause_generator(pauses(bench.rng, 0.4))
    ram.r_channel.set_pause_generator(pauses(bench.rng, 0.3))
    for _ in range(REQUESTS):
        bench.random_request()
    await start_clock(dut)
    await bench.finish()
    assert not bench.errors


@cocotb.test()
async def one_address_and_one_beat_a_cycle(dut: Any) -> None:
    """Latencies, and no lost cycle between bursts and between requests."""
    bench = Bench(dut)
    ReadPeer(dut, BUS, bench.good, latency=1)
    await start_clock(dut)
    # A memory that answers at once keeps two bursts of one beat in flight.
    lengths = [1] * 20 if BUS.outstanding >= 4 else []
    lengths += [2] * 20 if BUS.outstanding >= 2 else []
    for beats in [*lengths, 5 * BUS.max_burst]:
        bench.ask(0, beats)
    await bench.finish()
    latency = bench.monitor.reads[0][2] - bench.accept_cycles[0]
    assert latency == ENGINE.request_latency, f"{latency} cycles from request to arvalid"
    if BUS.outstanding >= 4 and BUS.max_burst > 1:
        total = len(bench.beat_cycles)
        assert bench.beat_cycles[-1] - bench.beat_cycles[0] == total - 1, "a cycle was lost on R"
    if BUS.outstanding >= 4:
        cycles = [cycle for *_, cycle in bench.monitor.reads[:20]]
        assert cycles == list(range(cycles[0], cycles[0] + 20)), "a cycle was lost on AR"


@cocotb.test()
async def outstanding_bursts_are_used(dut: Any) -> None:
    """With a slow memory exactly `outstanding` bursts go out back to back, then none."""
    bench = Bench(dut)
    ReadPeer(dut, BUS, bench.good, latency=200)
    for _ in range(BUS.outstanding + 3):
        bench.ask(0, 1)
    await start_clock(dut)
    await bench.finish()
    cycles = [cycle - bench.monitor.reads[0][2] for *_, cycle in bench.monitor.reads]
    n = BUS.outstanding
    together = list(range(n)) if n > 1 else [0]
    assert cycles[:n] == together
    assert cycles[n] > 200


@cocotb.test()
async def halt_holds_new_addresses(dut: Any) -> None:
    """Random halts: nothing new is offered, what is in flight drains, nothing is lost after."""
    bench = Bench(dut, request_pause=0.2)
    slow = bench.rng.random() * 0.6
    ReadPeer(dut, BUS, bench.good, latency=5, pause=lambda: bench.rng.random() < slow)
    for _ in range(REQUESTS):
        bench.random_request()
    await start_clock(dut)
    quiet_but_not_done = 0
    while bench.expected:
        await ClockCycles(dut.clk, bench.rng.randrange(1, 60))
        dut.halt.value = 1
        await ClockCycles(dut.clk, bench.rng.choice([1, 2, 400]))
        await FallingEdge(dut.clk)
        quiet_but_not_done += int(dut.quiet.value) and bool(bench.expected)
        await RisingEdge(dut.clk)
        dut.halt.value = 0
    await bench.finish()
    assert quiet_but_not_done, "halt never stopped a request"
    assert not bench.errors


@cocotb.test()
async def faults_are_reported(dut: Any) -> None:
    """SLVERR, DECERR, a wrong ID: one pulse a beat; the first with its burst, until a reset."""
    bench = Bench(dut, request_pause=0.2)
    wanted: list[tuple[int, int, int]] = []
    share = 0.0

    def faulty(addr: int, index: int, last: bool) -> dict[str, int]:
        fields = bench.good(addr, index, last)
        if bench.rng.random() < share:
            faults = [{"resp": 2}, {"resp": 3}, {"id": 5}, {"id": 1, "resp": 2}]
            fault = bench.rng.choice(faults)
            fields |= fault
            kind = ReadFault.ID if "id" in fault else ReadFault.RESPONSE
            wanted.append((addr - index * BUS.bytes, kind.value, index))
        else:
            fields |= bench.rng.choice([{"resp": 0}, {"resp": 1}])
        return fields

    peer = ReadPeer(dut, BUS, faulty, latency=3, pause=lambda: bench.rng.random() < 0.3)
    await start_clock(dut)
    for _ in range(12):
        share = bench.rng.choice([0.02, 0.2, 1.0])
        for _ in range(8):
            bench.random_request()
        await bench.finish()
        assert [fault for _, fault in bench.errors] == [fault for _, fault, _ in wanted]
        if wanted:
            assert bench.errors[0][0] == wanted[0][0]

        # A beat that nobody asked for is reported too, whatever RLAST says, and goes no further.
        if not wanted:
            peer.extra.append({"id": 0, "data": 1, "resp": 0, "last": bench.rng.randrange(2)})
            await ClockCycles(dut.clk, 5)
            assert bench.errors == [(0, ReadFault.ID.value)]
        await RisingEdge(dut.clk)
        dut.rst.value = 1
        await RisingEdge(dut.clk)
        dut.rst.value = 0
        wanted.clear()
        bench.errors.clear()


@cocotb.test()
async def an_error_is_late_by_its_latency(dut: Any) -> None:
    """Also when the next burst takes the place of the one at fault in that cycle."""
    bench = Bench(dut)
    pitch = BUS.max_burst * BUS.bytes
    faults = [{"resp": 2}, *[{"resp": 0}] * 9]
    ReadPeer(dut, BUS, lambda addr, index, last: {"data": bench.word(addr)} | faults.pop(0))
    for i in range(9):
        bench.ask(i * pitch, 1)
    await start_clock(dut)
    await bench.finish()
    assert bench.errors == [(0, ReadFault.RESPONSE.value)]
    assert bench.error_cycles[0] - bench.beat_cycles[0] == ReadEngine.ERROR_LATENCY


@cocotb.test()
@cocotb.parametrize(extra=[-1, 1, 3])
async def burst_of_the_wrong_length(dut: Any, extra: int) -> None:
    """RLAST too early or too late: reported at once, and halted the engine becomes quiet."""
    if BUS.max_burst == 1 and extra < 0:
        return  # a burst of one beat cannot be shorter
    rng = random.Random(cocotb.RANDOM_SEED)
    beats, spoiled = min(2, BUS.max_burst), rng.randrange(3)
    sent = iter(range(1000))
    pitch = BUS.max_burst * BUS.bytes
    dut.halt.value = 0
    open_below(dut, BUS, "read")
    requests = StreamSource(dut, "request", read_request_layout(BUS, TAG_WIDTH), never)
    requests.queue.extend({"addr": i * pitch, "beats": beats, "tag": 0} for i in range(6))
    ReadPeer(
        dut,
        BUS,
        lambda addr, index, last: {"data": 0},
        latency=2,
        pause=lambda: rng.random() < 0.3,
        length=lambda n: n + extra if next(sent) == spoiled else n,
    )
    await start_clock(dut)

    async def until(signal: Any) -> None:
        for _ in range(300):
            await FallingEdge(dut.clk)
            if int(signal.value):
                return
        raise AssertionError(f"{signal._name} never came")

    await until(dut.error)
    assert int(dut.fault.value) == ReadFault.LAST.value
    assert int(dut.error_addr.value) == spoiled * pitch
    await RisingEdge(dut.clk)
    dut.halt.value = 1
    await until(dut.quiet)


@cocotb.test()
async def reset_forgets_a_held_request(dut: Any) -> None:
    """A request cut in the middle by halt is gone after a reset, and the next one is whole."""
    bench = Bench(dut)
    ReadPeer(dut, BUS, bench.good, latency=2)
    await start_clock(dut)
    bench.ask(0, 40 * BUS.max_burst)
    await ClockCycles(dut.clk, 12)
    dut.halt.value = 1
    for _ in range(100 + 2 * BUS.max_burst * BUS.outstanding):
        await FallingEdge(dut.clk)
        if int(dut.quiet.value):
            break
    assert int(dut.quiet.value) and bench.expected and bench.requests.idle
    await RisingEdge(dut.clk)
    dut.rst.value = 1
    bench.expected.clear()
    await ClockCycles(dut.clk, 1)
    dut.rst.value = 0
    dut.halt.value = 0
    bench.ask(BUS.bytes, 2 * BUS.max_burst)
    await bench.finish()


WALL = 2**BUS.addr_width // 2
"""First address that the gate forbids."""


def ask_beyond_the_wall(bench: Bench) -> list[tuple[int, int]]:
    """Requests below it, one that is beyond it or runs into it, and more below it.

    Gives the bursts that may go out.
    """
    rng = bench.rng

    def below() -> tuple[int, int]:
        beats = rng.choice([1, 2, rng.randrange(1, 3 * BUS.max_burst + 2)])
        return rng.randrange(WALL // BUS.bytes - beats) * BUS.bytes, beats

    before = rng.choice([0, 1, BUS.outstanding, rng.randrange(2 * BUS.outstanding + 2)])
    start = rng.choice([0, rng.randrange(1, 2 * BUS.max_burst + 1)])
    beyond = WALL - start * BUS.bytes, start + rng.randrange(1, 2 * BUS.max_burst)
    requests = [*(below() for _ in range(before)), beyond]
    for addr, beats in [*requests, *(below() for _ in range(3))]:
        bench.ask(addr, beats)
    wanted = [burst for request in requests for burst in bursts(BUS, *request)]
    return wanted[: next(i for i, (addr, _) in enumerate(wanted) if addr >= WALL)]


@cocotb.test()
@cocotb.parametrize(trial=range(8))
async def a_blocked_address_stays_off_the_bus(dut: Any, trial: int) -> None:
    """All before it comes back, nothing after it goes out, and after a reset all is new."""
    bench = Bench(dut, request_pause=0.2 * (trial % 2))
    wall = Wall(dut, BUS, "read", WALL)
    bench.rng.seed(cocotb.RANDOM_SEED + trial)
    slow, latency = bench.rng.random() * 0.5, bench.rng.choice([1, 4, 16])
    ReadPeer(dut, BUS, bench.good, latency=latency, pause=lambda: bench.rng.random() < slow)
    allowed = ask_beyond_the_wall(bench)
    total = len(bench.expected)
    await start_clock(dut)
    for _ in range(20_000):
        await FallingEdge(dut.clk)
        if wall.blocks and int(dut.quiet.value):
            break
    blocked = int(dut.araddr.value)
    for _ in range(10):
        assert int(dut.quiet.value) and int(dut.blocked.value) and int(dut.in_flight.value)
        assert int(dut.araddr.value) == blocked >= WALL
        await FallingEdge(dut.clk)
    assert [(addr, beats) for addr, beats, _ in bench.monitor.reads] == allowed
    assert total - len(bench.expected) == sum(beats for _, beats in allowed)

    # With a new source, as the whole machine is reset. What the old one had on offer is gone.
    bench.requests.forget()
    bench.expected.clear()
    await wall.reset()
    for beats in (1, 8, 3):
        bench.ask(bench.rng.randrange(WALL // BUS.bytes - beats) * BUS.bytes, beats)
    await bench.finish()
    assert not bench.errors


@cocotb.test()
async def a_stray_beat_does_not_undo_quiet(dut: Any) -> None:
    """The blocked address is not in flight, whatever comes on R."""
    dut.halt.value = 0
    Wall(dut, BUS, "read", 0)
    requests = StreamSource(dut, "request", LAYOUT, never)
    requests.queue.append({"addr": 0, "beats": 1, "tag": 0})
    peer = ReadPeer(dut, BUS, lambda addr, index, last: {"data": 0})
    await start_clock(dut)
    await ClockCycles(dut.clk, 6 + REGISTERS)
    assert int(dut.quiet.value) and int(dut.blocked.value)
    peer.extra.append({"id": 0, "data": 1, "resp": 0, "last": 1})
    await ClockCycles(dut.clk, 6)
    assert int(dut.quiet.value) and int(dut.blocked.value)
