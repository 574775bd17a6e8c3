# SPDX-License-Identifier: Apache-2.0
"""The machine as the host sees it: descriptors and matrices in, results in the same memory."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from matwright.bus.window import Window
from matwright.config import AcceleratorConfig, ceil_div
from matwright.layout import (
    a_row_bytes,
    b_stride,
    d_stride,
    pack_d,
    table_bytes,
    unpack_a,
    unpack_b,
    unpack_table,
)
from matwright.schedule.descriptor import (
    DESCRIPTOR_BYTES,
    Descriptor,
    Error,
    Flag,
    Opcode,
    reserved_mask,
)

from .gemm import gemm

__all__ = ["GoldenMachine", "Outcome", "check", "regions"]

Bytes = NDArray[np.uint8]


class Outcome(NamedTuple):
    """How a program ended: what the registers COMPLETED and ERROR_* then read."""

    completed: int
    """Descriptors whose results are all in memory."""
    error: Error
    """``Error.NONE`` if the program is complete."""
    error_index: int
    """Index of the descriptor at fault, 0 without error."""
    error_addr: int
    """Address of the descriptor at fault; for a bus error that of the first beat outside of memory;
    0 without error."""


class GoldenMachine:
    """Runs descriptors on a memory image, one whole GEMM after the other.

    ``memory`` is a flat ``uint8`` array; its byte 0 is at address 0, and :meth:`run` changes it in
    place. ``windows`` are those that are open, by default one that holds all addresses. A beat that the
    machine reads or writes and that is not wholly in memory is a bus error; nothing of that
    descriptor is then written.

    This is the machine with every descriptor fenced: a program whose descriptors read what earlier
    ones write needs FENCE to get these results. Rows of D that overlap each other, and D that
    overlaps the operands of its own descriptor, have no defined result.

    In hardware, a bus error is seen when the beat is answered: what is complete then, and which of
    several such beats is reported, are a matter of timing.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        memory: Bytes,
        windows: Sequence[Window] | None = None,
    ) -> None:
        if memory.dtype != np.uint8 or memory.ndim != 1:
            raise TypeError(
                f"memory must be a flat uint8 array, not {memory.dtype} of shape {memory.shape}"
            )
        self.config = config
        self.memory = memory
        if windows is None:
            windows = [Window(0, (1 << config.bus.addr_width) - 1)]
        for window in windows:
            if window.limit >> config.bus.addr_width:
                raise ValueError(
                    f"a window must end below {1 << config.bus.addr_width:#x}, not at {window.limit:#x}"
                )
        self.windows = tuple(windows)

    def run(self, program_addr: int, count: int) -> Outcome:
        """Run ``count`` descriptors from ``program_addr`` on, to the end or the first error."""
        if count < 0:
            raise ValueError(f"count must be at least 0, not {count}")
        if count and program_addr % DESCRIPTOR_BYTES:
            return Outcome(0, Error.ALIGNMENT, 0, self._wrap(program_addr))
        if count and program_addr >> self.config.bus.addr_width:
            return Outcome(0, Error.ADDRESS, 0, self._wrap(program_addr))
        for index in range(count):
            addr = program_addr + index * DESCRIPTOR_BYTES
            if not self.is_open(addr, addr + DESCRIPTOR_BYTES - 1, "read"):
                return Outcome(index, Error.WINDOW, index, self._wrap(addr))
            error, error_addr = self._run_one(addr)
            if error != Error.NONE:
                return Outcome(index, error, index, error_addr)
        return Outcome(count, Error.NONE, 0, 0)

    def _run_one(self, addr: int) -> tuple[Error, int]:
        try:
            data = self._read(addr, 1, DESCRIPTOR_BYTES, 0).tobytes()
            error = check(self.config, data)
            if error != Error.NONE:
                return error, addr
            descriptor = Descriptor.unpack(data)
            if not all(self.is_open(*region) for region in regions(self.config, descriptor)):
                return Error.WINDOW, addr
            self._gemm(descriptor)
        except _BusError as fault:
            return fault.error, fault.addr
        return Error.NONE, 0

    def _gemm(self, d: Descriptor) -> None:
        config, flags = self.config, Flag(d.flags)
        # What the machine reads of A is the beats of its panels, of B whole tiles, of the table whole panels.
        k_panels = ceil_div(d.k, config.rows)
        a_bytes, b_bytes = a_row_bytes(config, d.k), b_stride(config, d.n)
        a = unpack_a(
            config,
            self._read(d.a_addr, d.m, a_bytes, d.a_stride),
            d.m,
            d.k,
            a_bytes,
            unsigned=Flag.A_UNSIGNED in flags,
        )
        b = unpack_b(config, self._read(d.b_addr, k_panels, b_bytes, d.b_stride), d.k, d.n, b_bytes)
        bias: Any = None
        words: Any = d.params & 0xFFFF_FFFF
        if Flag.TABLE in flags:
            table = self._read(d.params, 1, table_bytes(config, d.n), 0)
            bias, words = unpack_table(config, table, d.n)
        raw = Flag.RAW in flags
        result = gemm(
            config.precision,
            a,
            b,
            bias=bias,
            scale_words=words,
            zero_point=d.zero_point,
            raw=raw,
            relu=Flag.RELU in flags,
            a_unsigned=Flag.A_UNSIGNED in flags,
            d_unsigned=Flag.D_UNSIGNED in flags,
        )
        self._write(d, result, raw)

    # Memory.

    def is_open(self, base: int, limit: int, permission: str) -> bool:
        """Whether bytes ``base`` to ``limit`` lie in one window that permits to ``read`` or ``write``."""
        return any(window.holds(base, limit, permission) for window in self.windows)

    def _wrap(self, addr: int) -> int:
        return addr & ((1 << self.config.bus.addr_width) - 1)

    def _places(
        self, addr: int, rows: int, length: int, stride: int, error: Error
    ) -> NDArray[np.int64]:
        """Index into memory of ``rows`` runs of ``length`` bytes, ``stride`` apart."""
        mask = (1 << self.config.bus.addr_width) - 1
        start = np.arange(rows, dtype=np.int64) * stride + addr
        places = (start[:, None] + np.arange(length, dtype=np.int64)) & mask
        outside = places.reshape(-1) >= self.memory.size
        if outside.any():
            first = int(places.reshape(-1)[outside.argmax()])
            raise _BusError(error, first - first % self.config.bus.bytes)
        return places

    def _read(self, addr: int, rows: int, length: int, stride: int) -> Bytes:
        end = addr + (rows - 1) * stride + length
        if end <= min(self.memory.size, 1 << self.config.bus.addr_width):
            return as_strided(self.memory[addr:], (rows, length), (stride, 1)).reshape(-1)
        return self.memory[self._places(addr, rows, length, stride, Error.READ_RESPONSE)].reshape(
            -1
        )

    def _write(self, d: Descriptor, result: NDArray[Any], raw: bool) -> None:
        config = self.config
        length = d_stride(config, d.n, raw)
        places = self._places(d.d_addr, d.m, length, d.d_stride, Error.WRITE_RESPONSE)
        image = pack_d(config, result, raw=raw).reshape(d.m, length)
        # A row of elements that are all ones shows which bytes are elements.
        element = pack_d(config, np.full((1, d.n), -1), raw=raw) != 0
        self.memory[places[:, element]] = image[:, element]


