# SPDX-License-Identifier: Apache-2.0
"""Run one program on the whole accelerator under cocotb, the way a host does.

Two worlds stand around the design. ``stalls``: cocotbext-axi's memory and AXI4-Lite master, written
by others, with every channel pausing at random. ``model``: :class:`..agents.memory.MemoryModel`,
whose cycles are those of the compiled simulation. :func:`run_job` is the way in; it hands the job
to the simulation as a file named by an environment variable.
"""

import json
import logging
import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotb.utils import get_sim_time
from numpy.typing import NDArray

from matwright.bus.register_map import COUNTERS, REGISTERS
from matwright.bus.window import Window

from ..runner import run_bench

__all__ = ["WORLDS", "JobResult", "program", "run_job"]

WORLDS = ("stalls", "model")

_JOB = "MATWRIGHT_JOB"
_PERIOD_NS = 10
_RESET_CYCLES = 4
_OFFSETS = {register.name: register.offset for register in REGISTERS}
_IRQ_ALL = 3
_REPORTED = (
    "STATUS",
    "IRQ_CAUSE",
    "COMPLETED",
    "ERROR_CODE",
    "ERROR_INDEX",
    "ERROR_ADDR_LO",
    "ERROR_ADDR_HI",
)


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What a program left behind."""

    memory: NDArray[np.uint8]
    """The whole memory."""
    registers: dict[str, int]
    """STATUS, IRQ_CAUSE, COMPLETED and the registers of the error at the interrupt."""
    counters: dict[str, int]
    """The performance counters."""
    elapsed: int
    """Cycles from the one in which the doorbell's write is answered to the interrupt."""

    @property
    def cycles(self) -> int:
        """Cycles from the doorbell to the end of the program."""
        return self.counters["CYCLES"]


@dataclass(frozen=True, kw_only=True)
class _Job:
    """All that the simulation is told; files are in ``folder``."""

    folder: str
    program: int
    count: int
    world: str
    stall: float
    read_latency: int
    write_latency: int
    max_cycles: int
    seed: int

    @property
    def memory(self) -> Path:
        return Path(self.folder) / "memory.npy"

    @property
    def memory_after(self) -> Path:
        return Path(self.folder) / "memory_after.npy"

    @property
    def report(self) -> Path:
        return Path(self.folder) / "report.json"


def run_job(
    verilog: str,
    *,
    toplevel: str,
    memory: NDArray[np.uint8],
    program: int,
    count: int,
    world: str = "model",
    simulator: str = "icarus",
    stall: float = 0.0,
    read_latency: int = 40,
    write_latency: int = 40,
    max_cycles: int = 100_000,
    seed: int = 0,
    expected: NDArray[np.uint8] | None = None,
    build_root: Path | None = None,
    waves: bool = False,
) -> JobResult:
    """Run the ``count`` descriptors at address ``program`` of ``memory`` and wait for ``irq``.

    ``stall`` is the probability of a pause per channel and cycle; the latencies matter in world
    ``model`` only. Raises :class:`..runner.BenchError` if there is no interrupt within
    ``max_cycles``, and AssertionError if ``expected`` is given and differs from the memory left.
    """
    if world not in WORLDS:
        raise ValueError(f"world must be one of {', '.join(WORLDS)}, not {world!r}")
    with tempfile.TemporaryDirectory(prefix="matwright-job-") as folder:
        job = _Job(
            folder=folder,
            program=program,
            count=count,
            world=world,
            stall=stall,
            read_latency=read_latency,
            write_latency=write_latency,
            max_cycles=max_cycles,
            seed=seed,
        )
        np.save(job.memory, memory)
        order = Path(folder) / "job.json"
        order.write_text(json.dumps(asdict(job)), encoding="utf-8")
        run_bench(
            verilog=verilog,
            toplevel=toplevel,
            bench=__name__,
            simulator=simulator,
            parameters={_JOB: str(order)},
            seed=seed,
            build_root=build_root,
            waves=waves,
        )
        report = json.loads(job.report.read_text(encoding="utf-8"))
        after: NDArray[np.uint8] = np.load(job.memory_after)
    if expected is not None and not np.array_equal(after, expected):
        wrong = np.flatnonzero(after != expected)
        raise AssertionError(
            f"the memory must be as expected, but {wrong.size} bytes differ, the first at "
            f"{int(wrong[0]):#x} (seed {seed})"
        )
    return JobResult(memory=after, **report)


