# SPDX-License-Identifier: Apache-2.0
"""One exception for each error code of the machine."""

import pytest

from matwright.schedule.descriptor import Error
from matwright_sw import errors
from matwright_sw.errors import HardwareError, hardware_error

KINDS = {
    Error.OPCODE: errors.OpcodeError,
    Error.RESERVED: errors.ReservedError,
    Error.SIZE: errors.SizeError,
    Error.TILE: errors.TileError,
    Error.ALIGNMENT: errors.AlignmentError,
    Error.ADDRESS: errors.AddressError,
    Error.WINDOW: errors.WindowError,
    Error.READ_RESPONSE: errors.ReadResponseError,
    Error.WRITE_RESPONSE: errors.WriteResponseError,
    Error.READ_LAST: errors.ReadLastError,
    Error.READ_ID: errors.ReadIdError,
    Error.WRITE_ID: errors.WriteIdError,
    Error.GUARD: errors.GuardError,
    Error.SRAM: errors.SramError,
    Error.UNWRITTEN: errors.UnwrittenError,
    Error.WATCHDOG: errors.WatchdogError,
    Error.DOORBELL: errors.DoorbellError,
}


def test_every_code_has_a_kind() -> None:
    assert set(KINDS) == set(Error) - {Error.NONE}
    assert len(set(KINDS.values())) == len(KINDS)
    assert len({kind.says for kind in KINDS.values()}) == len(KINDS)
    assert all(kind.__name__ in errors.__all__ for kind in KINDS.values())


@pytest.mark.parametrize("code", KINDS, ids=lambda c: c.name)
def test_kind_and_message(code: Error) -> None:
    error = hardware_error(int(code), 7, 0xABC0)
    assert type(error) is KINDS[code]
    assert isinstance(error, HardwareError) and isinstance(error, errors.DriverError)
    assert (error.code, error.raw_code, error.index, error.address) == (code, code, 7, 0xABC0)
    assert str(error) == f"descriptor 7 {error.says} ({code.name} at address 0xabc0)"


def test_unknown_code() -> None:
    error = hardware_error(99, 0, 64)
    assert type(error) is HardwareError
    assert str(error) == (
        "descriptor 0 has an error code that this driver does not know (code 99 at address 0x40)"
    )
