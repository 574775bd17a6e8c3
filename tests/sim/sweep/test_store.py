# SPDX-License-Identifier: Apache-2.0
"""The store of a sweep: what is kept, and whose folder it is."""

import sqlite3
from pathlib import Path

import pytest

from matwright_sim.sweep import SweepError
from matwright_sim.sweep.measure import Measured
from matwright_sim.sweep.store import DATABASE, FILES, key, open_store

MINE = {"name": "mine", "digest": "1"}


def test_results_are_kept(tmp_path: Path) -> None:
    found = {
        "a": Measured([1, 2]),
        "b": Measured(reason="it cannot", lasting=True),
        "c": Measured(reason="out of luck", lasting=False),
    }
    with open_store(tmp_path / "new" / "folder", MINE) as store:
        store.put("model", found.items())
        store.put("model", [("a", Measured([3]))])
    with open_store(tmp_path / "new" / "folder", MINE) as store:
        # What another run may do better is not kept.
        assert store.load() == {"a": Measured([3]), "b": found["b"]}


def test_a_name_tells_all_parts() -> None:
    names = {
        key("a", 1),
        key("a", "1"),
        key("b", 1),
        key("a", [1]),
        key("a", 1, 1),
        key("a", {"x": 1}),
    }
    assert len(names) == 6
    assert key("a", {"x": 1, "y": 2}) == key("a", {"y": 2, "x": 1})


def test_the_folder_of_another_sweep(tmp_path: Path) -> None:
    with open_store(tmp_path, MINE):
        pass
    with pytest.raises(SweepError, match="must be empty or hold this very sweep, but .* 'mine'"):
        with open_store(tmp_path, {"name": "other", "digest": "2"}):
            pass


@pytest.mark.parametrize("name", FILES)
def test_results_that_are_not_ours(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(SweepError, match=f"but it holds {name} and no {DATABASE}"):
        with open_store(tmp_path, MINE):
            pass


def test_a_folder_in_use(tmp_path: Path) -> None:
    with open_store(tmp_path, MINE):
        with pytest.raises(SweepError, match="is in use by a sweep that is still running"):
            with open_store(tmp_path, MINE):
                pass
    with open_store(tmp_path, MINE):
        pass


def test_what_is_no_folder_and_no_database(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SweepError, match="file/x cannot be written: "):
        with open_store(tmp_path / "file" / "x", MINE):
            pass
    (tmp_path / DATABASE).write_text("this is no database, and it is long enough" * 100)
    with pytest.raises(SweepError, match=f"{DATABASE} cannot be used: file is not a database"):
        with open_store(tmp_path, MINE):
            pass


def test_another_format(tmp_path: Path) -> None:
    with open_store(tmp_path, MINE):
        pass
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("UPDATE about SET value = '0' WHERE name = 'format'")
    database.commit()
    database.close()
    with pytest.raises(SweepError, match="holds a sweep of another version of Matwright"):
        with open_store(tmp_path, MINE):
            pass
