# SPDX-License-Identifier: Apache-2.0
"""The register map: the one definition that hardware, driver, C header and reference are made from.

Offsets are bytes from the base of the AXI4-Lite slave; every register is 32 bits wide. The user
page is 0x000 to 0xFFF, the privileged page 0x1000 to 0x1FFF: a host that isolates the programs of
others gives them the user page alone.
"""

from typing import NamedTuple

from ..config import SRAM_PROTECTIONS, AcceleratorConfig

__all__ = [
    "ADDR_WIDTH",
    "COUNTERS",
    "ID_VALUE",
    "MOST_WINDOWS",
    "PAGE_BYTES",
    "PRIVILEGED",
    "REGISTERS",
    "VERSION",
    "WATCHDOG_CYCLES",
    "WINDOW",
    "BitField",
    "Register",
    "constants",
    "event_names",
    "window_offset",
]

ADDR_WIDTH = 13
"""Address bits of the AXI4-Lite slave: two pages of 4 KiB."""

ID_VALUE = 0x4D41_5457
"""``MATW`` in ASCII."""

PRIVILEGED = 0x1000
"""First offset of the privileged page."""

PAGE_BYTES = 4096
"""Windows are whole pages of this many bytes. No burst crosses one."""

MOST_WINDOWS = 8
"""Windows that the map has places for."""

WATCHDOG_CYCLES = (1 << 24) - 1
"""Reset value of WATCHDOG."""

VERSION = 0x0000_0100
"""Version of the register map and descriptor: major[31:16], minor[15:8], patch[7:0]."""


class BitField(NamedTuple):
    """A field of a register."""

    name: str
    low: int
    width: int
    doc: str


class Register(NamedTuple):
    """One 32-bit register. ``access``: RO, RW, W1C (write ones to clear) or WO (acts, reads 0)."""

    name: str
    offset: int
    access: str
    doc: str
    fields: tuple[BitField, ...] = ()


_IRQ = (
    BitField("DONE", 0, 1, "The program is complete."),
    BitField("ERROR", 1, 1, "The program stopped with an error."),
)

COUNTERS: dict[str, str] = {
    "CYCLES": "Cycles from the doorbell to the end of the program.",
    "LOAD_BUSY": "Load engine: a beat arrived.",
    "LOAD_WAIT_MEMORY": "Load engine: a read is in flight or on offer and no beat arrived.",
    "LOAD_WAIT_SPACE": "Load engine: no read in flight, the next one waits for room on chip.",
    "LOAD_IDLE": "Load engine: nothing to load.",
    "EXEC_BUSY": "Execute engine: a row of activations entered the array.",
    "EXEC_WAIT_ACTIVATION": "Execute engine: waited for activations from memory.",
    "EXEC_WAIT_WEIGHT": "Execute engine: waited for a weight tile from memory.",
    "EXEC_LOAD_WEIGHT": "Execute engine: waited while a weight tile entered the array.",
    "EXEC_WAIT_ACCUMULATOR": "Execute engine: waited for an accumulator bank to be stored.",
    "EXEC_IDLE": "Execute engine: no work.",
    "STORE_BUSY": "Store engine: a beat left.",
    "STORE_WAIT_BUS": "Store engine: a beat was ready, the bus was not.",
    "STORE_WAIT_POST": "Store engine: post-processing had no beat ready yet.",
    "STORE_WAIT_PARAMETER": "Store engine: waited for the parameter table.",
    "STORE_WAIT_RESPONSE": "Store engine: waited for write responses alone.",
    "STORE_IDLE": "Store engine: no work.",
    "BEATS_READ": "Beats read from memory, descriptors included.",
    "BEATS_WRITTEN": "Beats written to memory.",
    "SRAM_CORRECTED": "Cycles in which words with one flipped bit were read and corrected.",
    "SRAM_UNCORRECTED": "Cycles in which words were read whose flipped bits cannot be corrected.",
}
"""Performance counters, in order; 32 bits, cleared by the doorbell, wrapping."""

_COUNTER_BASE = 0x100

_WINDOW_BASE, _WINDOW_STEP = 0x1100, 0x20

_WINDOW_CONTROL = (
    BitField("READ", 0, 1, "The machine may read here."),
    BitField("WRITE", 1, 1, "The machine may write here."),
    BitField("LOCK", 2, 1, "Written 1, this window keeps its values until the next `rst`."),
)

