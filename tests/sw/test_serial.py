# SPDX-License-Identifier: Apache-2.0
"""The transport to a board at a serial port: against a model of the board, over lines good and bad."""

import errno
import os
import pty
import random
import select
import socket
import sys
import threading
import time
import tty
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import serial
from board_model import BITS_PER_SECOND, CLOCK_HZ, Line, ModelBoard, Noise, Plain, clean, crc
from golden_transport import GoldenTransport

import matwright_sw.serial
from matwright.presets import PRESETS
from matwright_sw import (
    Driver,
    IdentificationError,
    LinkError,
    OperandError,
    SerialTransport,
    Transport,
)
from matwright_sw.serial import BAUD, RETRIES

SEED = 4_711
RETRIED = f"after {RETRIES} retries"
Patch = pytest.MonkeyPatch


def connect(patch: Patch, line: Line) -> SerialTransport:
    """A transport over ``line``, in the time of the line."""
    patch.setattr(matwright_sw.serial, "_opened", lambda port, baud: line)
    patch.setattr(matwright_sw.serial, "time", line)
    return SerialTransport("model")


def plain(patch: Patch, to_board: Noise = clean, to_host: Noise = clean) -> tuple:
    """Backend, line and transport."""
    backend = Plain()
    line = Line(ModelBoard(backend), to_board, to_host)
    backend.now = line.monotonic
    return backend, line, connect(patch, line)


class Fault:
    """Noise that does one thing to one byte: the one after ``after`` more, once set."""

    def __init__(self) -> None:
        self.after = -1
        self.kind = ""
        self.seconds = 0.0

    def set(self, kind: str, after: int, seconds: float = 0.0) -> None:
        self.kind, self.after, self.seconds = kind, after, seconds

    def __call__(self, octet: int) -> list[tuple[int, float]]:
        self.after -= 1
        if self.after != -1:
            return clean(octet)
        return {
            "lost": [],
            "damaged": [(octet ^ 0x10, 0.0)],
            "doubled": [(octet, 0.0), (octet, 0.0)],
            "late": [(octet, self.seconds)],
        }[self.kind]


class Storm:
    """Noise that does anything to any byte."""

    def __init__(self, seed: int, chance: float) -> None:
        self.random = random.Random(seed)
        self.chance = chance
        self.count = 0

    def __call__(self, octet: int) -> list[tuple[int, float]]:
        rng = self.random
        if rng.random() >= self.chance:
            return clean(octet)
        self.count += 1
        return [
            [],
            [(octet ^ 1 << rng.randrange(8), 0.0)],
            [(rng.randrange(256), 0.0)],
            [(octet, 0.0), (octet, 0.0)],
            [(octet, rng.choice((1e-5, 1e-4, 1e-2, 0.4)))],
            [(rng.choice((0xA5, 0x5A)), 0.0), (octet, 0.0)],
        ][rng.randrange(6)]


# Frames.


def test_crc() -> None:
    assert matwright_sw.serial._crc(b"123456789") == bytes.fromhex("916f") == crc(b"123456789")
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    for size in (0, 1, 2, 7, 1034):
        data = rng.randbytes(size)
        assert matwright_sw.serial._crc(data) == crc(data)
        assert crc(data + crc(data)) == b"\0\0"


def test_frames_as_the_link_has_them(monkeypatch: Patch) -> None:
    backend, line, transport = plain(monkeypatch)
    frames = []
    monkeypatch.setattr(
        line, "write", lambda data, write=line.write: (frames.append(data), write(data))
    )
    transport.write_register(0x1008, 0xDEAD_BEEF)
    transport.read_register(0x20)
    transport.read_memory(0x104, 8)
    transport.write_memory(0x3FFC, b"wxyz")
    number = frames[0][2]
    heads = ["03{:02x}0008100000", "02{:02x}0020000000", "00{:02x}0104010000", "01{:02x}00fc3f0000"]
    heads = [bytes.fromhex(head.format(number + i)) for i, head in enumerate(heads)]
    payloads = [bytes.fromhex("efbeadde"), b"", b"", b"wxyz"]
    assert frames == [
        b"\xa5" + head + crc(head) + (payload + crc(payload) if payload else b"")
        for head, payload in zip(heads, payloads, strict=True)
    ]
    assert backend.written == [(0x1008, 0xDEAD_BEEF)]
    assert backend.memory[0x3FFC:] == b"wxyz"


