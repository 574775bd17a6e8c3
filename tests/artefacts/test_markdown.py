# SPDX-License-Identifier: Apache-2.0
"""Register map and descriptor in Markdown: complete, and the reference is current."""

from pathlib import Path

import pytest

import make_reference
from matwright.artefacts.markdown import descriptor_markdown, registers_markdown
from matwright.bus.register_map import REGISTERS, constants
from matwright.presets import PRESETS
from matwright.schedule.descriptor import FIELDS, Error, Flag

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def _rows(text: str) -> list[list[str]]:
    """Cells of every line of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_register_and_field_has_its_row() -> None:
    rows = _rows(registers_markdown())
    for register in REGISTERS:
        assert [
            f"0x{register.offset:03X}",
            f"`{register.name}`",
            register.access,
            register.doc,
        ] in rows
        for field in register.fields:
            high = field.low + field.width - 1
            bits = f"{high}:{field.low}" if field.width > 1 else f"{field.low}"
            assert [bits, f"`{field.name}`", field.doc] in rows


def test_every_table_is_rectangular() -> None:
    for text in (registers_markdown(), registers_markdown(PRESETS["edge"]), descriptor_markdown()):
        width = 0
        for line in text.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            cells = line.count("|")
            assert width in (0, cells), line
            width = cells


def test_values_of_a_configuration() -> None:
    rows = _rows(registers_markdown(PRESETS["server"]))
    for name, value in constants(PRESETS["server"]).items():
        assert [f"`{name}`", f"{value:,}", f"0x{value:08X}"] in rows


def test_every_field_flag_and_code_of_the_descriptor_has_its_row() -> None:
    rows = _rows(descriptor_markdown())
    for name, place in FIELDS.items():
        assert any(row[3:] == [f"`{name}`", place.doc] for row in rows), name
    for bit, flag in enumerate(Flag):
        assert any(row[:2] == [str(bit), f"`{flag.name}`"] and row[2] for row in rows), flag
    for error in Error:
        assert any(row[:2] == [str(int(error)), f"`{error.name}`"] and row[2] for row in rows)
    sentences = {row[1]: row[2] for row in rows if len(row) == 3}
    assert sentences["`RELU`"] == "Negative sums become 0, before scaling."
    assert sentences["`SIZE`"] == "M, N or K is 0 or beyond the configuration's limits."


@pytest.mark.parametrize("name", make_reference.PAGES)
def test_the_reference_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text() == make_reference.PAGES[name](), (
        f"docs/reference/{name} is stale: run scripts/make_reference.py"
    )
