# SPDX-License-Identifier: Apache-2.0
"""The driver: NumPy arrays in, NumPy arrays out, the accelerator in between."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matwright import layout
from matwright.bus.register_map import COUNTERS, REGISTERS, constants
from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import DESCRIPTOR_BYTES

from .errors import DriverTimeout, IdentificationError, OperandError, hardware_error
from .isolation import Isolation, wait_reset
from .memory import Allocator, Buffer
from .operands import (
    Activations,
    Result,
    Table,
    Weights,
    check_activations,
    check_bias,
    check_scales,
    check_weights,
    fold_zero_point,
    scale_words,
)
from .program import Program, check_output
from .report import Report
from .tiling import LATENCY, Tiling
from .transport import Transport

__all__ = ["ALIGNMENT", "Driver"]

ALIGNMENT = 64
"""Every buffer starts at a multiple of this or of a beat, whichever is larger."""

_OFFSET = {register.name: register.offset for register in REGISTERS}
_BIT = {
    (register.name, field.name): 1 << field.low
    for register in REGISTERS
    for field in register.fields
}
_IRQ_BITS = _BIT["IRQ_CAUSE", "DONE"] | _BIT["IRQ_CAUSE", "ERROR"]


class Driver:
    """Runs GEMMs on one accelerator.

    Making a driver checks that the device is the one that ``config`` describes, takes all of its
    memory from address ``reserved`` on and opens window 0 for its pages. Without ``privileged`` it leaves the
    privileged page alone: someone else opens the windows. :meth:`gemm` is one call for one product. For more,
    upload operands once (:meth:`upload_a`, :meth:`upload_b`, :meth:`upload_table`), collect GEMMs
    in a :meth:`program`, :meth:`run` it and :meth:`download` its results. The latencies are those of the
    device's memory, in cycles: GEMMs are cut so that they take least on such a one.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        transport: Transport,
        *,
        reserved: int = 0,
        privileged: bool = True,
        read_latency: int = LATENCY,
        write_latency: int = LATENCY,
    ) -> None:
        self.config = config
        self.transport = transport
        self._latencies = read_latency, write_latency
        self._check_identity()
        size = min(transport.memory_size, 1 << config.bus.addr_width)
        self.memory = Allocator(reserved, size, max(ALIGNMENT, config.bus.bytes))
        self.isolation: Isolation | None = None
        if privileged and not config.build.unsafe_unchecked:
            self.isolation = Isolation(config, transport)
            self._settle()
            self.isolation.open_bytes(0, reserved, size - reserved)

    # Operands.

    def allocate(self, size: int) -> Buffer:
        """Device memory of at least ``size`` bytes."""
        return self.memory.allocate(size)

    def upload_a(self, a: ArrayLike) -> Activations:
        """A on the device. Of a dtype without sign, element q stands for ``q - 2**(a_width-1)``."""
        array = check_activations(self.config, a)
        m, k = array.shape
        unsigned = array.dtype.kind == "u"
        packed = layout.pack_a(self.config, array, unsigned=unsigned)
        buffer = self._upload(packed, f"an a of {m} x {k}")
        return Activations(buffer, m, k, layout.a_stride(self.config, k), unsigned)

    def upload_b(self, b: ArrayLike) -> Weights:
        """B on the device, packed for the array."""
        array = check_weights(self.config, b)
        k, n = array.shape
        buffer = self._upload(layout.pack_b(self.config, array), f"a b of {k} x {n}")
        return Weights(buffer, k, n, layout.b_stride(self.config, n))

    def upload_table(self, bias: ArrayLike | None, scale: ArrayLike = 1.0, *, n: int) -> Table:
        """Bias (0 for None) and scale (one number or one a column) of ``n`` columns."""
        biases, scales = check_bias(bias, n), check_scales(scale, n)
        packed = layout.pack_table(self.config, biases, scale_words(scales))
        return Table(self._upload(packed, f"a table of {n} columns"), n)

    def download(self, result: Result) -> NDArray[Any]:
        """A result as an array."""
        if result.buffer.freed:
            raise OperandError("the result must still be in device memory, but was freed")
        data = self.transport.read_memory(result.buffer.address, result.m * result.stride)
        return layout.unpack_d(
            self.config,
            np.frombuffer(data, np.uint8),
            result.m,
            result.n,
            result.stride,
            raw=result.raw,
            unsigned=result.unsigned,
        )

    # Programs.

    def program(self) -> Program:
        """An empty program."""
        return Program(self.config, self.memory, *self._latencies)

    def run(self, program: Program, timeout_cycles: int | None = None) -> Report:
        """Run a program to its end.

        Without ``timeout_cycles`` the limit is sixteen times the estimate and a million more.
        Raises a :class:`HardwareError` when the device refuses a descriptor or the bus fails, and
        :class:`DriverTimeout`; the device is soft-reset before and can go on.
        """
        program.check_operands()
        code = program.pack()
        if not code:
            raise OperandError("a program must have at least one descriptor")
        if timeout_cycles is None:
            timeout_cycles = 16 * program.estimated_cycles + 1_000_000
        with self._upload(np.frombuffer(code, np.uint8), "the program") as buffer:
            self._start(buffer.address, len(code) // DESCRIPTOR_BYTES)
            self.transport.wait_interrupt(timeout_cycles)
            self._finish(timeout_cycles)
        counters = {}
        if self.config.build.counters:
            counters = {name: self._read(name) for name in COUNTERS}
        return Report(program.macs, self.config.peak_macs, counters)

    def gemm(
        self,
        a: ArrayLike,
        b: ArrayLike,
        *,
        bias: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        zero_point: int = 0,
        a_zero_point: int = 0,
        raw: bool | None = None,
        relu: bool = False,
        unsigned: bool = False,
        tiling: Tiling | None = None,
        timeout_cycles: int | None = None,
        on_report: Callable[[Report], None] | None = None,
    ) -> NDArray[Any]:
        """``act(scale * ((a - a_zero_point) @ b + bias)) + zero_point``, a and b as NumPy sees them.

        Without ``scale`` the result is int32 (``raw``); with one, or one a column, it is rounded
        half to even and saturated to int8, or to uint8 with ``unsigned``. Sums wrap modulo
        ``2**acc_width``. ``tiling`` replaces the driver's own. ``on_report`` is given the report.
        """
        raw = scale is None if raw is None else raw
        check_output(raw, scale is not None, zero_point, unsigned)
        activations, weights = check_activations(self.config, a), check_weights(self.config, b)
        n = weights.shape[1]
        shift = a_zero_point
        if activations.dtype.kind == "u":
            shift -= 1 << (self.config.precision.a_width - 1)
        scales = check_scales(1.0 if scale is None else scale, n)
        with ExitStack() as stack:
            table: Table | None = None
            if bias is not None or shift or (scale is not None and np.ndim(scale)):
                folded = fold_zero_point(weights, bias, shift)
                table = stack.enter_context(self.upload_table(folded, scales, n=n))
            on_a = stack.enter_context(self.upload_a(activations))
            on_b = stack.enter_context(self.upload_b(weights))
            program = self.program()
            common = None if raw or table is not None else float(scales[0])
            result = program.gemm(
                on_a,
                on_b,
                table=table,
                scale=common,
                zero_point=zero_point,
                raw=raw,
                relu=relu,
                unsigned=unsigned,
                tiling=tiling,
            )
            stack.enter_context(result)
            report = self.run(program, timeout_cycles)
            if on_report is not None:
                on_report(report)
            return self.download(result)

    def reset(self) -> None:
        """Soft reset: the device finishes its bus transactions and forgets all work."""
        self._write("CONTROL", _BIT["CONTROL", "RESET"])
        wait_reset(self.transport)

    def end_context(self) -> None:
        """End this use of the device: nothing of it is left there, and its windows are closed.

        Device memory is the host's to clear. Only with ``privileged``.
        """
        if self.isolation is None:
            raise OperandError("only a privileged driver may end a context, and this one is not")
        self.isolation.end_context()

    # Registers.

    def _read(self, name: str) -> int:
        return self.transport.read_register(_OFFSET[name])

    def _read_pair(self, name: str) -> int:
        return self._read(f"{name}_LO") | self._read(f"{name}_HI") << 32

    def _write(self, name: str, value: int) -> None:
        self.transport.write_register(_OFFSET[name], value)

    def _check_identity(self) -> None:
        for name, expected in constants(self.config).items():
            value = self._read(name)
            if value != expected:
                raise IdentificationError(
                    f"register {name} must read {expected:#010x} for {self.config.name}, "
                    f"not {value:#010x}"
                )

    def _upload(self, octets: NDArray[np.uint8], what: str) -> Buffer:
        buffer = self.memory.allocate(octets.size, what)
        self.transport.write_memory(buffer.address, octets)
        return buffer

    def _settle(self) -> None:
        """Make the device idle, whatever somebody left it at."""
        status = self._read("STATUS")
        if status & (_BIT["STATUS", "BUSY"] | _BIT["STATUS", "ERROR"]):
            self.reset()
        elif status & _BIT["STATUS", "RESETTING"]:
            wait_reset(self.transport)

    def _start(self, address: int, count: int) -> None:
        self._settle()
        self._write("PROGRAM_LO", address & 0xFFFF_FFFF)
        self._write("PROGRAM_HI", address >> 32)
        self._write("PROGRAM_COUNT", count)
        self._write("IRQ_CAUSE", _IRQ_BITS)
        self._write("IRQ_ENABLE", _IRQ_BITS)
        self._write("CONTROL", _BIT["CONTROL", "START"])

    def _finish(self, timeout_cycles: int) -> None:
        # STATUS decides, not the wait: the program may have ended just after the time.
        status = self._read("STATUS")
        self._write("IRQ_CAUSE", _IRQ_BITS)
        if status & _BIT["STATUS", "ERROR"]:
            error = hardware_error(
                self._read("ERROR_CODE"), self._read("ERROR_INDEX"), self._read_pair("ERROR_ADDR")
            )
            self.reset()
            raise error
        if status & _BIT["STATUS", "BUSY"] or not status & _BIT["STATUS", "DONE"]:
            completed = self._read("COMPLETED")
            self.reset()
            raise DriverTimeout(
                f"the program must end within {timeout_cycles} cycles, but STATUS is {status:#x} "
                f"({_state(status)}) with {completed} descriptors complete",
                status=status,
                completed=completed,
            )


def _state(status: int) -> str:
    names = [
        name for (register, name), bit in _BIT.items() if register == "STATUS" and status & bit
    ]
    return ", ".join(names).lower() or "idle"
