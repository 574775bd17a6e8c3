# SPDX-License-Identifier: Apache-2.0
"""Where results are kept while a sweep runs: an SQLite file in its folder.

A result has a name, the SHA-256 of all that it follows from, so what was measured is never measured
again and what was measured otherwise is never taken. A commit is on disk before the next task begins:
a sweep may be killed at any moment. The folder belongs to one sweep, and to one process at a time.
"""

import fcntl
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from .errors import SweepError
from .measure import Measured

__all__ = ["DATABASE", "FILES", "Store", "key", "open_store"]

DATABASE = "sweep.sqlite"
FILES = ("results.csv", "results.parquet", "gemms.csv", "gemms.parquet", "report.html")
"""What a sweep leaves in its folder beside the database."""

_LOCK = "sweep.lock"
_FORMAT = "1"
_TABLES = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS result (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, value TEXT, reason TEXT NOT NULL, lasting INTEGER NOT NULL
) WITHOUT ROWID;
"""


def key(kind: str, *parts: object) -> str:
    """Name of a result: SHA-256 of ``parts``, which are plain data."""
    return hashlib.sha256(json.dumps([kind, *parts], sort_keys=True).encode()).hexdigest()


class Store:
    """The results of one sweep; made by :func:`open_store`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def load(self) -> dict[str, Measured]:
        """All results that need not be measured again, by their names."""
        rows = self._database.execute("SELECT key, value, reason, lasting FROM result")
        return {
            name: Measured(None if value is None else json.loads(value), reason, bool(lasting))
            for name, value, reason, lasting in rows
            if lasting
        }

    def put(self, kind: str, results: Iterable[tuple[str, Measured]]) -> None:
        """Adds results, in one transaction."""
        with self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        name,
                        kind,
                        None if found.reason else json.dumps(found.value),
                        found.reason,
                        int(found.lasting),
                    )
                    for name, found in results
                ],
            )

    def about(self) -> Mapping[str, str]:
        """What the folder says of its sweep."""
        rows: list[tuple[str, str]] = self._database.execute("SELECT * FROM about").fetchall()
        return dict(rows)

    def claim(self, folder: Path, about: Mapping[str, str]) -> None:
        """Makes the folder that of a sweep; raises :class:`.SweepError` if it is another's."""
        about = {"format": _FORMAT, **about}
        found = self.about()
        if not found:
            with self._database:
                self._database.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        elif found.get("format") != _FORMAT:
            raise SweepError(f"folder {folder} holds a sweep of another version of Matwright")
        elif found.get("digest") != about["digest"]:
            raise SweepError(
                f"folder {folder} must be empty or hold this very sweep, "
                f"but it holds results of another one, {found.get('name')!r}"
            )


@contextmanager
def open_store(folder: Path, about: Mapping[str, str]) -> Iterator[Store]:
    """The store in ``folder``, for the sweep whose ``name`` and ``digest`` are in ``about``.

    Raises :class:`.SweepError` for a folder that is another sweep's, that another process works in, or
    that cannot be written.
    """
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(_prepared(folder))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SweepError(
                    f"folder {folder} is in use by a sweep that is still running"
                ) from error
        except OSError as error:
            raise SweepError(f"folder {folder} cannot be written: {error.strerror}") from error
        try:
            database = sqlite3.connect(folder / DATABASE)
            stack.callback(database.close)
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(_TABLES)
            store = Store(database)
            store.claim(folder, about)
            yield store
        except sqlite3.Error as error:
            raise SweepError(f"{folder / DATABASE} cannot be used: {error}") from error


def _prepared(folder: Path) -> IO[str]:
    """The folder's lock, not yet taken."""
    if not (folder / DATABASE).exists():
        for name in FILES:
            if (folder / name).exists():
                raise SweepError(
                    f"folder {folder} must be empty or hold this very sweep, "
                    f"but it holds {name} and no {DATABASE}"
                )
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / _LOCK).open("w")
