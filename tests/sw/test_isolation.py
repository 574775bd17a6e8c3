# SPDX-License-Identifier: Apache-2.0
"""The privileged side of the driver, over a device that keeps the rules of the privileged page."""

import random
import re
from collections.abc import Callable

import pytest
from golden_transport import GoldenTransport

from matwright.bus.register_map import PRIVILEGED, window_offset
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.presets import preset
from matwright_sw import isolation as isolation_module
from matwright_sw.errors import DriverTimeout, OperandError
from matwright_sw.isolation import Isolation

EDGE = preset("edge")
SERVER = preset("server")
BUSY, DONE, ERROR = 1, 2, 4


def device(config: AcceleratorConfig = EDGE) -> tuple[Isolation, GoldenTransport]:
    transport = GoldenTransport(config, 4096)
    return Isolation(config, transport), transport


@pytest.mark.parametrize("config", [EDGE, SERVER], ids=lambda c: c.name)
def test_windows_read_back(config: AcceleratorConfig) -> None:
    """Random windows up to the last byte, one by one: each leaves the others alone."""
    seed = 31
    print(f"seed {seed}")
    rng = random.Random(seed)
    isolation, transport = device(config)
    count, pages = config.bus.windows, 1 << (config.bus.addr_width - 12)
    assert [isolation.read(i) for i in range(count)] == [None] * count
    model: list[Window | None] = [None] * count
    for _ in range(60):
        index = rng.randrange(count)
        if rng.random() < 0.2:
            isolation.close(index)
            model[index] = None
        else:
            first, last = sorted(rng.choice([0, pages - 1, rng.randrange(pages)]) for _ in "ab")
            read, write = rng.choice([(True, True), (True, False), (False, True)])
            window = Window(first << 12, (last << 12) + 4095, read, write)
            isolation.open(index, window)
            model[index] = window
        assert [isolation.read(i) for i in range(count)] == model
    assert min(transport.touched) >= PRIVILEGED, "the user page is not the host's"


@pytest.mark.parametrize(
    ("base", "size", "window"),
    [
        (0, 1, (0, 0xFFF)),
        (0, 4096, (0, 0xFFF)),
        (0, 4097, (0, 0x1FFF)),
        (0xFFF, 1, (0, 0xFFF)),
        (0xFFF, 2, (0, 0x1FFF)),
        (0x1000, 0x3000, (0x1000, 0x3FFF)),
        (0x1234, 0x3000, (0x1000, 0x4FFF)),
        ((1 << 32) - 1, 1, ((1 << 32) - 4096, (1 << 32) - 1)),
    ],
)
def test_open_bytes_opens_their_pages(base: int, size: int, window: tuple[int, int]) -> None:
    isolation, _ = device()
    isolation.open_bytes(1, base, size)
    assert isolation.read(1) == Window(*window)
    isolation.open_bytes(1, base, size, write=False)
    assert isolation.read(1) == Window(*window, write=False)


@pytest.mark.parametrize("index", [-1, 4, 8])
@pytest.mark.parametrize(
    "action",
    [
        lambda isolation, index: isolation.open(index, Window(0, 4095)),
        lambda isolation, index: isolation.open_bytes(index, 0, 1),
        lambda isolation, index: isolation.close(index),
        lambda isolation, index: isolation.read(index),
    ],
    ids=["open", "open_bytes", "close", "read"],
)
def test_no_such_window(action: Callable[[Isolation, int], object], index: int) -> None:
    isolation, transport = device()
    with pytest.raises(OperandError, match=f"^a window must be from 0 to 3, not {index}$"):
        action(isolation, index)
    assert not transport.touched


def test_window_beyond_the_address_width() -> None:
    """What the registers have no bits for would be another window."""
    isolation, transport = device()
    sentence = "a window must end below 0x100000000, not at 0x100000fff"
    for base in (0, 1 << 32):
        with pytest.raises(OperandError, match=f"^{sentence}$"):
            isolation.open(0, Window(base, (1 << 32) + 4095))
    assert not transport.touched
    isolation.open(0, Window(0, (1 << 32) - 1))
    Isolation(SERVER, GoldenTransport(SERVER)).open(0, Window(0, (1 << 48) - 1))


OPENED = "window 1 must not be locked, and the device idle, to be opened, and is not"
CLOSED = "window 1 must not be locked, and the device idle, to be closed, and is not"


