# SPDX-License-Identifier: Apache-2.0
"""Published chips as data, and what follows from it: peak, machine balance, roofline.

Every number of a chip is a :class:`Quantity` with unit, source and status. Where sources disagree it is an
interval with both of them, and what is computed from it is an interval too. What is not published stays
unknown: a result that depends on it is refused with :class:`UnknownQuantity`, unless bounds are given.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .quantity import STATUSES, ChipError, Quantity, UnknownQuantity, is_unit, units_like, worse
from .toml import read_toml
from .workloads import Gemm

__all__ = [
    "BITS",
    "FIELDS",
    "Chip",
    "ChipError",
    "Quantity",
    "UnknownQuantity",
    "array_peak",
    "load",
    "machine_balance",
    "names",
    "peak",
    "roofline",
]

_FOLDER = Path(__file__).parent / "presets" / "chips"

BITS = {
    "fp32": 32,
    "bf16": 16,
    "fp16": 16,
    "int8": 8,
    "fp8": 8,
    "mxfp8": 8,
    "mx9": 9,
    "mx6": 6,
    "int4": 4,
    "fp4": 4,
    "mxfp4": 4,
}
"""Bits of an element in each format of a peak, scales of blocks not counted."""

# Chips.

FIELDS: dict[str, str] = {
    "arrays": "",
    "rows": "",
    "cols": "",
    "macs": "MAC",
    "clock": "Hz",
    "on_chip": "B",
    "memory": "B",
    "bandwidth": "B/s",
    "power": "W",
}
"""What every chip has, be it unknown, with a unit of its kind: matrix units, the shape of one (rows are the
side of K), multiply-accumulates of one in a cycle in ``macs_format``, their clock, SRAM, DRAM, power."""

_TEXTS = ("title", "macs_format")
_TABLES = ("peak", "other")
_KEYS = {"value", "low", "high", "unit", "source", "status"}


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A chip as its sources describe it, all of it together: every core, every stack of memory."""

    name: str
    title: str
    macs_format: str
    """The format in which a matrix unit makes ``macs``."""
    arrays: Quantity
    rows: Quantity
    cols: Quantity
    macs: Quantity
    clock: Quantity
    on_chip: Quantity
    memory: Quantity
    bandwidth: Quantity
    power: Quantity
    peak: Mapping[str, Quantity]
    """Dense peak by format."""
    other: Mapping[str, Quantity]
    """What only some sources say."""

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """The chip of a TOML file, called after it; raises :class:`ChipError`, which names the file."""
        path = Path(path)
        data = read_toml(path, ChipError)
        try:
            return cls.from_dict(path.stem, data)
        except ChipError as error:
            raise ChipError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Any]) -> Self:
        """The chip of these fields; raises :class:`ChipError`."""
        known = (*_TEXTS, *FIELDS, *_TABLES)
        for key in data:
            if key not in known:
                raise ChipError(f"{key} is not a field; the fields are {', '.join(known)}")
        for key in (*_TEXTS, *FIELDS, "peak"):
            if key not in data:
                raise ChipError(f"{key} must be given")
        for key in _TEXTS:
            if not isinstance(data[key], str):
                raise ChipError(f"{key} must be a text, not {data[key]!r}")
        if data["macs_format"] not in BITS:
            raise ChipError(
                f"macs_format must be one of {', '.join(BITS)}, not {data['macs_format']!r}"
            )
        tables = {key: data.get(key, {}) for key in _TABLES}
        for key, table in tables.items():
            if not isinstance(table, dict):
                raise ChipError(f"{key} must be a table, not {table!r}")
        for kind in tables["peak"]:
            if kind not in BITS:
                raise ChipError(f"peak.{kind} is not a format; the formats are {', '.join(BITS)}")
        return cls(
            name=name,
            title=data["title"],
            macs_format=data["macs_format"],
            **{key: _quantity(name, key, data[key], unit) for key, unit in FIELDS.items()},
            peak={k: _quantity(name, f"peak.{k}", v, "MAC/s") for k, v in tables["peak"].items()},
            other={k: _quantity(name, f"other.{k}", v, None) for k, v in tables["other"].items()},
        )

    @property
    def quantities(self) -> dict[str, Quantity]:
        """All numbers, by the names they have in the file."""
        found = {key: getattr(self, key) for key in FIELDS}
        found |= {f"peak.{key}": value for key, value in self.peak.items()}
        return found | {f"other.{key}": value for key, value in self.other.items()}


