# SPDX-License-Identifier: Apache-2.0
"""What the commands of the simulators share.

Modules that take long to import are imported where they are used, here and in the commands.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from matwright.commands.common import UsageError

__all__ = ["refusals"]


@contextmanager
def refusals() -> Iterator[None]:
    """Makes a :class:`UsageError` of what stands in the way: a missing tool or package, a folder
    that cannot be written, memory that does not suffice, operands that do not fit."""
    from matwright_sw import OperandError, OutOfMemory

    from ..cache import cache_root
    from ..compiled import BuildError
    from ..toolchain import ToolError

    try:
        yield
    except (ToolError, BuildError, OperandError, OutOfMemory) as error:
        raise UsageError(str(error)) from error
    except MemoryError as error:
        raise UsageError(f"the host must have memory for all operands, but: {error}") from error
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the package {error.name} must be installed to simulate: pip install 'matwright[sim]'"
        ) from error
    except (PermissionError, FileExistsError, NotADirectoryError, FileNotFoundError) as error:
        place = error.filename or cache_root()
        raise UsageError(f"{place} cannot be written: {error.strerror}") from error
