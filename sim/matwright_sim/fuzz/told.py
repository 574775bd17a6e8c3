# SPDX-License-Identifier: Apache-2.0
"""What a machine says of itself, in words that stay sentences when it says what no machine should."""

from matwright.schedule.descriptor import Error
from matwright_sw.errors import DriverError

from ..compiled import RegisterError

__all__ = ["BROKEN", "error_name", "error_words"]

BROKEN = (RegisterError, DriverError, AssertionError)
"""What a host raises whose machine does not answer, is another, or does not come out of a reset: that is
found about the machine, and no reason for the check to break off."""


def error_name(code: int) -> str:
    """Of an error code, also of one that there is not."""
    return Error(code).name if code in list(Error) else f"the unknown code {code}"


def error_words(code: int, index: int, address: int) -> str:
    """An error with its place."""
    return f"{error_name(code)} of descriptor {index} at {address:#x}"
