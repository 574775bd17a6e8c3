# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/reference/link.md are what the hardware and the golden device answer."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from matwright.bus.register_map import ADDR_WIDTH, REGISTERS
from matwright.system import link
from matwright.system.bridge import Bridge
from matwright_sim.golden.link import LinkDevice, crc
from matwright_sim.runner import run_bench

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "link.md").read_text()
EXAMPLES = re.findall(r"^host +([0-9a-f ]+)\ndevice ([0-9a-f ]+)$", PAGE, re.MULTILINE)
MEMORY_BYTES = 131_072
CLOCK_HZ = 12_000_000


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("\nhost ") == PAGE.count("\ndevice ") >= 8
    assert f"{MEMORY_BYTES:,} bytes of memory" in PAGE


def test_golden_device() -> None:
    registers: dict[int, int] = {}
    writes: list[tuple[int, int]] = []

    def write(at: int, value: int) -> bool:
        registers[at] = value
        writes.append((at, value))
        return True

    device = LinkDevice(
        bytearray(MEMORY_BYTES),
        registers.get,
        write,
        clock_hz=CLOCK_HZ,
        bits_per_second=1_000_000,
    )
    for frame, answer in EXAMPLES:
        said = b"".join(device.byte(byte) for byte in bytes.fromhex(frame))
        assert said == bytes.fromhex(answer)
    offset = next(register.offset for register in REGISTERS if register.name == "IRQ_ENABLE")
    assert writes == [(offset, 3)]


def test_hardware(tmp_path: Path) -> None:
    run_bench(
        Bridge(MEMORY_BYTES, 4, CLOCK_HZ),
        name="bridge",
        bench="matwright_sim.benches.system_examples",
        parameters={"EXAMPLES": json.dumps(EXAMPLES), "MEMORY_BYTES": str(MEMORY_BYTES)},
        seed=51,
        build_root=tmp_path,
    )


def test_crc() -> None:
    found = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)
    for data in (b"", b"123456789", bytes(range(256))):
        assert names["crc"](data) == crc(data)


@pytest.mark.parametrize(
    "text",
    [
        f"`{link.REQUEST:02x}`",
        f"`{link.ANSWER:02x}`",
        f"0x{link.MAGIC:08X}",
        f"version of this link: {link.VERSION}",
        f"{link.GAP:,} bit times",
        f"0 to 0x{(1 << ADDR_WIDTH) - 4:X}",
        *(f"| {status.value} | {status.name} |" for status in link.Status),
    ],
)
def test_numbers(text: str) -> None:
    assert text in PAGE
