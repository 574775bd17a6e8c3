# SPDX-License-Identifier: Apache-2.0
"""The register map: its order, its fields, and the values that follow from a configuration."""

import pytest

from matwright.bus.register_map import (
    ADDR_WIDTH,
    COUNTERS,
    ID_VALUE,
    MOST_WINDOWS,
    PAGE_BYTES,
    PRIVILEGED,
    REGISTERS,
    VERSION,
    WATCHDOG_CYCLES,
    WINDOW,
    constants,
    event_names,
    window_offset,
)
from matwright.config import AcceleratorConfig, Build, Bus
from matwright.presets import PRESETS

BY_NAME = {register.name: register for register in REGISTERS}


def test_names_and_offsets_are_unique_aligned_and_on_two_pages() -> None:
    assert len(BY_NAME) == len(REGISTERS)
    offsets = [register.offset for register in REGISTERS]
    assert offsets == sorted(set(offsets))
    assert all(offset % 4 == 0 and 0 <= offset < 1 << ADDR_WIDTH for offset in offsets)
    assert 1 << ADDR_WIDTH == 2 * PRIVILEGED == 2 * PAGE_BYTES == 0x2000


def test_the_privileged_page_holds_what_a_tenant_must_not_reach() -> None:
    privileged = {name for name, register in BY_NAME.items() if register.offset >= PRIVILEGED}
    windows = {f"WINDOW{i}_{name}" for i in range(8) for name in WINDOW}
    assert privileged == {"CONTEXT", "INJECT_BITS", "INJECT", *windows}


def test_windows_have_their_places() -> None:
    for i in range(MOST_WINDOWS):
        offsets = [BY_NAME[f"WINDOW{i}_{name}"].offset for name in WINDOW]
        assert offsets == [0x1100 + 0x20 * i + 4 * j for j in range(5)]
        assert offsets == [window_offset(i, name) for name in WINDOW]
    assert MOST_WINDOWS == 8


def test_access_and_sentences() -> None:
    for register in REGISTERS:
        assert register.access in {"RO", "RW", "W1C", "WO"}
        assert register.doc.endswith(".")
        for field in register.fields:
            assert field.doc.endswith("."), (register.name, field.name)


def test_fields_do_not_overlap() -> None:
    for register in REGISTERS:
        used = 0
        for field in register.fields:
            mask = ((1 << field.width) - 1) << field.low
            assert not used & mask, (register.name, field.name)
            used |= mask
        assert used < 1 << 32


def test_offsets_that_software_was_told() -> None:
    told = {"ID": 0x000, "CONTROL": 0x040, "STATUS": 0x044, "ERROR_CODE": 0x060, "CYCLES": 0x100}
    told |= {"BUILD": 0x034, "CONTEXT": 0x1000, "INJECT": 0x1008, "WINDOW0_BASE_LO": 0x1100}
    assert {name: BY_NAME[name].offset for name in told} == told


def test_interrupt_registers_have_the_same_fields() -> None:
    assert BY_NAME["IRQ_ENABLE"].fields == BY_NAME["IRQ_CAUSE"].fields


def test_counters_follow_each_other() -> None:
    offsets = [BY_NAME[name].offset for name in COUNTERS]
    assert offsets == [0x100 + 4 * i for i in range(len(COUNTERS))]


@pytest.mark.parametrize("protection", ["none", "parity", "secded"])
def test_events_are_the_counters_that_can_count(protection: str) -> None:
    config = AcceleratorConfig(rows=8, cols=8, build=Build(sram_protection=protection))
    names = event_names(config)
    assert names == list(COUNTERS)[: len(names)]
    missing = set(COUNTERS) - set(names)
    assert missing == ({"SRAM_CORRECTED", "SRAM_UNCORRECTED"} if protection == "none" else set())


def test_the_watchdog_after_reset_fits_its_field() -> None:
    (field,) = BY_NAME["WATCHDOG"].fields
    assert 0 < WATCHDOG_CYCLES < 1 << field.width


def test_each_engine_counts_busy_idle_and_waits() -> None:
    for engine in ("LOAD", "EXEC", "STORE"):
        names = [name for name in COUNTERS if name.startswith(engine)]
        assert {f"{engine}_BUSY", f"{engine}_IDLE"} < set(names)


@pytest.mark.parametrize("name", PRESETS)
def test_constants_read_back_as_the_configuration(name: str) -> None:
    config = PRESETS[name]
    values = constants(config)
    assert values["ID"] == ID_VALUE == int.from_bytes(b"MATW", "big")
    assert values["VERSION"] == VERSION
    assert f"{values['CONFIG_HASH']:08x}" == config.digest[:8]

    def field(register: str, wanted: str) -> int:
        place = next(f for f in BY_NAME[register].fields if f.name == wanted)
        return values[register] >> place.low & ((1 << place.width) - 1)

    assert field("ARRAY", "ROWS") == config.rows
    assert field("ARRAY", "COLS") == config.cols
    assert field("ARRAY", "LOAD_ROWS") == config.load_rows
    assert field("PRECISION", "A_WIDTH") == config.precision.a_width
    assert field("PRECISION", "B_WIDTH") == config.precision.b_width
    assert field("PRECISION", "ACC_WIDTH") == config.precision.acc_width
    assert field("BUS", "DATA_WIDTH") == config.bus.data_width
    assert field("BUS", "ADDR_WIDTH") == config.bus.addr_width
    assert values["MAX_K"] == config.limits.max_k
    assert field("BUILD", "WINDOWS") == config.bus.windows
    assert field("BUILD", "SRAM_PROTECTION") == 0
    assert field("BUILD", "COUNTERS") == config.build.counters
    assert field("BUILD", "UNSAFE_UNCHECKED") == 0
    assert all(0 <= value < 1 << 32 for value in values.values())


def test_constants_of_the_largest_array() -> None:
    config = AcceleratorConfig(
        rows=256, cols=256, load_rows=256, bus=Bus(data_width=512, max_burst=64)
    )
    assert constants(config)["ARRAY"] == 256 | 256 << 12  # 256 load rows read as 0
    assert constants(config)["BUS"] & 0xFFFF == 512


def test_constants_of_unusual_builds() -> None:
    def word(**build: object) -> int:
        config = AcceleratorConfig(rows=8, cols=8, bus=Bus(windows=8), build=Build(**build))  # type: ignore[arg-type]
        return constants(config)["BUILD"]

    assert word(sram_protection="parity") == 8 | 1 << 4 | 1 << 6
    assert word(sram_protection="secded", counters=False) == 8 | 2 << 4
    assert word(unsafe_unchecked=True) == 1 << 6 | 1 << 7  # no windows


def test_constants_are_read_only_registers() -> None:
    for name in constants(PRESETS["edge"]):
        assert BY_NAME[name].access == "RO"
