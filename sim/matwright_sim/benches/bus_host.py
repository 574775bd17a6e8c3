# SPDX-License-Identifier: Apache-2.0
"""Host of the benches of the register file. ``CONFIG`` holds the configuration as TOML."""

import logging
import os
import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from matwright.bus.counters import CounterBank
from matwright.bus.register_map import COUNTERS, REGISTERS, WATCHDOG_CYCLES, constants, event_names
from matwright.bus.registers import RegisterFile
from matwright.config import AcceleratorConfig

from ..agents.axi_monitor import Channel
from ..agents.clock import start_clock

__all__ = [
    "AFTER_RESET",
    "AN_ADDRESS",
    "CONFIG",
    "DONE",
    "ERROR",
    "OFFSET",
    "RESET",
    "START",
    "WRITABLE",
    "Bench",
    "ready",
]

CONFIG = AcceleratorConfig.from_toml(os.environ.get("CONFIG", "rows = 8\ncols = 8"))
OFFSET = {register.name: register.offset for register in REGISTERS}
COUNTER_OFFSETS = {OFFSET[name] for name in event_names(CONFIG) if CONFIG.build.counters}
WRITABLE = {
    "IRQ_ENABLE": 2,
    "PROGRAM_LO": 32,
    "PROGRAM_HI": 16,
    "PROGRAM_COUNT": 16,
    "WATCHDOG": 24,
}
"""Width of what the host can write."""
AFTER_RESET = constants(CONFIG) | {"WATCHDOG": WATCHDOG_CYCLES}
"""What does not read 0 on the user page after a reset."""
AN_ADDRESS = 0xFEDC_BA98_7654 & (1 << CONFIG.bus.addr_width) - 1
START, RESET = 1, 2
DONE, ERROR = 1, 2
INPUTS = (
    *("busy", "resetting", "done", "completed", "error", "error_code", "error_index"),
    *("error_addr", "clear", "events", "frozen"),
    *(("injected",) if CONFIG.build.protected else ()),
)


class Bench:
    """Register file, host, and a monitor of the bus and of the pulses."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        for name in INPUTS:
            getattr(dut, name).value = 0
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
        logging.getLogger(f"cocotb.{dut._name}.s_axil_").setLevel(logging.WARNING)
        self.host: Any = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil_"), dut.clk, dut.rst)
        self._fill_unstrobed_bytes(self.host.write_if.w_channel)
        channel = {
            name: Channel(dut, "s_axil__", name, fields)
            for name, fields in {
                "aw": ("addr",),
                "w": ("data", "strb"),
                "b": ("resp",),
                "ar": ("addr",),
                "r": ("data", "resp"),
            }.items()
        }
        self.channels = channel
        self.starts = self.resets = self.doorbells = 0
        self._strobe = 0xF
        cocotb.start_soon(self._watch())

    def _fill_unstrobed_bytes(self, w_channel: Any) -> None:
        """Bytes without strobe may hold anything; cocotbext-axi sends them as 0."""
        send = w_channel.send

        async def filled(beat: Any) -> None:
            beat.wstrb = int(beat.wstrb) & self._strobe
            for lane in range(4):
                if not int(beat.wstrb) >> lane & 1:
                    beat.wdata = int(beat.wdata) | self.rng.randrange(256) << 8 * lane
            await send(beat)

        w_channel.send = filled

    async def _watch(self) -> None:
        dut, channel = self.dut, self.channels
        addresses = writes = reads = 0
        fired = {"w": False, "ar": False}
        waiting = 0  # cycles for which the read of a counter may still wait
        while True:
            await FallingEdge(dut.clk)
            if int(dut.rst.value):
                continue
            for each in channel.values():
                each.sample()
            # Responses follow their transfers after the stated latency, and none comes unasked.
            assert channel["b"].opened == fired["w"], "bvalid must follow the data of a write"
            if waiting:
                waiting = 0 if channel["r"].opened else waiting - 1
                assert waiting or channel["r"].opened, "a counter never came"
            else:
                assert channel["r"].opened == fired["ar"], "rvalid must follow the address"
            if channel["ar"].fired and channel["ar"].fields["addr"] & ~3 in COUNTER_OFFSETS:
                waiting = 1 + len(COUNTERS) + RegisterFile.READ_LATENCY + CounterBank.LATENCY
            fired = {name: channel[name].fired for name in fired}
            addresses += channel["aw"].fired
            writes += channel["w"].fired - channel["b"].fired
            reads += channel["ar"].fired - channel["r"].fired
            addresses -= channel["w"].fired
            assert 0 <= addresses <= 1 and 0 <= writes <= 1 and 0 <= reads <= 1
            for name in ("b", "r"):
                assert channel[name].fields.get("resp", 0) == 0, f"{name}resp must be OKAY"
            self.starts += int(dut.start.value)
            self.resets += int(dut.reset.value)
            self.doorbells += int(dut.collision.value)

    def pause(self, **shares: float) -> None:
        """Pause channels of the host at random: ``aw=0.5`` pauses AW half of the time."""
        write, read = self.host.write_if, self.host.read_if
        channels = {
            "aw": write.aw_channel,
            "w": write.w_channel,
            "b": write.b_channel,
            "ar": read.ar_channel,
            "r": read.r_channel,
        }
        for name, share in shares.items():
            channels[name].set_pause_generator(self._pauses(share))

    def _pauses(self, share: float) -> Iterator[bool]:
        while True:
            yield self.rng.random() < share

    async def read(self, register: str | int) -> int:
        offset = OFFSET[register] if isinstance(register, str) else register
        answer = await self.host.read(offset, 4)
        assert answer.resp == AxiResp.OKAY
        return int.from_bytes(answer.data, "little")

    async def write(self, register: str | int, value: int, first: int = 0, count: int = 4) -> None:
        """Write bytes ``first`` to ``first + count - 1`` of ``value``, the others unstrobed."""
        offset = OFFSET[register] if isinstance(register, str) else register
        data = value.to_bytes(4, "little")[first : first + count]
        assert (await self.host.write(offset + first, data)).resp == AxiResp.OKAY

    async def write_strobed(self, register: str | int, value: int, strobe: int) -> None:
        """Write the bytes of ``value`` that ``strobe`` has a bit for; no other write may be under way."""
        self._strobe = strobe
        await self.write(register, value)
        self._strobe = 0xF

    async def pulse(self, **inputs: int) -> None:
        """Drive inputs for one cycle."""
        await RisingEdge(self.dut.clk)
        for name, value in inputs.items():
            getattr(self.dut, name).value = value
        await RisingEdge(self.dut.clk)
        for name in inputs:
            getattr(self.dut, name).value = 0
        await RisingEdge(self.dut.clk)


async def ready(dut: Any) -> Bench:
    bench = Bench(dut)
    await start_clock(dut)
    return bench
