# SPDX-License-Identifier: Apache-2.0
"""Programs, errors and resets on an accelerator without initial values, one after the other.

:func:`run_episodes` is the way in; it hands the episodes to the simulation as files named by an
environment variable. The design is inside of :data:`..watched.WATCH`, which counts unknown outputs.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from matwright.bus.register_map import REGISTERS
from matwright.bus.window import Window

from ..agents.memory import MemoryModel
from ..runner import BenchError, run_bench
from ..verify.episodes import Episode

__all__ = ["Seen", "episodes", "run_episodes"]

_FILE = "MATWRIGHT_EPISODES"
_PERIOD_NS = 10
_ANSWER_CYCLES = 1000
_OFFSETS = {register.name: register.offset for register in REGISTERS}
_READ = [register.offset for register in REGISTERS if register.access != "WO"]
_RESULT = ("STATUS", "COMPLETED", "ERROR_CODE", "ERROR_INDEX")
_START, _RESET, _RESETTING = 1, 2, 8


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen."""

    integers: dict[str, int]
    """Of the module around the accelerator."""
    faults: list[str]
    """What was wrong, by episode, in words."""
    cycles: int
    done: int
    """Episodes."""


def run_episodes(
    verilog: str,
    toplevel: str,
    played: Sequence[Episode],
    integers: Sequence[str],
    *,
    stall: float = 0.0,
    latency: int = 20,
    max_cycles: int = 50_000,
    seed: int = 0,
    build_root: Path | None = None,
    waves: bool = False,
) -> Seen:
    """Plays the episodes in Icarus, one after the other in one simulation, and reads ``integers``.

    All memories have one size. ``stall`` is the probability of a pause for
    each channel and cycle. Raises :class:`..runner.BenchError` if the simulation does not end.
    """
    with tempfile.TemporaryDirectory(prefix="matwright-episodes-") as name:
        folder = Path(name)
        np.savez(
            folder / "memories.npz",
            before=np.array([episode.before for episode in played]),
            after=np.array([episode.after for episode in played]),
        )
        plain = [
            {key: value for key, value in vars(episode).items() if key not in ("before", "after")}
            for episode in played
        ]
        order = {
            "episodes": plain,
            "integers": list(integers),
            "stall": stall,
            "latency": latency,
            "max_cycles": max_cycles,
            "seed": seed,
        }
        (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
        ended: BenchError | None = None
        try:
            run_bench(
                verilog=verilog,
                toplevel=toplevel,
                bench=__name__,
                parameters={_FILE: name},
                seed=seed,
                build_root=build_root,
                waves=waves,
            )
        except BenchError as error:
            ended = error
        report = folder / "seen.json"
        if not report.is_file():
            raise ended or BenchError("the simulation left no report")
        seen = Seen(**json.loads(report.read_text(encoding="utf-8")))
        if ended is not None and not seen.faults:
            seen.faults.append(str(ended).splitlines()[0])
    return seen


@cocotb.test()
async def episodes(dut: Any) -> None:
    """Plays all of them, and writes down what was seen whatever happens."""
    folder = Path(os.environ[_FILE])
    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    with np.load(folder / "memories.npz") as memories:
        before, after = memories["before"], memories["after"]
    played = [
        Episode(**plain, before=first, after=last)
        for plain, first, last in zip(order["episodes"], before, after, strict=True)
    ]
    host = _Host(dut, order, before.shape[1])
    faults: list[str] = []
    done = 0
    try:
        for number, episode in enumerate(played):
            try:
                if number == 0:
                    await host.reset(2)
                    await host.read_all()
                await host.play(episode)
            except (AssertionError, ValueError) as error:
                # An agent that meets an unknown bit it has to act on stops with a ValueError.
                faults.append(f"episode {number} ({episode.trouble}): {error}")
                break
            done += 1
    finally:
        integers = {name: int(getattr(dut, name).value) for name in order["integers"]}
        seen = Seen(integers=integers, faults=faults, cycles=host.cycles, done=done)
        (folder / "seen.json").write_text(json.dumps(asdict(seen)), encoding="utf-8")


class _Host:
    """The host and its memory."""

    def __init__(self, dut: Any, order: dict[str, Any], memory_bytes: int) -> None:
        self.dut = dut
        self.order = order
        self.memory = bytearray(memory_bytes)
        self.cycles = 0
        Clock(dut.clk, _PERIOD_NS, "ns").start()
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready", "awprot", "arprot"):
            getattr(dut, f"s_axil_{name}").value = 0
        for name in ("awaddr", "wdata", "wstrb", "araddr"):
            getattr(dut, f"s_axil_{name}").value = 0
        for name in ("bid", "bresp", "rid", "rdata", "rresp", "rlast"):
            getattr(dut, f"m_axi_{name}").value = 0
        dut.rst.value = 1
        self.model = MemoryModel(
            dut,
            dut.clk,
            self.memory,
            order["latency"],
            order["latency"],
            reset=dut.rst,
            stall=order["stall"],
            seed=order["seed"],
        )

    async def play(self, episode: Episode) -> None:
        memory = self.memory
        memory[:] = episode.before.tobytes()
        await self.open()
        if episode.trouble not in ("none", "refused"):
            if episode.trouble.endswith("error"):
                channel = episode.trouble.removesuffix(" error")
                first = self.model.counts[f"{channel}_bursts"]
                self.model.inject_error(channel, first + episode.at)
            await self.ring(episode)
            await self.trouble(episode)
            memory[:] = episode.before.tobytes()
        await self.ring(episode)
        await self.wait()
        await self.read_all()
        result = {name: await self.read(_OFFSETS[name]) for name in _RESULT}
        assert result == episode.result, f"registers must be {episode.result}, not {result}"
        wrong = np.flatnonzero(np.frombuffer(memory, np.uint8) != episode.after)
        assert wrong.size == 0, f"{wrong.size} bytes of memory differ, the first at {wrong[0]:#x}"
        if episode.trouble == "refused":
            await self.soft_reset()

    async def trouble(self, episode: Episode) -> None:
        kind = episode.trouble
        if kind.endswith("error"):
            await self.wait()
            await self.read_all()
            self.model.forget_errors()
            await self.soft_reset()
        else:
            await self.tick(episode.at)
            if kind == "reset":
                await self.reset(episode.edges)
                await self.read_all()
                await self.open()
            else:
                await self.soft_reset()

    async def ring(self, episode: Episode) -> None:
        await self.write("IRQ_CAUSE", 3)
        await self.write("IRQ_ENABLE", 3)
        await self.write("PROGRAM_LO", episode.program)
        await self.write("PROGRAM_HI", 0)
        await self.write("PROGRAM_COUNT", episode.count)
        await self.write("CONTROL", _START)

    async def wait(self) -> None:
        for _ in range(self.order["max_cycles"]):
            if _bit(self.dut.irq):
                return
            await self.tick()
        raise AssertionError(f"irq must come within {self.order['max_cycles']} cycles")

    async def soft_reset(self) -> None:
        await self.write("CONTROL", _RESET)
        for _ in range(_ANSWER_CYCLES):
            if not await self.read(_OFFSETS["STATUS"]) & _RESETTING:
                return
        raise AssertionError("a soft reset must end")

    async def reset(self, edges: int) -> None:
        dut = self.dut
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            getattr(dut, f"s_axil_{name}").value = 0
        dut.rst.value = 1
        await self.tick(edges)
        dut.rst.value = 0

    async def open(self) -> None:
        window = Window(0, (1 << len(self.dut.m_axi_araddr)) - 1)
        for offset, value in window.registers(0).items():
            await self.write(offset, value)

    async def read_all(self) -> None:
        """Every register, whatever the answer; the watch looks at it."""
        for offset in _READ:
            await self.read(offset)

    async def tick(self, cycles: int = 1) -> None:
        self.cycles += cycles
        await ClockCycles(self.dut.clk, cycles)

    async def write(self, register: str | int, value: int) -> None:
        dut = self.dut
        dut.s_axil_awaddr.value = _OFFSETS[register] if isinstance(register, str) else register
        dut.s_axil_wdata.value, dut.s_axil_wstrb.value = value, 15
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = dut.s_axil_bready.value = 1
        for _ in range(_ANSWER_CYCLES):
            await RisingEdge(dut.clk)
            self.cycles += 1
            # Together: the slave takes a write when its address and its data are both there.
            aw, w, b = (_bit(getattr(dut, f"s_axil_{s}")) for s in ("awready", "wready", "bvalid"))
            if aw:
                dut.s_axil_awvalid.value = 0
            if w:
                dut.s_axil_wvalid.value = 0
            if b:
                dut.s_axil_bready.value = 0
                return
        raise AssertionError(f"the write of register {register} must be answered")

    async def read(self, offset: int) -> int:
        dut = self.dut
        dut.s_axil_araddr.value = offset
        dut.s_axil_arvalid.value = dut.s_axil_rready.value = 1
        for _ in range(_ANSWER_CYCLES):
            await RisingEdge(dut.clk)
            self.cycles += 1
            if _bit(dut.s_axil_arready):
                dut.s_axil_arvalid.value = 0
            if _bit(dut.s_axil_rvalid):
                dut.s_axil_rready.value = 0
                value = dut.s_axil_rdata.value
                assert value.is_resolvable, f"register {offset:#x} reads {value}"
                return value.to_unsigned()
        raise AssertionError(f"the read of register {offset:#x} must be answered")


def _bit(handle: Any) -> bool:
    value = handle.value
    assert value.is_resolvable, f"{handle._name} is {value}"
    return bool(value)