def refuses(isolation: Isolation) -> None:
    """Window 1 stays as it is, and every method that would change it says so."""
    before = isolation.read(1)
    for lock in (False, True):
        with pytest.raises(OperandError, match=f"^{re.escape(OPENED)}$"):
            isolation.open(1, Window(0x5000, 0x8FFF), lock=lock)
        with pytest.raises(OperandError, match=f"^{re.escape(OPENED)}$"):
            isolation.open(1, Window(0x1000, 0x1FFF, write=False), lock=lock)
    with pytest.raises(OperandError, match=f"^{re.escape(OPENED)}$"):
        isolation.open_bytes(1, 0x5000, 1)
    if before is not None:
        with pytest.raises(OperandError, match=f"^{re.escape(CLOSED)}$"):
            isolation.close(1)
    assert isolation.read(1) == before


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("status", [BUSY, ERROR, BUSY | DONE])
def test_a_device_that_is_not_idle_changes_no_window(status: int, opened: bool) -> None:
    isolation, transport = device()
    if opened:
        isolation.open(1, Window(0x1000, 0x1FFF))
    transport.registers["STATUS"] = status
    refuses(isolation)
    transport.registers["STATUS"] = DONE
    isolation.open(1, Window(0x5000, 0x8FFF))


def test_a_locked_window_stays() -> None:
    isolation, _ = device()
    isolation.open(1, Window(0x1000, 0x1FFF), lock=True)
    refuses(isolation)
    isolation.open(1, Window(0x1000, 0x1FFF))
    isolation.open(0, Window(0x5000, 0x8FFF))
    isolation.close(0)


def test_a_lock_that_the_device_did_not_take_is_refused() -> None:
    """The window is already as wanted, but the device is not idle: it is not locked."""
    isolation, transport = device()
    isolation.open(1, Window(0x1000, 0x1FFF))
    transport.registers["STATUS"] = BUSY
    with pytest.raises(OperandError, match=f"^{re.escape(OPENED)}$"):
        isolation.open(1, Window(0x1000, 0x1FFF), lock=True)


def test_end_context() -> None:
    """One write; the device closes all windows but the locked ones, also while it is busy."""
    isolation, transport = device()
    isolation.open(0, Window(0, 0xFFF), lock=True)
    isolation.open(1, Window(0x1000, 0x1FFF))
    transport.registers |= {"STATUS": BUSY, "PROGRAM_LO": 64, "IRQ_ENABLE": 3}
    isolation.end_context()
    assert transport.contexts_ended == 1
    assert transport.resets == 0, "END is a reset itself"
    assert [isolation.read(i) for i in range(4)] == [Window(0, 0xFFF), None, None, None]
    assert transport.registers["PROGRAM_LO"] == transport.registers["IRQ_ENABLE"] == 0
    # It has waited until windows can be opened again.
    isolation.open(1, Window(0x1000, 0x1FFF))


def test_a_context_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation_module, "RESET_POLLS", 10)
    isolation, transport = device()
    transport.reset_polls = 1000
    said = "^a soft reset must end within 10 reads of STATUS, which is 0x8$"
    with pytest.raises(DriverTimeout, match=said):
        isolation.end_context()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            lambda i: i.open(0, Window(0, 0xFFF, read=False, write=False)),
            "a window must permit to read or to write, and this one permits neither",
        ),
        (lambda i: i.open_bytes(0, 0x1000, 0), "size of a window must be at least 1 byte, not 0"),
    ],
)
def test_a_window_of_nothing_is_refused(wrong: Callable[[Isolation], None], said: str) -> None:
    isolation, _ = device()
    with pytest.raises(OperandError, match=f"^{said}$"):
        wrong(isolation)


def test_control_is_the_last_register_written() -> None:
    """No moment in which a window is open with the bounds of the one before."""
    order: list[int] = []

    class Watching(GoldenTransport):
        def write_register(self, offset: int, value: int) -> None:
            order.append(offset)
            super().write_register(offset, value)

    isolation = Isolation(EDGE, Watching(EDGE))
    isolation.open(2, Window(0x1000, 0x1FFF))
    assert order[-1] == window_offset(2, "CONTROL")
    assert len(order) == len(set(order)) == 5
