# SPDX-License-Identifier: Apache-2.0
"""Bench of the write engine. ``BUS`` holds the fields of the bus as JSON, ``REGISTERS`` a number."""

import json
import logging
import os
import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiRamWrite, AxiWriteBus

from matwright.bus.write import WriteEngine, WriteFault, write_data_layout, write_request_layout
from matwright.config import Bus

from ..agents.axi_monitor import AxiMonitor
from ..agents.axi_peer import WritePeer, never
from ..agents.clock import start_clock
from ..agents.stream_source import StreamSource
from .bus_wall import Wall, bursts, open_below

BUS = Bus(**json.loads(os.environ.get("BUS", "{}")))
REGISTERS = int(os.environ.get("REGISTERS", "0"))
ENGINE = WriteEngine(BUS, request_registers=REGISTERS)
MEMORY_BYTES = 1 << 16
REQUESTS = 60 if BUS.max_burst < 100 else 15
"""Random requests of a test."""
FULL = 2**BUS.bytes - 1


class Source(StreamSource):
    """A source that can be reset."""

    def forget(self) -> None:
        """Take back what is on offer, and all that is queued."""
        self.queue.clear()
        self._offered = False


class Bench:
    """Engine, requests, data, monitor, and the memory as it must become.

    All addresses are permitted, unless the test says otherwise.
    """

    def __init__(self, dut: Any, *, request_pause: float = 0.0, data_pause: float = 0.0) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.request_pause, self.data_pause = request_pause, data_pause
        self.requests = Source(
            dut,
            "request",
            write_request_layout(BUS),
            lambda: self.rng.random() < self.request_pause,
        )
        self.data = Source(
            dut, "data", write_data_layout(BUS), lambda: self.rng.random() < self.data_pause
        )
        self.asked: deque[int] = deque()  # beats of the requests not yet accepted
        self.due = 0  # beats of the requests accepted and not yet transferred
        self.beats: list[tuple[int, int, int]] = []  # address, data, strobe in order
        self.sent: list[tuple[int, int]] = []
        self.accept_cycles: list[int] = []
        self.data_cycles: list[int] = []
        self.beat_cycles: list[int] = []  # first on offer
        self.opened_after_halt = False
        self.halted_before = False
        self.errors: list[tuple[int, int]] = []
        self.error_cycles: list[int] = []
        self.answer_cycles: list[int] = []
        self.bursts = 0  # of all requests
        self.answered = 0  # responses
        self.ends: deque[int] = deque()  # responses after which `ended` is due
        dut.halt.value = 0
        open_below(dut, BUS, "write")
        self.monitor = AxiMonitor(dut, BUS, read=False, on_cycle=self.check)

    def ask(self, addr: int, beats: int, *, full: bool = False) -> None:
        """Queue a request and its data."""
        self.asked.append(beats)
        end = self.rng.random() < 0.3
        first = addr // BUS.bytes % BUS.max_burst
        self.bursts += (first + beats - 1) // BUS.max_burst + 1
        if end:
            self.ends.append(self.bursts)
        self.requests.queue.append({"addr": addr, "beats": beats, "end": end})
        for i in range(beats):
            word = self.rng.getrandbits(BUS.data_width)
            strb = FULL if full else self.rng.choice([FULL, 0, self.rng.randrange(FULL + 1)])
            self.data.queue.append({"data": word, "strb": strb})
            self.beats.append(((addr + i * BUS.bytes) % 2**BUS.addr_width, word, strb))

    def forget(self) -> None:
        """Reset: nothing was asked for, and nothing was sent."""
        self.requests.forget()
        self.data.forget()
        for each in (self.asked, self.beats, self.sent, self.ends, self.errors):
            each.clear()
        self.due = self.bursts = self.answered = 0

    def random_request(self) -> None:
        beats = self.rng.choice([1, 2, self.rng.randrange(1, 3 * BUS.max_burst + 2)])
        self.ask(self.rng.randrange(2**BUS.addr_width // BUS.bytes) * BUS.bytes, beats)

    def memory(self, beats: int | None = None) -> dict[int, int]:
        """Address to byte after the first ``beats`` beats, of all bytes written."""
        bytes_: dict[int, int] = {}
        for addr, word, strb in self.beats[:beats]:
            for lane in range(BUS.bytes):
                if strb >> lane & 1:
                    bytes_[addr + lane] = word >> 8 * lane & 0xFF
        return bytes_

    def check(self) -> None:
        """Each cycle: state, and what was accepted."""
        dut, monitor = self.dut, self.monitor
        assert not (monitor.aw.opened and self.halted_before), "an address opened after halt"
        self.halted_before = bool(int(dut.halt.value))
        requested = bool(int(dut.request__valid.value))
        sending = monitor.aw.valid or monitor.owed > 0
        answered = monitor.unanswered == 0
        assert bool(int(dut.quiet.value)) == (not sending and answered)
        if requested and int(dut.request__ready.value):
            self.accept_cycles.append(monitor.cycle)
            self.due += self.asked.popleft()
        if int(dut.data__valid.value) and int(dut.data__ready.value):
            self.data_cycles.append(monitor.cycle)
        if monitor.w.opened:
            self.beat_cycles.append(monitor.cycle)
        if monitor.w.fired:
            self.due -= 1
            self.sent.append((monitor.w.fields["data"], monitor.w.fields["strb"]))
        self.answered += monitor.b.fired
        if monitor.b.fired:
            self.answer_cycles.append(monitor.cycle)
        ends = bool(monitor.b.fired and self.ends and self.ends[0] == self.answered)
        good = monitor.b.fired and not (monitor.b.fields["id"] or monitor.b.fields["resp"] & 2)
        assert bool(int(dut.ended.value)) == (ends and good)
        if ends:
            self.ends.popleft()
        if int(dut.error.value):
            self.errors.append((int(dut.error_addr.value), int(dut.fault.value)))
            self.error_cycles.append(monitor.cycle)

    async def finish(self, limit: int = 20_000) -> None:
        """Wait until all is written and answered."""
        for _ in range(limit):
            await FallingEdge(self.dut.clk)
            done = self.requests.idle and self.data.idle and len(self.sent) == len(self.beats)
            if done and int(self.dut.quiet.value):
                break
        assert int(self.dut.quiet.value), "the engine did not become quiet"
        assert len(self.sent) == len(self.beats), "a beat was lost"


def pauses(rng: random.Random, share: float) -> Iterator[bool]:
    while True:
        yield rng.random() < share


@cocotb.test()
async def random_traffic_with_axi_ram(dut: Any) -> None:
    """cocotbext-axi's memory, pausing at random on AW, W and B."""
    bench = Bench(dut, request_pause=0.3, data_pause=0.3)
    ram = AxiRamWrite(AxiWriteBus.from_entity(dut), dut.clk, dut.rst, size=MEMORY_BYTES)
    logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
    ram.aw_channel.set_pause_generator(pauses(bench.rng, 0.4))
    ram.w_channel.set_pause_generator(pauses(bench.rng, 0.3))
    ram.b_channel.set_pause_generator(pauses(bench.rng, 0.4))
    before = bytearray(bench.rng.randbytes(MEMORY_BYTES))
    ram.write(0, before)
    for _ in range(REQUESTS):
        bench.random_request()
    await start_clock(dut)
    await bench.finish()
    for addr, byte in bench.memory().items():
        before[addr % MEMORY_BYTES] = byte
    assert ram.read(0, MEMORY_BYTES) == bytes(before)
    assert not bench.errors


@cocotb.test()
@cocotb.parametrize(order=["address after data", "address last"])
async def address_may_wait_for_data(dut: Any, order: Any) -> None:
    """Memories that accept an address only when they see data, or when they have all of it."""
    bench = Bench(dut, data_pause=0.2)
    peer = WritePeer(dut, BUS, order=order, pause=lambda: bench.rng.random() < 0.2)
    for _ in range(REQUESTS):
        bench.random_request()
    await start_clock(dut)
    await bench.finish()
    assert peer.memory == bench.memory()


@cocotb.test()
async def one_beat_a_cycle(dut: Any) -> None:
    """Latencies, and no lost cycle between bursts and between requests."""
    bench = Bench(dut)
    WritePeer(dut, BUS)
    await start_clock(dut)
    # A memory that answers at once keeps a few bursts of one beat in flight.
    lengths = [1] * 20 if BUS.outstanding >= 8 else []
    lengths += [2] * 20 if BUS.outstanding >= 4 else []
    for beats in [*lengths, 5 * BUS.max_burst]:
        bench.ask(0, beats, full=True)
    await bench.finish()
    address = bench.monitor.writes[0][2] - bench.accept_cycles[0]
    assert address == ENGINE.request_latency, f"{address} cycles from request to awvalid"
    assert bench.data_cycles[0] == bench.monitor.writes[0][2], "data waited longer than its address"
    for taken, offered in zip(bench.data_cycles, bench.beat_cycles, strict=True):
        assert offered - taken == WriteEngine.DATA_LATENCY, f"{offered - taken} cycles to wvalid"
    if BUS.outstanding >= 8:
        total = len(bench.beat_cycles)
        assert bench.beat_cycles[-1] - bench.beat_cycles[0] == total - 1, "a cycle was lost on W"


@cocotb.test()
async def outstanding_bursts_are_used(dut: Any) -> None:
    """With slow responses exactly `outstanding` bursts go out back to back, then none."""
    bench = Bench(dut)
    WritePeer(dut, BUS, latency=200)
    for _ in range(BUS.outstanding + 3):
        bench.ask(0, 1)
    await start_clock(dut)
    await bench.finish()
    cycles = [cycle - bench.monitor.writes[0][2] for *_, cycle in bench.monitor.writes]
    assert cycles[: BUS.outstanding] == list(range(BUS.outstanding))
    assert cycles[BUS.outstanding] > 200


met = {"missing data": 0, "the middle of a request": 0}


@cocotb.test()
@cocotb.parametrize(trial=range(24))
async def halt_becomes_quiet_by_itself(dut: Any, trial: int) -> None:
    """What is owed goes out: real beats in order, then, once data is missing, empty ones only."""
    starved = trial % 2 == 1
    bench = Bench(dut, request_pause=0.1, data_pause=0.7 if starved else 0.0)
    bench.rng.seed(cocotb.RANDOM_SEED + trial)
    slow = bench.rng.random() * 0.5
    peer = WritePeer(dut, BUS, latency=4, pause=lambda: bench.rng.random() < slow)
    for _ in range(REQUESTS):
        bench.random_request()
    await start_clock(dut)
    await ClockCycles(dut.clk, bench.rng.randrange(4, 80))
    dut.halt.value = 1
    if starved:
        bench.data_pause = bench.rng.choice([0.7, 1.0])
    bound = 8 * (BUS.outstanding * (BUS.max_burst + 8) + 50)
    for _ in range(bound):
        await FallingEdge(dut.clk)
        if int(dut.quiet.value):
            break
    assert int(dut.quiet.value), f"not quiet after {bound} cycles of halt"
    # Beats that were taken from `data` are in their places; all others of the bursts are empty.
    real = bench.data.taken
    masked = [
        (sum(word & 0xFF << 8 * i for i in range(BUS.bytes) if strb >> i & 1), strb)
        for _, word, strb in bench.beats[:real]
    ]
    assert bench.sent[:real] == masked
    assert bench.sent[real:] == [(0, 0)] * (len(bench.sent) - real)
    assert peer.memory == bench.memory(real)
    assert len(bench.sent) == sum(beats for _, beats, _ in bench.monitor.writes)
    met["missing data"] += len(bench.sent) > real
    met["the middle of a request"] += bool(bench.due)


@cocotb.test()
async def halt_met_every_case(dut: Any) -> None:
    """The trials above were worth something."""
    for case, count in met.items():
        assert count or BUS.max_burst == 1, f"no halt met {case}"


@cocotb.test()
async def faults_are_reported(dut: Any) -> None:
    """SLVERR, DECERR, a wrong ID: one pulse a response; the first with its burst, until a reset."""
    bench = Bench(dut, request_pause=0.2)
    wanted: list[tuple[int, int]] = []
    share = 0.0

    def respond(burst: int) -> dict[str, int]:
        if bench.rng.random() < share:
            fault = bench.rng.choice([{"resp": 2}, {"resp": 3}, {"id": 8}, {"id": 1, "resp": 2}])
            kind = WriteFault.ID if "id" in fault else WriteFault.RESPONSE
            wanted.append((bench.monitor.writes[burst][0], kind.value))
            return fault
        return bench.rng.choice([{"resp": 0}, {"resp": 1}])

    peer = WritePeer(dut, BUS, respond=respond, latency=3, pause=lambda: bench.rng.random() < 0.3)
    await start_clock(dut)
    for _ in range(12):
        share = bench.rng.choice([0.02, 0.2, 1.0])
        for _ in range(8):
            bench.random_request()
        await bench.finish()
        await ClockCycles(dut.clk, 2)
        assert [fault for _, fault in bench.errors] == [fault for _, fault in wanted]
        if wanted:
            assert bench.errors[0][0] == wanted[0][0]

        # A response that nobody waits for is reported too.
        else:
            peer.extra.append({"id": 0, "resp": 0})
            await ClockCycles(dut.clk, 5)
            assert bench.errors == [(0, WriteFault.ID.value)]
        await RisingEdge(dut.clk)
        dut.rst.value = 1
        await RisingEdge(dut.clk)
        dut.rst.value = 0
        wanted.clear()
        bench.forget()
        peer.memory.clear()


@cocotb.test()
async def an_error_is_late_by_its_latency(dut: Any) -> None:
    """Also when the next burst takes the place of the one at fault in that cycle."""
    bench = Bench(dut)
    pitch = BUS.max_burst * BUS.bytes
    WritePeer(dut, BUS, respond=lambda burst: {"resp": 3 * (not burst)})
    for i in range(9):
        bench.ask(i * pitch, 1)
    await start_clock(dut)
    await bench.finish()
    assert bench.errors == [(0, WriteFault.RESPONSE.value)]
    assert bench.error_cycles[0] - bench.answer_cycles[0] == WriteEngine.ERROR_LATENCY


WALL = 2**BUS.addr_width // 2
"""First address that is not permitted."""


def ask_beyond_the_wall(bench: Bench) -> list[tuple[int, int]]:
    """Requests below it, one that is beyond it or runs into it, and more; the bursts that may go out."""
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


met_blocked = {"beats without data": 0, "nothing before": 0, "beats still owed": 0}


@cocotb.test()
@cocotb.parametrize(trial=range(10))
async def a_blocked_address_stays_off_the_bus(dut: Any, trial: int) -> None:
    """The bursts before it are sent to their end and answered, and no beat is sent for it."""
    starved = trial % 2 == 1
    bench = Bench(dut, request_pause=0.1, data_pause=0.6 if starved else 0.0)
    wall = Wall(dut, BUS, "write", WALL)
    bench.rng.seed(cocotb.RANDOM_SEED + trial)
    slow, latency = bench.rng.random() * 0.5, bench.rng.choice([1, 4, 16])
    peer = WritePeer(dut, BUS, latency=latency, pause=lambda: bench.rng.random() < slow)
    allowed = ask_beyond_the_wall(bench)
    await start_clock(dut)
    while not wall.blocks:
        await FallingEdge(dut.clk)
    met_blocked["beats still owed"] += bench.monitor.owed > 0
    if starved:
        bench.data_pause = bench.rng.choice([0.7, 1.0])
    bound = 8 * (BUS.outstanding * (BUS.max_burst + 8) + 50)
    for _ in range(bound):
        if int(dut.quiet.value):
            break
        await FallingEdge(dut.clk)
    for _ in range(10):
        assert int(dut.quiet.value) and int(dut.blocked.value) and int(dut.awaddr.value) >= WALL
        await FallingEdge(dut.clk)
    real = bench.data.taken
    assert [(addr, beats) for addr, beats, _ in bench.monitor.writes] == allowed
    assert len(bench.sent) == sum(beats for _, beats in allowed)
    assert bench.answered == len(allowed)
    assert all(sent == (0, 0) for sent in bench.sent[real:])
    assert peer.memory == bench.memory(real)
    met_blocked["beats without data"] += len(bench.sent) > real
    met_blocked["nothing before"] += not allowed
    assert not bench.errors

    # With new sources, as the whole machine is reset. What the old ones had on offer is gone.
    bench.forget()
    bench.data_pause = 0.2
    peer.memory.clear()
    await wall.reset()
    for beats in (1, 8, 3):
        bench.ask(bench.rng.randrange(WALL // BUS.bytes - beats) * BUS.bytes, beats)
    await bench.finish()
    assert peer.memory == bench.memory()


@cocotb.test()
async def blocking_met_every_case(dut: Any) -> None:
    """The trials above were worth something."""
    for case, count in met_blocked.items():
        assert count or BUS.max_burst * BUS.outstanding < 16, f"no trial met {case}"


@cocotb.test()
@cocotb.parametrize(order=["address after data", "address last"])
async def a_blocked_address_behind_stubborn_memory(dut: Any, order: Any) -> None:
    """Older addresses that wait for their beats get them, also when the one behind them is blocked."""
    bench = Bench(dut)
    wall = Wall(dut, BUS, "write", WALL)
    peer = WritePeer(dut, BUS, order=order, latency=9)
    bench.ask(0, 3 * BUS.max_burst)
    bench.ask(WALL, 1)
    await start_clock(dut)
    for _ in range(40 * BUS.max_burst + 400):
        await FallingEdge(dut.clk)
        if wall.blocks and int(dut.quiet.value):
            break
    assert int(dut.quiet.value) and len(bench.sent) == 3 * BUS.max_burst
    assert peer.memory == bench.memory(bench.data.taken)


@cocotb.test()
async def a_stray_response_does_not_undo_quiet(dut: Any) -> None:
    """The blocked address awaits no response, whatever comes on B."""
    dut.halt.value = 0
    Wall(dut, BUS, "write", 0)
    requests = StreamSource(dut, "request", write_request_layout(BUS), never)
    requests.queue.append({"addr": 0, "beats": 1, "end": 0})
    dut.data__valid.value = 1
    dut.data__payload.value = 0
    peer = WritePeer(dut, BUS)
    await start_clock(dut)
    await ClockCycles(dut.clk, 6 + REGISTERS)
    assert int(dut.quiet.value) and int(dut.blocked.value) and not int(dut.wvalid.value)
    peer.extra.append({"id": 0, "resp": 0})
    await ClockCycles(dut.clk, 6 + REGISTERS)
    assert int(dut.quiet.value) and int(dut.blocked.value) and not int(dut.wvalid.value)


@cocotb.test()
async def an_early_response_does_not_hide_beats(dut: Any) -> None:
    """A response before the last beat is against the protocol, and the beats are owed all the same."""
    if BUS.outstanding == 1:
        return  # the blocked address is not on offer before the response
    dut.halt.value = 0
    Wall(dut, BUS, "write", WALL)
    requests = StreamSource(dut, "request", write_request_layout(BUS), never)
    requests.queue.extend({"addr": addr, "beats": BUS.max_burst, "end": 0} for addr in (0, WALL))
    dut.data__valid.value = 1
    dut.data__payload.value = 0
    peer = WritePeer(dut, BUS)
    await start_clock(dut)
    while not (int(dut.awvalid.value) and int(dut.awready.value)):
        await FallingEdge(dut.clk)
    peer.pause = lambda: True
    await ClockCycles(dut.clk, 4)
    assert int(dut.blocked.value) and peer.beats < BUS.max_burst
    peer.extra.append({"id": 0, "resp": 0})
    for _ in range(8):
        await FallingEdge(dut.clk)
        assert not int(dut.quiet.value)
    peer.pause = never
    await ClockCycles(dut.clk, BUS.max_burst + 8)
    assert peer.beats == BUS.max_burst
    assert int(dut.quiet.value) and int(dut.blocked.value)