WINDOW = ("BASE_LO", "BASE_HI", "LIMIT_LO", "LIMIT_HI", "CONTROL")
"""Registers of a window, in order."""


def window_offset(window: int, name: str) -> int:
    """Offset of register ``name`` (of :data:`WINDOW`) of a window."""
    return _WINDOW_BASE + _WINDOW_STEP * window + 4 * WINDOW.index(name)


def _window(i: int) -> tuple["Register", ...]:
    docs = {
        "BASE_LO": f"Window {i}: address of its first page, bits 31 to 0; bits 11 to 0 are 0.",
        "BASE_HI": f"Window {i}: address of its first page, bits 47 to 32.",
        "LIMIT_LO": f"Window {i}: address of its last byte, bits 31 to 0; bits 11 to 0 are 1. "
        "A write to a base or limit closes the window.",
        "LIMIT_HI": f"Window {i}: address of its last byte, bits 47 to 32.",
        "CONTROL": f"Window {i}: what it permits. Closed after `rst`.",
    }
    return tuple(
        Register(
            f"WINDOW{i}_{name}",
            window_offset(i, name),
            "RW",
            docs[name],
            _WINDOW_CONTROL if name == "CONTROL" else (),
        )
        for name in WINDOW
    )


REGISTERS: tuple[Register, ...] = (
    Register("ID", 0x000, "RO", "Identification: 0x4D415457, `MATW`."),
    Register("VERSION", 0x004, "RO", "Version of map and descriptor: major.minor.patch."),
    Register("CONFIG_HASH", 0x008, "RO", "First 32 bits of the configuration's SHA-256."),
    Register(
        "ARRAY",
        0x00C,
        "RO",
        "Shape of the array.",
        (
            BitField("ROWS", 0, 12, "Rows (K)."),
            BitField("COLS", 12, 12, "Columns (N)."),
            BitField("LOAD_ROWS", 24, 8, "Weight rows loaded per cycle, 0 for 256."),
        ),
    ),
    Register(
        "PRECISION",
        0x010,
        "RO",
        "Widths in bits.",
        (
            BitField("A_WIDTH", 0, 8, "Activation."),
            BitField("B_WIDTH", 8, 8, "Weight."),
            BitField("ACC_WIDTH", 16, 8, "Accumulator."),
        ),
    ),
    Register(
        "BUS",
        0x014,
        "RO",
        "AXI4 master.",
        (
            BitField("DATA_WIDTH", 0, 16, "Bits of a beat."),
            BitField("ADDR_WIDTH", 16, 8, "Bits of an address."),
        ),
    ),
    Register("ACTIVATION_ROWS", 0x018, "RO", "Rows of the activation scratchpad, both halves."),
    Register("WEIGHT_TILES", 0x01C, "RO", "Tiles of the weight ring."),
    Register("ACCUMULATOR_ROWS", 0x020, "RO", "Rows of one accumulator bank."),
    Register("COLUMN_PANELS", 0x024, "RO", "Most column panels of an output block."),
    Register("MAX_M", 0x028, "RO", "Largest M."),
    Register("MAX_N", 0x02C, "RO", "Largest N."),
    Register("MAX_K", 0x030, "RO", "Largest K."),
    Register(
        "BUILD",
        0x034,
        "RO",
        "How the machine was built.",
        (
            BitField("WINDOWS", 0, 4, "Windows, see the privileged page."),
            BitField(
                "SRAM_PROTECTION",
                4,
                2,
                "Check bits of on-chip memory: 0 none, 1 parity, 2 SECDED.",
            ),
            BitField("COUNTERS", 6, 1, "Performance counters are built."),
            BitField("UNSAFE_UNCHECKED", 7, 1, "Built without windows and checks: never for use."),
        ),
    ),
    Register(
        "CONTROL",
        0x040,
        "WO",
        "Commands.",
        (
            BitField("START", 0, 1, "Doorbell: run the program. An error while one runs."),
            BitField("RESET", 1, 1, "Soft reset: finish bus transactions, then forget all work."),
        ),
    ),
    Register(
        "STATUS",
        0x044,
        "RO",
        "State of the machine.",
        (
            BitField("BUSY", 0, 1, "A program is running."),
            BitField("DONE", 1, 1, "The last program is complete."),
            BitField("ERROR", 2, 1, "The program stopped with an error; a soft reset is needed."),
            BitField("RESETTING", 3, 1, "A soft reset is under way."),
        ),
    ),
    Register("IRQ_ENABLE", 0x048, "RW", "Causes that raise `irq`.", _IRQ),
    Register(
        "IRQ_CAUSE", 0x04C, "W1C", "Causes seen; `irq` is high while an enabled one is.", _IRQ
    ),
    Register("PROGRAM_LO", 0x050, "RW", "Address of the first descriptor, bits 31 to 0."),
    Register("PROGRAM_HI", 0x054, "RW", "Address of the first descriptor, bits 47 to 32."),
    Register("PROGRAM_COUNT", 0x058, "RW", "Descriptors of the program, 0 to 65,535."),
    Register("COMPLETED", 0x05C, "RO", "Descriptors whose results are all in memory."),
    Register("ERROR_CODE", 0x060, "RO", "First error since reset, see the error codes."),
    Register("ERROR_INDEX", 0x064, "RO", "Index of the descriptor at fault."),
    Register("ERROR_ADDR_LO", 0x068, "RO", "Address at fault, bits 31 to 0."),
    Register("ERROR_ADDR_HI", 0x06C, "RO", "Address at fault, bits 47 to 32."),
    Register(
        "WATCHDOG",
        0x070,
        "RW",
        "When a program that makes no progress is stopped.",
        (BitField("CYCLES", 0, 24, "Cycles without progress; 0: no limit."),),
    ),
    *(
        Register(name, _COUNTER_BASE + 4 * i, "RO", doc)
        for i, (name, doc) in enumerate(COUNTERS.items())
    ),
    Register(
        "CONTEXT",
        PRIVILEGED,
        "WO",
        "The end of a tenant's use.",
        (
            BitField(
                "END",
                0,
                1,
                "Soft reset; also the user page takes its reset values and every window that is not "
                "locked is closed.",
            ),
        ),
    ),
    Register(
        "INJECT_BITS",
        PRIVILEGED + 4,
        "RW",
        "Bits that INJECT flips, data bits first, then check bits.",
        (
            BitField("FIRST", 0, 10, "A bit of the stored word."),
            BitField("SECOND", 16, 10, "Another; the same for one flip."),
        ),
    ),
    Register(
        "INJECT",
        PRIVILEGED + 8,
        "RW",
        "For tests: flips bits of the next word that is used of a bank of on-chip memory. Only with "
        "SRAM protection.",
        (
            BitField(
                "BANK",
                0,
                16,
                "Bank of the memory: lane r of activations; lane l, column c of weights `l*COLS + c`; "
                "bank b, column c of accumulators `b*COLS + c`; beat of a word of parameters.",
            ),
            BitField("MEMORY", 16, 2, "0 activations, 1 weights, 2 accumulators, 3 parameters."),
            BitField("FORGET", 30, 1, "Written 1: all words count as unwritten, now."),
            BitField("ARM", 31, 1, "Written 1: flip. Reads 1 until it has happened."),
        ),
    ),
    *(register for i in range(MOST_WINDOWS) for register in _window(i)),
)


