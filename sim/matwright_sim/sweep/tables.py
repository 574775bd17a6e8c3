# SPDX-License-Identifier: Apache-2.0
"""The results of a sweep as tables: CSV, and Parquet where pyarrow is installed."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..files import replace_file
from .results import GEMM_COLUMNS, Results

__all__ = ["write_csv", "write_tables"]


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV file: nothing for None, ``true`` and ``false``, and floats that read back the same."""

    def write(beside: Path) -> None:
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows([_cell(value) for value in row] for row in rows)

    replace_file(path, write)


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def write_tables(results: Results, folder: Path) -> list[str]:
    """Writes the tables of points and of GEMMs; what could not be written, one sentence each."""
    names = [column.name for column in results.columns]
    rows = [[row[name] for name in names] for row in results.rows]
    gemms = list(results.gemms())
    write_csv(folder / "results.csv", names, rows)
    write_csv(folder / "gemms.csv", GEMM_COLUMNS, gemms)
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError:
        return [
            "no Parquet was written, because pyarrow is not installed: pip install 'matwright[sweep]'"
        ]
    _write_parquet(folder / "results.parquet", names, rows)
    _write_parquet(folder / "gemms.parquet", GEMM_COLUMNS, gemms)
    return []


def _write_parquet(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {}
    for place, name in enumerate(names):
        values = [row[place] for row in rows]
        kinds = {type(value) for value in values if value is not None}
        if len(kinds) > 1 and kinds != {int, float}:
            # An axis may have values that no configuration can have.
            values = [None if value is None else str(_cell(value)) for value in values]
        columns[name] = pyarrow.array(values, None if kinds else pyarrow.string())
    replace_file(path, lambda beside: pyarrow.parquet.write_table(pyarrow.table(columns), beside))
