# SPDX-License-Identifier: Apache-2.0
"""A board at a serial port, as a :class:`.Transport`.

A frame of the host is a header of 10 bytes and, of a write, the words; the board answers each one. All
is checked by a CRC, and a frame whose answer is damaged, late or missing is sent again under the same
number, by which the board knows a write that it has already done: what is read is right and a register
is written once, or there is an exception. docs/reference/link.md has the frames. A CRC of 16 bits misses
one in 65,536 damages that spread over more than 16 bits, and none that do not.
"""

import errno
import termios
import time
from binascii import crc_hqx
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from matwright.system.link import (
    ANSWER,
    GAP,
    MAGIC,
    REQUEST,
    VERSION,
    WRITE,
    Space,
    Status,
)

from .errors import IdentificationError, LinkError, OperandError

__all__ = ["BAUD", "MOST_WORDS", "RETRIES", "SerialTransport"]

BAUD = 1_000_000
"""Bits per second, unless others are asked for."""

RETRIES = 8
"""How often a frame is sent again before the line is given up."""

MOST_WORDS = 256
"""Most words in a frame."""

_MARGIN = 0.3
"""Seconds that an answer may be late: adapters, the operating system, a simulation that is slow."""

_QUIET = 0.05
"""Seconds of silence beyond the link's gap after which nothing old is on its way any more."""

_NOISY = 2.0
"""Seconds after which silence is no longer waited for."""

_TICK = 0.005
"""Seconds after which the port returns from a read, with what it has."""

_MOST_PAUSE = 0.05
"""Seconds between two looks at the interrupt, at most."""

_SPACES = {space.name.lower(): space.value for space in Space}
_STATUSES = {status.value: status for status in Status}
_WORD = 4

_IRQ = 0x10

_MIRRORED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))


def _crc(data: bytes) -> bytes:
    """CRC-16/MCRF4XX of ``data``, low byte first: as it is sent.

    https://reveng.sourceforge.io/crc-catalogue/16.htm#crc.cat.crc-16-mcrf4xx; ``crc_hqx`` is the same
    polynomial for bits that come in the other order.
    """
    mirrored = crc_hqx(data.translate(_MIRRORED), 0xFFFF)
    return mirrored.to_bytes(2, "big").translate(_MIRRORED)


class _DamageError(Exception):
    """What came is no answer to what was sent; the message completes "but"."""


