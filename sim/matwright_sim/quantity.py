# SPDX-License-Identifier: Apache-2.0
"""Numbers with a unit, a source and a status, and arithmetic on them by intervals."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["STATUSES", "ChipError", "Quantity", "UnknownQuantity", "is_unit", "units_like", "worse"]

STATUSES = ("published", "derived", "assumed", "unknown")
"""Of a number: a source says it; it follows from what sources say; somebody thinks so; nobody says."""

_Dimension = tuple[tuple[str, int], ...]
"""Powers of base units, sorted by name; a plain number is ``()``."""

_UNITS: dict[str, tuple[float, _Dimension]] = {
    "": (1.0, ()),
    "s": (1.0, (("s", 1),)),
    "Hz": (1.0, (("s", -1),)),
    "MHz": (1e6, (("s", -1),)),
    "GHz": (1e9, (("s", -1),)),
    "B": (1.0, (("B", 1),)),
    "KiB": (2.0**10, (("B", 1),)),
    "MiB": (2.0**20, (("B", 1),)),
    "GiB": (2.0**30, (("B", 1),)),
    "MB": (1e6, (("B", 1),)),
    "GB": (1e9, (("B", 1),)),
    "B/s": (1.0, (("B", 1), ("s", -1))),
    "GB/s": (1e9, (("B", 1), ("s", -1))),
    "GiB/s": (2.0**30, (("B", 1), ("s", -1))),
    "TB/s": (1e12, (("B", 1), ("s", -1))),
    "MAC": (1.0, (("MAC", 1),)),
    "MAC/s": (1.0, (("MAC", 1), ("s", -1))),
    # Two operations, a multiplication and an addition, are one multiply-accumulate.
    "TOP/s": (0.5e12, (("MAC", 1), ("s", -1))),
    "MAC/B": (1.0, (("B", -1), ("MAC", 1))),
    "W": (1.0, (("W", 1),)),
    "mm2": (1.0, (("mm2", 1),)),
}
"""Units by name: how many base units, and which."""


class ChipError(ValueError):
    """A chip was refused; the message names the subject, the rule and the value."""


class UnknownQuantity(ChipError):
    """A result depends on something that is not known."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number between ``low`` and ``high``; unknown where these are None.

    Arithmetic with others and with plain numbers is by intervals, assuming that they vary independently. The
    worst status and all sources come along, and a result that sources agree on is ``derived``.
    """

    name: str
    unit: str
    low: float | None
    high: float | None
    status: str
    sources: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether it can be computed with."""
        return self.low is not None

    @property
    def bounds(self) -> tuple[float, float]:
        """Low and high; raises :class:`UnknownQuantity` if there are none."""
        if self.low is None or self.high is None:
            raise UnknownQuantity(f"{self.name} is not known: {'; '.join(self.sources)}")
        return self.low, self.high

    @property
    def value(self) -> float:
        """The one value; raises :class:`ChipError` for an interval, :class:`UnknownQuantity` for none."""
        low, high = self.bounds
        if low != high:
            raise ChipError(
                f"{self.name} must be one value, not from {low:g} to {high:g} {self.unit}"
            )
        return low

    def to(self, unit: str) -> "Quantity":
        """The same in another unit."""
        factor = _UNITS[self.unit][0]
        if not is_unit(unit, self.unit):
            raise ChipError(f"{self.name} must be in {units_like(self.unit)}, not {unit!r}")
        scale = factor / _UNITS[unit][0]
        low, high = self.bounds
        return replace(self, unit=unit, low=low * scale, high=high * scale)

    def renamed(self, name: str) -> "Quantity":
        """The same under another name."""
        return replace(self, name=name)

    def __add__(self, other: "Quantity") -> "Quantity":
        return self._combine("+", other, other.to(self.unit), lambda a, b: a + b, self.unit)

    def __mul__(self, other: "Quantity | float") -> "Quantity":
        return self._scaled("*", other, 1, lambda a, b: a * b)

    __rmul__ = __mul__

    def __truediv__(self, other: "Quantity | float") -> "Quantity":
        if 0 in _plain(other).bounds:
            raise ChipError(f"{_plain(other).name} must not be 0 where it divides")
        return self._scaled("/", other, -1, lambda a, b: a / b)

    def _scaled(
        self,
        sign: str,
        other: "Quantity | float",
        power: int,
        operation: Callable[[float, float], float],
    ) -> "Quantity":
        """A product or quotient, in base units."""
        by = _plain(other)
        powers = dict(_UNITS[self.unit][1])
        for name, exponent in _UNITS[by.unit][1]:
            powers[name] = powers.get(name, 0) + power * exponent
        unit = _base(
            tuple(sorted((n, e) for n, e in powers.items() if e)), f"{self.name} {sign} {by.name}"
        )
        own, others = self.to(_base_of(self.unit)), by.to(_base_of(by.unit))
        return own._combine(sign, by, others, operation, unit)

    def _combine(
        self,
        sign: str,
        named: "Quantity",
        other: "Quantity",
        operation: Callable[[float, float], float],
        unit: str,
    ) -> "Quantity":
        ends = [operation(a, b) for a in self.bounds for b in other.bounds]
        # 0 * inf, 0 / inf: an open end adds nothing to a product with 0.
        ends = [0.0 if math.isnan(end) else end for end in ends]
        return Quantity(
            name=f"{self.name} {sign} {named.name}",
            unit=unit,
            low=min(ends),
            high=max(ends),
            status=worse(self.status, named.status),
            sources=tuple(dict.fromkeys((*self.sources, *named.sources))),
        )

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return "unknown"
        text = f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"
        return f"{text} {self.unit}".rstrip()


def worse(one: str, other: str) -> str:
    """Status of what is computed from two: ``derived``, or what is worse."""
    return max(one, other, "derived", key=STATUSES.index)


def is_unit(unit: object, alike: str | None = None) -> bool:
    """Whether a unit is known, and of the kind of ``alike``."""
    if not isinstance(unit, str) or unit not in _UNITS:
        return False
    return alike is None or _UNITS[unit][1] == _UNITS[alike][1]


def units_like(alike: str | None = None) -> str:
    """The units of a kind, or all, for a message."""
    return ", ".join(repr(unit) for unit in _UNITS if is_unit(unit, alike))


def _plain(value: Quantity | float) -> Quantity:
    """A quantity, made of a plain number if need be."""
    if isinstance(value, Quantity):
        return value
    number = float(value)
    return Quantity(
        name=f"{number:g}", unit="", low=number, high=number, status="derived", sources=()
    )


def _base(dimension: _Dimension, subject: str) -> str:
    for name, (factor, other) in _UNITS.items():
        if factor == 1 and other == dimension:
            return name
    raise ChipError(f"{subject} must have a unit that is known, not {dict(dimension)}")


def _base_of(unit: str) -> str:
    return _base(_UNITS[unit][1], unit)