def test_what_the_board_says_of_itself(monkeypatch: Patch) -> None:
    _, line, transport = plain(monkeypatch)
    with transport:
        transport_as_such: Transport = transport
        assert transport_as_such.memory_size == 1 << 14
        assert (transport.clock_hz, transport.bits_per_second) == (CLOCK_HZ, BITS_PER_SECOND)
        assert (transport.frames, transport.retries) == (2, 0)
        assert (transport.bytes_sent, transport.bytes_received) == (20, 12 + 24)
        transport.write_memory(8, bytes(8))
        assert (transport.bytes_sent, transport.bytes_received) == (20 + 20, 12 + 24 + 6)
    assert line.closed


def test_memory_of_any_address_and_size(monkeypatch: Patch) -> None:
    backend, _, transport = plain(monkeypatch)
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    wanted = bytearray(rng.randbytes(len(backend.memory)))
    transport.write_memory(0, bytes(wanted))
    sizes = [0, 1, 2, 3, 4, 5, 7, 8, 1023, 1024, 1025, 1027, 1028, 4096, 5000]
    for size in sizes:
        for address in (0, 1, 2, 3, 4 * rng.randrange(2000), len(wanted) - size):
            data = np.frombuffer(rng.randbytes(size), np.uint8)
            transport.write_memory(address, data if address % 2 else data.tobytes())
            wanted[address : address + size] = data.tobytes()
            got = transport.read_memory(address, size)
            assert bytes(got) == data.tobytes()
            before, after = max(0, address - 5), min(len(wanted), address + size + 5)
            assert bytes(transport.read_memory(before, after - before)) == wanted[before:after]
    assert backend.memory == wanted
    assert transport.retries == 0


def test_whole_words_are_not_read_before_they_are_written(monkeypatch: Patch) -> None:
    _, _, transport = plain(monkeypatch)
    before = transport.frames
    transport.write_memory(64, bytes(2048))
    assert transport.frames == before + 2
    transport.write_memory(65, bytes(2048))
    assert transport.frames == before + 2 + 2 + 3


@pytest.mark.parametrize(("address", "size"), [(-4, 4), (1 << 14, 1), (0, (1 << 14) + 1)])
def test_memory_that_is_not_there(address: int, size: int, monkeypatch: Patch) -> None:
    _, _, transport = plain(monkeypatch)
    sentence = (
        f"what is read or written must lie in the 16384 bytes of the board's memory, "
        f"not {size} bytes at {address:#x}"
    )
    with pytest.raises(OperandError, match=f"^{sentence}$"):
        transport.read_memory(address, size)
    with pytest.raises(OperandError, match=f"^{sentence}$"):
        transport.write_memory(address, bytes(size))


def test_registers(monkeypatch: Patch) -> None:
    backend, _, transport = plain(monkeypatch)
    transport.write_register(0x1100, 0xFFFF_FFFF)
    assert transport.read_register(0x1100) == 0xFFFF_FFFF
    for value in (-1, 1 << 32):
        with pytest.raises(OperandError, match=f"must be of 32 bits, not {value}$"):
            transport.write_register(0x1100, value)
    assert backend.written == [(0x1100, 0xFFFF_FFFF)]


def test_what_the_board_refuses(monkeypatch: Patch) -> None:
    backend, _, transport = plain(monkeypatch)
    sentence = "refuses to read 4 bytes of registers at 0x2000$"
    with pytest.raises(LinkError, match=sentence):
        transport.read_register(0x2000)
    with pytest.raises(LinkError, match="refuses to write 4 bytes of registers at 0x2000$"):
        transport.write_register(0x2000, 1)
    transport.write_register(0, 1)
    assert backend.written == [(0, 1)]
    assert transport.retries == 0


def test_many_reads_between_two_writes(monkeypatch: Patch) -> None:
    """The second write has not the number of the first, after whatever number of reads."""
    backend, _, transport = plain(monkeypatch)
    wanted = []
    for reads in (0, 1, 253, 254, 255, 256, 257, 510, 511, 512):
        for _ in range(reads):
            transport.read_register(0)
        transport.write_register(4, reads)
        wanted.append((4, reads))
    assert backend.written == wanted


# Interrupt.


