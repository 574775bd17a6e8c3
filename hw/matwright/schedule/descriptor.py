# SPDX-License-Identifier: Apache-2.0
"""The descriptor: 64 bytes that are one whole GEMM, ``D = act(scale * (A @ B + bias))``.

The field table below is the one definition; hardware, driver, C header and reference are made
from it.
"""

import enum
from dataclasses import dataclass
from typing import NamedTuple

from ..config import DESCRIPTOR_BYTES

__all__ = ["DESCRIPTOR_BYTES", "FIELDS", "Descriptor", "Error", "Field", "Flag", "Opcode"]


class Opcode(enum.IntEnum):
    """What a descriptor asks for."""

    GEMM = 1


class Flag(enum.IntFlag):
    """Options of a GEMM."""

    FENCE = 1 << 0
    """Start only when every earlier descriptor's results are in memory."""
    RAW = 1 << 1
    """D is int32: accumulator plus bias, neither scaled nor narrowed."""
    TABLE = 1 << 2
    """Bias and scale come per column from the parameter table; else bias is 0 and scale common."""
    RELU = 1 << 3
    """Negative sums become 0, before scaling."""
    A_UNSIGNED = 1 << 4
    """A is unsigned; the top bit of each element is flipped while loading (A - 2**(a_width-1))."""
    D_UNSIGNED = 1 << 5
    """D is uint8; the top bit of each narrowed element is flipped while storing (D + 128)."""


class Error(enum.IntEnum):
    """Error codes of the machine. Codes below 16 are faults of a descriptor, raised in program order,
    when every earlier descriptor is complete; the others stop the machine at once."""

    NONE = 0
    OPCODE = 1
    """Unknown operation."""
    RESERVED = 2
    """A reserved bit is set."""
    SIZE = 3
    """M, N or K is 0 or beyond the configuration's limits."""
    TILE = 4
    """tile_rows, n_panels_log2 or k_panels_log2 is 0, too large for the SRAM or splits a beat."""
    ALIGNMENT = 5
    """An address or a stride is not a multiple of the beat."""
    ADDRESS = 6
    """An address has bits beyond the configuration's address width."""
    WINDOW = 7
    """An operand, the result or the descriptor itself is not wholly in one window that is open for it."""
    READ_RESPONSE = 16
    """The bus answered a read with SLVERR or DECERR."""
    WRITE_RESPONSE = 17
    """The bus answered a write with SLVERR or DECERR."""
    READ_LAST = 18
    """The bus ended a read burst too early or too late."""
    READ_ID = 19
    """The bus sent a read beat that was not asked for, or with a wrong ID."""
    WRITE_ID = 20
    """The bus sent a write response that was not asked for, or with a wrong ID."""
    GUARD = 21
    """A burst outside of the windows was stopped at the bus: a fault of the hardware. The index is that
    of the first incomplete descriptor."""
    SRAM = 22
    """A word of on-chip memory has flipped bits that cannot be corrected; index as for GUARD, the
    address is the memory: 0 activations, 1 weights, 2 accumulators, 3 parameters."""
    UNWRITTEN = 23
    """A word of on-chip memory was read that the program had not written: a fault of the hardware; index
    as for GUARD, address as for SRAM."""
    WATCHDOG = 24
    """Nothing moved for WATCHDOG cycles; the index is that of the first incomplete descriptor."""
    DOORBELL = 25
    """The doorbell was rung while a program was running; index as for WATCHDOG."""


class Field(NamedTuple):
    """Place of a field: 32-bit word, lowest bit in it, width; sentence for the reference."""

    word: int
    low: int
    width: int
    doc: str


FIELDS: dict[str, Field] = {
    "opcode": Field(0, 0, 8, "Operation: 1 = GEMM."),
    "flags": Field(0, 8, 6, "Options, see the flags."),
    "n_panels_log2": Field(0, 16, 4, "Panels of `cols` columns per output block, as log2."),
    "k_panels_log2": Field(0, 20, 4, "Panels of `rows` rows of K per activation chunk, as log2."),
    "zero_point": Field(0, 24, 8, "Zero point of int8 D, two's complement, added after scaling."),
    "m": Field(1, 0, 32, "Rows of A and D."),
    "n": Field(2, 0, 32, "Columns of B and D."),
    "k": Field(3, 0, 32, "Columns of A, rows of B."),
    "tile_rows": Field(4, 0, 16, "Rows of A and D per output block."),
    "a_stride": Field(5, 0, 32, "Bytes from one row of A to the next."),
    "b_stride": Field(6, 0, 32, "Bytes from one row of weight tiles to the next."),
    "d_stride": Field(7, 0, 32, "Bytes from one row of D to the next."),
    "a_addr": Field(8, 0, 48, "Byte address of A."),
    "b_addr": Field(10, 0, 48, "Byte address of packed B."),
    "d_addr": Field(12, 0, 48, "Byte address of D."),
    "params": Field(
        14, 0, 48, "With TABLE: byte address of the parameter table; else the scale word."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """One GEMM as the host writes it. Values are unsigned except ``zero_point``."""

    opcode: int = Opcode.GEMM
    flags: int = 0
    n_panels_log2: int = 0
    k_panels_log2: int = 0
    zero_point: int = 0
    m: int
    n: int
    k: int
    tile_rows: int
    a_stride: int
    b_stride: int
    d_stride: int
    a_addr: int
    b_addr: int
    d_addr: int
    params: int = 0

    def __post_init__(self) -> None:
        for name, place in FIELDS.items():
            value = getattr(self, name)
            low, high = 0, (1 << place.width) - 1
            if name == "zero_point":
                low, high = -128, 127
            if not low <= value <= high:
                raise ValueError(f"{name} must be from {low} to {high}, not {value}")

    def pack(self) -> bytes:
        """The 64 bytes, little-endian."""
        whole = 0
        for name, place in FIELDS.items():
            value = getattr(self, name) & ((1 << place.width) - 1)
            whole |= value << (32 * place.word + place.low)
        return whole.to_bytes(DESCRIPTOR_BYTES, "little")

    @classmethod
    def unpack(cls, data: bytes) -> "Descriptor":
        """Descriptor from 64 bytes; reserved bits are not looked at."""
        if len(data) != DESCRIPTOR_BYTES:
            raise ValueError(f"a descriptor must be {DESCRIPTOR_BYTES} bytes, not {len(data)}")
        whole = int.from_bytes(data, "little")
        values = {
            name: whole >> (32 * place.word + place.low) & ((1 << place.width) - 1)
            for name, place in FIELDS.items()
        }
        values["zero_point"] -= (values["zero_point"] & 0x80) << 1
        return cls(**values)


def reserved_mask() -> int:
    """512-bit mask of the bits that no field covers; all must be 0."""
    used = 0
    for place in FIELDS.values():
        used |= ((1 << place.width) - 1) << (32 * place.word + place.low)
    return ~used & ((1 << 8 * DESCRIPTOR_BYTES) - 1)
