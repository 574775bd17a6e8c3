# SPDX-License-Identifier: Apache-2.0
"""The axes of a sweep: which fields of the configuration take which values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matwright.config import AcceleratorConfig

from .errors import SweepError, check_fields, integer

__all__ = ["FIELDS", "SECTIONS", "Axis", "Value", "parse_axes", "shown"]

Value = int | bool | str
"""What a field of a configuration can be."""


def _fields() -> tuple[list[str], list[str]]:
    """All fields by their dotted names, and the tables among them."""
    names, sections = [], []
    for key, value in AcceleratorConfig(rows=1, cols=16).to_dict().items():
        if isinstance(value, dict):
            sections.append(key)
            names += [f"{key}.{inner}" for inner in value]
        else:
            names.append(key)
    return names, sections


FIELDS, SECTIONS = _fields()


def shown(value: object) -> str:
    """A value as TOML writes it."""
    return json.dumps(value)


@dataclass(frozen=True)
class Axis:
    """Fields that change together, and what they are, one after another."""

    fields: tuple[str, ...]
    values: tuple[tuple[Value, ...], ...]
    """Each as long as ``fields``."""

    @property
    def name(self) -> str:
        """The fields, as the description of a sweep has them."""
        return ",".join(self.fields)

    def settings(self, index: int) -> dict[str, Value]:
        """What the fields are at a place of the axis."""
        return dict(zip(self.fields, self.values[index], strict=True))


def parse_axes(data: Mapping[str, Any]) -> tuple[Axis, ...]:
    """The axes of the table ``axes``; raises :class:`.SweepError`.

    A key is a field, or several with commas between them; its value is a list, of lists where there
    are several, or one of ``{from, to, step}`` and ``{powers_of_two = [low, high]}``.
    """
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if key in SECTIONS and isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": listed for inner, listed in value.items()}
        else:
            flat[key] = value
    axes = tuple(_axis(key, value) for key, value in flat.items())
    if not axes:
        raise SweepError("axes must have at least one field, not none")
    seen: set[str] = set()
    for axis in axes:
        for name in axis.fields:
            if name in seen:
                raise SweepError(f"axes must have {name} once, not twice")
            seen.add(name)
    return axes


def _axis(key: str, value: Any) -> Axis:
    names = tuple(name.strip() for name in key.split(","))
    check_fields("axes", names, [name for name in FIELDS if name != "name"])
    where = f"axes.{key}"
    if isinstance(value, Mapping):
        if len(names) > 1:
            raise SweepError(
                f"{where} must be a list of lists, because its fields are tied, not {dict(value)!r}"
            )
        listed: Any = _progression(where, value)
    else:
        listed = value
    if not isinstance(listed, list) or not listed:
        raise SweepError(f"{where} must be a list of at least one value, not {listed!r}")
    values: list[tuple[Value, ...]] = []
    seen: set[str] = set()
    for entry in listed:
        parts = tuple(entry) if len(names) > 1 and isinstance(entry, list) else (entry,)
        if len(parts) != len(names):
            raise SweepError(
                f"{where} must be a list of lists of {len(names)} values, one for each field, "
                f"but one is {shown(entry)}"
            )
        for part in parts:
            if not isinstance(part, Value):
                raise SweepError(f"{where} must have plain values, not {part!r}")
        # True and 1 are equal to Python, and are not the same in TOML.
        if shown(parts) in seen:
            raise SweepError(
                f"{where} must have each value once, but {shown(entry)} is there twice"
            )
        seen.add(shown(parts))
        values.append(parts)
    return Axis(names, tuple(values))


def _progression(where: str, value: Mapping[str, Any]) -> list[int]:
    if "powers_of_two" in value:
        check_fields(where, value, ["powers_of_two"])
        ends = value["powers_of_two"]
        if not isinstance(ends, list) or len(ends) != 2:
            raise SweepError(
                f"{where}.powers_of_two must be a list of the lowest and the highest, not {ends!r}"
            )
        low, high = (integer(f"{where}.powers_of_two", end, 1, 1 << 62) for end in ends)
        if low & (low - 1) or high & (high - 1) or high < low:
            raise SweepError(
                f"{where}.powers_of_two must be two powers of two, the lower first, not {ends!r}"
            )
        return [1 << n for n in range(low.bit_length() - 1, high.bit_length())]
    check_fields(where, value, ["from", "to", "step", "powers_of_two"])
    for name in ("from", "to"):
        if name not in value:
            raise SweepError(f"{where}.{name} must be given")
    low = integer(f"{where}.from", value["from"], 0)
    high = integer(f"{where}.to", value["to"], low)
    step = integer(f"{where}.step", value.get("step", 1), 1)
    if (high - low) // step >= 1_000_000:
        raise SweepError(
            f"{where} must have at most 1000000 values, not {(high - low) // step + 1}"
        )
    return list(range(low, high + 1, step))
