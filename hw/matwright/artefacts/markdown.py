# SPDX-License-Identifier: Apache-2.0
"""Register map and descriptor as Markdown, for ``registers.md`` and the reference."""

import inspect
from collections.abc import Iterable
from enum import IntEnum, IntFlag

from ..bus.register_map import ADDR_WIDTH, REGISTERS, VERSION, constants
from ..config import AcceleratorConfig
from ..schedule.descriptor import DESCRIPTOR_BYTES, FIELDS, Error, Flag, Opcode, reserved_mask

__all__ = ["descriptor_markdown", "error_notes", "join", "markdown_table", "registers_markdown"]

_INTERFACE = """\
Version {version} of the interface. The AXI4-Lite slave `s_axil` has {bits} address bits: the user page
is 0x000 to 0xFFF, the privileged page 0x1000 to 0x1FFF. They are 4 KiB apart, so that a host can give a
tenant the one and keep the other; see [Isolation](../user/isolation.md)."""

_ACCESS = """\
Access: RO is read only, RW is read and write, W1C is cleared by writing ones, WO acts and reads 0.
Bits that no field names read 0; write 0 to them. Registers are little-endian and word-aligned. Those of the
privileged page are written as a whole: a write of single bytes does nothing there."""

_ORDER = """\
## Running a program

0. Once after `rst`: open windows for the program, its operands and its results, on the privileged page.
   Write `WINDOWn_BASE_*` and `WINDOWn_LIMIT_*`, which closes the window; read them back, for nothing
   changes while the machine is not idle; then write `WINDOWn_CONTROL`. Until then nothing can be read.
1. Write descriptors into memory, 64 bytes each, one after the other. The first stands at a multiple
   of 64 bytes and of a beat.
2. Write `PROGRAM_LO`, `PROGRAM_HI`, `PROGRAM_COUNT`, and `IRQ_ENABLE` if an interrupt is wanted.
3. Write `CONTROL.START`. Counters start at 0.
4. Wait for `STATUS.DONE` or `STATUS.ERROR`, or for `irq`; clear the cause by writing it to
   `IRQ_CAUSE`. After DONE the results are in memory.
5. After an error, `ERROR_CODE`, `ERROR_INDEX` and `ERROR_ADDR_*` say what and where. Write
   `CONTROL.RESET` and wait until `STATUS.RESETTING` is 0; then new work is taken."""


def registers_markdown(config: AcceleratorConfig | None = None) -> str:
    """The register map; with ``config``, also the values that its constant registers read as."""
    title = "Registers" if config is None else f"Registers of {config.name}"
    parts = [
        f"# {title}",
        _INTERFACE.format(version=_version(), bits=ADDR_WIDTH),
        _ACCESS,
        _ORDER,
        "## Map",
        markdown_table(
            ("Offset", "Name", "Access", "Meaning"),
            ((f"0x{r.offset:03X}", f"`{r.name}`", r.access, r.doc) for r in REGISTERS),
        ),
    ]
    if config is not None:
        parts += [
            "## Values of this configuration",
            markdown_table(
                ("Register", "Value", "Hexadecimal"),
                (
                    (f"`{name}`", f"{value:,}", f"0x{value:08X}")
                    for name, value in constants(config).items()
                ),
            ),
        ]
    parts.append("## Fields")
    for register in REGISTERS:
        if register.fields:
            rows = (
                (_bits(f.low, f.width), f"`{f.name}`", f.doc) for f in reversed(register.fields)
            )
            parts += [
                f"### {register.name}, 0x{register.offset:03X}, {register.access}",
                register.doc,
                markdown_table(("Bits", "Field", "Meaning"), rows),
            ]
    parts += ["## Error codes", _meanings("Code", Error, error_notes())]
    return join(parts)


