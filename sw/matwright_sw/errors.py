# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, as exceptions. Every one is a :class:`DriverError`."""

from matwright.schedule.descriptor import Error

__all__ = [
    "AddressError",
    "AlignmentError",
    "DoorbellError",
    "DriverError",
    "DriverTimeout",
    "GuardError",
    "HardwareError",
    "IdentificationError",
    "LinkError",
    "OpcodeError",
    "OperandError",
    "OutOfMemory",
    "ReadIdError",
    "ReadLastError",
    "ReadResponseError",
    "ReservedError",
    "SizeError",
    "SramError",
    "TileError",
    "UnwrittenError",
    "WatchdogError",
    "WindowError",
    "WriteIdError",
    "WriteResponseError",
    "hardware_error",
]


class DriverError(Exception):
    """Any error of the driver; the message is one sentence."""


class OperandError(DriverError, ValueError):
    """An argument was refused before anything was written to the device."""


class OutOfMemory(DriverError, MemoryError):
    """A buffer does not fit into what is left of device memory."""


class IdentificationError(DriverError):
    """The device is not the accelerator that the configuration describes."""


class LinkError(DriverError):
    """The way to a board does not open, does not answer, or is too bad."""


class DriverTimeout(DriverError, TimeoutError):
    """The device did not finish in time.

    ``status`` is the STATUS register and ``completed`` the COMPLETED register at that moment.
    """

    def __init__(self, message: str, *, status: int, completed: int) -> None:
        self.status = status
        self.completed = completed
        super().__init__(message)


class HardwareError(DriverError):
    """The device stopped a program: error ``code``, ``index`` of the descriptor, ``address``.

    For a refused descriptor ``address`` is the descriptor's own, for a bus error the address that
    the bus refused.
    """

    code: Error = Error.NONE
    says = "has an error code that this driver does not know"

    def __init__(self, code: int, index: int, address: int) -> None:
        self.raw_code = code
        self.index = index
        self.address = address
        name = Error(code).name if code in list(Error) else f"code {code}"
        super().__init__(f"descriptor {index} {self.says} ({name} at address {address:#x})")


class OpcodeError(HardwareError):
    """The operation is unknown."""

    code = Error.OPCODE
    says = "must ask for a known operation"


class ReservedError(HardwareError):
    """A reserved bit is set."""

    code = Error.RESERVED
    says = "must leave every reserved bit 0"


class SizeError(HardwareError):
    """M, N or K is 0 or beyond the limits."""

    code = Error.SIZE
    says = "must keep M, N and K from 1 to the configuration's limits"


class TileError(HardwareError):
    """The tiling is 0, does not fit the SRAM or splits a beat."""

    code = Error.TILE
    says = "must choose tiles that fit the SRAM and split no beat"


class AlignmentError(HardwareError):
    """An address or a stride is not a multiple of the beat."""

    code = Error.ALIGNMENT
    says = "must keep addresses and strides multiples of the beat"


class AddressError(HardwareError):
    """An address is beyond the address width."""

    code = Error.ADDRESS
    says = "must keep addresses within the address width"


class WindowError(HardwareError):
    """What the descriptor names, or the descriptor itself, is not in a window open for it."""

    code = Error.WINDOW
    says = "must stand, and name only what stands, in an open window"


class ReadResponseError(HardwareError):
    """The bus answered a read with an error."""

    code = Error.READ_RESPONSE
    says = "met a bus error while reading"


class WriteResponseError(HardwareError):
    """The bus answered a write with an error."""

    code = Error.WRITE_RESPONSE
    says = "met a bus error while writing"


class ReadLastError(HardwareError):
    """The bus ended a read burst too early or too late."""

    code = Error.READ_LAST
    says = "met a read burst of the wrong length"


class ReadIdError(HardwareError):
    """The bus sent a read beat with a wrong ID, or that was not asked for."""

    code = Error.READ_ID
    says = "met a read beat that was not its own"


class WriteIdError(HardwareError):
    """The bus sent a write response with a wrong ID, or that was not asked for."""

    code = Error.WRITE_ID
    says = "met a write response that was not its own"


class GuardError(HardwareError):
    """A burst outside of the windows was stopped at the bus: a fault of the hardware."""

    code = Error.GUARD
    says = "made a burst outside of the windows, which was stopped"


class SramError(HardwareError):
    """A word of on-chip memory has flipped bits that cannot be corrected."""

    code = Error.SRAM
    says = "met an uncorrectable word of on-chip memory"


class UnwrittenError(HardwareError):
    """A word of on-chip memory was read that was never written: a fault of the hardware."""

    code = Error.UNWRITTEN
    says = "read a word of on-chip memory that it had not written"


class WatchdogError(HardwareError):
    """Nothing moved for as many cycles as the watchdog allows."""

    code = Error.WATCHDOG
    says = "made no progress within the watchdog's limit"


class DoorbellError(HardwareError):
    """The doorbell was rung while a program was running."""

    code = Error.DOORBELL
    says = "was running when the doorbell was rung again"


_BY_CODE: dict[int, type[HardwareError]] = {
    kind.code: kind
    for kind in (
        OpcodeError,
        ReservedError,
        SizeError,
        TileError,
        AlignmentError,
        AddressError,
        WindowError,
        ReadResponseError,
        WriteResponseError,
        ReadLastError,
        ReadIdError,
        WriteIdError,
        GuardError,
        SramError,
        UnwrittenError,
        WatchdogError,
        DoorbellError,
    )
}


def hardware_error(code: int, index: int, address: int) -> HardwareError:
    """The exception for what the ERROR registers say."""
    return _BY_CODE.get(code, HardwareError)(code, index, address)
