# SPDX-License-Identifier: Apache-2.0
"""Tables of results: CSV and Parquet say the same."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from matwright_sim.files import replace_file
from matwright_sim.sweep import Results, Sweep
from matwright_sim.sweep.tables import write_tables

MadeUp = Callable[..., Results]


def test_csv_and_parquet_are_the_results(
    tmp_path: Path, small: dict[str, Any], made_up: MadeUp
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    # A value that no configuration can have makes a column of text.
    axes = {"rows": [4, 8, "four"], "cols": [4, 8], "build.counters": [True, False]}
    results = made_up(Sweep.from_dict(small | {"axes": axes}))
    assert write_tables(results, tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{kind}" for name in ("results", "gemms") for kind in ("csv", "parquet")
    }
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "results.parquet").to_pylist()
    assert len(rows) == len(table) == len(results.rows) == 12
    for row, wanted, told in zip(rows, results.rows, table, strict=True):
        assert set(row) == set(wanted) == set(told)
        for name, value in wanted.items():
            shown = "" if value is None else str(value)
            assert row[name] == (shown.lower() if isinstance(value, bool) else shown)
            assert told[name] == (str(value) if name == "rows" else value)
    gemms = parquet.read_table(tmp_path / "gemms.parquet").to_pylist()
    assert [tuple(row.values()) for row in gemms] == list(results.gemms())


def test_without_pyarrow(
    tmp_path: Path, small: dict[str, Any], made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (note,) = write_tables(made_up(Sweep.from_dict(small)), tmp_path)
    assert note.endswith("because pyarrow is not installed: pip install 'matwright[sweep]'")
    assert {path.name for path in tmp_path.iterdir()} == {"results.csv", "gemms.csv"}


def test_a_file_is_never_half_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        replace_file(tmp_path / "x", fail)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x", "old")]