def _quantity(chip: str, key: str, data: object, alike: str | None) -> Quantity:
    """A number of a file; its unit must be of the kind of ``alike``, if that is given."""
    if not isinstance(data, dict):
        raise ChipError(f"{key} must be a table with unit, source and status, not {data!r}")
    for part in data:
        if part not in _KEYS:
            raise ChipError(
                f"{key}.{part} is not a field; the fields are {', '.join(sorted(_KEYS))}"
            )
    for part in ("unit", "source", "status"):
        if part not in data:
            raise ChipError(f"{key}.{part} must be given")
    unit, status = data["unit"], data["status"]
    if not is_unit(unit, alike):
        raise ChipError(f"{key}.unit must be one of {units_like(alike)}, not {unit!r}")
    if status not in STATUSES:
        raise ChipError(f"{key}.status must be one of {', '.join(STATUSES)}, not {status!r}")
    sources = data["source"] if isinstance(data["source"], list) else [data["source"]]
    if not sources or not all(isinstance(source, str) and source for source in sources):
        raise ChipError(f"{key}.source must be a text or a list of texts, not {data['source']!r}")
    low, high = _ends(key, data, status)
    if status != "unknown" and low != high and math.inf not in (low, high) and len(sources) < 2:
        raise ChipError(
            f"{key}.source must be a list of two, one for low and one for high, not {sources}"
        )
    return Quantity(
        name=f"{key} of {chip}",
        unit=unit,
        low=low,
        high=high,
        status=status,
        sources=tuple(sources),
    )


def _ends(key: str, data: Mapping[str, Any], status: str) -> tuple[float | None, float | None]:
    for part in ("value", "low", "high"):
        number = data.get(part, 0)
        if type(number) not in (int, float) or not 0 <= number < math.inf:
            raise ChipError(f"{key}.{part} must be a number from 0 on, not {number!r}")
    if "value" in data:
        if status == "unknown":
            raise ChipError(
                f"{key}.value must not be given where status is unknown, not {data['value']}"
            )
        if "low" in data or "high" in data:
            raise ChipError(f"{key} must have a value, or low and high, not both")
        return float(data["value"]), float(data["value"])
    if "low" not in data and "high" not in data:
        if status != "unknown":
            raise ChipError(f"{key}.value must be given where status is {status}")
        return None, None
    low, high = float(data.get("low", 0)), float(data.get("high", math.inf))
    if low > high:
        raise ChipError(f"{key}.low must be at most high ({high:g}), not {low:g}")
    return low, high


def names() -> tuple[str, ...]:
    """The chips that ship, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load(name: str) -> Chip:
    """The chip of that name; raises :class:`ChipError` for a name that is none."""
    if name not in names():
        raise ChipError(f"{name} is not a chip; the chips are {', '.join(names())}")
    return Chip.read(_FOLDER / f"{name}.toml")


# What follows.


def peak(chip: Chip, form: str) -> Quantity:
    """Multiply-accumulates per second as the chip's makers state them for a format."""
    if form not in chip.peak:
        known = ", ".join(chip.peak) or "none"
        raise ChipError(
            f"the format must be one that {chip.name} has a peak for ({known}), not {form!r}"
        )
    return chip.peak[form].to("MAC/s")


def array_peak(chip: Chip) -> Quantity:
    """Multiply-accumulates per second of all matrix units at their clock, in ``macs_format``."""
    return (chip.arrays * chip.macs * chip.clock).renamed(f"the peak of the arrays of {chip.name}")


def machine_balance(chip: Chip, form: str, weight_bits: int | None = None) -> Quantity:
    """Multiply-accumulates at the peak of ``form`` while memory brings one weight.

    A weight has the bits of the format, or ``weight_bits``.
    """
    balance = peak(chip, form) / chip.bandwidth
    width = (BITS[form] if weight_bits is None else weight_bits) / 8
    weight = Quantity(
        name="a weight", unit="B", low=width, high=width, status="derived", sources=()
    )
    return (balance * weight).renamed(f"the machine balance of {chip.name}")


def roofline(
    chip: Chip,
    gemms: Iterable[Gemm],
    form: str,
    *,
    weight_bits: int | None = None,
    kv_bits: int | None = None,
) -> Quantity:
    """Seconds that the GEMMs take at least, one after another, each bound by the peak or by memory.

    Memory brings the B of each, weights and cached keys and values once each; what goes from product to
    product stays on the chip, and every product has all of peak and bandwidth.
    """
    rate, bandwidth = peak(chip, form), chip.bandwidth.to("B/s")
    weight_bits = BITS[form] if weight_bits is None else weight_bits
    kv_bits = BITS[form] if kv_bits is None else kv_bits
    (slow, fast), (narrow, wide) = rate.bounds, bandwidth.bounds
    if not slow or not narrow:
        raise ChipError(
            f"peak and bandwidth of {chip.name} must not be 0, not {rate} and {bandwidth}"
        )
    low = high = 0.0
    for gemm in gemms:
        fetched = gemm.fetched_elements * (weight_bits if gemm.weights else kv_bits) / 8
        low += max(gemm.macs / fast, fetched / wide)
        high += max(gemm.macs / slow, fetched / narrow)
    return Quantity(
        name=f"the roofline of {chip.name}",
        unit="s",
        low=low,
        high=high,
        status=worse(rate.status, bandwidth.status),
        sources=tuple(dict.fromkeys((*rate.sources, *bandwidth.sources))),
    )
