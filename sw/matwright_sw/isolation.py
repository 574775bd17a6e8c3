# SPDX-License-Identifier: Apache-2.0
"""The privileged side of the driver: which memory the device may reach, and for whom."""

from matwright.bus.register_map import PAGE_BYTES, REGISTERS, WINDOW, window_offset
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig

from .errors import OperandError
from .transport import Transport

__all__ = ["Isolation"]

_OFFSET = {register.name: register.offset for register in REGISTERS}
_END = 1


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
        if window.limit >> self.config.bus.addr_width:
            raise OperandError(
                f"a window must end below {1 << self.config.bus.addr_width:#x}, "
                f"not at {window.limit:#x}"
            )
        for offset, value in window.registers(index, lock=lock).items():
            self.transport.write_register(offset, value)
        locked = self.transport.read_register(window_offset(index, "CONTROL")) >> 2 & 1
        if self.read(index) != window or lock > locked:
            raise OperandError(
                f"window {index} must not be locked, and the device idle, to be opened, and is not"
            )

    def open_bytes(self, index: int, base: int, size: int, *, write: bool = True) -> None:
        """Open the pages that hold ``size`` bytes from ``base``."""
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
        """End a tenant's use: what is running is stopped, all state and every open window but the
        locked ones forgotten. Poll STATUS.RESETTING, or reset the driver, before the next use."""
        self.transport.write_register(_OFFSET["CONTEXT"], _END)

    def _check(self, index: int) -> None:
        if not 0 <= index < self.config.bus.windows:
            raise OperandError(
                f"a window must be from 0 to {self.config.bus.windows - 1}, not {index}"
            )
