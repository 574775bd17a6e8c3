# SPDX-License-Identifier: Apache-2.0
"""Device memory, handed out in buffers."""

from bisect import insort
from types import TracebackType
from typing import Self

from .errors import OutOfMemory

__all__ = ["Allocator", "Buffer"]


class Buffer:
    """``size`` bytes of device memory from ``address`` until :meth:`free` or the end of ``with``.

    Freeing twice does nothing.
    """

    def __init__(self, allocator: "Allocator", address: int, size: int) -> None:
        self._allocator = allocator
        self.address = address
        self.size = size
        self.freed = False

    def free(self) -> None:
        """Give the bytes back."""
        if not self.freed:
            self.freed = True
            self._allocator.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.free()

    def __repr__(self) -> str:
        state = ", freed" if self.freed else ""
        return f"Buffer({self.address:#x}, {self.size} bytes{state})"


class Allocator:
    """First fit over the addresses ``start`` to ``stop`` - 1.

    Every buffer starts at a multiple of ``alignment`` and takes whole multiples of it. Neighbours
    that are free are one piece.
    """

    def __init__(self, start: int, stop: int, alignment: int) -> None:
        self.alignment = alignment
        first = -(-start // alignment) * alignment
        last = stop // alignment * alignment
        self._free: list[tuple[int, int]] = [(first, last - first)] if last > first else []

    @property
    def free_bytes(self) -> int:
        """Bytes that are free, in all pieces together."""
        return sum(size for _, size in self._free)

    @property
    def largest_free(self) -> int:
        """Bytes of the largest free piece."""
        return max((size for _, size in self._free), default=0)

    def allocate(self, size: int, what: str = "a buffer") -> Buffer:
        """Buffer of at least ``size`` bytes; ``what`` names it in the error."""
        need = max(1, -(-size // self.alignment)) * self.alignment
        for i, (address, length) in enumerate(self._free):
            if length >= need:
                rest = [(address + need, length - need)] if length > need else []
                self._free[i : i + 1] = rest
                return Buffer(self, address, need)
        raise OutOfMemory(
            f"device memory must have {need} bytes free in one piece for {what}, "
            f"not {self.largest_free} ({self.free_bytes} in all)"
        )

    def release(self, buffer: Buffer) -> None:
        """Take a buffer back; called by :meth:`Buffer.free`."""
        insort(self._free, (buffer.address, buffer.size))
        merged: list[tuple[int, int]] = []
        for address, size in self._free:
            if merged and sum(merged[-1]) == address:
                merged[-1] = (merged[-1][0], merged[-1][1] + size)
            else:
                merged.append((address, size))
        self._free = merged