class SerialTransport:
    """Transport to the board at ``port``: a device, a pseudo-terminal or a URL that pyserial knows.

    ``baud`` is the bits per second for which the board is built. Raises :class:`LinkError` when the port
    cannot be opened, nobody answers, the board refuses an address, the line is too bad or the board was
    reset in between; :class:`IdentificationError` when what answers is no Matwright board of this
    version. :meth:`close` gives the port back.
    """

    def __init__(self, port: str, *, baud: int = BAUD) -> None:
        if baud < 1:
            raise OperandError(f"baud must be at least 1 bit per second, not {baud}")
        self._name = port
        self._baud = self._rate = baud
        self._number_used = 0
        # Numbers of which one is the last write that the board has done.
        self._done = set(range(256))
        self._frames = self._retries = self._sent = self._received = 0
        self._port: Any = _opened(port, baud)
        try:
            self._read_link_page()
        except BaseException:
            self.close()
            raise

    def _read_link_page(self) -> None:
        with self._kept():
            self._quiet()
        try:
            magic, version = (int(word) for word in self._words("link", 0, 2))
        except LinkError as error:
            if self._frames or not self._received:
                raise
            raise LinkError(
                f"what is at {self._name} must answer as a Matwright board of {self._baud} bits per "
                "second, but what it sends is no answer of one"
            ) from error
        if magic != MAGIC:
            raise IdentificationError(
                f"a Matwright board must call itself {MAGIC:#010x}, and what is at {self._name} "
                f"calls itself {magic:#010x}"
            )
        if version != VERSION:
            raise IdentificationError(
                f"the board at {self._name} must speak version {VERSION} of the link, not {version}"
            )
        size, clock, _, rate = (int(word) for word in self._words("link", 8, 4))
        self._memory_size, self._clock_hz, self._bits_per_second = size, clock, rate
        # The board knows better than the port how fast it is: a pseudo-terminal has no speed.
        self._rate = max(1, min(self._baud, rate))

    def close(self) -> None:
        """Give the port back. Closing twice is allowed."""
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    # What the board says of itself, and what the line has cost.

    @property
    def memory_size(self) -> int:
        return self._memory_size

    @property
    def clock_hz(self) -> int:
        """The board's clock."""
        return self._clock_hz

    @property
    def bits_per_second(self) -> int:
        """The board's speed, which is not quite the port's: clocks divide into whole cycles a bit."""
        return self._bits_per_second

    @property
    def frames(self) -> int:
        """Frames that were answered."""
        return self._frames

    @property
    def retries(self) -> int:
        """Frames that were sent again."""
        return self._retries

    @property
    def bytes_sent(self) -> int:
        """Bytes to the board, those of retries included."""
        return self._sent

    @property
    def bytes_received(self) -> int:
        """Bytes from the board, those of damaged answers included."""
        return self._received

    # As a transport.

    def read_memory(self, address: int, size: int) -> NDArray[np.uint8]:
        """``size`` bytes from ``address``, which may be any."""
        self._check_memory(address, size)
        first, last = _whole(address, size) if size else (0, 0)
        words = self._words("memory", first, (last - first) // _WORD)
        return words.astype("<u4").view(np.uint8)[address - first :][:size].copy()

    def write_memory(self, address: int, data: bytes | NDArray[np.uint8]) -> None:
        """Write ``data`` at ``address``, which may be any: words that it covers in part are read first."""
        octets = np.frombuffer(data, np.uint8)
        self._check_memory(address, octets.size)
        if not octets.size:
            return
        first, last = _whole(address, octets.size)
        whole: NDArray[np.uint8] = np.zeros(last - first, np.uint8)
        if address % _WORD:
            whole[:_WORD] = self.read_memory(first, _WORD)
        if (address + octets.size) % _WORD:
            whole[-_WORD:] = self.read_memory(last - _WORD, _WORD)
        whole[address - first :][: octets.size] = octets
        block = _WORD * MOST_WORDS
        for at in range(0, whole.size, block):
            self._exchange("memory", first + at, payload=whole[at : at + block].tobytes())

    def read_register(self, offset: int) -> int:
        return int(self._words("registers", offset, 1)[0])

    def write_register(self, offset: int, value: int) -> None:
        if not 0 <= value < 1 << 32:
            raise OperandError(f"a register's value must be of 32 bits, not {value}")
        self._exchange("registers", offset, payload=value.to_bytes(_WORD, "little"))

    def wait_interrupt(self, timeout_cycles: int) -> bool:
        end = time.monotonic() + timeout_cycles / max(1, self._clock_hz)
        pause = 0.0
        while not self._words("link", _IRQ, 1)[0] & 1:
            left = end - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(2 * pause + 0.001, _MOST_PAUSE)
        return True

    # Frames.

    def _check_memory(self, address: int, size: int) -> None:
        if not 0 <= address <= address + size <= self._memory_size:
            raise OperandError(
                f"what is read or written must lie in the {self._memory_size} bytes of the board's "
                f"memory, not {size} bytes at {address:#x}"
            )

    def _words(self, space: str, address: int, count: int) -> NDArray[np.uint32]:
        """``count`` words, in as many frames as it takes."""
        answers = []
        for at in range(0, count, MOST_WORDS):
            answers.append(self._exchange(space, address + at * _WORD, min(count - at, MOST_WORDS)))
        return np.frombuffer(b"".join(answers), "<u4").astype(np.uint32)

    def _exchange(self, space: str, address: int, words: int = 0, payload: bytes = b"") -> bytes:
        """One frame and its answer: a read of ``words``, or a write of ``payload``."""
        write, words = bool(payload), words or len(payload) // _WORD
        number = self._number(write)
        header = bytes([_SPACES[space] << 1 | WRITE * write, number, words - 1])
        header += address.to_bytes(4, "little")
        frame = bytes([REQUEST]) + header + _crc(header)
        if write:
            frame += payload + _crc(payload)
        why = ""
        for attempt in range(RETRIES + 1):
            try:
                with self._kept():
                    if attempt or self._port.in_waiting:
                        self._quiet()
                    self._retries += bool(attempt)
                    self._port.write(frame)
                    self._sent += len(frame)
                    answer = self._answer(number, write, words, len(frame))
                break
            except _DamageError as damage:
                why = str(damage)
        else:
            raise LinkError(
                f"the board at {self._name} must answer at {self._baud} bits per second, but after "
                f"{RETRIES} retries {why}"
            )
        if answer is None:
            raise LinkError(
                f"the board at {self._name} must have what it is asked for, but refuses to "
                f"{'write' if write else 'read'} {_WORD * words} bytes of {space} at {address:#x}"
            )
        self._frames += 1
        return answer

    def _number(self, write: bool) -> int:
        """Number of the next frame.

        The board takes a write for one that it has done when it has the number of the last one done.
        That is 0 after a reset of the board, so 0 is for reads.
        """
        if write and len(self._done) > 1:
            self._exchange("link", 0, 1)  # which says whether the write that failed was done
        self._number_used = (self._number_used + 1) % 256
        if write:
            while self._number_used in (0, *self._done):
                self._number_used = (self._number_used + 1) % 256
            self._done |= {self._number_used}
        return self._number_used

    def _answer(self, number: int, write: bool, words: int, sent: int) -> bytes | None:
        """The words of an answer to a frame of ``sent`` bytes, none to a write; None if it refuses."""
        head = self._receive(4, sent + 4)
        start, code, of, done = head
        status = _STATUSES.get(code)
        if start != ANSWER or status is None:
            raise _DamageError("what came is no answer")
        size = 0 if write or status is not Status.OK else _WORD * words
        body = self._receive(size, size)
        if self._receive(2, 2) != _crc(head[1:] + body):
            raise _DamageError("an answer came damaged")
        if of != number or (write and status is Status.OK and done != number):
            raise _DamageError("an answer was to another frame")
        if status is Status.PAYLOAD:
            raise _DamageError("the words came damaged to the board")
        if done not in self._done:
            raise LinkError(
                f"the board at {self._name} must keep its state, but was reset, or written by another"
            )
        self._done = {done}
        return body if status is Status.OK else None

    def _receive(self, count: int, length: int) -> bytes:
        """``count`` bytes, the last of ``length`` that the line carries until then.

        Whenever something comes, the rest has as long again.
        """
        seconds = 10 * length / self._rate + _MARGIN
        end = time.monotonic() + seconds
        got = b""
        while len(got) < count:
            piece: bytes = self._port.read(count - len(got))
            got += piece
            self._received += len(piece)
            if piece:
                end = time.monotonic() + seconds
            elif time.monotonic() >= end:
                raise _DamageError("an answer was cut short" if got else "nothing came")
        return got

    def _quiet(self) -> None:
        """Wait until the line has been silent for long enough, and forget what came."""
        silence = GAP / self._rate + _QUIET
        begin = last = time.monotonic()
        while last - begin < _NOISY and time.monotonic() - last < silence:
            piece = self._port.read(_WORD * MOST_WORDS)
            self._received += len(piece)
            if piece:
                last = time.monotonic()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Makes a :class:`LinkError` of what the port raises when it goes away."""
        try:
            yield
        except (OSError, termios.error) as error:
            raise LinkError(f"port {self._name} must stay open, but: {error}") from error


def _whole(address: int, size: int) -> tuple[int, int]:
    """First byte of the first word and end of the last one in which ``size`` bytes are."""
    return address // _WORD * _WORD, -(-(address + size) // _WORD) * _WORD


def _opened(port: str, baud: int) -> Any:
    """The port of that name, open and ours alone."""
    try:
        import serial
    except ModuleNotFoundError as error:
        raise LinkError(
            "the package pyserial must be installed to reach a board: pip install 'matwright[board]'"
        ) from error
    most = 10 * (_WORD * MOST_WORDS + 12) / baud + 1
    try:
        made = serial.serial_for_url(port, baud, timeout=_TICK, write_timeout=most, exclusive=True)
    except (OSError, ValueError, OverflowError, termios.error) as error:
        raise LinkError(f"port {port} must {_refusal(error)}") from error
    _hasten(made)
    return made


def _hasten(port: Any) -> None:
    """Ask an adapter to hand on each byte at once; those of FTDI otherwise keep bytes for 16 ms.

    Speed alone depends on it: a port that has no such mode stays as it is. pyserial has no such method for
    sockets, raises ``NotImplementedError`` on systems other than Linux and ``ValueError`` where the
    port's driver refuses, as that of pseudo-terminals does.
    """
    if hasattr(port, "set_low_latency_mode"):
        with suppress(NotImplementedError, ValueError):
            port.set_low_latency_mode(True)


def _refusal(error: Exception) -> str:
    """Why a port does not open, to complete "must"."""
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return "exist, and does not"
    if number in (errno.EACCES, errno.EPERM):
        return "be open to you, and is not: mostly the group dialout may use it"
    if number in (errno.EBUSY, errno.EAGAIN):
        return "be free, and another program has it"
    return f"open as a serial port, but: {error}"
