# SPDX-License-Identifier: Apache-2.0
"""The description of a sweep: a TOML file, or the same as a dictionary."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from matwright.config import ConfigError, load
from matwright.presets import preset

from ..cycles import Memory
from ..toml import read_toml
from .axes import FIELDS, SECTIONS, Axis, parse_axes
from .errors import SweepError, check_fields, integer, table
from .selection import SELECTION, Selection
from .workload import Shape, Workload, parse_workloads

__all__ = ["Rtl", "Sweep", "Synth"]

_FIELDS = ("name", "base", "axes", "workload", "memory", "metrics")
_MOST_POINTS = 1_000_000
_MOST_LATENCY = 100_000
_RTL_MACS = 10_000_000
_MOST_SEEDS, _MOST_MHZ = 100, 1000


@dataclass(frozen=True)
class Rtl:
    """Some points are simulated as well, with all GEMMs that are not too large."""

    selection: Selection
    max_macs: int = _RTL_MACS
    """Most multiply-accumulates of a GEMM that is simulated."""


@dataclass(frozen=True)
class Synth:
    """Some points are synthesized, placed and routed for a device."""

    selection: Selection
    family: str
    device: str
    speed: str | None = None
    seeds: int = 1
    frequency: int | None = None


@dataclass(frozen=True)
class Sweep:
    """What is varied, what runs on it, and what is measured. Checked where it is made."""

    name: str
    base: Mapping[str, Any]
    """Nested fields of the configuration that all points share."""
    axes: tuple[Axis, ...]
    workloads: tuple[Workload, ...]
    memory: Memory
    rtl: Rtl | None = None
    synth: Synth | None = None

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """The sweep that a TOML file describes; raises :class:`.SweepError`, which names the file."""
        path = Path(path)
        data = read_toml(path, SweepError)
        data.setdefault("name", re.sub(r"\W|^(?=\d)", "_", path.stem, flags=re.ASCII))
        try:
            return cls.from_dict(data, path.parent)
        except SweepError as error:
            raise SweepError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: Path | str = ".") -> Self:
        """The sweep of a dictionary that is as the file; paths in it start from ``folder``."""
        folder = Path(folder)
        check_fields("", data, _FIELDS)
        for name in ("axes", "workload"):
            if name not in data:
                raise SweepError(f"{name} must be given")
        name = data.get("name", "sweep")
        if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
            raise SweepError(
                f"name must be an identifier of ASCII letters, digits and _, not {name!r}"
            )
        base = _base(table("base", data.get("base", {})), name, folder)
        axes = parse_axes(table("axes", data["axes"]))
        count = 1
        for axis in axes:
            count *= len(axis.values)
        if count > _MOST_POINTS:
            raise SweepError(f"axes must make at most {_MOST_POINTS} points, not {count}")
        workloads = parse_workloads(data["workload"], folder)
        metrics = table("metrics", data.get("metrics", {}))
        check_fields("metrics", metrics, ["rtl", "synth"])
        fields = [field for axis in axes for field in axis.fields]
        made = cls(
            name,
            base,
            axes,
            workloads,
            _memory(table("memory", data.get("memory", {}))),
            _rtl(table("metrics.rtl", metrics["rtl"]), fields) if "rtl" in metrics else None,
            _synth(table("metrics.synth", metrics["synth"]), fields)
            if "synth" in metrics
            else None,
        )
        if made.rtl is not None and not made.rtl_shapes:
            least = min(shape.macs for shape in made.shapes)
            raise SweepError(
                f"metrics.rtl.max_macs must admit one of the GEMMs, the smallest of which has {least} "
                f"MACs, not be {made.rtl.max_macs}"
            )
        return made

    @property
    def count(self) -> int:
        """Points, legal or not."""
        count = 1
        for axis in self.axes:
            count *= len(axis.values)
        return count

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that vary, in the order of the axes."""
        return tuple(field for axis in self.axes for field in axis.fields)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Every shape of the workloads once, in order."""
        return tuple(sorted({shape for load in self.workloads for _, shape, _ in load.gemms}))

    @property
    def rtl_shapes(self) -> tuple[Shape, ...]:
        """Those that are simulated where a point is."""
        if self.rtl is None:
            return ()
        return tuple(shape for shape in self.shapes if shape.macs <= self.rtl.max_macs)

    @property
    def digest(self) -> str:
        """SHA-256 of all that the results depend on, but for the code; comments are not in it."""
        plain = dataclasses.asdict(self)
        for workload in plain["workloads"]:
            del workload["source"]
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _base(data: Mapping[str, Any], name: str, folder: Path) -> dict[str, Any]:
    check_fields("base", data, ["preset", "config", *FIELDS, *SECTIONS])
    made: dict[str, Any] = {}
    if "preset" in data and "config" in data:
        raise SweepError("base must have one of preset and config, not both")
    try:
        for key in ("preset", "config"):
            if key in data and not isinstance(data[key], str):
                raise SweepError(f"base.{key} must be text, not {data[key]!r}")
        if "preset" in data:
            made = preset(data["preset"]).to_dict()
        elif "config" in data:
            made = load(folder / data["config"]).to_dict()
    except ConfigError as error:
        raise SweepError(f"base: {error}") from error
    made["name"] = data.get("name", name)
    for key, value in data.items():
        if key in ("preset", "config"):
            continue
        if key in SECTIONS:
            inner = table(f"base.{key}", value)
            known = [field.partition(".")[2] for field in FIELDS if field.startswith(f"{key}.")]
            check_fields(f"base.{key}", inner, known)
            made[key] = {**made.get(key, {}), **inner}
        elif "." in key:
            section, _, field = key.partition(".")
            made[section] = {**made.get(section, {}), field: value}
        else:
            made[key] = value
    return made


def _memory(data: Mapping[str, Any]) -> Memory:
    check_fields("memory", data, ["latency", "read_latency", "write_latency"])
    both = data.get("latency", 40)
    integer("memory.latency", both, 1, _MOST_LATENCY)
    read, write = (
        integer(f"memory.{name}", data.get(name, both), 1, _MOST_LATENCY)
        for name in ("read_latency", "write_latency")
    )
    return Memory(read_latency=read, write_latency=write)


def _rtl(data: Mapping[str, Any], fields: list[str]) -> Rtl:
    where = "metrics.rtl"
    check_fields(where, data, [*SELECTION, "max_macs"])
    most = integer(f"{where}.max_macs", data.get("max_macs", _RTL_MACS), 1)
    return Rtl(Selection.parse(where, data, fields), most)


def _synth(data: Mapping[str, Any], fields: list[str]) -> Synth:
    where = "metrics.synth"
    check_fields(where, data, [*SELECTION, "family", "device", "speed", "seeds", "frequency"])
    for name in ("family", "device"):
        if name not in data:
            raise SweepError(f"{where}.{name} must be given")
    for name in ("family", "device", "speed"):
        if name in data and not isinstance(data[name], str):
            raise SweepError(f"{where}.{name} must be text, not {data[name]!r}")
    from matwright_fpga.devices import find_device
    from matwright_fpga.errors import DeviceError

    try:
        find_device(data["family"], data["device"], data.get("speed"))
    except DeviceError as error:
        raise SweepError(f"{where}: {error}") from error
    frequency = data.get("frequency")
    if frequency is not None:
        integer(f"{where}.frequency", frequency, 1, _MOST_MHZ)
    seeds = integer(f"{where}.seeds", data.get("seeds", 1), 1, _MOST_SEEDS)
    return Synth(
        Selection.parse(where, data, fields),
        data["family"],
        data["device"],
        data.get("speed"),
        seeds,
        frequency,
    )
