# SPDX-License-Identifier: Apache-2.0
"""A board without the board: the whole system with its UART, compiled, behind a pseudo-terminal."""

import ctypes
import os
import pty
import threading
import tty
from pathlib import Path
from types import TracebackType
from typing import Self

from matwright.config import AcceleratorConfig

from .library import BuildError, Variant, library
from .ports import modules
from .verilog import cached_system

__all__ = ["CLOCK_HZ", "DIVISOR", "MEMORY_BYTES", "VirtualBoard"]

MEMORY_BYTES = 1 << 17
"""On-chip memory, as much as the smallest board has."""

DIVISOR = 8
"""Cycles a bit."""

CLOCK_HZ = 100_000
"""The clock that it claims to have. It is faster, mostly, so nobody who counts in it loses patience."""

_NATIVE = ("board.cpp",)
_PORTS = {"clk": 1, "rst": 1, "rx": 1, "tx": 1, "irq": 1}


class VirtualBoard:
    """The system of ``config`` with ``memory_bytes`` of memory, its UART at the terminal :attr:`port`.

    ``divisor`` is cycles a bit. The clock runs in a thread, as fast as it goes while somebody talks and
    for a second after, and then stands still until somebody does. ``trace`` names a waveform file: VCD, or
    FST if it ends in ``.fst``. ``verilog`` replaces the generated text. :meth:`close` ends clock and
    terminal.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        *,
        memory_bytes: int = MEMORY_BYTES,
        divisor: int = DIVISOR,
        trace: Path | None = None,
        verilog: str | None = None,
    ) -> None:
        self._handle: int | None = None
        self.config = config
        if verilog is None:
            verilog = cached_system(
                config, memory_bytes=memory_bytes, divisor=divisor, clock_hz=CLOCK_HZ
            )
        kind = "" if trace is None else "fst" if Path(trace).suffix == ".fst" else "vcd"
        self._library = _load(
            library(verilog, _top(verilog), native=_NATIVE, variant=Variant(trace=kind))
        )
        # With this end of the slave open, the master lives on when a client leaves.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port: str = os.ttyname(self._slave)
        self._handle = self._library.mwb_new(
            self._master, divisor, None if trace is None else os.fsencode(trace)
        )
        self._thread = threading.Thread(
            target=self._library.mwb_run, args=(self._handle,), daemon=True
        )
        self._thread.start()

    @property
    def cycles(self) -> int:
        """Cycles since reset."""
        return int(self._library.mwb_cycles(self._open))

    @property
    def bad_stops(self) -> int:
        """Bytes from the board whose stop bit was 0: it has none."""
        return int(self._library.mwb_bad_stops(self._open))

    @property
    def _open(self) -> int:
        if self._handle is None:
            raise ValueError("the board must be open, and is closed")
        return self._handle

    def close(self) -> None:
        """End clock, trace and terminal. Closing twice is allowed."""
        if self._handle is not None:
            self._library.mwb_stop(self._handle)
            self._thread.join()
            self._library.mwb_delete(self._handle)
            self._handle = None
            os.close(self._slave)
            os.close(self._master)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()


def _top(verilog: str) -> str:
    """Name of the one module that has the pins of a board."""
    found = [name for name, ports in modules(verilog).items() if ports == _PORTS]
    if len(found) != 1:
        raise BuildError(
            f"one module must have the ports {', '.join(_PORTS)}, not {len(found)} modules"
        )
    return found[0]


def _load(path: Path) -> ctypes.CDLL:
    made = ctypes.CDLL(str(path))
    handle, u64 = ctypes.c_void_p, ctypes.c_uint64
    signatures: dict[str, tuple[list[object], object]] = {
        "mwb_new": ([ctypes.c_int, ctypes.c_uint32, ctypes.c_char_p], handle),
        "mwb_delete": ([handle], None),
        "mwb_run": ([handle], None),
        "mwb_stop": ([handle], None),
        "mwb_cycles": ([handle], u64),
        "mwb_bad_stops": ([handle], u64),
    }
    for name, (arguments, result) in signatures.items():
        function = getattr(made, name)
        function.argtypes, function.restype = arguments, result
    return made
