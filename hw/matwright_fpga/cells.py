# SPDX-License-Identifier: Apache-2.0
"""What the cells of the families' netlists are, in words that need no data sheet."""

from fnmatch import fnmatchcase
from functools import cache

__all__ = ["BLOCK_RAM", "CARRY", "LUT", "LUT_RAM", "MULTIPLEXER", "MULTIPLIER", "REGISTER", "kind"]

LUT = "LUT"
CARRY = "carry chain"
MULTIPLEXER = "multiplexer"
REGISTER = "register"
MULTIPLIER = "multiplier"
BLOCK_RAM = "block RAM"
LUT_RAM = "LUT RAM"

_KINDS = (
    # ECP5
    ("TRELLIS_FF", REGISTER),
    ("CCU2C", CARRY),
    ("PFUMX", MULTIPLEXER),
    ("L6MUX21", MULTIPLEXER),
    ("TRELLIS_DPR16X4", LUT_RAM),
    ("DP16KD", BLOCK_RAM),
    ("PDPW16KD", BLOCK_RAM),
    # iCE40
    ("SB_LUT4", LUT),
    ("SB_CARRY", CARRY),
    ("SB_DFF*", REGISTER),
    ("SB_MAC16", MULTIPLIER),
    ("SB_RAM40_4K*", BLOCK_RAM),
    ("SB_SPRAM256KA", BLOCK_RAM),
    # Nexus
    ("CCU2", CARRY),
    ("WIDEFN9", MULTIPLEXER),
    ("FD1P3*", REGISTER),
    ("DPR16X4", LUT_RAM),
    ("*16K", BLOCK_RAM),
    ("*512K", BLOCK_RAM),
    # Gowin
    ("ALU", CARRY),
    ("MUX2*", MULTIPLEXER),
    ("DFF*", REGISTER),
    ("RAM16*", LUT_RAM),
    ("SDPB", BLOCK_RAM),
    ("SDPX9B", BLOCK_RAM),
    ("DPB", BLOCK_RAM),
    ("DPX9B", BLOCK_RAM),
    ("SP", BLOCK_RAM),
    ("SPX9", BLOCK_RAM),
    ("pROM*", BLOCK_RAM),
    # several
    ("LUT[1-4]", LUT),
    ("INV", LUT),
    ("MULT*", MULTIPLIER),
)


@cache
def kind(cell_type: str) -> str:
    """Kind of a cell by Yosys' name of its type: one of the words above, or ``""``."""
    for pattern, word in _KINDS:
        if fnmatchcase(cell_type, pattern):
            return word
    return ""
