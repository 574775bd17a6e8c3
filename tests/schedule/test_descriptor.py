# SPDX-License-Identifier: Apache-2.0
"""The descriptor: places of its fields, packing against ``struct``, refusals."""

import random
import struct
from typing import Any

import pytest

from matwright.schedule.descriptor import (
    DESCRIPTOR_BYTES,
    FIELDS,
    Descriptor,
    Error,
    Flag,
    Opcode,
    reserved_mask,
)

ZERO: dict[str, int] = {
    "m": 0,
    "n": 0,
    "k": 0,
    "tile_rows": 0,
    "a_stride": 0,
    "b_stride": 0,
    "d_stride": 0,
    "a_addr": 0,
    "b_addr": 0,
    "d_addr": 0,
}


def _random(rng: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: rng.choice((0, (1 << place.width) - 1, rng.getrandbits(place.width)))
        for name, place in FIELDS.items()
    }
    values["zero_point"] = rng.choice((-128, 127, rng.randint(-128, 127)))
    return values


def _packed(v: dict[str, Any]) -> bytes:
    """The layout once more, in the terms of ``struct``."""
    return struct.pack(
        "<BBBb III HH III QQQQ",
        v["opcode"],
        v["flags"],
        v["n_panels_log2"] | v["k_panels_log2"] << 4,
        v["zero_point"],
        v["m"],
        v["n"],
        v["k"],
        v["tile_rows"],
        0,
        v["a_stride"],
        v["b_stride"],
        v["d_stride"],
        v["a_addr"],
        v["b_addr"],
        v["d_addr"],
        v["params"],
    )


def test_pack_and_unpack_against_struct() -> None:
    seed = 2
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(300):
        values = _random(rng)
        descriptor = Descriptor(**values)
        assert descriptor.pack() == _packed(values)
        assert Descriptor.unpack(descriptor.pack()) == descriptor


def test_fields_do_not_overlap_and_stay_inside() -> None:
    used = 0
    for name, place in FIELDS.items():
        mask = ((1 << place.width) - 1) << (32 * place.word + place.low)
        assert not used & mask, name
        used |= mask
    assert used < 1 << 8 * DESCRIPTOR_BYTES
    assert reserved_mask() == used ^ ((1 << 8 * DESCRIPTOR_BYTES) - 1)


def test_reserved_bits_are_those_that_packing_never_sets() -> None:
    ones: dict[str, Any] = {name: (1 << place.width) - 1 for name, place in FIELDS.items()}
    whole = int.from_bytes(Descriptor(**ones | {"zero_point": -1}).pack(), "little")
    assert whole & reserved_mask() == 0
    assert whole | reserved_mask() == (1 << 512) - 1


def test_unpack_does_not_look_at_reserved_bits() -> None:
    plain = Descriptor(**ZERO)
    noisy = int.from_bytes(plain.pack(), "little") | reserved_mask()
    assert Descriptor.unpack(noisy.to_bytes(64, "little")) == plain


@pytest.mark.parametrize("name", FIELDS)
def test_values_out_of_range_are_refused(name: str) -> None:
    width = FIELDS[name].width
    low, high = (-128, 127) if name == "zero_point" else (0, (1 << width) - 1)
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError) as raised:
            Descriptor(**ZERO | {name: value})
        assert str(raised.value) == f"{name} must be from {low} to {high}, not {value}"
    for value in (low, high):
        assert getattr(Descriptor(**ZERO | {name: value}), name) == value


def test_unpack_takes_64_bytes() -> None:
    with pytest.raises(ValueError, match=r"^a descriptor must be 64 bytes, not 63$"):
        Descriptor.unpack(bytes(63))


def test_defaults_are_one_plain_gemm() -> None:
    descriptor = Descriptor(**ZERO)
    assert descriptor.opcode == Opcode.GEMM == 1
    assert (descriptor.flags, descriptor.zero_point, descriptor.params) == (0, 0, 0)


def test_flags_fit_their_field_and_codes_keep_their_values() -> None:
    assert sum(Flag) == (1 << FIELDS["flags"].width) - 1
    assert {error.name: int(error) for error in Error} == {
        "NONE": 0,
        "OPCODE": 1,
        "RESERVED": 2,
        "SIZE": 3,
        "TILE": 4,
        "ALIGNMENT": 5,
        "ADDRESS": 6,
        "WINDOW": 7,
        "READ_RESPONSE": 16,
        "WRITE_RESPONSE": 17,
        "READ_LAST": 18,
        "READ_ID": 19,
        "WRITE_ID": 20,
        "GUARD": 21,
        "SRAM": 22,
        "UNWRITTEN": 23,
        "WATCHDOG": 24,
        "DOORBELL": 25,
    }