def _pauses(probability: float, seed: int) -> Iterator[bool]:
    generator = random.Random(seed)
    while True:
        yield generator.random() < probability


class _Host:
    """Register accesses by cocotbext-axi."""

    def __init__(self, dut: Any, stall: float, seed: int) -> None:
        from cocotbext.axi import AxiLiteBus, AxiLiteMaster

        logging.getLogger(f"cocotb.{dut._name}.s_axil").setLevel("WARNING")
        self._lite: Any = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        if stall:
            _pause(self._lite, stall, seed)

    async def open(self, window: Window) -> None:
        for offset, value in window.registers(0).items():
            await self._write(offset, value)

    async def write(self, register: str, value: int) -> None:
        await self._write(_OFFSETS[register], value)

    async def _write(self, offset: int, value: int) -> None:
        answer = await self._lite.write(offset, value.to_bytes(4, "little"))
        assert int(answer.resp) == 0, f"write of {offset:#x} answered {answer.resp!s}"

    async def read(self, register: str) -> int:
        answer = await self._lite.read(_OFFSETS[register], 4)
        assert int(answer.resp) == 0, f"read of {register} answered {answer.resp!s}"
        return int.from_bytes(answer.data, "little")


def _pause(agent: Any, stall: float, seed: int) -> None:
    """Let all five channels of a cocotbext-axi agent pause at random, each in its own way."""
    channels = [getattr(agent.write_if, f"{name}_channel") for name in ("aw", "w", "b")]
    channels += [getattr(agent.read_if, f"{name}_channel") for name in ("ar", "r")]
    for index, channel in enumerate(channels):
        channel.set_pause_generator(_pauses(stall, 8 * seed + index))


async def _time_of_rise(signal: Any) -> float:
    await RisingEdge(signal)
    return get_sim_time("ns")


@cocotb.test()
async def program(dut: Any) -> None:
    """Ring the doorbell, wait for the interrupt, write down what is left."""
    from ..agents.memory import MemoryModel

    job = _Job(**json.loads(Path(os.environ[_JOB]).read_text(encoding="utf-8")))
    memory = bytearray(np.load(job.memory).tobytes())
    Clock(dut.clk, _PERIOD_NS, "ns").start()
    dut.rst.value = 1
    ram: Any = None
    if job.world == "stalls":
        from cocotbext.axi import AxiBus, AxiRam

        logging.getLogger(f"cocotb.{dut._name}.m_axi").setLevel("WARNING")
        ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=len(memory))
        ram.write(0, bytes(memory))
        if job.stall:
            _pause(ram, job.stall, job.seed + 1)
    else:
        MemoryModel(
            dut,
            dut.clk,
            memory,
            job.read_latency,
            job.write_latency,
            reset=dut.rst,
            stall=job.stall,
            seed=job.seed,
        )
    host = _Host(dut, job.stall if job.world == "stalls" else 0.0, job.seed)
    await ClockCycles(dut.clk, _RESET_CYCLES)
    dut.rst.value = 0

    await host.open(Window(0, (1 << len(dut.m_axi_araddr)) - 1))
    await host.write("IRQ_ENABLE", _IRQ_ALL)
    await host.write("PROGRAM_LO", job.program & 0xFFFF_FFFF)
    await host.write("PROGRAM_HI", job.program >> 32)
    await host.write("PROGRAM_COUNT", job.count)
    answer = cocotb.start_soon(_time_of_rise(dut.s_axil_bvalid))
    await host.write("CONTROL", 1)
    if not dut.irq.value:
        await with_timeout(RisingEdge(dut.irq), job.max_cycles * _PERIOD_NS, "ns")

    elapsed = round((get_sim_time("ns") - await answer) / _PERIOD_NS)
    report = {
        "elapsed": elapsed,
        "registers": {name: await host.read(name) for name in _REPORTED},
        "counters": {name: await host.read(name) for name in COUNTERS},
    }
    after = ram.read(0, len(memory)) if ram is not None else memory
    np.save(job.memory_after, np.frombuffer(bytes(after), dtype=np.uint8))
    job.report.write_text(json.dumps(report), encoding="utf-8")
    await host.write("IRQ_CAUSE", _IRQ_ALL)
    await ClockCycles(dut.clk, 2)
    assert not dut.irq.value, "irq must be low when its causes are cleared"
