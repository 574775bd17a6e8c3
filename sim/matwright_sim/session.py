# SPDX-License-Identifier: Apache-2.0
"""From a configuration to a running machine with its driver: :func:`open_machine`."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from matwright.bus.register_map import COUNTERS, REGISTERS, constants
from matwright.config import AcceleratorConfig
from matwright_sw import Driver, SimulatedTransport

from .verilog import cached_verilog

__all__ = [
    "INTERRUPT_LATENCY",
    "SIMULATORS",
    "Progress",
    "Session",
    "open_machine",
]

SIMULATORS = ("verilator", "icarus")
"""What :func:`open_machine` can run: the compiled accelerator, or cocotb in Icarus Verilog."""

INTERRUPT_LATENCY = 1
"""Cycles from the last that the counter CYCLES counts to the interrupt."""

Progress = Callable[[int], None]
"""Called with the cycles simulated since the doorbell, now and then."""

_SLICE = 100_000
"""Cycles between two calls of a :data:`Progress`."""

_OFFSETS = {register.name: register.offset for register in REGISTERS}
_NAMES = {offset: name for name, offset in _OFFSETS.items()}
_START = 1


class _Machine(Protocol):
    """A simulation, as the driver's transport sees it, that knows how long a program took."""

    elapsed: int
    """Cycles from the answer of the last doorbell to the interrupt."""

    @property
    def memory(self) -> NDArray[np.uint8]: ...
    def read_register(self, offset: int, /) -> int: ...
    def write_register(self, offset: int, value: int, /) -> None: ...
    def run(self, max_cycles: int, /) -> bool: ...


@dataclass(frozen=True)
class Session:
    """An accelerator that runs, with its memory, and the driver to work it."""

    config: AcceleratorConfig
    driver: Driver
    machine: Any
    """The simulation: a :class:`.compiled.CompiledAccelerator`, or a stand-in for it that starts
    cocotb for each program."""
    _timed: _Machine

    @property
    def cycles(self) -> int:
        """Cycles of the last program from doorbell to interrupt, counted by the simulator.

        The number that the counter CYCLES has, on machines without counters too.
        """
        return self._timed.elapsed - INTERRUPT_LATENCY


@contextmanager
def open_machine(
    config: AcceleratorConfig,
    *,
    simulator: str = "verilator",
    verilog: str | None = None,
    memory_bytes: int = 1 << 22,
    read_latency: int = 40,
    write_latency: int = 40,
    stall: float = 0.0,
    seed: int = 0,
    trace: Path | None = None,
    on_progress: Progress | None = None,
) -> Iterator[Session]:
    """The accelerator of ``config``, generated and compiled if it is not in the cache.

    ``verilog`` replaces the generated text. In both simulators the memory is the same: latencies in
    cycles, ``stall`` the probability with which each channel pauses in a cycle. Icarus simulates
    program by program, from reset, and reports no progress. ``trace`` names a waveform file, VCD or
    FST by its suffix; Icarus writes FST alone, of the last program.
    """
    if simulator not in SIMULATORS:
        raise ValueError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    text = cached_verilog(config) if verilog is None else verilog
    timing: dict[str, Any] = {
        "read_latency": read_latency,
        "write_latency": write_latency,
        "stall": stall,
        "seed": seed,
    }
    with ExitStack() as stack:
        timed: _Machine
        machine: Any
        if simulator == "verilator":
            from .compiled import CompiledAccelerator

            machine = stack.enter_context(
                CompiledAccelerator(config, text, memory_bytes=memory_bytes, trace=trace, **timing)
            )
            timed = _Compiled(machine, on_progress)
        else:
            machine = timed = _Bench(config, text, memory_bytes, timing, trace)
        driver = Driver(
            config,
            SimulatedTransport(timed),
            read_latency=read_latency,
            write_latency=write_latency,
        )
        yield Session(config, driver, machine, timed)


class _Compiled:
    """The compiled accelerator, with a watch."""

    def __init__(self, machine: Any, on_progress: Progress | None) -> None:
        self._machine = machine
        self._on_progress = on_progress
        self._answered = 0
        self.elapsed = 0

    @property
    def memory(self) -> NDArray[np.uint8]:
        memory: NDArray[np.uint8] = self._machine.memory
        return memory

    def read_register(self, offset: int) -> int:
        value: int = self._machine.read_register(offset)
        return value

    def write_register(self, offset: int, value: int) -> None:
        self._machine.write_register(offset, value)
        if offset == _OFFSETS["CONTROL"] and value & _START:
            # A write returns with the cycle that follows its answer.
            self._answered = self._machine.cycles - 1

    def run(self, max_cycles: int) -> bool:
        done = False
        while not done and max_cycles > 0:
            done = self._machine.run(min(max_cycles, _SLICE))
            max_cycles -= _SLICE
            self.elapsed = self._machine.cycles - self._answered
            if self._on_progress is not None:
                self._on_progress(self.elapsed)
        return done


class _Bench:
    """The accelerator under cocotb: each program is a simulation of its own, from reset to interrupt.

    Between programs there is nothing but memory and registers, which are kept here.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        verilog: str,
        memory_bytes: int,
        timing: dict[str, Any],
        trace: Path | None,
    ) -> None:
        from .toolchain import find_icarus

        find_icarus()
        self._config = config
        self._verilog = verilog
        self._timing = timing
        self._trace = trace
        self._registers = dict.fromkeys(_OFFSETS, 0) | constants(config)
        self.memory: NDArray[np.uint8] = np.zeros(memory_bytes, np.uint8)
        self.elapsed = 0

    def read_register(self, offset: int) -> int:
        return self._registers[_NAMES[offset]]

    def write_register(self, offset: int, value: int) -> None:
        name = _NAMES[offset]
        if name == "CONTROL":
            self._registers |= dict.fromkeys(("STATUS", "IRQ_CAUSE", "COMPLETED", *COUNTERS), 0)
        elif name == "IRQ_CAUSE":
            self._registers[name] &= ~value
        else:
            self._registers[name] = value

    def run(self, max_cycles: int) -> bool:
        from matwright.emit import top_name

        from .benches.accelerator import run_job

        with tempfile.TemporaryDirectory(prefix="matwright-waves-") as waves:
            name = top_name(self._config)
            result = run_job(
                self._verilog,
                toplevel=name,
                memory=self.memory,
                program=self._registers["PROGRAM_LO"] | self._registers["PROGRAM_HI"] << 32,
                count=self._registers["PROGRAM_COUNT"],
                max_cycles=max_cycles,
                build_root=Path(waves) if self._trace is not None else None,
                waves=self._trace is not None,
                **self._timing,
            )
            if self._trace is not None:
                shutil.move(Path(waves) / name / f"{name}.fst", self._trace)
        self.memory[:] = result.memory
        self._registers |= result.registers | result.counters
        self.elapsed = result.elapsed
        return True
