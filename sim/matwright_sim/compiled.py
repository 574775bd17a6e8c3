# SPDX-License-Identifier: Apache-2.0
"""The whole accelerator as a compiled library: the fast way to run programs on the real Verilog.

Verilator turns the Verilog into C++; ``native/harness.cpp`` adds clock, memory and register
accesses; the result is loaded with ctypes, and no Python runs per clock cycle. The timing of the
memory is written down in ``native/axi_memory.hpp`` and is that of :mod:`.agents.memory`. The memory
watches that the accelerator keeps the rules of the bus, and can break them itself: :data:`FAULTS`.
"""

import ctypes
import functools
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from amaranth import Shape
from numpy.typing import NDArray

from matwright.bus.axi import ID_WIDTH, axi4, axi4_lite
from matwright.config import AcceleratorConfig

from .cycles.memory import Recording
from .library import BuildError, Variant, library
from .ports import modules

__all__ = [
    "FAULTS",
    "BuildError",
    "CompiledAccelerator",
    "FaultEvent",
    "RegisterError",
]

# In the order of the enumeration in axi_memory.hpp.
FAULTS: dict[str, str] = {
    "read_slverr": "SLVERR on ``beat``, or on every beat if none is named; such beats are 0.",
    "read_decerr": "DECERR, likewise.",
    "read_last_early": "RLAST on ``beat``, which is not the last; what is left is not sent.",
    "read_last_late": "``extra`` beats too many, RLAST on the last of them alone. With 0: no RLAST.",
    "read_id": "``beat`` has ID ``bus_id``.",
    "write_slverr": "SLVERR; nothing of the burst is written.",
    "write_decerr": "DECERR, likewise.",
    "write_id": "The response has ID ``bus_id``. The burst is written.",
    "hang_aw": "No address is accepted.",
    "hang_w": "From ``beat`` on, no beat is accepted.",
    "hang_b": "No response is sent.",
    "hang_ar": "No address is accepted.",
    "hang_r": "From ``beat`` on, no beat is sent.",
    "unasked_read": "A beat that belongs to no burst: ID ``bus_id``, OKAY, all ones, RLAST if ``last``.",
    "unasked_write": "A response that belongs to no burst: ID ``bus_id``, OKAY.",
}
"""What :meth:`CompiledAccelerator.inject` can do to a burst, to a channel from a burst on, or in a cycle."""

_NATIVE = ("harness.cpp", "axi_memory.hpp", "toggles.hpp")
_RESPONSES = {"OKAY": 0, "SLVERR": 2, "DECERR": 3}
_NEXT_BURST = {
    name: "read_bursts" if name.startswith(("read", "hang_ar", "hang_r")) else "write_bursts"
    for name in FAULTS
}
_MOST_BEATS = 256
_EVERY_BEAT = (1 << 32) - 1
_RLAST = 1 << 8
_STALL_UNIT = 4096
_TRANSFER = 4  # words of a transfer
_RESET_EDGES = 2
_ACCESS_WORDS = 13


class RegisterError(RuntimeError):
    """A register access was answered with an error, or not at all."""


class FaultEvent(NamedTuple):
    """A fault of the bus that happened."""

    fault: str
    """Its name in :data:`FAULTS`."""
    burst: int
    """Number of its burst; 0 of an unasked answer."""
    beat: int
    """The first beat at fault."""
    address: int
    """Of the burst's first beat; 0 of an unasked answer and of a hang."""
    cycle: int
    """In which it is on the bus, since reset."""
    in_flight: int
    """Bursts, reads or writes, on offer or not answered to their end in that cycle."""


