# SPDX-License-Identifier: Apache-2.0
"""The workloads of a sweep: lists of GEMMs, inline, from a CSV file, or from a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..workloads import Gemm, ModelConfig, WorkloadError, decode, load, prefill, read_gemms
from .errors import SweepError, check_fields, integer, table

__all__ = ["Shape", "Workload", "parse_workloads"]

_SOURCES = ("gemms", "csv", "model")
_PHASES = {
    "prefill": ("tokens", "batch", "block", "fused", "seed"),
    "decode": ("batch", "context", "fused", "seed"),
}
_SMALLEST = {"tokens": 1, "batch": 1, "context": 1, "block": 1, "seed": 0}


@dataclass(frozen=True, order=True)
class Shape:
    """A GEMM as the cycle model sees it."""

    m: int
    n: int
    k: int
    raw: bool = False
    """The result is sums of 32 bits, neither scaled nor narrowed."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.m * self.n * self.k


@dataclass(frozen=True)
class Workload:
    """A list of GEMMs with a name."""

    name: str
    gemms: tuple[tuple[str, Shape, int], ...]
    """Name, shape and count; each shape once, its name those of all GEMMs that have it."""
    source: str
    """Where it is from, in words."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all."""
        return sum(count * shape.macs for _, shape, count in self.gemms)


def parse_workloads(data: object, folder: Path) -> tuple[Workload, ...]:
    """The workloads of the list ``workload``; files are looked for in ``folder``."""
    if not isinstance(data, list) or not data:
        raise SweepError(f"workload must be a list of at least one table, not {data!r}")
    found: list[Workload] = []
    for number, entry in enumerate(data, 1):
        found.append(_workload(f"workload {number}", table(f"workload {number}", entry), folder))
        names = [workload.name for workload in found]
        if names[-1] in names[:-1]:
            raise SweepError(f"workload {number} must have a name of its own, not {names[-1]!r}")
    return tuple(found)


def _workload(where: str, data: Mapping[str, Any], folder: Path) -> Workload:
    sources = [name for name in _SOURCES if name in data]
    if len(sources) != 1:
        raise SweepError(
            f"{where} must have one of {', '.join(_SOURCES)}, "
            f"not {' and '.join(sources) if sources else 'none'}"
        )
    raw = data.get("raw", False)
    if not isinstance(raw, bool):
        raise SweepError(f"{where}.raw must be true or false, not {raw!r}")
    try:
        if sources == ["gemms"]:
            default, gemms = where.replace(" ", ""), _inline(where, data)
            words = "inline"
        elif sources == ["csv"]:
            default, gemms, words = _csv(where, data, folder)
        else:
            default, gemms, words = _model(where, data, folder)
    except WorkloadError as error:
        raise SweepError(f"{where}: {error}") from error
    name = data.get("name", re.sub("[^0-9A-Za-z_-]+", "-", default))
    if not isinstance(name, str) or not re.fullmatch("[0-9A-Za-z_-]+", name):
        raise SweepError(f"{where}.name must be letters, digits, - and _, not {name!r}")
    return Workload(name, _merged(gemms, raw), words)


def _merged(gemms: tuple[Gemm, ...], raw: bool) -> tuple[tuple[str, Shape, int], ...]:
    names: dict[Shape, list[str]] = {}
    counts: dict[Shape, int] = {}
    for gemm in gemms:
        shape = Shape(gemm.m, gemm.n, gemm.k, raw)
        given = names.setdefault(shape, [])
        if gemm.name not in given:
            given.append(gemm.name)
        counts[shape] = counts.get(shape, 0) + gemm.count
    return tuple(("+".join(names[shape]), shape, counts[shape]) for shape in names)


def _inline(where: str, data: Mapping[str, Any]) -> tuple[Gemm, ...]:
    check_fields(where, data, ["name", "gemms", "raw"])
    listed = data["gemms"]
    if not isinstance(listed, list) or not listed:
        raise SweepError(f"{where}.gemms must be a list of at least one GEMM, not {listed!r}")
    gemms = []
    for number, entry in enumerate(listed, 1):
        if isinstance(entry, list) and len(entry) == 3:
            given: Mapping[str, Any] = dict(zip("mnk", entry, strict=True))
        elif isinstance(entry, Mapping):
            given = entry
        else:
            raise SweepError(
                f"{where}.gemms must be lists [m, n, k] or tables {{m, n, k, count, name}}, not {entry!r}"
            )
        check_fields(f"{where}.gemms", given, ["m", "n", "k", "count", "name"])
        for side in "mnk":
            if side not in given:
                raise SweepError(f"{where}.gemms: {side} must be given in each, not in {entry!r}")
        name = given.get("name", f"gemm{number}")
        if not isinstance(name, str):
            raise SweepError(f"{where}.gemms: a name must be text, not {name!r}")
        gemms.append(Gemm(name, given["m"], given["n"], given["k"], given.get("count", 1)))
    return tuple(gemms)


def _csv(where: str, data: Mapping[str, Any], folder: Path) -> tuple[str, tuple[Gemm, ...], str]:
    check_fields(where, data, ["name", "csv", "raw"])
    path = data["csv"]
    if not isinstance(path, str):
        raise SweepError(f"{where}.csv must be the path of a file, not {path!r}")
    return Path(path).stem, read_gemms(folder / path), f"CSV file {Path(path).name}"


def _model(where: str, data: Mapping[str, Any], folder: Path) -> tuple[str, tuple[Gemm, ...], str]:
    phase = data.get("phase")
    if phase not in _PHASES:
        raise SweepError(f"{where}.phase must be one of {', '.join(_PHASES)}, not {phase!r}")
    options = _PHASES[phase]
    check_fields(where, data, ["name", "model", "phase", "raw", *options])
    given: dict[str, Any] = {}
    for option in options:
        if option not in data:
            continue
        value = data[option]
        if option == "fused":
            if not isinstance(value, bool):
                raise SweepError(f"{where}.fused must be true or false, not {value!r}")
        else:
            integer(f"{where}.{option}", value, _SMALLEST[option])
        given[option] = value
    for option in ("tokens",) if phase == "prefill" else ("batch", "context"):
        if option not in given:
            raise SweepError(f"{where}.{option} must be given for {phase}")
    text = data["model"]
    if not isinstance(text, str):
        raise SweepError(f"{where}.model must be a name or the path of a config.json, not {text!r}")
    is_path = text.endswith(".json") or (folder / text).exists()
    model = ModelConfig.read(folder / text) if is_path else load(text)
    gemms = (prefill if phase == "prefill" else decode)(model, **given)
    words = ", ".join(f"{key} {shown}" for key, shown in given.items())
    label = model.name if is_path else text
    return f"{label}-{phase}", gemms, f"{label}, {phase}, {words}"
