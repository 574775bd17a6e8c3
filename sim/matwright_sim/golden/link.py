# SPDX-License-Identifier: Apache-2.0
"""What the link of docs/reference/link.md is: frames, answers, and a device, in bytes and bit times."""

from collections.abc import Callable, MutableSequence
from dataclasses import dataclass

__all__ = [
    "GAP",
    "LINK",
    "MEMORY",
    "OK",
    "PAYLOAD",
    "REFUSED",
    "REGISTERS",
    "LinkDevice",
    "Reply",
    "crc",
    "parse_answer",
    "request",
]

GAP = 1024
"""Bit times of silence that end whatever was going on."""

MEMORY, REGISTERS, LINK = 0, 1, 2
OK, PAYLOAD, REFUSED = 0, 1, 2

_REGISTER_BYTES = 0x2000


def crc(data: bytes) -> bytes:
    """CRC-16/MCRF4XX as it is sent, by long division over GF(2).

    The message, bits in the order of the line, its first 16 inverted, is a polynomial; the CRC is what
    remains of it times x**16 modulo x**16 + x**12 + x**5 + 1.
    """
    bits = [byte >> i & 1 for byte in data for i in range(8)] + [0] * 16
    for i in range(16):
        bits[i] ^= 1
    for i in range(len(bits) - 16):
        if bits[i]:
            for tap in (0, 16 - 12, 16 - 5, 16):
                bits[i + tap] ^= 1
    rest = bits[-16:]
    return bytes(sum(bit << i for i, bit in enumerate(rest[at : at + 8])) for at in (0, 8))


def request(
    space: int, address: int, number: int, *, words: int = 1, payload: bytes | None = None
) -> bytes:
    """Frame that reads ``words``, or writes ``payload``."""
    if payload is not None:
        words = len(payload) // 4
    command = space << 1 | (payload is not None)
    header = bytes([command, number, words - 1]) + address.to_bytes(4, "little")
    frame = b"\xa5" + header + crc(header)
    return frame if payload is None else frame + payload + crc(payload)


@dataclass(frozen=True)
class Reply:
    """What an answer says."""

    status: int
    number: int
    done: int
    payload: bytes


def parse_answer(answer: bytes) -> Reply:
    """The parts of an answer; ValueError if it is none, or damaged."""
    if len(answer) < 6 or answer[0] != 0x5A:
        raise ValueError(f"an answer must begin with 5a and have 6 bytes, not {answer.hex(' ')}")
    if crc(answer[1:-2]) != answer[-2:]:
        raise ValueError(f"the CRC of an answer must be right, and is not in {answer.hex(' ')}")
    return Reply(answer[1], answer[2], answer[3], answer[4:-2])


class LinkDevice:
    """The device: takes bytes and pauses, gives answers.

    ``memory`` is changed in place. ``read`` and ``write`` are for its registers: None, or False, is an
    error answer of the bus. ``irq`` is what the link page shows. ``done`` is the number of the last write
    that was done; while ``deaf`` nothing is heard.
    """

    def __init__(
        self,
        memory: MutableSequence[int],
        read: Callable[[int], int | None],
        write: Callable[[int, int], bool],
        *,
        clock_hz: int,
        bits_per_second: int,
    ) -> None:
        self.memory = memory
        self.read, self.write = read, write
        self.irq = 0
        self.done = 0
        self._clock_hz, self._bits_per_second = clock_hz, bits_per_second
        self._frame: list[int] = []
        self.deaf = False

    @property
    def waiting(self) -> bool:
        """Whether the first bytes of a frame are here."""
        return bool(self._frame)

    def pause(self, bit_times: float) -> None:
        """The line was idle."""
        if bit_times >= GAP:
            self._frame = []
            self.deaf = False

    def broken(self) -> None:
        """A byte without a stop bit."""
        self._frame = []
        self.deaf = True

    def byte(self, value: int) -> bytes:
        """A byte; what is answered to it, mostly nothing."""
        if self.deaf or (not self._frame and value != 0xA5):
            return b""
        self._frame.append(value)
        frame = bytes(self._frame)
        if len(frame) < 10:
            return b""
        header = frame[1:8]
        if crc(header) != frame[8:10]:
            self.broken()
            return b""
        command, number, words = header[0], header[1], header[2] + 1
        address = int.from_bytes(header[3:], "little")
        refused = self._refuses(command, address, words)
        if not command & 1:
            return self._read(command, number, address, words, refused)
        payload = frame[10:]
        size = 4 * words
        repeated = number == self.done
        whole = 0 < len(payload) <= size and len(payload) % 4 == 0
        if whole and command >> 1 == MEMORY and not refused and not repeated:
            at = address + len(payload)
            self.memory[at - 4 : at] = payload[-4:]
        if len(payload) < size + 2:
            return b""
        if refused:
            return self._answer(REFUSED, number)
        if crc(payload[:size]) != payload[size:]:
            return self._answer(PAYLOAD, number)
        value = int.from_bytes(payload[:4], "little")
        if command >> 1 == REGISTERS and not repeated and not self.write(address, value):
            return self._answer(REFUSED, number)
        self.done = number
        return self._answer(OK, number)

    def _refuses(self, command: int, address: int, words: int) -> bool:
        write, space = command & 1, command >> 1
        sizes = {MEMORY: len(self.memory), REGISTERS: _REGISTER_BYTES, LINK: 24}
        if space not in sizes or (write and space == LINK):
            return True
        if write and space == REGISTERS and words > 1:
            return True
        return bool(address % 4) or address + 4 * words > sizes[space]

    def _read(self, command: int, number: int, address: int, words: int, refused: bool) -> bytes:
        if refused:
            return self._answer(REFUSED, number)
        places = range(address, address + 4 * words, 4)
        space = command >> 1
        if space == MEMORY:
            return self._answer(OK, number, bytes(self.memory[address : address + 4 * words]))
        page = (0x4B4C574D, 1, len(self.memory), self._clock_hz, self.irq, self._bits_per_second)
        values = [self.read(at) if space == REGISTERS else page[at // 4] for at in places]
        if values[0] is None:
            return self._answer(REFUSED, number)
        words_read = b"".join((value or 0).to_bytes(4, "little") for value in values)
        return self._answer(OK, number, words_read)

    def _answer(self, status: int, number: int, payload: bytes = b"") -> bytes:
        self._frame = []
        body = bytes([status, number, self.done]) + payload
        return b"\x5a" + body + crc(body)