class CompiledAccelerator:
    """An accelerator, compiled, with ``memory_bytes`` of memory at address 0.

    ``verilog`` must hold one module with exactly the ports of the accelerator: ``clk``, ``rst``,
    ``irq``, ``m_axi_*`` and ``s_axil_*``. ``read_latency`` and ``write_latency`` are cycles, at
    least 1; ``stall`` is the probability with which each channel pauses in a cycle, drawn from a
    generator seeded with ``seed`` that starts again at every reset. ``trace`` names a waveform
    file: VCD, or FST if it ends in ``.fst``; tracing needs a build of its own. So does ``coverage``, with
    which :meth:`write_coverage` tells what has run, and ``unknown``, which is not 0: from it is drawn
    what registers and memories without initial value hold at first.

    The accelerator comes out of reset when it is made. :meth:`close` frees it; the array
    :attr:`memory` outlives it.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        verilog: str,
        *,
        memory_bytes: int,
        read_latency: int = 40,
        write_latency: int = 40,
        stall: float = 0.0,
        seed: int = 0,
        trace: Path | None = None,
        coverage: bool = False,
        unknown: int = 0,
    ) -> None:
        self._handle: int | None = None
        beat = config.bus.bytes
        if memory_bytes < beat or memory_bytes % beat:
            raise ValueError(f"memory_bytes must be a multiple of {beat}, not {memory_bytes}")
        for name, value in (("read_latency", read_latency), ("write_latency", write_latency)):
            if not 1 <= value < 1 << 32:
                raise ValueError(f"{name} must be at least 1 cycle, not {value}")
        if not 0 <= stall < 1:
            raise ValueError(f"stall must be at least 0 and less than 1, not {stall}")
        self.config = config
        kind = "" if trace is None else "fst" if Path(trace).suffix == ".fst" else "vcd"
        if not 0 <= unknown < 1 << 31:
            raise ValueError(f"unknown must be at least 0 and less than 2**31, not {unknown}")
        variant = Variant(trace=kind, coverage=coverage, unknown=bool(unknown))
        self._library = _load(self._compile(verilog, variant), coverage)
        self._memory: NDArray[np.uint8] = np.zeros(memory_bytes, dtype=np.uint8)
        self._handle = self._library.mw_new(
            self._memory.ctypes.data,
            memory_bytes,
            read_latency,
            write_latency,
            round(stall * _STALL_UNIT),
            seed % (1 << 64),
            None if trace is None else os.fsencode(trace),
            unknown,
        )
        names = self._library.mw_counter_names().decode().split()
        self._counter_names: list[str] = names
        self._counters = self._library.mw_counters(self._open)

    def _compile(self, verilog: str, variant: Variant) -> Path:
        """The library of the Verilog."""
        return library(verilog, _top(self.config, verilog), native=_NATIVE, variant=variant)

    # Life.

    @property
    def _open(self) -> int:
        if self._handle is None:
            raise ValueError("the accelerator must be open, and is closed")
        return self._handle

    def close(self) -> None:
        """Free the model and end the trace. Closing twice is allowed."""
        if self._handle is not None:
            self._library.mw_delete(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def reset(self) -> None:
        """Two cycles of ``rst``: all work is forgotten; the memory and the counts stay."""
        self._library.mw_reset(self._open, _RESET_EDGES)

    # The host's side.

    @property
    def memory(self) -> NDArray[np.uint8]:
        """The memory itself, byte by byte; what is written here the accelerator reads."""
        return self._memory

    def read_register(self, offset: int) -> int:
        """Value of the register at ``offset``, read over AXI4-Lite."""
        value = ctypes.c_uint32()
        response = self._library.mw_read(self._open, offset, ctypes.byref(value))
        self._check(response, "read", offset)
        return value.value

    def write_register(self, offset: int, value: int) -> None:
        """Write the register at ``offset`` over AXI4-Lite; returns when it is answered."""
        if not 0 <= value < 1 << 32:
            raise ValueError(f"a register's value must be of 32 bits, not {value}")
        self._check(self._library.mw_write(self._open, offset, value), "write", offset)

    def access(
        self,
        write: tuple[int, int, int] | None,
        read: int | None,
        *,
        prot: int = 0,
        after: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0),
    ) -> int:
        """A write (offset, value, strobes) and a read (offset) side by side; what was read.

        ``after``: cycles until AW, W and AR are offered, and until B and R are taken, in the order AW, W,
        B, AR, R.
        """
        awaddr, wdata, wstrb = write or (0, 0, 0)
        words = (write is not None, read is not None, awaddr, wdata, wstrb, read or 0, prot)
        access = (ctypes.c_uint32 * _ACCESS_WORDS)(*words, *after, 0)
        if not self._library.mw_access(self._open, access):
            raise RegisterError("a register access must end, and does not")
        return int(access[_ACCESS_WORDS - 1])

    @staticmethod
    def _check(response: int, what: str, offset: int) -> None:
        if response:
            answers = {number: name for name, number in _RESPONSES.items()}
            answer = answers.get(response, "EXOKAY") if response > 0 else "no response"
            raise RegisterError(
                f"a register {what} must be answered OKAY, not {answer} at {offset:#x}"
            )

    def run(self, max_cycles: int) -> bool:
        """Run until ``irq`` is high, at most ``max_cycles`` cycles; True if it is high."""
        return bool(self._library.mw_run(self._open, max_cycles))

    @property
    def cycles(self) -> int:
        """Cycles since reset, those of register accesses included."""
        return int(self._library.mw_cycles(self._open))

    @property
    def irq(self) -> bool:
        """The interrupt line."""
        return bool(self._library.mw_irq(self._open))

    # The memory model's side.

    def inject(
        self,
        fault: str,
        at: int | None = None,
        *,
        beat: int | None = None,
        extra: int = 1,
        bus_id: int | None = None,
        last: bool = True,
    ) -> None:
        """Let ``fault``, one of :data:`FAULTS`, happen to burst number ``at``, once.

        Bursts, reads and writes apart, are counted from 0 when the accelerator is made, in the
        order in which their addresses are accepted; without a number it is the next one. A burst
        with too few beats for the fault leaves it to the next. A channel hangs from burst ``at``
        on until :meth:`release`, at once if that burst is under way or over. An unasked answer
        comes in cycle ``at`` since reset, or as soon after as its channel is free; without a
        number, now.

        Unless they are named, ``beat`` is 0, ``bus_id`` 1 and of an unasked answer 0. Faults that
        have happened are in :attr:`fault_events`.
        """
        if fault not in FAULTS:
            raise ValueError(f"fault must be one of {', '.join(FAULTS)}, not {fault!r}")
        unasked, hangs = fault.startswith("unasked"), fault.startswith("hang")
        nearest = self.cycles if unasked else self._counts()[_NEXT_BURST[fault]]
        at = nearest if at is None else at
        earliest = 0 if hangs else nearest
        if at < earliest:
            what = "cycle" if unasked else "burst"
            raise ValueError(f"the {what} of {fault} must be at least {earliest}, not {at}")
        if beat is not None and not 0 <= beat < _MOST_BEATS:
            raise ValueError(f"beat must be at least 0 and less than {_MOST_BEATS}, not {beat}")
        if not 0 <= extra < _MOST_BEATS:
            raise ValueError(f"extra must be at least 0 and less than {_MOST_BEATS}, not {extra}")
        bus_id = int(not unasked) if bus_id is None else bus_id
        if not 0 <= bus_id < 1 << ID_WIDTH:
            raise ValueError(f"bus_id must be of {ID_WIDTH} bits, not {bus_id}")
        if fault in ("hang_aw", "hang_b", "hang_ar"):
            beat = 0
        elif beat is None:
            beat = _EVERY_BEAT if fault.endswith("err") else 0
        argument = extra if fault == "read_last_late" else bus_id | last * _RLAST
        self._library.mw_inject(self._open, list(FAULTS).index(fault), at, beat, argument)

    def inject_error(self, channel: str, burst: int, response: str = "SLVERR") -> None:
        """Answer burst number ``burst`` of ``channel`` (read or write) with ``response``.

        Every beat of such a read is 0 and carries the response; such a write is not done.
        """
        if channel not in ("read", "write"):
            raise ValueError(f"channel must be read or write, not {channel!r}")
        if response not in ("SLVERR", "DECERR"):
            raise ValueError(f"response must be SLVERR or DECERR, not {response!r}")
        self.inject(f"{channel}_{response.lower()}", burst)

    def release(self) -> None:
        """Let all channels go on that hang, and forget the faults of bursts and cycles to come."""
        self._library.mw_release(self._open)

    @property
    def fault_events(self) -> list[FaultEvent]:
        """The faults that have happened, in order; those that are on the bus now are the last."""
        names, width = list(FAULTS), len(FaultEvent._fields)
        words = self._library.mw_events(self._open)
        rows = range(0, width * self._library.mw_event_count(self._open), width)
        return [FaultEvent(names[words[i]], *words[i + 1 : i + width]) for i in rows]

    def watch(self, windows: Iterable[tuple[int, int, bool, bool]] | None) -> None:
        """Count each burst on offer that is not wholly in one window that permits it.

        A window is its first byte, its last byte, and whether it may be read and written. What is
        outside is a violation, ``outside_read`` or ``outside_write``. None ends the watch.
        """
        words: list[int] = []
        for base, limit, read, write in windows or ():
            if not 0 <= base <= limit < 1 << 64:
                raise ValueError(
                    "the bytes of a window must be 0 <= first <= last < 2**64, "
                    f"not {base:#x} to {limit:#x}"
                )
            words += [base, limit, bool(read), bool(write)]
        table = (ctypes.c_uint64 * len(words))(*words)
        self._library.mw_watch(self._open, windows is not None, table, len(words) // 4)

    def record(self, on: bool = True) -> None:
        """Keep every transfer on the bus from now on, and forget those that were kept; or stop that."""
        self._library.mw_record(self._open, on)

    @property
    def recording(self) -> Recording:
        """How long the memory took for each burst since :meth:`record`; all of them are answered."""
        count = self._library.mw_transfer_count(self._open)
        words = self._library.mw_transfers(self._open)[: _TRANSFER * count]
        return Recording.of(np.array(words, np.int64).reshape(-1, _TRANSFER))

    def write_coverage(self, counts: Path, moves: Path) -> None:
        """Write what has run since this was made; only if made with ``coverage``.

        ``counts`` gets Verilator's counts of lines and branches, ``moves`` a line for each signal:
        scope, name, width, and three numbers, of the bits that rose, that fell and that are high.
        """
        if not self._library.mw_coverage(self._open, os.fsencode(counts), os.fsencode(moves)):
            raise OSError(f"{moves} could not be written")

    def _counts(self) -> dict[str, int]:
        self._open  # noqa: B018 - the counters live in the model
        return dict(
            zip(self._counter_names, self._counters[: len(self._counter_names)], strict=True)
        )

    def statistics(self) -> dict[str, int]:
        """Bursts and beats moved, most bursts in flight, and cycles that each channel waited."""
        return {k: v for k, v in self._counts().items() if not k.startswith("violation_")}

    @property
    def violations(self) -> dict[str, int]:
        """Breaches of the protocol by the accelerator, by kind; empty if there were none."""
        prefix = "violation_"
        counts = self._counts().items()
        return {name.removeprefix(prefix): n for name, n in counts if n and name.startswith(prefix)}


def _load(path: Path, coverage: bool) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    u32, u64, pointer = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
    signatures: dict[str, tuple[list[object], object]] = {
        "mw_new": ([pointer, u64, u32, u32, u32, u64, ctypes.c_char_p, u32], pointer),
        "mw_delete": ([pointer], None),
        "mw_reset": ([pointer, u32], None),
        "mw_run": ([pointer, u64], ctypes.c_int),
        "mw_irq": ([pointer], ctypes.c_int),
        "mw_cycles": ([pointer], u64),
        "mw_write": ([pointer, u32, u32], ctypes.c_int),
        "mw_read": ([pointer, u32, ctypes.POINTER(u32)], ctypes.c_int),
        "mw_access": ([pointer, ctypes.POINTER(u32)], ctypes.c_int),
        "mw_inject": ([pointer, u32, u64, u32, u32], None),
        "mw_release": ([pointer], None),
        "mw_record": ([pointer, ctypes.c_int], None),
        "mw_transfer_count": ([pointer], u64),
        "mw_transfers": ([pointer], ctypes.POINTER(u64)),
        "mw_event_count": ([pointer], u64),
        "mw_events": ([pointer], ctypes.POINTER(u64)),
        "mw_watch": ([pointer, ctypes.c_int, ctypes.POINTER(u64), u32], None),
        "mw_counters": ([pointer], ctypes.POINTER(u64)),
        "mw_counter_names": ([], ctypes.c_char_p),
    }
    if coverage:
        signatures["mw_coverage"] = ([pointer, ctypes.c_char_p, ctypes.c_char_p], ctypes.c_int)
    for name, (arguments, result) in signatures.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    return library


# Its ports.


def _ports(config: AcceleratorConfig) -> dict[str, int]:
    """Name and width of every port of the accelerator."""
    ports = {"clk": 1, "rst": 1, "irq": 1}
    for prefix, signature in (("m_axi_", axi4(config.bus)), ("s_axil_", axi4_lite())):
        for name, member in signature.members.items():
            ports[prefix + name] = Shape.cast(member.shape).width
    return ports


@functools.lru_cache(maxsize=8)
def _top(config: AcceleratorConfig, verilog: str) -> str:
    """Name of the one module that has the ports of the accelerator."""
    wanted, held = _ports(config), modules(verilog)
    found = [name for name, ports in held.items() if ports == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise BuildError(f"one module must have the accelerator's ports, not {', '.join(found)}")
    if not held:
        raise BuildError("the Verilog must hold a module, and holds none")
    near = max(held, key=lambda name: len(held[name].items() & wanted.items()))
    wrong = sorted(dict(wanted.items() ^ held[near].items()))
    raise BuildError(
        f"one module must have the accelerator's ports; {near} differs in {', '.join(wrong)}"
    )