def regions(config: AcceleratorConfig, d: Descriptor) -> list[tuple[int, int, str]]:
    """First byte, last byte and permission of all that a descriptor reads and writes, in beats."""
    k_panels = ceil_div(d.k, config.rows)
    raw = bool(d.flags & Flag.RAW)
    found = [
        (d.a_addr, (d.m - 1) * d.a_stride + a_row_bytes(config, d.k), "read"),
        (d.b_addr, (k_panels - 1) * d.b_stride + b_stride(config, d.n), "read"),
        (d.d_addr, (d.m - 1) * d.d_stride + d_stride(config, d.n, raw), "write"),
    ]
    if d.flags & Flag.TABLE:
        found.append((d.params, table_bytes(config, d.n), "read"))
    return [(addr, addr + size - 1, permission) for addr, size, permission in found]


def check(config: AcceleratorConfig, data: bytes) -> Error:
    """The first check of its fields that the 64 bytes of a descriptor fail, or ``Error.NONE``.

    Windows are not looked at."""
    d = Descriptor.unpack(data)
    limits, sram, beat = config.limits, config.sram, config.bus.bytes
    flags = Flag(d.flags)
    if d.opcode != Opcode.GEMM:
        return Error.OPCODE
    if int.from_bytes(data, "little") & reserved_mask():
        return Error.RESERVED
    sizes = ((d.m, limits.max_m), (d.n, limits.max_n), (d.k, limits.max_k))
    if any(not 1 <= size <= limit for size, limit in sizes):
        return Error.SIZE
    per_word = config.panels_per_activation_word
    if (
        d.tile_rows < 1
        or 1 << d.n_panels_log2 > sram.column_panels
        or d.tile_rows << d.n_panels_log2 > sram.accumulator_rows
        or 1 << d.k_panels_log2 < per_word
        or d.tile_rows * ((1 << d.k_panels_log2) // per_word) > config.activation_words
        or (d.n > config.cols << d.n_panels_log2 and config.col_pitch << d.n_panels_log2 < beat)
    ):
        return Error.TILE
    aligned = [d.a_addr, d.b_addr, d.d_addr, d.a_stride, d.b_stride, d.d_stride]
    addresses = [d.a_addr, d.b_addr, d.d_addr]
    if Flag.TABLE in flags:
        aligned.append(d.params)
        addresses.append(d.params)
    if any(value % beat for value in aligned):
        return Error.ALIGNMENT
    if any(addr >> config.bus.addr_width for addr in addresses):
        return Error.ADDRESS
    return Error.NONE


class _BusError(Exception):
    """A beat outside of memory."""

    def __init__(self, error: Error, addr: int) -> None:
        super().__init__(f"{error.name} at {addr:#x}")
        self.error = error
        self.addr = addr
