# SPDX-License-Identifier: Apache-2.0
"""What does not fit is refused with every resource that overflows, and by how much."""

import pytest

from matwright_fpga.devices import find_device
from matwright_fpga.errors import FitError
from matwright_fpga.fit import check_cells, check_log

# Cut from a run of nextpnr-ice40.
LOG = """\
Info: Packing carries..
Info:        9 LCs used to legalise carry chains.
Info: Device utilisation:
Info: \t         ICESTORM_LC:    5281/   5280   100%
Info: \t        ICESTORM_RAM:      30/     30   100%
Info: \t               SB_IO:       0/     39     0%
Info: \t        ICESTORM_DSP:      12/      8   150%
Info: \t      ICESTORM_SPRAM:       4/      4   100%
ERROR: Unable to place cell 'x_SB_LUT4_O_LC', no BELs remaining to implement cell type 'ICESTORM_LC'
"""


def test_cells_beyond_the_device() -> None:
    family, device, _ = find_device("ecp5", "25k")
    full = {"LUT4": 24000, "CCU2C": 144, "TRELLIS_FF": 24288, "MULT18X18D": 28, "DP16KD": 56}
    check_cells("small", family, device, full)
    with pytest.raises(FitError) as refused:
        check_cells("small", family, device, {**full, "LUT4": 24001, "MULT18X18D": 64})
    assert str(refused.value) == (
        "small does not fit ecp5 25k: it needs at least 24,289 logic cells (TRELLIS_COMB) of "
        "24,288, 1 too many; at least 64 multipliers (MULT18X18D) of 28, 36 too many"
    )


def test_a_resource_that_the_device_lacks() -> None:
    family, device, _ = find_device("ice40", "hx8k")
    with pytest.raises(FitError, match=r"at least 8 multipliers \(SB_MAC16\) of 0, 8 too many$"):
        check_cells("tiny", family, device, {"SB_MAC16": 8})


def test_packed_beyond_the_device() -> None:
    family, device, _ = find_device("ice40", "up5k")
    with pytest.raises(FitError) as refused:
        check_log("tiny", family, device, LOG)
    assert str(refused.value) == (
        "tiny does not fit ice40 up5k: it needs 5,281 logic cells (LC) of 5,280, 1 too many; "
        "12 multipliers (SB_MAC16) of 8, 4 too many"
    )
    check_log("tiny", family, device, LOG.replace("5281", "5280").replace("12/", " 8/"))
    check_log("tiny", family, device, "ERROR: something else\n")


def test_single_port_rams_beyond_the_device() -> None:
    for name, count, have in (("up5k", 8, 4), ("hx8k", 4, 0)):
        family, device, _ = find_device("ice40", name)
        message = rf"{count} single-port RAMs \(SB_SPRAM256KA\) of {have}, 4 too many$"
        with pytest.raises(FitError, match=message):
            check_cells("tiny", family, device, {"SB_SPRAM256KA": count})
