# SPDX-License-Identifier: Apache-2.0
"""The privileged side of the driver: which memory the device may reach, and for whom."""

from matwright.bus.register_map import PAGE_BYTES, REGISTERS, WINDOW, window_offset
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig

from .errors import DriverTimeout, OperandError
from .transport import Transport

__all__ = ["RESET_POLLS", "Isolation", "wait_reset"]

RESET_POLLS = 100_000
"""Reads of STATUS after which a soft reset that does not end is given up."""

_OFFSET = {register.name: register.offset for register in REGISTERS}
_END = 1
_RESETTING = 8


def wait_reset(transport: Transport) -> None:
    """Wait until a soft reset has ended; :class:`DriverTimeout` if it does not."""
    status = 0
    for _ in range(RESET_POLLS):
        status = transport.read_register(_OFFSET["STATUS"])
        if not status & _RESETTING:
            return
    raise DriverTimeout(
        f"a soft reset must end within {RESET_POLLS} reads of STATUS, which is {status:#x}",
        status=status,
        completed=transport.read_register(_OFFSET["COMPLETED"]),
    )


class Isolation:
    """Works the privileged page, which a host that isolates tenants keeps to itself.

    All memory is closed to the device after its reset. Windows change only while the device is idle:
    a method that finds one unchanged raises :class:`OperandError`.
    """

    def __init__(self, config: AcceleratorConfig, transport: Transport) -> None:
        self.config = config
        self.transport = transport

    def open(self, index: int, window: Window, *, lock: bool = False) -> None:
        """Open ``window`` as window ``index``; with ``lock`` until the device's reset."""
        self._check(index)
        if not (window.read or window.write):
            raise OperandError(
                "a window must permit to read or to write, and this one permits neither"
            )
        if window.limit >> self.config.bus.addr_width:
            raise OperandError(
                f"a window must end below {1 << self.config.bus.addr_width:#x}, "
                f"not at {window.limit:#x}"
            )
        # The first writes close the window. It is opened when they are seen to have happened: the
        # device may have stopped being idle between them.
        *bounds, control = window.registers(index, lock=lock).items()
        for offset, value in bounds:
            self.transport.write_register(offset, value)
        if all(self.transport.read_register(offset) == value for offset, value in bounds):
            self.transport.write_register(*control)
        locked = self.transport.read_register(window_offset(index, "CONTROL")) >> 2 & 1
        if self.read(index) != window or lock > locked:
            raise OperandError(
                f"window {index} must not be locked, and the device idle, to be opened, and is not"
            )

    def open_bytes(self, index: int, base: int, size: int, *, write: bool = True) -> None:
        """Open the pages that hold ``size`` bytes from ``base``, at least 1."""
        if size < 1:
            raise OperandError(f"size of a window must be at least 1 byte, not {size}")
        first = base // PAGE_BYTES * PAGE_BYTES
        last = -(-(base + size) // PAGE_BYTES) * PAGE_BYTES - 1
        self.open(index, Window(first, last, write=write))

    def close(self, index: int) -> None:
        """Permit nothing in window ``index``."""
        self._check(index)
        self.transport.write_register(window_offset(index, "CONTROL"), 0)
        if self.read(index) is not None:
            raise OperandError(
                f"window {index} must not be locked, and the device idle, to be closed, and is not"
            )

    def read(self, index: int) -> Window | None:
        """Window ``index`` as the device has it; None if it is closed."""
        self._check(index)
        value = {name: self.transport.read_register(window_offset(index, name)) for name in WINDOW}
        read, write = bool(value["CONTROL"] & 1), bool(value["CONTROL"] & 2)
        if not read and not write:
            return None
        base = value["BASE_LO"] | value["BASE_HI"] << 32
        limit = value["LIMIT_LO"] | value["LIMIT_HI"] << 32
        return Window(base, limit, read, write)

    def end_context(self) -> None:
        """End a tenant's use: stop what runs, forget all state, close all windows but the locked ones.

        Raises :class:`DriverTimeout` if the bus does not answer what is outstanding.
        """
        self.transport.write_register(_OFFSET["CONTEXT"], _END)
        wait_reset(self.transport)

    def _check(self, index: int) -> None:
        if not 0 <= index < self.config.bus.windows:
            raise OperandError(
                f"a window must be from 0 to {self.config.bus.windows - 1}, not {index}"
            )