def test_waits_for_the_interrupt(monkeypatch: Patch) -> None:
    backend, line, transport = plain(monkeypatch)
    begin = line.now
    backend.irq_at = begin + 1.0
    assert not transport.wait_interrupt(CLOCK_HZ // 2)
    assert 0.5 <= line.now - begin < 0.6
    assert transport.wait_interrupt(CLOCK_HZ)
    assert 1.0 <= line.now - begin < 1.1
    frames = transport.frames
    assert transport.wait_interrupt(1)
    assert transport.frames == frames + 1, "a line that is high needs one look"


# A line that is not perfect.


def act(transport: SerialTransport) -> list[object]:
    """A frame of each sort."""
    transport.write_memory(0x40, b"twelve bytes")
    transport.write_register(0x10, 0x1234_5678)
    got = bytes(transport.read_memory(0x40, 12))
    return [got, transport.read_register(0x10)]


@pytest.mark.parametrize("side", ["to_board", "to_host"])
@pytest.mark.parametrize("kind", ["lost", "damaged", "doubled", "late"])
def test_one_fault_anywhere_costs_a_retry(kind: str, side: str, monkeypatch: Patch) -> None:
    position = 0
    while True:
        fault = Fault()
        backend, _, transport = plain(monkeypatch, **{side: fault})
        bytes_before = transport.bytes_sent if side == "to_board" else transport.bytes_received
        fault.set(kind, position, seconds=0.5)
        assert act(transport) == [b"twelve bytes", 0x1234_5678]
        assert backend.written == [(0x10, 0x1234_5678)], position
        if fault.after >= 0:
            break
        if kind in ("lost", "damaged"):
            assert transport.retries == 1, position
        # A late answer may come with the retry's, which then is taken for the next frame's.
        assert transport.retries <= 1 + (kind == "late"), position
        position += 1
    bytes_now = transport.bytes_sent if side == "to_board" else transport.bytes_received
    assert position == bytes_now - bytes_before >= 40, "every byte has had its turn"


@pytest.mark.parametrize("chance", [0.0005, 0.005, 0.02])
def test_a_bad_line_gives_no_wrong_result(chance: float, monkeypatch: Patch) -> None:
    seed = SEED + round(1e6 * chance)
    print(f"seed {seed}")
    out, back = Storm(seed, 0), Storm(seed + 1, 0)
    backend, _, transport = plain(monkeypatch, out, back)
    out.chance = back.chance = chance
    rng = random.Random(seed + 2)
    most = round(0.4 / chance)  # bytes; a frame should come through within the retries
    memory, registers = bytearray(backend.memory), dict(backend.registers)
    written = []
    for _ in range(600):
        size = rng.randrange(min(most, 2000))
        address = rng.randrange(len(memory) - size)
        offset, value = 4 * rng.randrange(0x800), rng.randrange(1 << 32)
        match rng.randrange(4):
            case 0:
                data = rng.randbytes(size)
                transport.write_memory(address, data)
                memory[address : address + size] = data
            case 1:
                got = bytes(transport.read_memory(address, size))
                assert got == memory[address : address + size]
            case 2:
                transport.write_register(offset, value)
                registers[offset] = value
                written.append((offset, value))
            case 3:
                assert transport.read_register(offset) == registers[offset]
    assert backend.memory == memory
    assert backend.written == written
    print(
        f"{out.count + back.count} faults, {transport.frames} frames, {transport.retries} retries"
    )
    assert 0.4 * (out.count + back.count) < transport.retries <= out.count + back.count


@pytest.mark.parametrize("side", ["to_board", "to_host"])
def test_a_line_that_is_cut(side: str, monkeypatch: Patch) -> None:
    """One sentence; and what is written next is done, whether or not the last write was."""
    storm = Storm(SEED, 0)
    monkeypatch.setattr(storm.random, "randrange", lambda *_: 0)  # every byte is lost
    backend, line, transport = plain(monkeypatch, **{side: storm})
    transport.write_register(0, 1)
    for value in (2, 3, 4):
        storm.chance = 1
        begin = line.now
        with pytest.raises(
            LinkError,
            match=f"^the board at model must answer at {BAUD} bits per second, but {RETRIED} nothing came$",
        ):
            transport.write_register(0, value)
        assert transport.retries == RETRIES * (value - 1)
        assert line.now - begin < 5
        storm.chance = 0
        transport.write_register(0, 10 * value)
    wanted = [1, 20, 30, 40] if side == "to_board" else [1, 2, 20, 3, 30, 4, 40]
    assert [value for _, value in backend.written] == wanted


def test_more_writes_fail_than_there_are_numbers(monkeypatch: Patch) -> None:
    cut = [False]
    backend, _, transport = plain(monkeypatch, lambda octet: [] if cut[0] else clean(octet))
    transport.write_register(0, 1)
    cut[0] = True
    for _ in range(300):
        with pytest.raises(LinkError, match="nothing came$"):
            transport.write_register(0, 2)
    cut[0] = False
    transport.write_register(0, 3)
    assert [value for _, value in backend.written] == [1, 3]


@pytest.mark.parametrize(
    ("side", "kind", "offset", "why"),
    [
        ("to_board", "damaged", 12, "the words came damaged to the board"),
        ("to_host", "damaged", 5, "an answer came damaged"),
        ("to_host", "damaged", 0, "what came is no answer"),
        ("to_host", "lost", 5, "an answer was cut short"),
    ],
)
def test_retries_used_up(side: str, kind: str, offset: int, why: str, monkeypatch: Patch) -> None:
    fault = Fault()
    _, line, transport = plain(monkeypatch, **{side: fault})

    def write(data: bytes, real: object = line.write) -> None:
        fault.set(kind, offset)
        real(data)  # type: ignore[operator]

    monkeypatch.setattr(line, "write", write)
    with pytest.raises(LinkError, match=f"but {RETRIED} {why}$"):
        transport.write_register(0, 5)


def test_a_late_answer_is_not_taken_for_the_next(monkeypatch: Patch) -> None:
    fault = Fault()
    backend, _, transport = plain(monkeypatch, to_host=fault)
    backend.registers |= {4 * i: i for i in range(40)}
    for i in range(40):
        fault.set("late", i % 10, seconds=0.37)  # comes after the retry is on its way
        assert transport.read_register(4 * i) == i
    assert transport.retries >= 40


def test_a_board_that_was_reset(monkeypatch: Patch) -> None:
    _, line, transport = plain(monkeypatch)
    transport.write_register(0, 1)
    assert transport.read_register(0) == 1
    line.board.done = 0
    with pytest.raises(
        LinkError, match=r"^the board at model must keep its state, but was reset, or"
    ):
        transport.read_register(0)


def test_what_is_left_of_an_earlier_host(monkeypatch: Patch) -> None:
    """Half a frame that an earlier host sent, and half an answer that it did not read."""
    backend = Plain()
    line = Line(ModelBoard(backend))
    line.board.done = 77
    line.write(b"\xa5\x01\x01\x00\x00\x00\x00\x00")
    line._come(0.0, b"\x5a\x00\x01\x4d")
    transport = connect(monkeypatch, line)
    transport.write_register(0, 5)
    assert backend.written == [(0, 5)]
    assert line.board.done == transport.frames + 77 or line.board.done not in (0, 77)
    assert transport.retries == 0


# What is no board, or another.


def test_nobody_answers(monkeypatch: Patch) -> None:
    line = Line(ModelBoard(Plain()), to_board=lambda octet: [])
    with pytest.raises(
        LinkError, match=f"^the board at model must answer at {BAUD} .* nothing came$"
    ):
        connect(monkeypatch, line)
    assert line.closed
    assert line.now < 5


def test_somebody_else_answers(monkeypatch: Patch) -> None:
    line = Line(ModelBoard(Plain()), to_host=lambda octet: [(octet ^ 0xFF, 0.0)])
    sentence = (
        f"^what is at model must answer as a Matwright board of {BAUD} bits per second, "
        "but what it sends is no answer of one$"
    )
    with pytest.raises(LinkError, match=sentence):
        connect(monkeypatch, line)
    assert line.closed


def test_a_board_with_another_magic(monkeypatch: Patch) -> None:
    line = Line(ModelBoard(Plain()))
    line.board.link[0] = 0x1234_5678
    sentence = "call itself 0x4b4c574d, and what is at model calls itself 0x12345678$"
    with pytest.raises(IdentificationError, match=sentence):
        connect(monkeypatch, line)
    assert line.closed


def test_a_board_of_another_version(monkeypatch: Patch) -> None:
    line = Line(ModelBoard(Plain()))
    line.board.link = {0: 0x4B4C_574D, 4: 2}
    with pytest.raises(IdentificationError, match="must speak version 1 of the link, not 2$"):
        connect(monkeypatch, line)
    assert line.closed


def test_a_board_of_another_configuration(monkeypatch: Patch) -> None:
    tiny, small = PRESETS["tiny"], PRESETS["small"]
    transport = connect(monkeypatch, Line(ModelBoard(GoldenTransport(small))))
    ours, theirs = (int(config.digest[:8], 16) for config in (tiny, small))
    sentence = f"register CONFIG_HASH must read {ours:#010x} for tiny, not {theirs:#010x}$"
    with pytest.raises(IdentificationError, match=sentence):
        Driver(tiny, transport)


def test_baud_of_nothing() -> None:
    with pytest.raises(OperandError, match="^baud must be at least 1 bit per second, not 0$"):
        SerialTransport("model", baud=0)


# The driver.


@pytest.mark.parametrize("chance", [0.0, 0.002])
def test_the_driver_over_the_line(chance: float, monkeypatch: Patch) -> None:
    print(f"seed {SEED}")
    config = PRESETS["tiny"]
    out, back = Storm(SEED, 0), Storm(SEED + 1, 0)
    golden = GoldenTransport(config, 1 << 16)
    transport = connect(monkeypatch, Line(ModelBoard(golden), out, back))
    out.chance = back.chance = chance
    driver = Driver(config, transport)
    rng = np.random.default_rng(SEED)
    for m, n, k in ((1, 1, 1), (9, 10, 11), (5, 30, 40)):
        a = rng.integers(-128, 128, (m, k), np.int8)
        b = rng.integers(-128, 128, (k, n), np.int8)
        assert np.array_equal(driver.gemm(a, b), a.astype(np.int32) @ b.astype(np.int32))
    driver.end_context()
    assert golden.contexts_ended == 1
    assert (transport.retries > 0) == bool(chance)
    assert len(golden.programs) == 3, "no doorbell is rung twice"


# Ports of the operating system.


@contextmanager
def served(where: int, noise: Noise = clean) -> Iterator[Plain]:
    """A model at a file descriptor, in a thread and in real time. Yields what is behind it."""
    backend = Plain()
    board = ModelBoard(backend, bits_per_second=10_000_000)
    stop = threading.Event()

    def serve() -> None:
        now, last = 0.0, time.monotonic()
        while not stop.is_set():
            if not select.select([where], [], [], 0.02)[0]:
                continue
            data = os.read(where, 4096)
            now += time.monotonic() - last > 0.02  # a silence
            for octet in data:
                for came, _ in noise(octet):
                    now, answer = board.receive(came, now)
                    now += 10 * board.bit * len(answer)
                    if answer:
                        os.write(where, answer)
            last = time.monotonic()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield backend
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: its master, and the name of its other end."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


EVERY_BYTE = bytes(range(256)) * 5


def test_a_pseudo_terminal(terminal: tuple[int, str]) -> None:
    """Every byte passes, such as those that terminals take for commands; faults are retried."""
    fault = Fault()
    master, name = terminal
    with served(master, fault) as backend, SerialTransport(name) as transport:
        fault.set("lost", 300)
        transport.write_memory(3, EVERY_BYTE)
        assert bytes(transport.read_memory(3, len(EVERY_BYTE))) == EVERY_BYTE
        assert backend.memory[3:][: len(EVERY_BYTE)] == EVERY_BYTE
        assert transport.retries == 1
        assert not transport.wait_interrupt(1)


def test_a_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = ThreadPoolExecutor(1).submit(
            SerialTransport, f"socket://127.0.0.1:{server.getsockname()[1]}"
        )
        end = server.accept()[0]
    with end, served(end.fileno()) as backend, client.result() as transport:
        transport.write_memory(5, EVERY_BYTE)
        assert backend.memory[5:][: len(EVERY_BYTE)] == EVERY_BYTE
        assert transport.retries == 0


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    name = str(tmp_path / "ttyUSB9")
    with pytest.raises(LinkError, match=f"^port {name} must exist, and does not$"):
        SerialTransport(name)


def test_a_port_that_is_busy(terminal: tuple[int, str]) -> None:
    master, name = terminal
    with served(master), SerialTransport(name):
        with pytest.raises(
            LinkError, match=f"^port {name} must be free, and another program has it$"
        ):
            SerialTransport(name)
    with served(master), SerialTransport(name):
        pass


def test_a_port_that_is_forbidden(monkeypatch: Patch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    sentence = (
        "^port /dev/ttyUSB0 must be open to you, and is not: mostly the group dialout may use it$"
    )
    with pytest.raises(LinkError, match=sentence):
        SerialTransport("/dev/ttyUSB0")


def test_what_is_no_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no terminal")
    for name in (str(file), str(tmp_path), "nosuch://x", "socket://127.0.0.1:1"):
        with pytest.raises(LinkError, match=f"^port {name} must open as a serial port, but: "):
            SerialTransport(name)


def test_a_speed_that_no_port_has(terminal: tuple[int, str]) -> None:
    with pytest.raises(LinkError, match=f"^port {terminal[1]} must open as a serial port, but: "):
        SerialTransport(terminal[1], baud=1 << 40)


def test_a_port_that_is_pulled_out() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    with served(master):
        transport = SerialTransport(name)
    os.close(slave)
    os.close(master)
    with transport, pytest.raises(LinkError, match=f"^port {name} must stay open, but: "):
        transport.read_register(0)


def test_without_pyserial(monkeypatch: Patch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    sentence = r"^the package pyserial must be installed to reach a board: pip install 'matwright\[board\]'$"
    with pytest.raises(LinkError, match=sentence):
        SerialTransport("/dev/ttyUSB0")
