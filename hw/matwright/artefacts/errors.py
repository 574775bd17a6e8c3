# SPDX-License-Identifier: Apache-2.0
"""The error codes as a page of the reference: what each means, what it reports, what shows it."""

from typing import NamedTuple

from ..schedule.descriptor import Error
from .markdown import error_notes, join, markdown_table

__all__ = ["ERRORS", "ErrorRow", "errors_markdown"]


class ErrorRow(NamedTuple):
    """What is said of an error beside its meaning."""

    at_index: str
    at_address: str
    remedy: str
    test: str


_DESCRIPTOR = "of the descriptor"
_COMPLETED = "first incomplete"
_READER = "of the descriptor that the read is for"
_BURST = "of the burst"
_ERRORS = "tests/test_accelerator_errors.py"
_BUS = "tests/test_accelerator_bus_faults.py::test_fault_of_a_burst"
_MEMORY = "0 activations, 1 weights, 2 accumulators, 3 parameters"

ERRORS: dict[Error, ErrorRow] = {
    Error.OPCODE: ErrorRow(
        _DESCRIPTOR,
        _DESCRIPTOR,
        "Write descriptors of this version of the interface.",
        f"{_ERRORS}::test_bad_field",
    ),
    Error.RESERVED: ErrorRow(
        _DESCRIPTOR, _DESCRIPTOR, "Clear reserved bits.", f"{_ERRORS}::test_reserved_bit"
    ),
    Error.SIZE: ErrorRow(
        _DESCRIPTOR,
        _DESCRIPTOR,
        "Cut the GEMM, or build with larger `limits`.",
        f"{_ERRORS}::test_bad_field",
    ),
    Error.TILE: ErrorRow(
        _DESCRIPTOR,
        _DESCRIPTOR,
        "Choose a tiling by `matwright_sw.tiling`.",
        f"{_ERRORS}::test_bad_field",
    ),
    Error.ALIGNMENT: ErrorRow(
        "of the descriptor; 0 for the program's address",
        "of the descriptor, or the program",
        "Align to `BUS.DATA_WIDTH / 8` bytes, a program to 64 too.",
        f"{_ERRORS}::test_bad_field",
    ),
    Error.ADDRESS: ErrorRow(
        "of the descriptor; 0 for the program's address",
        "of the descriptor, or the program",
        "Keep addresses below `2**BUS.ADDR_WIDTH`.",
        f"{_ERRORS}::test_bad_address_of_the_program",
    ),
    Error.WINDOW: ErrorRow(
        _DESCRIPTOR,
        _DESCRIPTOR,
        "Open a window that holds the operand with the permission it needs, or refuse the tenant.",
        "tests/test_accelerator_isolation.py::test_operand_outside",
    ),
    Error.READ_RESPONSE: ErrorRow(_READER, _BURST, "Look at what answers there.", _BUS),
    Error.WRITE_RESPONSE: ErrorRow(_COMPLETED, _BURST, "Look at what answers there.", _BUS),
    Error.READ_LAST: ErrorRow(_READER, _BURST, "The interconnect is at fault.", _BUS),
    Error.READ_ID: ErrorRow(
        _READER, "of the oldest burst in flight", "The interconnect is at fault.", _BUS
    ),
    Error.WRITE_ID: ErrorRow(
        _COMPLETED, "of the oldest burst in flight", "The interconnect is at fault.", _BUS
    ),
    Error.GUARD: ErrorRow(
        _COMPLETED,
        _BURST,
        "Reset; if it comes again, the hardware is at fault.",
        "tests/test_accelerator_isolation.py::test_guard",
    ),
    Error.SRAM: ErrorRow(
        _COMPLETED,
        _MEMORY,
        "Run the program again; if it comes again, a memory is at fault.",
        "tests/test_accelerator_sram.py::test_flips",
    ),
    Error.UNWRITTEN: ErrorRow(
        _COMPLETED,
        _MEMORY,
        "Reset; if it comes again, the hardware is at fault.",
        "tests/test_accelerator_sram.py::test_forget",
    ),
    Error.WATCHDOG: ErrorRow(
        _COMPLETED,
        "0",
        "Look at why memory does not answer, or write a larger `WATCHDOG`.",
        "tests/test_accelerator_bus_faults.py::test_hang",
    ),
    Error.DOORBELL: ErrorRow(
        _COMPLETED,
        "0",
        "Wait for DONE or ERROR before the next doorbell.",
        "tests/test_accelerator_stops.py::test_doorbell_of_a_running_machine",
    ),
}
"""By code. The tests run whole programs on the generated Verilog and cause the error in them."""

_INTRODUCTION = """\
# Errors

The first error stops the machine. From then on no new address goes out; what is on the bus already
finishes as AXI4 asks; `STATUS.ERROR`, `ERROR_CODE`, `ERROR_INDEX` and `ERROR_ADDR_*` hold what was found
first until a soft reset; `irq` rises if `IRQ_ENABLE.ERROR` is set and falls when `IRQ_CAUSE.ERROR` is
written. Bytes outside of the results of the program are never written, and `COMPLETED` descriptors have
theirs whole in memory. After a soft reset (`CONTROL.RESET`, then wait for `STATUS.RESETTING` to be 0)
the next program is exact.

Codes below 16 are faults of a descriptor. They are reported in program order, when all descriptors
before are complete, and nothing of the descriptor has been done. The others stop the machine at once. A
soft reset waits until the bus has answered everything, so one that never answers, or never ends a burst
with RLAST, keeps `STATUS.RESETTING` at 1; only `rst` helps then. Answers that nobody asked for are
errors while a program runs; an idle machine ignores them.

The driver raises an exception of its own for each, all of them `matwright_sw.HardwareError`, after a
soft reset."""


def errors_markdown() -> str:
    """The page."""
    notes = error_notes()
    rows = [
        (
            str(int(error)),
            f"`{error.name}`",
            notes[error.name],
            row.at_index,
            row.at_address,
            row.remedy,
        )
        for error, row in ERRORS.items()
    ]
    shown = [
        (f"`{error.name}`", f"`{_exception(error)}`", f"`{row.test}`")
        for error, row in ERRORS.items()
    ]
    return join(
        [
            _INTRODUCTION,
            "## Codes",
            markdown_table(
                ("Code", "Name", "Meaning", "`ERROR_INDEX`", "`ERROR_ADDR`", "What to do"), rows
            ),
            "## Exceptions and tests",
            "Each test causes the error in running programs and looks at all of the above.",
            markdown_table(("Name", "Exception in `matwright_sw.errors`", "Test"), shown),
        ]
    )


def _exception(error: Error) -> str:
    """Name of the driver's exception: the code's name in camel case."""
    return "".join(word.capitalize() for word in error.name.split("_")) + "Error"
