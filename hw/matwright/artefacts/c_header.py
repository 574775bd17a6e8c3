# SPDX-License-Identifier: Apache-2.0
"""The C header: registers, descriptor and the values of one configuration, in C99.

What is the same for all configurations stands behind its own guard, so that a program may include
the headers of several accelerators.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ..bus.register_map import REGISTERS, VERSION, constants
from ..config import AcceleratorConfig
from ..schedule.descriptor import DESCRIPTOR_BYTES, FIELDS, Error, Flag, Opcode

__all__ = ["c_header"]


def c_header(config: AcceleratorConfig) -> str:
    """The header of ``config``."""
    guard = f"MATWRIGHT_{config.name.upper()}_H"
    lines = [
        f"/* Registers and descriptor of the matrix-multiply accelerator {config.name}. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <stdint.h>",
        "",
        "/* The same for all configurations of this version of the interface. */",
        "#ifndef MATWRIGHT_INTERFACE_VERSION",
        f"#define MATWRIGHT_INTERFACE_VERSION 0x{VERSION:08X}u",
        *_registers(),
        *_descriptor(),
        f"#elif MATWRIGHT_INTERFACE_VERSION != 0x{VERSION:08X}u",
        '#error "headers of different versions of the interface cannot be used together"',
        "#endif",
        *_configuration(config),
        "",
        f"#endif /* {guard} */",
    ]
    return "\n".join(lines) + "\n"


def _registers() -> Iterator[str]:
    yield ""
    yield "/* Registers: byte offsets; of a field, its shift and its mask in place. */"
    for register in REGISTERS:
        name = f"MATWRIGHT_REG_{register.name}"
        yield f"#define {name} 0x{register.offset:03X}u /* {register.access}: {register.doc} */"
        for field in register.fields:
            mask = ((1 << field.width) - 1) << field.low
            yield f"#define {name}_{field.name}_SHIFT {field.low}u"
            yield f"#define {name}_{field.name}_MASK 0x{mask:08X}u /* {field.doc} */"
    yield ""
    yield "/* Values of MATWRIGHT_REG_ERROR_CODE. */"
    for error in Error:
        yield f"#define MATWRIGHT_ERROR_{error.name} {int(error)}u"


class _Member(NamedTuple):
    """A member of the struct: its first byte, its bytes, its type, the fields in it."""

    start: int
    size: int
    type: str
    name: str
    fields: tuple[str, ...]


def _common_end(names: list[str]) -> str:
    """The words that all of ``names`` end in."""
    end = names[0].split("_")
    while not all(name.endswith("_" + "_".join(end)) for name in names):
        end = end[1:]
    return "_".join(end)


def _members() -> list[_Member]:
    """The struct's members: every field in the smallest integer that holds it, fields of a common
    byte in one member, named by what their names have in common."""
    bytes_of: dict[int, list[str]] = {}
    for name, place in FIELDS.items():
        bytes_of.setdefault(4 * place.word + place.low // 8, []).append(name)
    members: list[_Member] = []
    position = 0
    for start, names in sorted(bytes_of.items()):
        bits = max(FIELDS[n].low % 8 + FIELDS[n].width for n in names)
        size = next(size for size in (1, 2, 4, 8) if bits <= 8 * size)
        if start > position:
            members.append(
                _Member(position, start - position, "uint8_t", f"reserved{position}", ())
            )
        signed = "" if names == ["zero_point"] else "u"
        name = names[0]
        if len(names) > 1:
            name = _common_end(names)
        members.append(_Member(start, size, f"{signed}int{8 * size}_t", name, tuple(names)))
        position = start + size
    if position < DESCRIPTOR_BYTES:
        rest = DESCRIPTOR_BYTES - position
        members.append(_Member(position, rest, "uint8_t", f"reserved{position}", ()))
    return members


def _descriptor() -> Iterator[str]:
    yield ""
    yield "/* One GEMM, as it stands in the memory of a little-endian host. Reserved bits are 0. */"
    yield "struct matwright_descriptor {"
    for member in _members():
        array = f"[{member.size}]" if member.type == "uint8_t" and member.size > 1 else ""
        doc = " ".join(FIELDS[name].doc for name in member.fields) or "Must be 0."
        yield f"    {member.type} {member.name}{array}; /* {doc} */"
    yield "};"
    yield "typedef char matwright_descriptor_has_64_bytes"
    yield f"    [sizeof(struct matwright_descriptor) == {DESCRIPTOR_BYTES} ? 1 : -1];"
    yield ""
    yield "/* Fields that share a member of the descriptor. */"
    for member in _members():
        if len(member.fields) > 1:
            for name in member.fields:
                place = FIELDS[name]
                shift = place.low - 8 * (member.start % 4)
                mask = ((1 << place.width) - 1) << shift
                yield f"#define MATWRIGHT_DESCRIPTOR_{name.upper()}_SHIFT {shift}u"
                yield f"#define MATWRIGHT_DESCRIPTOR_{name.upper()}_MASK 0x{mask:02X}u"
    yield ""
    yield "/* Values of opcode, bits of flags. */"
    for opcode in Opcode:
        yield f"#define MATWRIGHT_OPCODE_{opcode.name} {int(opcode)}u"
    for flag in Flag:
        yield f"#define MATWRIGHT_FLAG_{flag.name} 0x{int(flag):02X}u"


def _configuration(config: AcceleratorConfig) -> Iterator[str]:
    prefix = f"MATWRIGHT_CONFIG_{config.name.upper()}"
    values = {
        "ROWS": config.rows,
        "COLS": config.cols,
        "LOAD_ROWS": config.load_rows,
        "ROW_PITCH": config.row_pitch,
        "COL_PITCH": config.col_pitch,
        "A_BYTES": config.precision.a_bytes,
        "B_BYTES": config.precision.b_bytes,
        "BEAT_BYTES": config.bus.bytes,
        "TILE_BYTES": config.tile_bytes,
        "ACTIVATION_WORDS": config.activation_words,
        "PANELS_PER_ACTIVATION_WORD": config.panels_per_activation_word,
        "COUNTERS": int(config.build.counters),
    }
    yield ""
    yield f"/* The configuration {config.name}: its shape, the sizes of its layouts in memory. */"
    for name, value in values.items():
        yield f"#define {prefix}_{name} {value}u"
    yield ""
    yield "/* What its constant registers read as. */"
    for name, value in constants(config).items():
        yield f"#define {prefix}_REG_{name} 0x{value:08X}u"