def descriptor_markdown() -> str:
    """The layout of the descriptor, its flags and the errors that it can cause."""
    reserved = reserved_mask()
    rows = [
        (
            f"0x{4 * place.word + place.low // 8:02X}",
            str(place.word),
            _bits(place.low, place.width),
            f"`{name}`",
            place.doc,
        )
        for name, place in FIELDS.items()
    ]
    parts = [
        "# Descriptor",
        _DESCRIPTOR.format(version=_version(), size=DESCRIPTOR_BYTES),
        markdown_table(("Byte", "Word", "Bits", "Field", "Meaning"), rows),
        f"The other {reserved.bit_count()} bits are reserved and must be 0.",
        "## Operations",
        markdown_table(
            ("Value", "Operation", "Meaning"),
            ((str(int(code)), f"`{code.name}`", "One GEMM.") for code in Opcode),
        ),
        "## Flags",
        "Bits of `flags`.",
        _meanings("Bit", Flag, _notes(Flag)),
        _SCALES,
        "## What is checked",
        "In this order; the first failure is reported, when all earlier descriptors are complete.",
        _CHECKS,
        "## Error codes",
        _meanings("Code", Error, error_notes()),
    ]
    return join(parts)


_DESCRIPTOR = """\
Version {version} of the interface. A descriptor is {size} bytes and one whole GEMM,
`D[M,N] = act(scale * (A[M,K] @ B[K,N] + bias[N]))`. Words are 32 bits, little-endian; a field of more
than 32 bits goes on in the next word. The layouts of A, B and D are in
[How the machine works](../developer/machine.md)."""

_SCALES = """\
## Scale word

Multiplier `u` in bits 26 to 0, exponent `e` in bits 31 to 27; the scale is `u * 2**-(20 + e)`. The
product is rounded half to even, then `zero_point` is added, then the result is clipped to int8.

## Parameter table

With `TABLE`, 8 bytes for each column: the bias as int32, then the scale word. Column n stands at
`params + 8*((n//C)*Cp + n%C)`, for C columns of the array and Cp of them padded to a power of two."""

_CHECKS = """\
1. `OPCODE`: `opcode` is 1.
2. `RESERVED`: every reserved bit is 0.
3. `SIZE`: `m`, `n`, `k` are at least 1 and at most `MAX_M`, `MAX_N`, `MAX_K`.
4. `TILE`: `tile_rows >= 1`; `2**n_panels_log2 <= column_panels`;
   `tile_rows << n_panels_log2 <= accumulator_rows`; with P panels of A in one word of the activation
   scratchpad, `2**k_panels_log2 >= P`, and `tile_rows << (k_panels_log2 - log2(P))` is at most the
   words of one half; with more than one block of columns (`n > C << n_panels_log2`), a block's row
   fills a beat: `Cp << n_panels_log2 >= beat`.
5. `ALIGNMENT`: `a_addr`, `b_addr`, `d_addr`, `a_stride`, `b_stride`, `d_stride`, and with `TABLE`
   `params`, are multiples of the bytes of a beat (`BUS.DATA_WIDTH / 8`).
6. `ADDRESS`: `a_addr`, `b_addr`, `d_addr`, and with `TABLE` `params`, are below `2**BUS.ADDR_WIDTH`.
7. `WINDOW`: A, B and with `TABLE` the parameter table each lie in one window that may be read, D in one
   that may be written: from the first beat of the first row to the last beat of the last,
   `addr + (rows - 1) * stride + row bytes`, without a wrap. (So must the descriptor itself.)"""


def _version() -> str:
    return f"{VERSION >> 16}.{VERSION >> 8 & 0xFF}.{VERSION & 0xFF}"


def _bits(low: int, width: int) -> str:
    return str(low) if width == 1 else f"{low + width - 1}:{low}"


def _notes(kind: type[IntEnum] | type[IntFlag]) -> dict[str, str]:
    """The sentences under the members of an enumeration, which Python itself does not keep."""
    notes: dict[str, str] = {}
    name = ""
    lines = iter(inspect.getsource(kind).split('"""')[2:])
    for code, text in zip(lines, lines, strict=False):
        name = code.strip().splitlines()[-1].split("=")[0].strip()
        notes[name] = " ".join(text.split())
    return notes


def error_notes() -> dict[str, str]:
    """The meaning of each error code, by name."""
    return {"NONE": "No error.", **_notes(Error)}


def _meanings(heading: str, kind: type[IntEnum] | type[IntFlag], notes: dict[str, str]) -> str:
    def value(member: IntEnum | IntFlag) -> int:
        return member.bit_length() - 1 if isinstance(member, IntFlag) else int(member)

    rows = ((str(value(member)), f"`{member.name}`", notes[str(member.name)]) for member in kind)
    return markdown_table((heading, "Name", "Meaning"), rows)


def markdown_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def join(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"
