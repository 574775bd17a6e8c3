# SPDX-License-Identifier: Apache-2.0
"""A GEMM of a workload, and lists of them."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import WorkloadError, positive

__all__ = ["Gemm", "distinct", "macs", "read_gemms"]

_NEEDED = ("m", "n", "k")
_OPTIONAL = ("name", "count")


@dataclass(frozen=True)
class Gemm:
    """``count`` products of one shape, ``D[m,n] = A[m,k] @ B[k,n]``, each with a B of its own."""

    name: str
    m: int
    n: int
    k: int
    count: int = 1
    phase: str = ""
    """``prefill``, ``decode``, or nothing where it is not known."""
    weights: bool = True
    """B is a matrix of weights; otherwise it is keys or values, which belong to one sequence."""
    fetched: bool = True
    """B comes from memory; otherwise an earlier product has brought it."""

    def __post_init__(self) -> None:
        for name in ("m", "n", "k", "count"):
            positive(name, getattr(self, name))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all ``count``."""
        return self.m * self.n * self.k * self.count

    @property
    def fetched_elements(self) -> int:
        """Elements that are fetched: the B of all ``count``, each once."""
        return self.n * self.k * self.count if self.fetched else 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """m, n, k, count."""
        return self.m, self.n, self.k, self.count


def macs(gemms: Iterable[Gemm]) -> int:
    """Multiply-accumulates of a list."""
    return sum(gemm.macs for gemm in gemms)


def distinct(gemms: Iterable[Gemm]) -> tuple[tuple[int, int, int, int], ...]:
    """(m, n, k, count) of a list, each shape once, in the order of their first appearance."""
    counts: Counter[tuple[int, int, int]] = Counter()
    for gemm in gemms:
        counts[gemm.m, gemm.n, gemm.k] += gemm.count
    return tuple((*shape, count) for shape, count in counts.items())


def read_gemms(path: Path | str) -> tuple[Gemm, ...]:
    """The GEMMs of a CSV file with the columns m, n, k and, if wanted, name and count, in any order.

    The first line names the columns. Without a name a GEMM is called after its line. Raises
    :class:`.WorkloadError`, which names file and line.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _parse(path, csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError) as error:
        raise WorkloadError(f"{path} cannot be read: {error}") from error


def _parse(path: Path, reader: Any) -> tuple[Gemm, ...]:
    columns: list[str] | None = None
    gemms: list[Gemm] = []
    try:
        for row in reader:
            where = f"{path}:{reader.line_num}"
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns = _header(where, cells)
            else:
                gemms.append(_gemm(where, columns, cells, f"line{reader.line_num}"))
    except csv.Error as error:
        raise WorkloadError(f"{path}:{reader.line_num}: the line must be CSV: {error}") from error
    if not gemms:
        raise WorkloadError(
            f"{path} must have a line of columns and at least one of a GEMM, not none"
        )
    return tuple(gemms)


def _header(where: str, cells: list[str]) -> list[str]:
    known = ", ".join((*_NEEDED, *_OPTIONAL))
    for cell in cells:
        if cell not in (*_NEEDED, *_OPTIONAL):
            raise WorkloadError(f"{where}: {cell!r} is not a column; the columns are {known}")
        if cells.count(cell) > 1:
            raise WorkloadError(
                f"{where}: column {cell} must be there once, not {cells.count(cell)} times"
            )
    for name in _NEEDED:
        if name not in cells:
            raise WorkloadError(f"{where}: column {name} must be given")
    return cells


def _gemm(where: str, columns: list[str], cells: list[str], name: str) -> Gemm:
    if len(cells) != len(columns):
        raise WorkloadError(f"{where}: a line must have {len(columns)} fields, not {len(cells)}")
    row = dict(zip(columns, cells, strict=True))
    m, n, k, count = (_number(where, c, row.get(c, "1")) for c in (*_NEEDED, "count"))
    return Gemm(row.get("name") or name, m, n, k, count)


def _number(where: str, column: str, text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,17}", text):  # int() takes more than that
        raise WorkloadError(
            f"{where}: {column} must be a positive integer of at most 18 digits, not {text!r}"
        )
    return int(text)
