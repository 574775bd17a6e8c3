# SPDX-License-Identifier: Apache-2.0
"""A path of nextpnr's report is told by modules and signals, never by names that Yosys made."""

import json

import pytest
from standin_tools import cell, netlist, report, wire

from matwright_fpga.timing import Path, critical_path, fmax

NETLIST = netlist(
    {
        "first_chunk": wire([20], "first_chunk"),
        "feeder.take": wire([22], "feeder take"),
        "feeder.count": wire([30, 31], "feeder count"),
        "bank.cells.r_data": wire([40], "bank cells r_data"),
        "pe.product": wire([50], "pe product"),
    },
    {
        "first_chunk_TRELLIS_FF_Q": cell("TRELLIS_FF", CE=3, DI=4, Q=20),
        "feeder.x_LUT4_Z": cell("LUT4", A=20, Z=22),
        "y_PFUMX_Z": cell("PFUMX", C0=22, Z=23),
        "feeder.count_CCU2C_S0": cell("CCU2C", A0=23, S0=24),
        "feeder.count_TRELLIS_FF_Q_1": cell("TRELLIS_FF", CE=3, DI=24, Q=31),
        "bank.cells.memory.0.0": cell("DP16KD", ADA0=3, DOA0=40),
        "pe.product_MULT18X18D": cell("MULT18X18D", A0=40, P0=50),
        "q_SB_LUT4_O": cell("SB_LUT4", I1=40, O=60),
        "q_SB_DFF_Q": cell("SB_DFF", D=60, Q=30),
    },
)
START = ("clk-to-q", 0.5, "", "first_chunk_TRELLIS_FF_Q.Q", "first_chunk_TRELLIS_FF_Q.Q")
LUT = ("logic", 0.25, "", "feeder.x_LUT4_Z.A", "feeder.x_LUT4_Z.F")
MUX = ("logic", 0.25, "", "y_PFUMX_Z.M", "y_PFUMX_Z.OFX")


def hop(net: str) -> tuple[str, float, str, str, str]:
    return ("routing", 0.75, net, "a.Q", "b.A")


def carry(cell: str, start: str, end: str) -> tuple[str, float, str, str, str]:
    return ("logic", 0.1, "", f"{cell}.{start}", f"{cell}.{end}")


def end(port: str, cell: str = "feeder.count_TRELLIS_FF_Q_1") -> tuple[str, float, str, str, str]:
    return ("setup", 0.12, "", f"{cell}.{port}", f"{cell}.{port}")


def told(*steps: tuple[str, float, str, str, str], part: str = "engine.executor") -> str:
    made = critical_path(report(*steps, clocks={"clk": 100.0}), NETLIST, part)
    assert made is not None
    assert Path.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert made.ns == pytest.approx(sum(step[1] for step in steps))
    return str(made)


def test_registers_luts_and_a_carry_chain() -> None:
    chain = "feeder.count_CCU2C_S0$CCU2_COMB"
    text = told(
        START,
        hop("first_chunk"),
        LUT,
        hop("feeder.take"),
        LUT,
        hop("made_up_LUT4_Z"),
        LUT,
        hop("made_up_LUT4_Z_1"),
        carry(f"{chain}0", "B", "FCO"),
        *[carry(f"{chain}1", "FCI", "FCO")] * 16,
        carry(f"{chain}0", "FCI", "F"),
        hop("made_up_LUT4_Z_2"),
        end("DI"),
    )
    assert text == (
        "from `first_chunk` of engine.executor through 3 LUTs and an 18-bit carry chain, 3.2 ns "
        "logic + 3.8 ns routing, to `count` of engine.executor.feeder"
    )


def test_two_chains_multiplexers_and_modules_between() -> None:
    text = told(
        START,
        hop("first_chunk"),
        carry("feeder.count_CCU2C_S0$CCU2_COMB0", "A", "FCO"),
        carry("$nextpnr_CCU2C_4$CCU2_COMB0", "FCI", "F"),
        hop("feeder.take"),
        MUX,
        hop("pe.product"),
        carry("feeder.count_CCU2C_S0$CCU2_COMB0", "A", "FCO"),
        carry("feeder.count_CCU2C_S0$CCU2_COMB1", "FCI", "F"),
        end("CE", "first_chunk_TRELLIS_FF_Q"),
        part="",
    )
    assert text == (
        "from `first_chunk` of the top module through 1 multiplexer and carry chains of 1 and 2 "
        "bits, 1.3 ns logic + 2.2 ns routing, via feeder and pe, to the enable of `first_chunk` "
        "of the top module"
    )


def test_memories_and_multipliers() -> None:
    ram, product = "bank.cells.memory.0.0", "pe.product_MULT18X18D"
    through = ("logic", 3.9, "", f"{product}.A0", f"{product}.P0")
    start = ("clk-to-q", 5.7, "", f"{ram}.DOA0", f"{ram}.DOA0")
    text = told(start, hop("bank.cells.r_data"), through, hop("pe.product"), end("LSR"))
    assert text == (
        "from the block RAM of engine.executor.bank through the multiplier of engine.executor.pe, "
        "9.7 ns logic + 1.5 ns routing, via engine.executor.pe, to the reset of `count` of "
        "engine.executor.feeder"
    )
    text = told(start, hop("x"), end("A0", product))
    assert text == (
        "from the block RAM of engine.executor.bank directly, 5.8 ns logic + 0.8 ns routing, "
        "to the multiplier of engine.executor.pe"
    )


def test_the_ice40_ends_at_the_lut_before_the_register() -> None:
    ram = "bank.cells.memory.0.0_RAM"
    text = told(
        ("clk-to-q", 2.1, "", f"{ram}.RDATA_0", f"{ram}.RDATA_0"),
        hop("bank.cells.r_data"),
        end("I1", "q_SB_LUT4_O_LC"),
    )
    assert text == (
        "from the block RAM of engine.executor.bank through 1 LUT, 2.2 ns logic + 0.8 ns routing, "
        "to `count` of engine.executor.feeder"
    )


def test_what_has_no_name_is_told_by_its_module() -> None:
    text = told(
        ("clk-to-q", 0.5, "", "feeder.z_TRELLIS_FF_Q.Q", "feeder.z_TRELLIS_FF_Q.Q"),
        hop("feeder.z_TRELLIS_FF_Q_Q"),
        end("DI"),
    )
    assert text.startswith("from a register of engine.executor.feeder directly, ")


def test_no_path() -> None:
    empty = {"fmax": {}, "critical_paths": [], "utilization": {}}
    assert fmax(empty) is None
    assert critical_path(empty, NETLIST, "") is None


def test_the_slowest_clock_counts() -> None:
    assert fmax(report(START, clocks={"clk": 100.0, "other": 50.0})) == 50.0
