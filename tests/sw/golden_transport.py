# SPDX-License-Identifier: Apache-2.0
"""A device without hardware: the registers, over the golden machine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matwright import layout
from matwright.bus.register_map import COUNTERS, REGISTERS, constants
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Error, Flag
from matwright_sim.golden.machine import GoldenMachine, Outcome

__all__ = ["GoldenTransport"]

_NAME = {register.offset: register for register in REGISTERS}
_START, _RESET = 1, 2
_BUSY, _DONE, _ERROR, _RESETTING = 1, 2, 4, 8
_IRQ_DONE, _IRQ_ERROR = 1, 2
_LOCK = 4


class GoldenTransport:
    """Transport to a golden machine that stores as late as the fences allow.

    Results of a descriptor become visible only when a later one carries FENCE or the program ends,
    so a fence that the driver forgets gives wrong numbers. ``hang`` makes the next programs never
    end, ``reset_polls`` is how often STATUS reads RESETTING. ``touched`` holds the offsets that were
    read or written.
    """

    def __init__(self, config: AcceleratorConfig, memory_size: int = 1 << 20) -> None:
        self.config = config
        # Device memory holds anything when it is switched on.
        self.memory = np.random.default_rng(5).integers(0, 256, memory_size, np.uint8)
        self.registers = {register.name: 0 for register in REGISTERS} | constants(config)
        self.hang = False
        self.late = 0
        self.reset_polls = 3
        self.resets = 0
        self.contexts_ended = 0
        self.touched: set[int] = set()
        self.programs: list[list[Descriptor]] = []
        self.flags_seen: list[Flag] = []
        self._polls = 0

    # Memory.

    @property
    def memory_size(self) -> int:
        return self.memory.size

    def read_memory(self, address: int, size: int) -> bytes:
        assert 0 <= address <= address + size <= self.memory.size
        return self.memory[address : address + size].tobytes()

    def write_memory(self, address: int, data: bytes | NDArray[np.uint8]) -> None:
        octets = np.frombuffer(data, np.uint8)
        assert 0 <= address <= address + octets.size <= self.memory.size
        self.memory[address : address + octets.size] = octets

    # Registers.

    def read_register(self, offset: int) -> int:
        register = _NAME[offset]
        self.touched.add(offset)
        if register.access == "WO":
            return 0
        if register.name == "STATUS" and self._polls:
            self._polls -= 1
            return _RESETTING
        return self.registers[register.name]

    def write_register(self, offset: int, value: int) -> None:
        register = _NAME[offset]
        self.touched.add(offset)
        assert 0 <= value < 1 << 32
        assert register.access != "RO", register.name
        if register.access == "W1C":
            self.registers[register.name] &= ~value
        elif register.name.startswith("WINDOW"):
            self._write_window(register.name, value)
        elif register.access == "RW":
            self.registers[register.name] = value
        elif register.name == "CONTEXT":
            assert value == 1
            self.contexts_ended += 1
            self._reset()
            for name in ("IRQ_ENABLE", "PROGRAM_LO", "PROGRAM_HI", "PROGRAM_COUNT", *COUNTERS):
                self.registers[name] = 0
            for i in range(self.config.bus.windows):
                if not self.registers[f"WINDOW{i}_CONTROL"] & _LOCK:
                    self.registers[f"WINDOW{i}_CONTROL"] = 0
        elif value & _RESET:
            self.resets += 1
            self._reset()
        elif value & _START and self.registers["STATUS"] in (0, _DONE):
            self.registers["STATUS"] = _BUSY

    def _reset(self) -> None:
        self._polls = self.reset_polls
        for name in ("STATUS", "IRQ_CAUSE", "COMPLETED", "ERROR_CODE", "ERROR_INDEX"):
            self.registers[name] = 0

    def _write_window(self, name: str, value: int) -> None:
        """As the device does: only of windows that it has, that are not locked, and while it is idle."""
        index = int(name[len("WINDOW")])
        locked = self.registers[f"WINDOW{index}_CONTROL"] & _LOCK
        active = self.registers["STATUS"] & (_BUSY | _ERROR) or self._polls
        if index >= self.config.bus.windows or locked or active:
            return
        addresses = (1 << self.config.bus.addr_width) - 1
        if name.endswith("CONTROL"):
            value &= 7
        elif name.endswith("HI"):
            value &= addresses >> 32
        else:
            value = value & addresses & ~0xFFF | 0xFFF * name.endswith("LIMIT_LO")
        if not name.endswith("CONTROL"):
            self.registers[f"WINDOW{index}_CONTROL"] = 0
        self.registers[name] = value

    def wait_interrupt(self, timeout_cycles: int) -> bool:
        assert timeout_cycles >= 1
        r = self.registers
        if r["STATUS"] == _BUSY and not self.hang:
            address = r["PROGRAM_LO"] | r["PROGRAM_HI"] << 32
            outcome = self._run(address, r["PROGRAM_COUNT"])
            failed = outcome.error != Error.NONE
            r["STATUS"] = _ERROR if failed else _DONE
            r["IRQ_CAUSE"] |= _IRQ_ERROR if failed else _IRQ_DONE
            r["COMPLETED"] = outcome.completed
            r["ERROR_CODE"], r["ERROR_INDEX"] = outcome.error, outcome.error_index
            r["ERROR_ADDR_LO"] = outcome.error_addr & 0xFFFF_FFFF
            r["ERROR_ADDR_HI"] = outcome.error_addr >> 32
            r |= {name: 1000 + i for i, name in enumerate(COUNTERS)}
        if self.late:
            self.late -= 1
            return False
        return bool(r["IRQ_CAUSE"] & r["IRQ_ENABLE"])

    def _windows(self) -> list[Window]:
        windows = []
        for i in range(self.config.bus.windows):
            value = {
                name: self.registers[f"WINDOW{i}_{name}_LO"]
                | self.registers[f"WINDOW{i}_{name}_HI"] << 32
                for name in ("BASE", "LIMIT")
            }
            control = self.registers[f"WINDOW{i}_CONTROL"]
            if control & 3:
                windows.append(
                    Window(value["BASE"], value["LIMIT"], bool(control & 1), bool(control & 2))
                )
        return windows

    # Running.

    def _run(self, address: int, count: int) -> Outcome:
        assert count >= 1 and address % self.config.bus.bytes == 0
        program: list[Descriptor] = []
        pending: list[tuple[Any, Any]] = []
        completed = Outcome(count, Error.NONE, 0, 0)
        for index in range(count):
            at = address + index * DESCRIPTOR_BYTES
            d = Descriptor.unpack(self.memory[at : at + DESCRIPTOR_BYTES].tobytes())
            program.append(d)
            if d.flags & Flag.FENCE:
                self._store(pending)
            outcome, stores = self._run_one(at, d)
            if outcome.error != Error.NONE:
                completed = Outcome(index, outcome.error, index, outcome.error_addr)
                break
            pending.append(stores)
        self._store(pending)
        self.programs.append(program)
        return completed

    def _run_one(self, at: int, d: Descriptor) -> tuple[Outcome, tuple[Any, Any]]:
        """Outcome, and places and values of the bytes written: those that no background shows."""
        width = layout.d_row_bytes(self.config, max(1, d.n), bool(d.flags & Flag.RAW))
        area = slice(d.d_addr, d.d_addr + max(0, d.m - 1) * d.d_stride + width)
        images = []
        outcome = Outcome(0, Error.NONE, 0, 0)
        for background in (0x00, 0xFF):
            memory = self.memory.copy()
            memory[area] = background
            outcome = GoldenMachine(self.config, memory, self._windows()).run(at, 1)
            images.append(memory[area])
        places = np.flatnonzero(images[0] == images[1])
        return outcome, (area.start + places, images[0][places])

    def _store(self, pending: list[tuple[Any, Any]]) -> None:
        for places, values in pending:
            self.memory[places] = values
        pending.clear()
