# SPDX-License-Identifier: Apache-2.0
"""A board without hardware, and a line to it on which bytes get lost, damaged, doubled and late.

Both are written from the description of the link and share nothing with the transport. Time is a number
that reads and sleeps advance, so no test waits.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

__all__ = ["BITS_PER_SECOND", "CLOCK_HZ", "Backend", "Line", "ModelBoard", "Noise", "Plain", "crc"]

BITS_PER_SECOND = 1_000_000
CLOCK_HZ = 8_000_000
GAP = 1024

Noise = Callable[[int], list[tuple[int, float]]]
"""What becomes of a byte on the line: bytes, each with the seconds that it waits."""


def crc(data: bytes) -> bytes:
    """CRC-16/MCRF4XX, bit by bit."""
    value = 0xFFFF
    for octet in data:
        for i in range(8):
            bit = (octet >> i ^ value) & 1
            value = value >> 1 ^ 0x8408 * bit
    return bytes([value & 0xFF, value >> 8])


class Backend(Protocol):
    """What is behind the link: a transport, such as the golden one."""

    @property
    def memory_size(self) -> int: ...
    def read_memory(self, address: int, size: int) -> Any: ...
    def write_memory(self, address: int, data: bytes) -> None: ...
    def read_register(self, offset: int) -> int: ...
    def write_register(self, offset: int, value: int) -> None: ...
    def wait_interrupt(self, timeout_cycles: int) -> bool: ...


class Plain:
    """Memory, registers that hold what is written, and a list of those writes."""

    def __init__(self, memory_size: int = 1 << 14) -> None:
        self.memory = bytearray(memory_size)
        self.registers = dict.fromkeys(range(0, 0x2000, 4), 0)
        self.written: list[tuple[int, int]] = []
        self.irq_at = float("inf")
        self.now: Callable[[], float] = lambda: 0.0

    @property
    def memory_size(self) -> int:
        return len(self.memory)

    def read_memory(self, address: int, size: int) -> bytes:
        return bytes(self.memory[address : address + size])

    def write_memory(self, address: int, data: bytes) -> None:
        self.memory[address : address + len(data)] = data

    def read_register(self, offset: int) -> int:
        return self.registers[offset]

    def write_register(self, offset: int, value: int) -> None:
        self.read_register(offset)
        self.registers[offset] = value
        self.written.append((offset, value))

    def wait_interrupt(self, timeout_cycles: int) -> bool:
        return self.now() >= self.irq_at


class ModelBoard:
    """The board's end of the link: bytes and their times in, answers out."""

    def __init__(self, backend: Backend, *, bits_per_second: int = BITS_PER_SECOND) -> None:
        self.backend = backend
        self.bit = 1 / bits_per_second
        self.link = {
            0x00: 0x4B4C_574D,
            0x04: 1,
            0x08: backend.memory_size,
            0x0C: CLOCK_HZ,
            0x14: bits_per_second,
        }
        self.done = 0
        self.answers = 0
        self._frame = bytearray()
        self._ignores = False
        self._silent_since = 0.0
        self._busy_until = 0.0

    def receive(self, octet: int, begin: float) -> tuple[float, bytes]:
        """A byte that begins at ``begin``: when the answer begins, and the answer, mostly none."""
        end = begin + 10 * self.bit
        if begin - self._silent_since >= GAP * self.bit:
            self._frame.clear()
            self._ignores = False
        self._silent_since = end
        # Half duplex: what comes while it speaks is not heard.
        if (
            begin < self._busy_until - self.bit
            or self._ignores
            or (not self._frame and octet != 0xA5)
        ):
            return end, b""
        self._frame.append(octet)
        answer = self._act()
        if answer:
            self._frame.clear()
            self.answers += 1
            self._busy_until = end + 10 * self.bit * len(answer)
        return end, answer

    def _act(self) -> bytes:
        frame = bytes(self._frame)
        if len(frame) == 10 and crc(frame[1:8]) != frame[8:10]:
            self._ignores = True
            self._frame.clear()
        if len(frame) < 10 or self._ignores:
            return b""
        write, space = frame[1] & 1, frame[1] >> 1
        number, words = frame[2], frame[3] + 1
        address = int.from_bytes(frame[4:8], "little")
        if not write:
            values = self._read(space, address, words)
            return self._answer(2 if values is None else 0, number, values or b"")
        payload = frame[10:]
        good = address % 4 == 0 and address + 4 * words <= self.backend.memory_size
        got = len(payload) - 4
        if space == 0 and got % 4 == 0 and 0 <= got < 4 * words and number != self.done and good:
            self.backend.write_memory(address + got, payload[got:])
        if len(payload) < 4 * words + 2:
            return b""
        if crc(payload[:-2]) != payload[-2:]:
            return self._answer(1, number, b"")
        if number == self.done:
            return self._answer(0, number, b"")
        if not (good if space == 0 else self._write(space, address, words, payload)):
            return self._answer(2, number, b"")
        self.done = number
        return self._answer(0, number, b"")

    def _read(self, space: int, address: int, words: int) -> bytes | None:
        places = range(address, address + 4 * words, 4)
        try:
            if address % 4 or space > 2 or (space == 0 and places.stop > self.backend.memory_size):
                return None
            if space == 0:
                return bytes(self.backend.read_memory(address, 4 * words))
            if space == 2:
                irq = {0x10: int(self.backend.wait_interrupt(1))} if 0x10 in places else {}
                values = [(self.link | irq)[at] for at in places]
            else:
                values = [self.backend.read_register(at) for at in places]
        except KeyError:
            return None
        return np.array(values, "<u4").tobytes()

    def _write(self, space: int, address: int, words: int, payload: bytes) -> bool:
        if space != 1 or words != 1:
            return False
        try:
            self.backend.write_register(address, int.from_bytes(payload[:4], "little"))
        except KeyError:
            return False
        return True

    def _answer(self, status: int, number: int, words: bytes) -> bytes:
        body = bytes([status, number, self.done]) + words
        return b"\x5a" + body + crc(body)


def clean(octet: int) -> list[tuple[int, float]]:
    """No noise."""
    return [(octet, 0.0)]


class Line:
    """A serial port as pyserial makes them, with a board at its end. ``now`` is the time."""

    timeout = 0.005

    def __init__(self, board: ModelBoard, to_board: Noise = clean, to_host: Noise = clean) -> None:
        self.board = board
        self.to_board, self.to_host = to_board, to_host
        self.now = 0.0
        self.closed = False
        self._free = self._free_back = 0.0
        self._coming: deque[tuple[float, int]] = deque()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def write(self, data: bytes) -> None:
        assert not self.closed
        begin = max(self.now, self._free)
        for octet in data:
            for came, late in self.to_board(octet):
                begin += late
                at, answer = self.board.receive(came, begin)
                begin += 10 * self.board.bit
                self._come(at, answer)
        self._free = begin

    def _come(self, at: float, answer: bytes) -> None:
        self._free_back = max(self._free_back, at)
        for octet in answer:
            for came, late in self.to_host(octet):
                self._free_back += 10 * self.board.bit + late
                self._coming.append((self._free_back, came))

    @property
    def in_waiting(self) -> int:
        return sum(at <= self.now for at, _ in self._coming)

    def read(self, size: int) -> bytes:
        assert not self.closed
        end = self.now + self.timeout
        got = bytearray()
        while len(got) < size:
            if not self._coming or self._coming[0][0] > end:
                self.now = end
                break
            at, octet = self._coming.popleft()
            self.now = max(self.now, at)
            got.append(octet)
        return bytes(got)

    def close(self) -> None:
        self.closed = True
