# SPDX-License-Identifier: Apache-2.0
"""Cells of the families' netlists are known for what they are."""

import pytest

from matwright_fpga import cells

KINDS = {
    cells.LUT: "LUT4 SB_LUT4 LUT1 LUT2 LUT3",
    cells.CARRY: "CCU2C SB_CARRY CCU2 ALU",
    cells.MULTIPLEXER: "PFUMX L6MUX21 WIDEFN9 MUX2_LUT5 MUX2_LUT8",
    cells.REGISTER: "TRELLIS_FF SB_DFF SB_DFFESR FD1P3IX FD1P3BX DFF DFFRE DFFSE",
    cells.MULTIPLIER: "MULT18X18D SB_MAC16 MULT9X9 MULTADDSUB18X18 MULTALU27X18",
    cells.BLOCK_RAM: "DP16KD PDPW16KD SB_RAM40_4K SB_SPRAM256KA PDPSC16K PDPSC512K DPX9B SDPB pROM",
    cells.LUT_RAM: "TRELLIS_DPR16X4 DPR16X4 RAM16SDP4",
    "": "EHXPLLL IB OB VLO",
}


@pytest.mark.parametrize("kind", KINDS)
def test_kind(kind: str) -> None:
    for cell_type in KINDS[kind].split():
        assert cells.kind(cell_type) == kind, cell_type
