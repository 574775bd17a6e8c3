# SPDX-License-Identifier: Apache-2.0
"""Settings of PLLs, by the families' tools, against the formulas of the data sheets."""

import re

import pytest

from matwright_fpga.errors import BoardError, ToolError
from matwright_fpga.pll import PLL_MODULE, make_pll


def parameter(verilog: str, name: str) -> int:
    found = re.search(rf"\.{name}\((?:\d'b)?(\w+)\)", verilog)
    assert found
    return int(found[1], 2 if "b" in found[0] else 10)


@pytest.mark.parametrize(("board", "mhz"), [(25, 50), (25, 62.5), (48, 60), (100, 75), (25, 97)])
def test_ecp5(board: float, mhz: float) -> None:
    """FPGA-TN-02200: the VCO runs at 400 to 800 MHz, the phase detector at 10 MHz or more, or at 3.125."""
    made = make_pll("ecppll", board, mhz)
    text = made.verilog
    out = board * parameter(text, "CLKFB_DIV") / parameter(text, "CLKI_DIV")
    assert made.mhz == pytest.approx(out, rel=1e-5)
    assert made.mhz == pytest.approx(mhz, rel=0.02)
    assert 400 <= out * parameter(text, "CLKOP_DIV") <= 800
    assert f"module {PLL_MODULE}\n" in text
    assert not made.on_pad
    for port in (made.clock_in, made.clock_out, "locked"):
        assert re.search(rf"put {port}\b", text)


@pytest.mark.parametrize(("board", "mhz"), [(12, 16.5), (12, 18), (12, 24)])
def test_ice40(board: float, mhz: float) -> None:
    """FPGA-TN-02052: f_out = f_in * (DIVF + 1) / (2**DIVQ * (DIVR + 1)), VCO at 533 to 1066 MHz."""
    made = make_pll("icepll", board, mhz)
    text = made.verilog
    vco = board * (parameter(text, "DIVF") + 1) / (parameter(text, "DIVR") + 1)
    out = vco / 2 ** parameter(text, "DIVQ")
    assert made.mhz == pytest.approx(out, abs=0.001)
    assert made.mhz == pytest.approx(mhz, rel=0.02)
    assert 533 <= vco <= 1066
    assert made.on_pad and "SB_PLL40_PAD" in text
    assert f"module {PLL_MODULE}(" in text


def test_refusals() -> None:
    with pytest.raises(BoardError) as refused:
        make_pll("ecppll", 25, 1)
    assert str(refused.value) == (
        "the clock must be one that the PLL makes of 25 MHz within 2%, not 1 MHz: "
        "the nearest is 3.125 MHz"
    )
    with pytest.raises(ToolError) as failed:
        make_pll("icepll", 12, 13)
    assert str(failed.value) == (
        "icepll failed: PLL output frequency 13.000 MHz is outside range 16 MHz - 275 MHz!"
    )