def event_names(config: AcceleratorConfig) -> list[str]:
    """Counters that ``config`` has events for, in order; without SRAM protection the last read 0."""
    return [name for name in COUNTERS if config.build.protected or not name.startswith("SRAM_")]


def constants(config: AcceleratorConfig) -> dict[str, int]:
    """Values of the registers that read as constants of the configuration."""
    return {
        "ID": ID_VALUE,
        "VERSION": VERSION,
        "CONFIG_HASH": int(config.digest[:8], 16),
        "ARRAY": config.rows | config.cols << 12 | (config.load_rows & 0xFF) << 24,
        "PRECISION": config.precision.a_width
        | config.precision.b_width << 8
        | config.precision.acc_width << 16,
        "BUS": config.bus.data_width | config.bus.addr_width << 16,
        "ACTIVATION_ROWS": config.sram.activation_rows,
        "WEIGHT_TILES": config.sram.weight_tiles,
        "ACCUMULATOR_ROWS": config.sram.accumulator_rows,
        "COLUMN_PANELS": config.sram.column_panels,
        "MAX_M": config.limits.max_m,
        "MAX_N": config.limits.max_n,
        "MAX_K": config.limits.max_k,
        "BUILD": (0 if config.build.unsafe_unchecked else config.bus.windows)
        | SRAM_PROTECTIONS.index(config.build.sram_protection) << 4
        | config.build.counters << 6
        | config.build.unsafe_unchecked << 7,
    }
